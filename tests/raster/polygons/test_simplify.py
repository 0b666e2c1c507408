"""Simplified borders leave neither gaps nor overlaps, whatever the strips."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from densa.raster import Polygoniser, polygonise
from densa.raster.polygons import polygoniser as polygons


@pytest.fixture(autouse=True, scope="module")
def low_bands():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(polygons, "_POINTS", 1)
        patch.setattr(polygons, "_BAND", 11)
        yield


def geometry(polygon):
    return shapely.Polygon(polygon.rings[0], polygon.rings[1:])


@st.composite
def label_maps(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, smooth = draw(st.integers(1, 4)), draw(st.sampled_from([0, 0.7, 1.5, 3]))
    height, width = draw(st.integers(1, 45)), draw(st.integers(1, 30))
    labels = ndimage.gaussian_filter(rng.random((n + 1, height, width)), (0, smooth, smooth)).argmax(0)
    return np.where((labels == n) & draw(st.booleans()), 255, labels).astype(np.uint8)


@given(label_maps(), st.sampled_from([0.5, 0.8, 1, 1.5, 2.5, 5, 20]))
def test_a_partition_stays_one(labels, tolerance):
    exact = [geometry(p) for p in polygonise(labels)]
    simple = [geometry(p) for p in polygonise(labels, simplify=tolerance)]
    assert len(exact) == len(simple)
    assert all(shapely.is_valid(simple))
    assert all(g.area > 0 for g in simple)
    before, after = shapely.union_all(exact), shapely.union_all(simple)
    assert sum(g.area for g in simple) == pytest.approx(after.area)  # no overlap
    inner = before.buffer(-tolerance * 1.001)
    assert inner.difference(after.buffer(1e-7)).area == pytest.approx(0, abs=1e-6)  # no gap
    assert after.difference(before.buffer(tolerance * 1.001)).area == pytest.approx(0, abs=1e-6)


@given(label_maps(), st.sampled_from([0.8, 1.5, 4]))
def test_every_border_stays_within_the_tolerance(labels, tolerance):
    with pytest.MonkeyPatch.context() as patch:  # all polygons leave at the end, in the order of their first pixels
        patch.setattr(polygons, "_POINTS", 10**5)
        exact = [geometry(p).boundary for p in polygonise(labels)]
        simple = [geometry(p).boundary for p in polygonise(labels, simplify=tolerance)]
    for one, other in zip(exact, simple, strict=True):
        assert shapely.hausdorff_distance(one, other) <= tolerance + 1e-9


@given(label_maps(), st.sampled_from([0.8, 2]), st.integers(1, 20), st.sampled_from([0, 4]))
def test_any_strips(labels, tolerance, height, min_area):
    whole = list(polygonise(labels, simplify=tolerance, min_area=min_area))
    found = []
    polygoniser = Polygoniser(labels.shape[1], found.append, simplify=tolerance, min_area=min_area)
    for top in range(0, len(labels), height):
        polygoniser.write(labels[top : top + height])
    polygoniser.finish()
    parts = [p for batch in found for p in polygons._polygons(batch, False)]
    assert [[r.tolist() for r in p.rings] for p in whole] == [[r.tolist() for r in p.rings] for p in parts]


@given(label_maps(), st.sampled_from([(2, 0.5), (0.3, 1)]), st.sampled_from([0.8, 2]))
def test_oblong_pixels(labels, pixel_size, tolerance):
    found = []
    polygoniser = Polygoniser(labels.shape[1], found.append, simplify=tolerance, pixel_size=pixel_size)
    polygoniser.write(np.asfortranarray(labels))
    polygoniser.finish()
    stretch = np.array(pixel_size)
    simple = [geometry(p) for batch in found for p in polygons._polygons(batch, False)]
    simple = shapely.transform(np.array(simple, object), lambda c: c * stretch)
    exact = shapely.transform(np.array([geometry(p) for p in polygonise(labels)], object), lambda c: c * stretch)
    assert shapely.is_valid(simple).all()
    before, after = shapely.union_all(exact), shapely.union_all(simple)
    assert shapely.area(simple).sum() == pytest.approx(after.area)
    assert after.difference(before.buffer(tolerance * 1.001)).area == pytest.approx(0, abs=1e-6)
    assert before.buffer(-tolerance * 1.001).difference(after.buffer(1e-7)).area == pytest.approx(0, abs=1e-6)


def test_a_tolerance_beyond_the_map():
    (polygon,) = polygonise(np.zeros((9, 9), np.uint8), simplify=1e300)
    assert len(polygon.rings[0]) >= 3


def test_a_staircase_becomes_a_line():
    labels = (np.indices((10, 10))[0] >= np.indices((10, 10))[1]).astype(np.uint8)
    rings = {p.label: p.rings[0].tolist() for p in polygonise(labels, simplify=0.8)}
    assert rings[0] == [[1, 0], [10, 9], [10, 0]]
    assert rings[1] == [[0, 0], [0, 10], [10, 10], [10, 9], [1, 0]]


def test_small_regions_do_not_vanish():
    labels = np.zeros((9, 9), np.uint8)
    labels[4, 4] = 1
    labels[2:4, 6] = 2
    simple = {p.label: geometry(p) for p in polygonise(labels, simplify=50)}
    assert simple[1].area == 1
    assert simple[2].area > 0
    assert sum(g.area for g in simple.values()) == pytest.approx(81)


def test_fewer_corners(rng):
    labels = ndimage.gaussian_filter(rng.random((3, 120, 120)), (0, 4, 4)).argmax(0).astype(np.uint8)
    n_exact, n_simple = (sum(len(r) for p in polygonise(labels, simplify=t) for r in p.rings) for t in (0, 1))
    assert n_simple < 0.4 * n_exact
