"""Polygons of streamed label maps equal those of GDAL on the whole array."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal
from rasterio.features import shapes

from densa.errors import InputError
from densa.raster import Polygoniser, polygonise
from densa.raster.polygons import polygoniser as polygons


@pytest.fixture(autouse=True, scope="module")
def small_arrays():
    """Finished polygons leave every few rows, as in large maps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(polygons, "_POINTS", 1)
        patch.setattr(polygons, "_CHUNK", 60)
        yield


def normalised(rings):
    """Rings with one start and one direction; holes in one order."""
    found = []
    for ring in rings:
        corners = [(int(x), int(y)) for x, y in ring]
        corners = corners[:-1] if corners[0] == corners[-1] else corners
        start = corners.index(min(corners))
        corners = corners[start:] + corners[:start]
        found.append(tuple(corners if corners[1] < corners[-1] else [corners[0], *corners[:0:-1]]))
    return (found[0], *sorted(found[1:]))


def by_gdal(labels):
    mask = labels != (0 if labels.dtype == np.int32 else 255)
    return sorted((int(v), normalised(s["coordinates"])) for s, v in shapes(labels, mask=mask, connectivity=4))


def in_strips(labels, height, confidence=None, **options):
    found = []
    polygoniser = Polygoniser(labels.shape[1], found.append, regions=labels.dtype == np.int32, **options)
    for top in range(0, len(labels), height):
        rows = slice(top, top + height)
        polygoniser.write(labels[rows], None if confidence is None else confidence[rows])
    polygoniser.finish()
    return [p for batch in found for p in polygons._polygons(batch, confidence is not None)]


def same(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert (a.label, a.n_pixels, a.mean_probability) == (b.label, b.n_pixels, b.mean_probability)
        assert len(a.rings) == len(b.rings)
        for ring, other_ring in zip(a.rings, b.rings, strict=True):
            assert_array_equal(ring, other_ring)


label_maps = st.tuples(st.integers(1, 25), st.integers(1, 12)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.sampled_from([0, 0, 1, 2, 254, 255]))
)


@given(label_maps, st.integers(1, 9))
def test_equal_to_gdal(labels, height):
    found = in_strips(labels, height)
    assert sorted((p.label, normalised(p.rings)) for p in found) == by_gdal(labels)
    same(found, in_strips(labels, 1000))  # in the same order too


MOST = 2**31 - 1
region_maps = st.tuples(st.integers(1, 25), st.integers(1, 12)).flatmap(
    lambda shape: arrays(np.int32, shape, elements=st.sampled_from([0, 0, 1, 2, 255, 256, 70_000, MOST - 1, MOST]))
)


@given(region_maps, st.integers(1, 9))
def test_regions_equal_to_gdal(labels, height):
    found = in_strips(labels, height)
    assert sorted((p.label, normalised(p.rings)) for p in found) == by_gdal(labels)
    same(found, in_strips(labels, 1000))
    assert sum(p.n_pixels for p in found) == (labels != 0).sum()
    for p in found:
        assert p.n_pixels == sum(_signed_area(ring) for ring in p.rings)


@given(label_maps, st.integers(1, 9), st.sampled_from([0, 1.5]))
def test_numbered_as_regions_classes_have_the_same_polygons(labels, height, tolerance):
    regions = np.where(labels == 255, 0, labels.astype(np.int32) + 1)
    numbered = in_strips(regions.astype(np.int32), height, simplify=tolerance)
    same([replace(p, label=p.label - 1) for p in numbered], in_strips(labels, height, simplify=tolerance))


def test_a_region_in_pieces_has_a_polygon_for_each():
    labels = np.array([[5, 5, 0, 5], [0, 0, 5, 0], [5, 0, 0, 7]], np.int32)  # two touch at a corner
    assert sorted((p.label, p.n_pixels) for p in polygonise(labels)) == [(5, 1), (5, 1), (5, 1), (5, 2), (7, 1)]


def spiral(n):
    labels = np.zeros((n, n), np.uint8)
    row, column, down, right, left = 0, 0, 0, 1, n - 1
    labels[0, 0] = 1
    while left > 0:
        for _ in range(2 if left < n - 1 else 3):
            for _ in range(left):
                row, column = row + down, column + right
                labels[row, column] = 1
            down, right = right, -down
        left -= 2
    return labels


def nested(n):
    distance = np.minimum(np.arange(n), np.arange(n)[::-1])
    return (np.minimum.outer(distance, distance) % 3).astype(np.uint8)


LARGE = {
    "checkerboard": np.indices((30, 31)).sum(0).astype(np.uint8) % 2,
    "diagonal stripes": np.indices((40, 23)).sum(0).astype(np.uint8) // 3 % 3,
    "comb": np.where(np.arange(21) % 2, 255, 1).astype(np.uint8)[None].repeat(40, 0),
    "comb joined below": np.vstack(
        [(np.arange(21) % 2).astype(np.uint8)[None].repeat(40, 0), np.ones((1, 21), np.uint8)]
    ),
    "spiral": spiral(41),
    "nested": nested(37),
    "noise": np.random.default_rng(0).integers(0, 2, (150, 40)).astype(np.uint8),
    "one row": np.random.default_rng(1).integers(0, 3, (1, 300)).astype(np.uint8),
    "one column": np.random.default_rng(2).integers(0, 3, (300, 1)).astype(np.uint8),
    "no data": np.full((20, 30), 255, np.uint8),
    "one class": np.zeros((200, 30), np.uint8),
}


