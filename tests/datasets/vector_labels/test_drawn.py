"""Vector labels on images: areas of interest, the rest, and windows."""

import json

import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.features import rasterize

from densa import InputError, raster
from densa.datasets.class_table import REST, UNLABELLED
from densa.datasets.vector_labels.drawn import Pen, draw_features
from densa.datasets.vector_labels.label_features import read_label_features
from densa.raster import Georeference, Window

GRID = Georeference(CRS.from_epsg(25832), Affine(0.5, 0, 500_000, 0, -0.5, 5_200_000))
UTM = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::25832"}}


@pytest.fixture
def scene(tmp_path):
    raster.write_bands(tmp_path / "scene.tif", np.zeros((3, 40, 60), np.uint8), like=GRID)
    with raster.open(tmp_path / "scene.tif") as image:
        yield image


def on_map(geometry):
    return shapely.transform(geometry, lambda xy: xy * (0.5, -0.5) + (500_000, 5_200_000))


def features(path, *rows):
    """Geometries in pixels of the scene with their class."""
    content = [
        {"type": "Feature", "properties": {"class": name}, "geometry": shapely.geometry.mapping(on_map(geometry))}
        for geometry, name in rows
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": content, "crs": UTM}))
    return read_label_features(path)


def test_windows_are_parts_of_what_gdal_draws(scene, tmp_path, rng):
    shapes = [shapely.Point(*rng.uniform(0, 60, 2)).buffer(rng.uniform(2, 20), quad_segs=40) for _ in range(8)]
    found = features(tmp_path / "a.geojson", *((shape, str(i)) for i, shape in enumerate(shapes)))
    drawn, n_nowhere = draw_features(scene, found, np.arange(8, dtype=np.int32))
    expected = np.full((40, 60), REST, np.int32)
    rasterize(zip(map(on_map, shapes), range(8), strict=True), out=expected, transform=GRID.transform)
    np.testing.assert_array_equal(drawn.numbers(Window(0, 0, 40, 60)), expected)
    np.testing.assert_array_equal(drawn.numbers(Window(7, 11, 20, 30)), expected[7:27, 11:41])
    assert (drawn.height, drawn.width, n_nowhere) == (40, 60, 0)


def test_outside_the_area_of_interest_nothing_is_labelled(scene, tmp_path):
    found = features(tmp_path / "a.geojson", (shapely.box(0, 0, 10, 10), "roof"))
    interest = features(tmp_path / "aoi.geojson", (shapely.box(5, 0, 20, 40), "x"))
    drawn, _ = draw_features(scene, found, np.array([1], np.int32), interest=interest)
    row = drawn.numbers(Window(4, 0, 1, 60))[0]
    assert row.tolist() == [UNLABELLED] * 5 + [1] * 5 + [REST] * 10 + [UNLABELLED] * 40


def test_lines_have_the_width_of_the_pen_in_pixels_or_metres(scene, tmp_path):
    found = features(tmp_path / "a.geojson", (shapely.LineString([(5, 20), (50, 20)]), "road"))
    label = np.array([3], np.int32)
    for pen, width in ((Pen(6), 6), (Pen(4, "m"), 8)):
        column = draw_features(scene, found, label, pen=pen)[0].numbers(Window(0, 30, 40, 1))[:, 0]
        assert (column == 3).sum() == width


def test_features_elsewhere_leave_the_image_empty(scene, tmp_path):
    found = features(tmp_path / "a.geojson", (shapely.box(1000, 1000, 1100, 1100), "roof"))
    drawn, _ = draw_features(scene, found, np.array([0], np.int32))
    assert (len(drawn.met), drawn.has_interest) == (0, True)
    assert not draw_features(scene, found, np.array([1], np.int32), interest=found)[0].has_interest


def test_metres_need_a_reference_system(tmp_path):
    raster.write_bands(tmp_path / "plain.tif", np.zeros((1, 9, 9), np.uint8))
    path = tmp_path / "a.geojson"
    path.write_text(
        json.dumps({"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [4, 4]}})
    )
    with raster.open(tmp_path / "plain.tif") as image:
        with pytest.raises(InputError, match="widths in metres need an image with a reference system"):
            draw_features(image, read_label_features(path), np.zeros(1, np.int32), pen=Pen(2, "m"))
        drawn, _ = draw_features(image, read_label_features(path), np.zeros(1, np.int32), pen=Pen(2))
    assert (drawn.numbers(Window(0, 0, 9, 9)) == 0).sum() == 4
