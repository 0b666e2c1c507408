"""Geometries on the grid of a raster: reference systems, pixels, lines and points as areas."""

from pathlib import Path

import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform_geom

from densa import InputError
from densa.raster import Georeference
from densa.raster.alignment import Frame
from densa.raster.shapes.on_grid import place_on_grid, thickened

FILE = Path("labels.gpkg")
UTM = CRS.from_epsg(25832)
GRID = Georeference(UTM, Affine(0.5, 0, 500_000, 0, -0.5, 5_200_000))


def frame(place):
    return Frame(Path("scene.tif"), 40, 60, place)


def place(geometries, crs, grid, pixels=False):
    return place_on_grid(np.array(geometries, object), crs, frame(grid), path=FILE, pixels=pixels)


def test_a_square_of_the_map_in_pixels():
    found = place([shapely.box(500_001, 5_199_996, 500_004, 5_199_999)], UTM, GRID)
    assert shapely.equals(found.geometries[0], shapely.box(2, 2, 8, 8))


def test_another_reference_system_is_transformed():
    corners = shapely.box(500_001, 5_199_996, 500_004, 5_199_999)
    there = shapely.geometry.shape(transform_geom(UTM, "EPSG:4326", shapely.geometry.mapping(corners)))
    found = place([there], CRS.from_epsg(4326), GRID)
    np.testing.assert_allclose(found.geometries[0].bounds, (2, 2, 8, 8), atol=1e-3)


@pytest.mark.parametrize(("crs", "grid"), [(None, GRID), (UTM, Georeference(None, GRID.transform))])
def test_one_reference_system_of_two_is_refused(crs, grid):
    with pytest.raises(InputError, match=r"names no reference system, .* is in EPSG:25832.* -a_srs EPSG:25832"):
        place([shapely.Point(1, 1)], crs, grid)


def test_an_image_without_georeference_takes_pixels():
    assert place([shapely.box(1, 2, 3, 4)], None, None, True).geometries[0].bounds == (1, 2, 3, 4)
    assert place([shapely.box(1, -4, 3, -2)], None, None, True).geometries[0].bounds == (1, 2, 3, 4)  # as in QGIS
    with pytest.raises(InputError, match=r"is in EPSG:25832, but scene.tif has no georeference"):
        place([shapely.box(1, 2, 3, 4)], UTM, None)


def test_what_is_nowhere_is_counted():
    found = place([shapely.Point(2e20, 0), shapely.Point(500_000, 5_200_000)], UTM, GRID)
    assert (found.numbers.tolist(), found.n_nowhere) == ([1], 1)
    north_of_the_pole = shapely.Point(9, 95)
    assert place([north_of_the_pole, shapely.Point(9, 46)], CRS.from_epsg(4326), GRID).numbers.tolist() == [1]
    with pytest.raises(InputError, match="cannot be converted into each other"):
        place([north_of_the_pole], CRS.from_epsg(4326), GRID)


def test_lines_and_points_have_the_width_of_the_pen():
    given = [shapely.LineString([(2, 5), (12, 5)]), shapely.Point(5, 5), shapely.box(0, 0, 2, 2)]
    line, point, square = thickened(np.array(given, object), [4, 6, 9])
    assert line.area == pytest.approx(10 * 4 + np.pi * 4, rel=1e-2)
    assert point.area == pytest.approx(np.pi * 9, rel=1e-2)
    assert shapely.equals(square, given[2])


def test_a_thin_line_covers_the_pixels_nearest_to_it():
    line = thickened(np.array([shapely.LineString([(0, 0.4), (9, 0.4)])], object), 0.1)[0]
    assert line.covers(shapely.Point(4.5, 0.5))


def test_a_collection_is_the_union_of_its_parts():
    both = shapely.GeometryCollection([shapely.box(0, 0, 2, 2), shapely.LineString([(4, 1), (8, 1)])])
    found = thickened(np.array([both], object), 2)[0]
    assert found.area == pytest.approx(4 + 4 * 2 + np.pi, rel=1e-2)
