"""Polygons drawn by windows: GDAL's rule, whatever the window."""

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.features import rasterize

from densa.raster import Window
from densa.raster.shapes.burning import Burner
from densa.raster.shapes.on_grid import thickened


def star(rng, n, centre, radius):
    angles = np.sort(rng.random(n)) * 2 * np.pi
    radii = radius * rng.uniform(0.3, 1, n)
    ring = np.stack([centre[0] + radii * np.cos(angles), centre[1] + radii * np.sin(angles)], axis=1)
    return shapely.make_valid(shapely.Polygon(ring))


def scene(rng, n_corners):
    polygons = [star(rng, n_corners, rng.uniform(-10, 90, 2), rng.uniform(5, 70)) for _ in range(6)]
    polygons[0] = polygons[0].difference(star(rng, 9, polygons[0].centroid.coords[0], 8))
    polygons.append(shapely.box(10, 20, 30.5, 40.5))  # edges on borders and centres of pixels
    return thickened(np.array(polygons, object), 1)


def drawn(burner, height, width, windows):
    whole = np.full((height, width), 255, np.uint8)
    for window in windows:
        part = whole[window.row : window.row + window.height, window.column : window.column + window.width].copy()
        burner.burn(part, window)
        whole[window.row : window.row + window.height, window.column : window.column + window.width] = part
    return whole


@pytest.mark.parametrize("all_touched", [False, True])
@given(st.integers(0, 10_000), st.sampled_from([5, 60, 700]), st.integers(9, 40), st.integers(9, 40))
@settings(max_examples=15, deadline=None)
def test_windows_give_the_pixels_of_gdal_on_the_whole(all_touched, seed, n_corners, rows, columns):
    polygons = scene(np.random.default_rng(seed), n_corners)
    values = np.arange(len(polygons), dtype=np.uint8)
    expected = np.full((70, 90), 255, np.uint8)
    rasterize(zip(polygons, values, strict=True), out=expected, transform=Affine.identity(), all_touched=all_touched)
    windows = [
        Window(r, c, min(rows, 70 - r), min(columns, 90 - c)) for r in range(0, 70, rows) for c in range(0, 90, columns)
    ]
    burner = Burner(polygons, values, all_touched=all_touched)
    np.testing.assert_array_equal(drawn(burner, 70, 90, windows), expected)


def test_corners_far_from_the_window_cost_nothing():
    """A polygon of 200 000 corners around a window: the few edges near it decide."""
    angles = np.linspace(0, 2 * np.pi, 200_000, endpoint=False)
    ring = np.stack([50_000 + 60_000 * np.cos(angles), 50_000 + 60_000 * np.sin(angles)], axis=1)
    burner = Burner(thickened(np.array([shapely.Polygon(ring)], object), 1), np.array([3]))
    shape = burner._shape(0, Window(50_000, 50_000, 256, 256))
    assert sum(map(len, shape["coordinates"])) < 20
    out = np.zeros((256, 256), np.uint8)
    burner.burn(out, Window(50_000, 50_000, 256, 256))
    assert (out == 3).all()


def test_later_polygons_lie_on_top_and_holes_stay_open():
    ring = shapely.box(0, 0, 6, 6).difference(shapely.box(2, 2, 4, 4))
    burner = Burner(np.array([ring, shapely.box(5, 0, 8, 3)], object), np.array([1, 2]))
    out = np.zeros((6, 8), np.uint8)
    burner.burn(out, Window(0, 0, 6, 8))
    assert out[0].tolist() == [1, 1, 1, 1, 1, 2, 2, 2]
    assert out[2].tolist() == [1, 1, 0, 0, 1, 2, 2, 2]
    assert out[3].tolist() == [1, 1, 0, 0, 1, 1, 0, 0]


def test_nothing_is_drawn_where_there_is_nothing():
    burner = Burner(np.zeros(0, object), np.zeros(0, np.uint8))
    out = np.full((3, 4), 9, np.uint8)
    burner.burn(out, Window(0, 0, 3, 4))
    assert (out == 9).all()
    assert len(burner) == 0
    assert not len(burner.meeting(Window(0, 0, 3, 4)))
