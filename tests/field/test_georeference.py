"""A georeference is used, or its loss is told."""

import json

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.testing import assert_array_equal
from PIL import Image
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

from densa import raster
from densa.legend import Legend

UTM = Affine(10, 0, 5e5, 0, -10, 5e6)
LEGEND = Legend(("ground", "square"))


def scene(seed=0, height=40, width=52):
    """(H, W) uint8 image and classes of a bright square."""
    labels = np.zeros((height, width), np.uint8)
    labels[8 + seed : 24 + seed, 10:30] = 1
    noise = np.random.default_rng(seed).integers(0, 20, labels.shape)
    return (60 + 120 * labels + noise).astype(np.uint8), labels


def at(transform, column, row):
    """Map coordinates of a place in the image."""
    a, b, c, d, e, f = transform[:6]
    return a * column + b * row + c, d * column + e * row + f


def moved(columns, rows, size=1.0):
    """The grid of `UTM` from another pixel on, with pixels of another size."""
    x, y = at(UTM, columns, rows)
    return Affine(10 * size, 0, x, 0, -10 * size, y)


def write(path, values, transform=UTM, crs="EPSG:32633", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = values[None] if values.ndim == 2 else values
    profile = {"count": len(values), "height": values.shape[1], "width": values.shape[2], "dtype": values.dtype}
    profile |= {"transform": transform} if transform is not None else {}
    with rasterio.open(path, "w", driver="GTiff", crs=crs, **profile, **options) as file:
        file.write(values)
    return path


@pytest.fixture
def pairs(tmp_path):
    """Write a data set whose masks lie where they are told."""

    def make(transform=UTM, crs="EPSG:32633", image=None):
        for split in ("train", "val"):
            values, labels = scene()
            write(tmp_path / "data" / split / "images" / "a.tif", values, **(image or {}))
            write(tmp_path / "data" / split / "masks" / "a.tif", labels, transform, crs)
        return tmp_path / "data"

    return make


SHALLOW = ("--model", "pixel-forest", "--trees", 3, "--samples", 500)
# The same system by another name.
NAMED = CRS.from_wkt(CRS.from_epsg(32633).to_wkt().replace('"WGS 84 / UTM zone 33N"', '"my zone"'))


# ------------------------------------------------------------------------------------------------- photographs


@pytest.mark.parametrize("kind", ["world file", "auxiliary file"])
def test_a_photograph_with_a_place_gives_a_map_with_it(run_cli, trained, tmp_path, kind):
    image = tmp_path / "photo.png"
    if kind == "world file":
        Image.fromarray(scene()[0]).save(image)
        (tmp_path / "photo.pgw").write_text("10\n0\n0\n-10\n500005\n4999995\n")
        (tmp_path / "photo.prj").write_text(CRS.from_epsg(32633).to_wkt())
    else:
        profile = {"driver": "PNG", "count": 1, "height": 40, "width": 52, "dtype": "uint8"}
        with rasterio.open(image, "w", crs="EPSG:32633", transform=UTM, **profile) as file:
            file.write(scene()[0][None])
    code, _, err = run_cli("predict", trained, image, "-o", tmp_path / "maps", "--polygons", "geojson")
    assert code == 0, err
    with rasterio.open(tmp_path / "maps" / "photo.tif") as made:
        assert made.crs.to_epsg() == 32633
        assert made.transform == UTM
    found = json.loads((tmp_path / "maps" / "photo.geojson").read_text())
    assert "note" not in found
    assert "area_m2" in found["features"][0]["properties"]
    code, _, err = run_cli("predict", trained, image, "-o", tmp_path / "flat.png")
    assert code == 0, err
    assert "photo.png on the ground is not kept in flat.png" in err


def test_orientation_of_masks_and_images_is_one(tmp_path):
    values, labels = scene()
    tag = [(274, 3, 1, 6, True)]
    import tifffile

    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    tifffile.imwrite(tmp_path / "images" / "a.tif", values, extratags=tag)
    tifffile.imwrite(tmp_path / "masks" / "a.tif", labels, extratags=tag)
    from densa import datasets

    train = datasets.open(tmp_path, legend=LEGEND, split=datasets.SplitRule(val_fraction=0))["train"]
    assert train.size(0) == (52, 40)
    assert_array_equal(train.labels(0), np.rot90(labels, -1))
    assert_array_equal(train.image(0)[0][0], np.rot90(values, -1))


def test_orientation_beside_a_georeference_is_told(run_cli, trained, tmp_path):
    path = write(tmp_path / "a.tif", scene()[0])
    data = bytearray(path.read_bytes())
    # The tag of the sample format, whose value is that of its default, becomes one of orientation.
    place = data.find(bytes.fromhex("5301 0300 01000000"))
    assert place > 0
    data[place : place + 10] = bytes.fromhex("1201 0300 01000000 0600")
    path.write_bytes(data)
    code, _, err = run_cli("predict", trained, path, "-o", tmp_path / "map.tif")
    assert code == 0, err
    assert "orientation tag (6) is not applied" in err


# ------------------------------------------------------------------------------------- points, local systems


@pytest.fixture
def points(tmp_path):
    path = tmp_path / "points.tif"
    corners = [GroundControlPoint(r, c, 5e5 + 10 * c, 5e6 - 10 * r) for r in (0, 40) for c in (0, 52)]
    with rasterio.open(path, "w", driver="GTiff", count=1, height=40, width=52, dtype="uint8") as file:
        file.write(scene()[0][None])
        file.gcps = (corners, CRS.from_epsg(32633))
    return path


@pytest.mark.parametrize("kind", ["geojson", "gpkg"])
def test_ground_control_points_are_carried_and_polygons_refused(run_cli, trained, points, tmp_path, kind):
    code, _, err = run_cli("predict", trained, points, "-o", tmp_path / "maps")
    assert code == 0, err
    assert "gdalwarp -tps" in err
    with rasterio.open(tmp_path / "maps" / "points.tif") as made:
        assert len(made.gcps[0]) == 4
    for dry in ([], ["--dry-run"]):
        code, _, err = run_cli("predict", trained, points, "-o", tmp_path / "more", "--polygons", kind, *dry)
        assert (code, err.count("\n")) == (2, 1)
        assert "gdalwarp -tps" in err
    code, _, err = run_cli("regions", points, "-o", tmp_path / "r.tif", "--polygons", tmp_path / f"r.{kind}")
    assert code == 2
    assert "gdalwarp -tps" in err
    assert not (tmp_path / "more").exists()


LOCAL = 'LOCAL_CS["site grid",UNIT["metre",1]]'
ENGINEERING = 'ENGCRS["site",EDATUM["here"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],LENGTHUNIT["metre",1]]'


@pytest.mark.parametrize("system", [LOCAL, ENGINEERING])
def test_local_systems_have_no_geojson(run_cli, trained, tmp_path, system):
    image = write(tmp_path / "site.tif", scene()[0], crs=CRS.from_wkt(system))
    for dry in ([], ["--dry-run"]):
        code, _, err = run_cli("predict", trained, image, "-o", tmp_path / "maps", "--polygons", "geojson", *dry)
        assert (code, err.count("\n")) == (2, 1)
        assert ".gpkg" in err
        options = ["--polygons", tmp_path / "r.geojson", *dry]
        code, _, err = run_cli("regions", image, "-o", tmp_path / "r.tif", *options)
        assert (code, err.count("\n")) == (2, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site.tif"]
    pyogrio = pytest.importorskip("pyogrio")
    code, _, err = run_cli("predict", trained, image, "-o", tmp_path / "maps", "--polygons", "gpkg")
    assert code == 0, err
    assert "site" in pyogrio.read_info(tmp_path / "maps" / "site.gpkg", layer="site")["crs"]


def test_a_system_that_geotiff_cannot_hold_is_kept_beside_it(tmp_path):
    system = CRS.from_string("+proj=ob_tran +o_proj=longlat +o_lon_p=-162 +o_lat_p=39.25 +lon_0=180")
    place = raster.Georeference(system, Affine(0.1, 0, 5, 0, -0.1, 5))
    raster.write_label_map(tmp_path / "map.tif", scene()[1], LEGEND, like=place)
    with rasterio.open(tmp_path / "map.tif") as file:
        assert file.crs == system
    with raster.open(tmp_path / "map.tif") as file:
        assert file.georeference == place


# ----------------------------------------------------------------------------------------- transforms of all kinds

TRANSFORMS = {
    "south-up": Affine(10, 0, 5e5, 0, 10, 5e6),
    "rotated": Affine(8, 6, 5e5, 6, -8, 5e6),
    "sheared": Affine(8, 3, 5e5, 1, -9, 5e6),
    "mirrored": Affine(-10, 0, 5e5, 0, -10, 5e6),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_other_transforms_are_neither_lost_nor_mirrored(run_cli, trained, tmp_path, name):
    import shapely
    from rasterio.warp import transform as reproject

    transform = TRANSFORMS[name]
    image = write(tmp_path / "a.tif", scene()[0], transform)
    code, _, err = run_cli("predict", trained, image, "-o", tmp_path / "m.tif", "--polygons", "geojson")
    assert code == 0, err
    code, _, err = run_cli(
        "regions", image, "-o", tmp_path / "r.tif", "--method", "components", "--statistics", tmp_path / "s.csv"
    )
    with rasterio.open(tmp_path / "m.tif") as made:
        assert made.transform.almost_equals(transform, 1e-9)
        labels = made.read(1)
    features = json.loads((tmp_path / "m.geojson").read_text())["features"]
    shapes = {f["properties"]["class"]: shapely.from_geojson(json.dumps(f["geometry"])) for f in features}
    for label, shape in shapes.items():
        rows, columns = np.nonzero(labels == label)
        x, y = at(transform, columns.mean() + 0.5, rows.mean() + 0.5)
        (longitude,), (latitude,) = reproject("EPSG:32633", "EPSG:4326", [x], [y])
        assert shape.centroid.distance(shapely.Point(longitude, latitude)) < 1e-6
    total = sum(f["properties"]["area_m2"] for f in features)
    assert total == pytest.approx(40 * 52 * abs(transform.determinant) / 0.9996**2, rel=1e-4)


def test_a_transform_without_a_system_is_kept(run_cli, trained, tmp_path):
    image = write(tmp_path / "a.tif", scene()[0], crs=None)
    code, _, err = run_cli("predict", trained, image, "-o", tmp_path / "maps", "--polygons", "geojson")
    assert code == 0, err
    with rasterio.open(tmp_path / "maps" / "a.tif") as made:
        assert made.transform == UTM
        assert made.crs is None


# --------------------------------------------------------------------------- rasters that are laid over each other

AWAY = {
    "moved": (Affine(10, 0, 5e5 + 300, 0, -10, 5e6), "EPSG:32633", "30"),
    "a fifth of a pixel": (Affine(10, 0, 5e5 + 2, 0, -10, 5e6), "EPSG:32633", "0.20"),
    "other pixels": (Affine(10.1, 0, 5e5, 0, -10, 5e6), "EPSG:32633", "0.5"),
    "another zone": (UTM, "EPSG:32634", ""),
    "upside down": (Affine(10, 0, 5e5, 0, 10, 5e6 - 400), "EPSG:32633", "40"),
}


@pytest.mark.parametrize("name", AWAY)
def test_masks_at_another_place_are_refused(run_cli, pairs, tmp_path, name):
    transform, crs, pixels = AWAY[name]
    data = pairs(transform, crs)
    for options in ([], ["--dry-run"]):
        code, _, err = run_cli("train", data, *SHALLOW, "-o", tmp_path / "run", *options)
        assert (code, err.count("\n")) == (2, 1)
        assert f"lies {pixels}" in err
        assert "--align" in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("transform", "crs"),
    [(UTM, NAMED), (Affine(10, 0, 5e5 + 0.5, 0, -10, 5e6), "EPSG:32633"), (UTM, None)],
    ids=["another name", "a twentieth of a pixel", "no system"],
)
def test_masks_at_the_same_place_are_used(run_cli, pairs, tmp_path, transform, crs):
    code, _, err = run_cli("train", pairs(transform, crs), *SHALLOW, "-o", tmp_path / "run", "--dry-run")
    assert code == 0, err


def test_a_georeference_on_one_side_is_told(run_cli, pairs, tmp_path):
    code, out, err = run_cli("train", pairs(None, None), *SHALLOW, "-o", tmp_path / "run", "--dry-run")
    assert code == 0, err
    assert "only one file is georeferenced" in out + err
    code, out, err = run_cli(
        "train", pairs(None, None, {"transform": None, "crs": None}), *SHALLOW, "-o", tmp_path / "run", "--dry-run"
    )
    assert code == 0, err
    assert "georeferenced" not in out + err


@pytest.mark.parametrize("kind", ["moved", "finer", "in degrees"])
def test_align_resamples_the_masks(tmp_path, kind):
    """A wide mask is laid over the image from its own grid, whatever its pixels and its system."""
    from rasterio.warp import reproject, transform_bounds

    values, labels = scene()
    big = np.full((80, 92), 1, np.uint8)
    big[20:60, 20:72] = labels
    transform, crs = moved(-20, -20), "EPSG:32633"
    if kind == "finer":
        big, transform = np.kron(big, np.ones((3, 3), np.uint8)), moved(-20, -20, 1 / 3)
    write(tmp_path / "images" / "a.tif", values)
    write(tmp_path / "masks" / "a.tif", big, transform, crs)
    if kind == "in degrees":
        with rasterio.open(tmp_path / "masks" / "a.tif") as file:
            west, south, east, north = transform_bounds(crs, "EPSG:4326", *file.bounds)
        there, width, height = (
            Affine(2e-5, 0, west, 0, -2e-5, north),
            int((east - west) / 2e-5),
            int((north - south) / 2e-5),
        )
        out = np.full((height, width), 255, np.uint8)
        reproject(big, out, src_transform=transform, src_crs=crs, dst_transform=there, dst_crs="EPSG:4326")
        write(tmp_path / "masks" / "a.tif", out, there, "EPSG:4326")
    from densa import datasets

    rule = datasets.SplitRule(val_fraction=0)
    found = datasets.open(tmp_path, legend=LEGEND, split=rule, align=True)["train"]
    assert datasets.check(found) == 1
    wrong = found.labels(0) != labels
    assert wrong.mean() < (0.02 if kind == "in degrees" else 1e-9)
    window = raster.Window(5, 7, 20, 30)
    assert_array_equal(found.mask_labels(0, window), found.labels(0)[5:25, 7:37])


def test_align_leaves_unlabelled_what_the_mask_does_not_reach(tmp_path):
    values, labels = scene()
    write(tmp_path / "images" / "a.tif", values)
    write(tmp_path / "masks" / "a.tif", labels[:30, :50], UTM)
    from densa import datasets

    found = datasets.open(tmp_path, legend=LEGEND, split=datasets.SplitRule(val_fraction=0), align=True)["train"]
    labels[30:], labels[:, 50:] = 255, 255
    assert_array_equal(found.labels(0), labels)


def test_markers_at_another_place(run_cli, tmp_path):
    image = write(tmp_path / "a.tif", scene()[0])
    markers = np.zeros((40, 52), np.int32)
    markers[5, 5], markers[16, 20] = 1, 2
    write(tmp_path / "near.tif", markers)
    write(tmp_path / "far.tif", markers, moved(2000, 0))
    write(tmp_path / "moved.tif", np.roll(markers, (-3, -4), (0, 1)), moved(4, 3))
    call = ("regions", image, "--method", "watershed", "--markers")
    code, _, err = run_cli(*call, tmp_path / "far.tif", "-o", tmp_path / "w.tif")
    assert (code, err.count("\n")) == (2, 1)
    assert "2000 pixels" in err
    assert run_cli(*call, tmp_path / "moved.tif", "-o", tmp_path / "w.tif")[0] == 2
    for name, options in (("near", ()), ("moved", ("--align",))):
        options = (*options, "--tile-size", 16)
        code, _, err = run_cli(*call, tmp_path / f"{name}.tif", "-o", tmp_path / f"{name}_regions.tif", *options)
        assert code == 0, err
    near, aligned = (raster.read_image(tmp_path / f"{name}_regions.tif") for name in ("near", "moved"))
    assert_array_equal(near[4:, 5:], aligned[4:, 5:])
    assert run_cli("regions", image, "--check", tmp_path / "far.tif")[0] == 2


def test_predictions_at_another_place(run_cli, tmp_path):
    _, labels = scene()
    write(tmp_path / "truth" / "a.tif", labels)
    write(tmp_path / "far" / "a.tif", labels, moved(5, 0))
    write(tmp_path / "wide" / "a.tif", np.pad(labels, 6, mode="edge"), moved(-6, -6), NAMED)
    for name in ("far", "wide"):
        code, _, err = run_cli("evaluate", tmp_path / name, tmp_path / "truth")
        assert (code, err.count("\n")) == (2, 1)
        assert "--align" in err
    code, out, err = run_cli("evaluate", tmp_path / "wide", tmp_path / "truth", "--align", "--json")
    assert code == 0, err
    assert "1.0" in out
    Image.fromarray(labels).save(tmp_path / "flat.png")
    (tmp_path / "plain").mkdir()
    Image.fromarray(labels).save(tmp_path / "plain" / "a.png")
    code, out, err = run_cli("evaluate", tmp_path / "plain", tmp_path / "truth")
    assert code == 0, err
    assert "pixel by pixel" in err


def test_a_damaged_prj_is_told(trained, run_cli, tmp_path):
    Image.fromarray(scene()[0]).save(tmp_path / "a.png")
    (tmp_path / "a.pgw").write_text("1\n0\n0\n-1\n500000.5\n4999999.5\n")
    (tmp_path / "a.prj").write_text("nothing of a reference system")
    code, _, err = run_cli("predict", trained, tmp_path / "a.png", "-o", tmp_path / "maps", "--polygons", "geojson")
    assert code == 0, err
    assert "a.prj is damaged, or none of a reference system" in err
    assert "a.geojson holds its coordinates as they are" in err


def test_complaints_about_a_damaged_prj_are_not_raw(tmp_path, capfd):
    write(tmp_path / "a.tif", scene()[0], crs=None)
    (tmp_path / "a.prj").write_text("nothing of a reference system")
    with raster.open(tmp_path / "a.tif") as image:
        assert "a.prj is damaged" in image.remarks[0]
    assert capfd.readouterr().err == ""
