"""Windows of a drawing are parts of the whole; polygons are GDAL's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from rasterio.features import rasterize

from densa.datasets.strokes import Stroke, StrokeLabels
from densa.raster import Window


def polygon(rng, n, centre, radius):
    turn = np.sort(rng.random(n)) * 2 * np.pi
    return tuple(
        (centre[0] + radius * r * np.cos(t), centre[1] + radius * r * np.sin(t))
        for t, r in zip(turn, rng.uniform(0.4, 1, n), strict=True)
    )


def drawing(seed):
    rng = np.random.default_rng(seed)
    strokes = [
        Stroke(k % 3, float(rng.uniform(0.5, 9)), tuple(map(tuple, rng.uniform(-20, 90, (k + 1, 2))))) for k in range(5)
    ]
    strokes.insert(2, Stroke(1, 1, polygon(rng, 9, (30, 20), 25), "polygon"))
    return [*strokes, Stroke(255, 4, ((0, 0), (60, 50)))]


@given(st.integers(0, 10_000), st.integers(3, 25), st.integers(3, 25))
@settings(max_examples=20, deadline=None)
def test_windows_are_parts_of_the_whole(seed, rows, columns):
    labels = StrokeLabels(drawing(seed), 50, 70)
    whole = labels.read(Window(0, 0, 50, 70))
    for row in range(0, 50, rows):
        for column in range(0, 70, columns):
            window = Window(row, column, min(rows, 50 - row), min(columns, 70 - column))
            expected = whole[row : row + window.height, column : column + window.width]
            assert_array_equal(labels.read(window), expected)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_polygons_with_holes_are_those_of_gdal(seed):
    rng = np.random.default_rng(seed)
    outer, hole = polygon(rng, 12, (25.3, 21.7), 30), polygon(rng, 7, (25.3, 21.7), 8)
    labels = StrokeLabels([Stroke(1, 1, outer, "polygon", (hole,))], 40, 50).read(Window(0, 0, 40, 50))
    rings = [[(x + 0.5, y + 0.5) for x, y in (*ring, ring[0])] for ring in (outer, hole)]
    expected = rasterize([({"type": "Polygon", "coordinates": rings}, 1)], (40, 50), fill=255, dtype=np.uint8)
    assert_array_equal(labels, expected)


def test_a_window_of_a_huge_scene_costs_what_it_holds():
    """A stroke across 10 Gpx and a polygon of 100 000 corners: only the window is drawn."""
    turn = np.linspace(0, 2 * np.pi, 100_000, endpoint=False)
    ring = tuple(zip((50_000 + 40_000 * np.cos(turn)).tolist(), (50_000 + 40_000 * np.sin(turn)).tolist(), strict=True))
    strokes = [Stroke(0, 1, ring, "polygon"), Stroke(1, 3, ((0, 0), (99_999, 99_999)))]
    labels = StrokeLabels(strokes, 100_000, 100_000).read(Window(50_000, 50_000, 64, 64))
    assert set(np.unique(labels)) == {0, 1}
    assert (labels == 1).sum() == 64 + 2 * 63 + 2 * 62  # the diagonal and two neighbours at each side


def test_an_eraser_takes_labels_away():
    strokes = [Stroke(1, 20, ((5, 5),)), Stroke(255, 4, ((5, 5),))]
    labels = StrokeLabels(strokes, 11, 11).read(Window(0, 0, 11, 11))
    assert labels[5, 5] == 255
    assert labels[5, 8] == 1


def test_strokes_outside_are_counted():
    labels = StrokeLabels([Stroke(0, 1, ((1, 1),)), Stroke(1, 1, ((50, 50),))], 10, 10)
    assert labels.outside() == 1


@pytest.mark.parametrize("shape", ["line", "polygon"])
def test_nothing_is_drawn_beyond_the_window(shape):
    labels = StrokeLabels([Stroke(1, 3, ((-30, -30), (-20, -40), (-10, -30)), shape)], 10, 10)
    assert (labels.read(Window(0, 0, 10, 10)) == 255).all()
