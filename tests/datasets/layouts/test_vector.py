"""Images with vector labels as a data set: which images, which classes, what is said."""

import json

import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.features import rasterize

from densa import InputError, Legend, datasets, raster
from densa.legend import IGNORE
from densa.raster import Georeference, Window
from densa.settings import VectorLabels

UTM = CRS.from_epsg(25832)
SYSTEM = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::25832"}}
SIDE = 32


def grid(column=0):
    return Georeference(UTM, Affine(2, 0, 600_000 + 2 * SIDE * column, 0, -2, 5_300_000))


def write_scene(path, column=0, place=True):
    values = np.arange(3 * SIDE * SIDE, dtype=np.uint8).reshape(3, SIDE, SIDE)
    path.parent.mkdir(parents=True, exist_ok=True)
    raster.write_bands(path, values, like=grid(column) if place else None)
    return path


def on_map(box, column=0):
    return shapely.transform(shapely.box(*box), lambda xy: xy * (2, -2) + (600_000 + 2 * SIDE * column, 5_300_000))


def write_labels(path, rows, system=SYSTEM):
    """Rows of (geometry, properties)."""
    features = [
        {"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(geometry)}
        for geometry, properties in rows
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"type": "FeatureCollection", "features": features, **({"crs": system} if system else {})})
    )
    return path


FIELD, ROAD = (0, 0, 20, 10), (0, 5, 32, 8)


@pytest.fixture
def labels(tmp_path):
    rows = [(on_map(FIELD), {"class": "field", "z": 2}), (on_map(ROAD), {"class": "road", "z": 1})]
    return write_labels(tmp_path / "labels.geojson", rows)


def opened(path, labels=None, legend=None, ignore=(), **rules):
    return datasets.open(path, labels=VectorLabels(labels=labels, **rules), legend=legend, ignore=ignore)["train"]


def test_one_scene_and_one_file(tmp_path, labels):
    train = opened(write_scene(tmp_path / "scene.tif"), labels)
    assert (train.legend.class_names, train.layout, len(train)) == (("field", "road"), "vector", 1)
    found = train.labels(0)
    expected = np.full((SIDE, SIDE), IGNORE, np.uint8)
    shapes = [(on_map(FIELD), 0), (on_map(ROAD), 1)]
    rasterize(shapes, out=expected, transform=grid().transform)
    np.testing.assert_array_equal(found, expected)
    assert train.samples[0].mask == labels
    assert train.legend_source == "field class of labels.geojson"
    assert any("pixels that nothing covers are not labelled" in line for line in train.taken)


def test_a_path_alone_is_enough(tmp_path, labels):
    train = datasets.open(write_scene(tmp_path / "scene.tif"), labels=labels)["train"]
    assert train.legend.class_names == ("field", "road")


def test_the_greatest_of_the_order_field_lies_on_top(tmp_path, labels):
    scene = write_scene(tmp_path / "scene.tif")
    assert opened(scene, labels).labels(0)[6, 3] == 1
    assert opened(scene, labels, order_field="z").labels(0)[6, 3] == 0


def test_areas_of_interest_bound_what_is_labelled(tmp_path, labels):
    scene = write_scene(tmp_path / "scene.tif")
    aoi = write_labels(tmp_path / "areas.geojson", [(on_map((0, 0, 32, 16)), {})])
    train = opened(scene, labels, aoi=aoi)
    assert train.legend.class_names == ("background", "field", "road")
    found = train.labels(0)
    assert (found[16:] == IGNORE).all()
    assert (found[10:16] == 0).all()
    within = opened(scene, labels, aoi=aoi, background="none")
    assert within.legend.class_names == ("field", "road")
    assert (within.labels(0)[10:16] == IGNORE).all()


def test_the_rest_may_have_a_class(tmp_path, labels):
    train = opened(write_scene(tmp_path / "scene.tif"), labels, background="road")
    assert (train.legend.class_names, train.labels(0)[31, 31]) == (("field", "road"), 1)


def test_a_legend_numbers_the_classes(tmp_path, labels):
    legend = Legend(("road", "water", "field"))
    train = opened(write_scene(tmp_path / "scene.tif"), labels, legend)
    assert (train.legend, train.labels(0)[0, 0], train.labels(0)[6, 0]) == (legend, 2, 0)
    with pytest.raises(InputError, match="the classes field, which the legend does not name: road, water"):
        opened(tmp_path / "scene.tif", labels, Legend(("road", "water")))


def test_classes_may_be_ignored(tmp_path, labels):
    train = opened(write_scene(tmp_path / "scene.tif"), labels, ignore=("road",))
    assert (train.legend.class_names, train.labels(0)[6, 0]) == (("field",), IGNORE)