@pytest.mark.parametrize("name", LARGE)
def test_shapes_that_are_known_to_be_hard(name):
    labels = LARGE[name]
    expected = by_gdal(labels)
    for height in (1, 7, 1000):
        assert sorted((p.label, normalised(p.rings)) for p in in_strips(labels, height)) == expected


def test_rings_by_hand():
    labels = np.array([[1, 1, 1, 1], [1, 2, 1, 1], [1, 1, 2, 1], [1, 1, 1, 1]], np.uint8)
    one, two, three = sorted(polygonise(labels), key=lambda p: (p.label, p.rings[0][0].tolist()))
    assert_array_equal(one.rings[0], [[0, 0], [0, 4], [4, 4], [4, 0]])  # counterclockwise as drawn, from the top
    assert_array_equal(one.rings[1], [[1, 1], [2, 1], [2, 2], [1, 2]])  # clockwise; two holes that touch
    assert_array_equal(one.rings[2], [[2, 2], [3, 2], [3, 3], [2, 3]])
    assert_array_equal(two.rings[0], [[1, 1], [1, 2], [2, 2], [2, 1]])
    assert (one.n_pixels, two.n_pixels, three.n_pixels) == (14, 1, 1)


@given(label_maps, st.integers(1, 9), st.integers(0, 2**32))
def test_sizes_and_probabilities(labels, height, seed):
    confidence = np.random.default_rng(seed).integers(0, 256, labels.shape).astype(np.uint8)
    found = in_strips(labels, height, confidence)
    assert sum(p.n_pixels for p in found) == (labels != 255).sum()
    for p in found:
        assert p.n_pixels == sum(_signed_area(ring) for ring in p.rings)
    total = sum(p.mean_probability * p.n_pixels for p in found)
    assert total == pytest.approx(confidence[labels != 255].sum() / 255)
    single = [p for p in found if p.n_pixels == 1]
    for p in single:
        x, y = p.rings[0][0]
        assert p.mean_probability == confidence[y, x] / 255


def _signed_area(ring):
    x, y = ring.astype(int).T
    return -int(x @ np.roll(y, -1) - y @ np.roll(x, -1)) // 2


@pytest.mark.parametrize("regions", [False, True])
def test_finished_polygons_leave(regions):
    """A long map of small regions keeps the arrays at their size; the first polygons come before the last rows."""
    found = []
    polygoniser = Polygoniser(16, found.append, regions=regions)
    if regions:  # 2 by 2 pixels, each with its own number
        blocks = np.arange(1, 3201, dtype=np.int32).reshape(400, 8)
        labels = blocks.repeat(2, 0).repeat(2, 1)
    else:
        labels = np.tile((np.indices((8, 16)) // 2).sum(0).astype(np.uint8) % 3, (100, 1))
    for top in range(0, 800, 8):
        polygoniser.write(labels[top : top + 8])
    assert sum(len(batch.labels) for batch in found) > 2000
    assert len(polygoniser._tracer._borders.points) < 1500
    polygoniser.finish()
    assert sum(len(batch.labels) for batch in found) == len(list(shapes(labels)))


@pytest.mark.parametrize(
    ("labels", "confidence", "message"),
    [
        (np.zeros((2, 5), np.uint8), None, r"\(rows, 4\), got the shape \(2, 5\)"),
        (np.zeros(4, np.uint8), None, r"\(rows, 4\)"),
        (np.zeros((2, 4), np.int64), None, "labels must be uint8, got int64"),
        (np.zeros((2, 4), np.uint8), np.zeros((2, 4), np.float32), "confidence must be uint8, got float32"),
        (np.zeros((2, 4), np.uint8), np.zeros((1, 4), np.uint8), r"confidence must have the shape \(2, 4\)"),
        (np.zeros((2, 4), np.uint8), np.zeros((2, 4), np.uint8), "all strips or for none"),
    ],
)
def test_refused_strips(labels, confidence, message):
    polygoniser = Polygoniser(4, list)
    polygoniser.write(np.zeros((1, 4), np.uint8))
    with pytest.raises(InputError, match=message):
        polygoniser.write(labels, confidence)


def test_other_refusals():
    with pytest.raises(InputError, match=r"width must be in 1.*, got 0"):
        Polygoniser(0, list)
    with pytest.raises(InputError, match="min_area must be at least 0, got -1"):
        Polygoniser(3, list, min_area=-1)
    with pytest.raises(InputError, match="simplify must be at least 0, got nan"):
        Polygoniser(3, list, simplify=float("nan"))
    with pytest.raises(InputError, match=r"\(H, W\)"):
        list(polygonise(np.zeros(3, np.uint8)))
    polygoniser = Polygoniser(3, list)
    polygoniser.finish()
    with pytest.raises(InputError, match="after finish"):
        polygoniser.write(np.zeros((1, 3), np.uint8))


def test_refused_regions():
    with pytest.raises(InputError, match="labels must be int32, got uint8"):
        Polygoniser(4, list, regions=True).write(np.zeros((2, 4), np.uint8))
    with pytest.raises(InputError, match="from 1, with 0 for no region, got -7"):
        list(polygonise(np.full((2, 4), -7, np.int32)))
    with pytest.raises(InputError, match="uint8 classes or int32 region numbers, got int64"):
        list(polygonise(np.ones((2, 4), np.int64)))
    with pytest.raises(InputError, match="min_area must be 0 for numbered regions"):
        list(polygonise(np.ones((2, 4), np.int32), min_area=2))


def test_no_rows_at_all():
    assert in_strips(np.zeros((0, 3), np.int32), 1) == []
    assert in_strips(np.zeros((0, 3), np.uint8), 1) == []
