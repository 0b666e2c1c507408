"""`densa rasterize`: masks of vector labels and annotations, from the command line and from Python."""

import json

import numpy as np
import pytest
import shapely
from affine import Affine
from PIL import Image
from rasterio.crs import CRS
from rasterio.features import rasterize as gdal_rasterize

import densa
from densa import InputError, raster
from densa.legend import IGNORE
from densa.raster import Georeference
from densa.settings import VectorLabels
from densa.verbs.maps import rasterize as module

GRID = Georeference(CRS.from_epsg(25832), Affine(0.5, 0, 500_000, 0, -0.5, 5_200_000))
SYSTEM = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::25832"}}
HEIGHT, WIDTH = 150, 210


@pytest.fixture
def scene(tmp_path):
    path = tmp_path / "scene.tif"
    raster.write_bands(path, np.zeros((1, HEIGHT, WIDTH), np.uint8), like=GRID)
    return path


def write(path, rows, system=SYSTEM):
    features = [
        {"type": "Feature", "properties": {"kind": name}, "geometry": shapely.geometry.mapping(geometry)}
        for geometry, name in rows
    ]
    path.write_text(
        json.dumps({"type": "FeatureCollection", "features": features, **({"crs": system} if system else {})})
    )
    return path


def circles(rng, n=30):
    places = rng.uniform((500_000, 5_200_000 - HEIGHT / 2), (500_000 + WIDTH / 2, 5_200_000), (n, 2))
    return [(shapely.Point(*p).buffer(rng.uniform(2, 15)), "roof" if i % 3 else "tree") for i, p in enumerate(places)]


def test_the_mask_is_that_of_gdal(scene, tmp_path, rng, run_cli, monkeypatch):
    """By parts of 64 pixels, from the command line; classes by the alphabet, later features on top."""
    monkeypatch.setattr(module, "_TILE", 64)
    rows = circles(rng)
    labels = write(tmp_path / "labels.geojson", rows)
    code, out, err = run_cli(
        "rasterize", scene, "--labels", labels, "--class-field", "kind", "-o", tmp_path / "mask.tif"
    )
    assert code == 0, err
    found, legend = raster.read_label_map(tmp_path / "mask.tif")
    expected = np.full((HEIGHT, WIDTH), IGNORE, np.uint8)
    gdal_rasterize([(g, ("roof", "tree").index(n)) for g, n in rows], out=expected, transform=GRID.transform)
    np.testing.assert_array_equal(found, expected)
    assert legend.class_names == ("roof", "tree")
    with raster.open(tmp_path / "mask.tif") as mask:
        assert mask.georeference == GRID
    assert out.startswith(f"wrote {tmp_path / 'mask.tif'}: 1 mask of {HEIGHT * WIDTH} pixels; roof ")
    assert "layout vector: labels drawn from labels.geojson; 1 image" in err


def test_json_and_a_vector_file_among_the_images(scene, tmp_path, run_cli):
    labels = write(tmp_path / "labels.geojson", [(shapely.box(500_000, 5_199_990, 500_010, 5_200_000), "roof")])
    code, out, err = run_cli("rasterize", labels, scene, "--class-field", "kind", "-o", tmp_path / "masks", "--json")
    assert code == 0, err
    content = json.loads(out)
    (mask,) = content["masks"]
    assert mask["pixels"] == {"roof": 400}
    assert mask["unlabelled"] == HEIGHT * WIDTH - 400
    assert content["legend"] == json.loads((tmp_path / "masks" / "legend.json").read_text())
    assert [path.name for path in sorted((tmp_path / "masks").iterdir())] == [
        "legend.json",
        "scene.tif",
        "scene.tif.aux.xml",
    ]


def test_several_images_have_one_table_of_classes(tmp_path):
    rows = []
    for i in range(2):
        place = Georeference(GRID.crs, GRID.transform @ Affine.translation(WIDTH * i, 0))
        raster.write_bands(tmp_path / f"s{i}.tif", np.zeros((1, HEIGHT, WIDTH), np.uint8), like=place)
        rows.append((shapely.box(500_000 + 105 * i, 5_199_990, 500_010 + 105 * i, 5_200_000), "ba"[i]))
    labels = write(tmp_path / "labels.geojson", rows)
    images = [tmp_path / f"s{i}.tif" for i in range(2)]
    found = densa.rasterize(*images, labels=labels, class_field="kind", output=tmp_path / "masks", progress=False)
    assert found.legend.class_names == ("a", "b")
    assert [int(raster.read_mask(mask.path)[0, 0]) for mask in found.masks] == [1, 0]


def test_annotations_of_a_data_set(tmp_path):
    for split in ("train", "val"):
        (tmp_path / "data" / split).mkdir(parents=True)
        Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / "data" / split / f"{split}.png")
        content = {
            "shapes": [{"label": "cat", "points": [[2, 3], [9, 8]], "shape_type": "rectangle"}],
            "imagePath": f"{split}.png",
            "imageHeight": 20,
            "imageWidth": 30,
        }
        (tmp_path / "data" / split / f"{split}.json").write_text(json.dumps(content))
    densa.rasterize(tmp_path / "data", output=tmp_path / "masks", progress=False)
    mask = raster.read_mask(tmp_path / "masks" / "val" / "val.png")
    expected = np.zeros((20, 30), np.uint8)
    expected[3:9, 2:10] = 1
    np.testing.assert_array_equal(mask, expected)
    assert (tmp_path / "masks" / "train" / "train.png").exists()


