"""Masks of COCO: polygons and run lengths as pycocotools reads them."""

import numpy as np
import pytest

from densa import InputError
from densa.datasets.annotations.coco_masks import CocoPolygons, ColumnRuns, decode_counts
from densa.raster import Window

# Drawn by pycocotools 2.0.11: frPyObjects, merge, decode.
TRIANGLE = np.array([[1.2, 0.7], [7.9, 2.3], [3.1, 5.6]])
MOVED = TRIANGLE + np.array([2, 1])
DRAWN = [
    "..........",
    "..##......",
    "..######..",
    "..####....",
    "...##.....",
    "..........",
    "..........",
]


def whole(shape, height, width):
    return shape.mask(Window(0, 0, height, width))


def test_a_polygon_by_the_rule_of_pycocotools():
    found = whole(CocoPolygons([TRIANGLE], 7, 10), 7, 10)
    assert ["".join(".#"[int(v)] for v in row) for row in found] == DRAWN


def test_polygons_of_an_object_are_united():
    two = CocoPolygons([TRIANGLE, MOVED], 7, 10)
    first, second = (whole(CocoPolygons([p], 7, 10), 7, 10) for p in (TRIANGLE, MOVED))
    np.testing.assert_array_equal(whole(two, 7, 10), first | second)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # of pycocotools
def test_polygons_match_pycocotools(rng):
    masks = pytest.importorskip("pycocotools.mask")
    for k in range(300):
        height, width = (int(n) for n in rng.integers(1, 60, 2))
        points = rng.uniform(-15, 75, (int(rng.integers(3, 12)), 2))
        points = np.round(points) if k % 3 == 0 else np.round(points * 5) / 5 if k % 7 == 0 else points
        expected = masks.decode(masks.merge(masks.frPyObjects([points.ravel().tolist()], height, width)))
        shape = CocoPolygons([points], height, width)
        np.testing.assert_array_equal(whole(shape, height, width), expected.astype(bool))
        top, left, bottom, right = shape.box
        expected[top:bottom, left:right] = 0
        assert not expected.any()


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_run_lengths_match_pycocotools(rng):
    masks = pytest.importorskip("pycocotools.mask")
    for _ in range(100):
        expected = (rng.random(rng.integers(1, 50, 2)) < rng.random()).astype(np.uint8)
        runs = ColumnRuns(masks.encode(np.asfortranarray(expected))["counts"].decode(), *expected.shape)
        np.testing.assert_array_equal(whole(runs, *expected.shape), expected.astype(bool))
        assert runs.area == expected.sum()


def test_texts_hold_differences():
    """5, 2 and 2 as they are; then 0 and 3 more than the last but one."""
    assert decode_counts("52203").tolist() == [5, 2, 2, 2, 5]


def test_windows_are_parts_of_the_whole(rng):
    mask = rng.random((23, 31)) < 0.4
    flat = np.concatenate(([False], mask.T.ravel(), [not mask.T.ravel()[-1]]))
    counts = np.diff(np.flatnonzero(np.concatenate(([True], flat[1:] != flat[:-1]))))
    counts[0] -= 1
    runs = ColumnRuns(counts.astype(np.int64), 23, 31)
    np.testing.assert_array_equal(whole(runs, 23, 31), mask)
    np.testing.assert_array_equal(runs.mask(Window(5, 7, 11, 13)), mask[5:16, 7:20])
    polygon = CocoPolygons([rng.uniform(-5, 35, (9, 2))], 23, 31)
    np.testing.assert_array_equal(polygon.mask(Window(5, 7, 11, 13)), whole(polygon, 23, 31)[5:16, 7:20])


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([3, 4], "a mask has run lengths of 7 pixels, longer than its image of 2 x 3 = 6"),
        ([3, 2], "a mask has run lengths of 5 pixels, shorter than its image"),
        ([8, -2], "a mask has the run length -2"),
    ],
)
def test_run_lengths_fill_the_image(counts, message):
    with pytest.raises(InputError, match=message):
        ColumnRuns(np.array(counts), 2, 3).mask(Window(0, 0, 2, 3))


@pytest.mark.parametrize("text", ["", "5 2", "ab~", "é", "P", "o" * 40 + "0"])
def test_other_text_is_refused(text):
    with pytest.raises(InputError, match="must be text of pycocotools"):
        decode_counts(text)


def test_a_mask_of_nothing_lies_nowhere():
    assert ColumnRuns(np.array([6]), 2, 3).box == (0, 0, 0, 0)