def test_several_scenes_of_one_file(tmp_path):
    """One class table over all, whatever lies on which; scenes without a label are left out."""
    for column in range(3):
        write_scene(tmp_path / "scenes" / f"s{column}.tif", column)
    rows = [
        (on_map(FIELD, 0), {"class": "b"}),
        (on_map(FIELD, 1), {"class": "a"}),
        (on_map(FIELD, 9), {"class": "c"}),
    ]
    labels = write_labels(tmp_path / "labels.geojson", rows)
    splits = datasets.open(tmp_path / "scenes", labels=labels, split=datasets.SplitRule(val_fraction=0))
    train = splits["train"]
    assert [sample.name for sample in train.samples] == ["s0", "s1"]
    assert train.legend.class_names == ("a", "b", "c")
    assert (train.labels(0)[0, 0], train.labels(1)[0, 0]) == (1, 0)
    said = "\n".join(train.taken)
    assert "1 of 3 images have no label and are left out" in said
    assert "1 of 3 features lie on no image and are left out" in said


def test_a_file_for_each_scene(tmp_path):
    for column, name in enumerate("ab"):
        write_scene(tmp_path / "scenes" / f"{name}.tif", column)
        write_labels(tmp_path / "labels" / f"{name}.geojson", [(on_map(FIELD, column), {"class": f"only {name}"})])
    splits = datasets.open(tmp_path / "scenes", labels=tmp_path / "labels", split=datasets.SplitRule(val_fraction=0))
    train = splits["train"]
    assert train.legend.class_names == ("only a", "only b")
    assert [int(train.labels(i)[0, 0]) for i in (0, 1)] == [0, 1]


def test_a_folder_is_recognised(tmp_path):
    for split in ("train", "val"):
        write_scene(tmp_path / split / f"{split}.tif", split == "val")
    rows = [(on_map((0, 0, 64, 9)), {"class": "a"}), (on_map((0, 9, 64, 20)), {"class": "b"})]
    write_labels(tmp_path / "labels.geojson", rows)
    write_labels(tmp_path / "aoi.geojson", [(on_map((0, 0, 64, 25)), {})])
    splits = datasets.open(tmp_path)
    assert {name: len(split) for name, split in splits.items()} == {"train": 1, "val": 1}
    assert splits["train"].layout == "vector"
    assert splits["val"].legend.class_names == ("background", "a", "b")
    assert (splits["val"].labels(0)[25:] == IGNORE).all()


def test_a_scene_in_another_reference_system(tmp_path):
    pytest.importorskip("pyogrio")
    from rasterio.warp import transform_geom

    scene = write_scene(tmp_path / "scene.tif")
    there = transform_geom(UTM, "EPSG:4326", shapely.geometry.mapping(on_map(FIELD)))
    labels = write_labels(tmp_path / "l.geojson", [(shapely.geometry.shape(there), {"class": "field"})], system=None)
    found = opened(scene, labels).labels(0)
    assert (found[:9, :19] == 0).all()
    assert (found[11:] == IGNORE).all()


def test_windows_are_drawn_alone(tmp_path, labels):
    train = opened(write_scene(tmp_path / "scene.tif"), labels)
    np.testing.assert_array_equal(train.mask_labels(0, Window(4, 15, 9, 7)), train.mask_labels(0)[4:13, 15:22])


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"class_field": "kind"}, r"class_field must be a field of .*labels.geojson, got 'kind'; its fields: class, z"),
        ({"order_field": "y"}, r"has no field 'y'; its fields: class, z"),
        ({"labels": None, "class_field": "class"}, r"give the vector file of the labels of .*: labels=FILE"),
    ],
)
def test_what_is_refused(tmp_path, labels, rules, message):
    with pytest.raises(InputError, match=message):
        opened(write_scene(tmp_path / "scene.tif"), **{"labels": labels, **rules})


def test_labels_that_lie_elsewhere_are_refused(tmp_path):
    scene = write_scene(tmp_path / "scene.tif")
    labels = write_labels(tmp_path / "labels.geojson", [(on_map(FIELD, 50), {"class": "a"})])
    with pytest.raises(
        InputError, match=r"no feature of .* lies on .*scene.tif: they reach from 603200, .* in EPSG:25832"
    ):
        opened(scene, labels)


def test_masks_and_vector_labels_exclude_each_other(tmp_path, labels):
    write_scene(tmp_path / "images" / "a.tif")
    with pytest.raises(InputError, match="vector labels take the place of masks"):
        datasets.open(tmp_path, labels=labels, images="images", masks="masks")
    with pytest.raises(InputError, match="vector labels take the place of masks"):
        datasets.open(tmp_path, labels=labels, layout="voc")


def test_the_image_of_a_background_without_shapes(tmp_path):
    with pytest.raises(InputError, match="these labels are masks"):
        datasets.open(datasets.coins(tmp_path / "coins"), labels=VectorLabels(background="ground"))