def test_masks_of_rasterize_train_like_the_labels(scene, tmp_path):
    """What was written is a data set that gives the same labels."""
    box = shapely.box(500_000, 5_199_950, 500_050, 5_200_000)
    labels = write(
        tmp_path / "labels.geojson", [(box, "roof"), (shapely.box(500_060, 5_199_950, 500_090, 5_200_000), "tree")]
    )
    densa.rasterize(scene, labels=labels, class_field="kind", output=tmp_path / "data" / "masks", progress=False)
    (tmp_path / "data" / "images").mkdir()
    scene.rename(tmp_path / "data" / "images" / "scene.tif")
    again = densa.datasets.open(tmp_path / "data")["train"]
    rules = VectorLabels(labels=labels, class_field="kind")
    direct = densa.datasets.open(tmp_path / "data" / "images" / "scene.tif", labels=rules)["train"]
    assert again.legend.class_names == direct.legend.class_names
    np.testing.assert_array_equal(again.labels(0), direct.labels(0))


def test_what_is_refused(scene, tmp_path, run_cli):
    labels = write(tmp_path / "labels.geojson", [(shapely.box(500_000, 5_199_990, 500_010, 5_200_000), "roof")])
    far = write(tmp_path / "far.geojson", [(shapely.box(0, 0, 1, 1), "roof")])
    lonely = write(tmp_path / "lonely.geojson", [(shapely.box(1, 1, 2, 2), "roof")], system=None)
    plain = tmp_path / "plain.png"
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(plain)
    out = tmp_path / "out"
    field = ["--class-field", "kind"]
    for arguments, words in [
        ([scene, "-o", out], "give the vector file of the labels of"),
        ([scene, "--labels", labels, "-o", out, "--class-field", "type"], "got 'type'; its fields: kind"),
        ([scene, "--labels", far, "-o", out, *field], "no feature of"),
        ([scene, "--labels", tmp_path / "no.gpkg", "-o", out], "there is no such file"),
        ([scene, "--labels", labels, "-o", scene, *field], "scene.tif"),
        ([scene, "--labels", labels, "-o", tmp_path / "a.jpg", *field], "must be a folder, or a file that ends in"),
        ([plain, "--labels", labels, "-o", out, *field], "plain.png has no georeference"),
        ([scene, labels, "--labels", labels, "-o", out], "--labels must be one vector file"),
        ([scene, "--labels", labels, "-o", out, *field, "--instances"], "are for masks"),
        ([scene, "--labels", labels, "-o", out, *field, "--line-width", "-3"], "--line-width must be pixels above 0"),
    ]:
        code, _, err = run_cli("rasterize", *arguments)
        assert code == 2, arguments
        assert words in err
        assert err.strip().count("\n") == 0
    code, _, err = run_cli("rasterize", plain, "--labels", lonely, *field, "-o", out)
    assert code == 0, err
    code, _, err = run_cli("rasterize", plain, "--labels", lonely, *field, "-o", out)
    assert (code, "exists; choose another output or give --overwrite" in err) == (2, True)
    assert run_cli("rasterize", plain, "--labels", lonely, *field, "-o", out, "--overwrite")[0] == 0


def test_layers_of_one_file(scene, tmp_path, run_cli):
    """Labels and areas of interest in one GeoPackage, as QGIS keeps them."""
    pyogrio = pytest.importorskip("pyogrio")
    file = tmp_path / "map.gpkg"
    for layer, box in (
        ("roofs", (500_000, 5_199_990, 500_010, 5_200_000)),
        ("area", (500_005, 5_199_980, 500_020, 5_200_000)),
    ):
        pyogrio.raw.write(
            str(file),
            np.array([shapely.to_wkb(shapely.box(*box))], object),
            [np.array([layer], object)],
            ["class"],
            layer=layer,
            driver="GPKG",
            geometry_type="Polygon",
            crs="EPSG:25832",
            append=file.exists(),
        )
    code, _, err = run_cli("rasterize", scene, file, "-o", tmp_path / "mask.tif")
    assert (code, "has 2 layers (roofs, area); name one" in err) == (2, True)
    layers = ["--labels", f"{file}#layer=roofs", "--aoi", f"{file}#layer=area"]
    code, out, err = run_cli("rasterize", scene, *layers, "-o", tmp_path / "mask.tif", "--json")
    assert code == 0, err
    assert json.loads(out)["masks"][0]["pixels"] == {"background": 30 * 40 - 200, "roofs": 200}


def test_masks_are_refused(tmp_path):
    with pytest.raises(InputError, match="are masks already"):
        densa.rasterize(densa.datasets.coins(tmp_path / "coins"), output=tmp_path / "out", progress=False)


def test_nothing_is_written_where_labels_do_not_fit(scene, tmp_path):
    labels = write(tmp_path / "labels.geojson", [(shapely.box(0, 0, 1, 1), "roof")])
    with pytest.raises(InputError):
        densa.rasterize(scene, labels=labels, class_field="kind", output=tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()
