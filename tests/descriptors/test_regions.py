"""Region descriptors by brute force, by scikit-image and by examples worked on paper."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from densa.descriptors import (
    FeatureHistogram,
    FeatureStatistics,
    NeighbourMean,
    RegionPosition,
    RegionShape,
    RegionStack,
    WordHistogram,
    build_dictionary,
)
from densa.errors import InputError

STATISTICS = FeatureStatistics(("mean", "std", "min", "max"), quantiles=(0, 0.25, 0.5, 1))


@st.composite
def maps(draw):
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng.integers(0, draw(st.integers(1, 9)) + 1, (height, width)).astype(np.int32), rng


@settings(max_examples=40)
@given(maps(), st.floats(-1e4, 1e4))
def test_statistics_by_brute_force(drawn, offset):
    regions, rng = drawn
    features = (rng.normal(size=(3, *regions.shape)) + offset).astype(np.float32)
    features[:, regions == 0] = np.nan
    n = int(regions.max()) + 2  # one region more than there are
    found = STATISTICS.compute(features, regions, n)
    assert found.shape == (n, 3 * 8) == (n, len(STATISTICS.names(["a", "b", "c"])))
    for k in range(1, n + 1):
        values = features[:, regions == k].astype(np.float64)
        if not values.size:
            assert_array_equal(found[k - 1], 0)
            continue
        quantiles = np.quantile(values, (0, 0.25, 0.5, 1), axis=1)
        expected = [values.mean(1), values.std(1), values.min(1), values.max(1), *quantiles]
        assert_allclose(found[k - 1], np.array(expected).T.ravel(), rtol=1e-5, atol=1e-6)


@settings(max_examples=40)
@given(maps())
def test_histograms_by_brute_force(drawn):
    regions, rng = drawn
    features = rng.normal(0.5, 0.5, (2, *regions.shape)).astype(np.float32)
    n = max(int(regions.max()), 1)
    found = FeatureHistogram(0, 1, 5).compute(features, regions, n).reshape(n, 2, 5)
    for k in range(1, n + 1):
        for f in range(2):
            values = np.clip(features[f, regions == k].astype(np.float64), 0, 1)
            expected = np.histogram(values, 5, (0, 1))[0] / max(values.size, 1)
            assert_allclose(found[k - 1, f], expected, atol=1e-7)


@settings(max_examples=30)
@given(maps())
def test_regions_renumbered_give_the_rows_renumbered(drawn):
    regions, rng = drawn
    features = rng.normal(size=(2, *regions.shape)).astype(np.float32)
    n = max(int(regions.max()), 1)
    new = np.concatenate(([0], 1 + rng.permutation(n))).astype(np.int32)
    stack = RegionStack((STATISTICS, RegionShape(), RegionPosition(), FeatureHistogram(-1, 1)))
    assert_array_equal(stack.compute(features, new[regions], n)[new[1:] - 1], stack.compute(features, regions, n))


def test_shape_is_scikit_images(rng):
    measure = pytest.importorskip("skimage.measure")
    regions = np.repeat(np.repeat(rng.integers(0, 40, (9, 11)), 5, axis=0), 4, axis=1)
    regions[rng.random(regions.shape) < 0.2] = 7
    found = RegionShape().compute(np.zeros((1, *regions.shape)), regions)
    place = RegionPosition().compute(np.zeros((1, *regions.shape)), regions)
    for p in measure.regionprops(regions):
        area, height, width, extent, eccentricity, _, _ = found[p.label - 1]
        assert area == p.area
        assert (height, width) == (p.bbox[2] - p.bbox[0], p.bbox[3] - p.bbox[1])
        assert extent == pytest.approx(p.extent)
        low, high = np.linalg.eigvalsh(p.inertia_tensor + np.eye(2) / 12)  # of points there, of unit squares here
        assert eccentricity == pytest.approx(np.sqrt(1 - low / high), abs=1e-5)
        centre = (np.array(p.centroid) + 0.5) / regions.shape
        assert_allclose(place[p.label - 1], centre, rtol=1e-6)


def test_shape_by_hand():
    regions = np.array([[1, 1, 1, 1], [2, 2, 0, 3], [2, 2, 0, 3]])
    found = RegionShape().compute(np.zeros((1, 3, 4)), regions, 5)
    assert RegionShape().names([]) == ["area", "height", "width", "extent", "eccentricity", "perimeter", "compactness"]
    # a row of four: moments 1/12 and 15/12 + 1/12, eccentricity sqrt(1 - 1/16)
    assert_allclose(found[0], [4, 1, 4, 1, np.sqrt(15 / 16), 10, 4 * np.pi * 4 / 100], rtol=1e-6)
    assert_allclose(found[1], [4, 2, 2, 1, 0, 8, np.pi / 4], rtol=1e-6)
    assert_allclose(found[2, [0, 5]], [2, 6])
    assert_array_equal(found[3:], 0)
    assert_allclose(RegionPosition().compute(np.zeros((1, 3, 4)), regions)[1], [2 / 3, 1 / 4])


def test_neighbours_by_hand():
    regions = np.array([[1, 1, 2], [3, 3, 2], [3, 3, 2], [0, 0, 0], [4, 4, 4]])
    features = np.array([0, 10, 20, 60, 7])[regions][None]
    found = NeighbourMean(FeatureStatistics(("mean",))).compute(features, regions)[:, 0]
    # sides: 1-2: 1, 1-3: 2, 2-3: 2; region 4 has no neighbour
    assert_allclose(found, [(20 + 2 * 60) / 3, (10 + 2 * 60) / 3, (2 * 10 + 2 * 20) / 4, 7])
    assert NeighbourMean(FeatureStatistics(("mean",))).names(["x"]) == ["neighbours' mean of x"]


def test_words_are_the_nearest_centres(rng):
    samples = np.concatenate([rng.normal(c, 0.1, (50, 2)) for c in ((0, 0), (5, 0), (0, 9))])
    dictionary = build_dictionary(samples, 3, seed=1)
    assert dictionary.n_words == 3
    features = rng.normal(2, 4, (2, 17, 19)).astype(np.float32)
    words = dictionary.assign(features)
    standard = (features - dictionary.mean[:, None, None]) * dictionary.scale[:, None, None]
    distances = ((standard[None] - dictionary.centres[:, :, None, None]) ** 2).sum(axis=1)
    assert_array_equal(words, distances.argmin(axis=0))
    for a, b in zip(range(0, 150, 50), ((0, 0), (5, 0), (0, 9)), strict=True):  # each cluster is one word
        near = dictionary.assign(samples[a : a + 50].T.reshape(2, 50, 1))
        assert len(np.unique(near)) == 1
        centre = dictionary.centres[near[0, 0]] / dictionary.scale + dictionary.mean
        assert_allclose(centre, b, atol=0.1)
    regions = rng.integers(0, 5, (17, 19))
    found = WordHistogram(dictionary).compute(features, regions, 4)
    for k in range(4):
        assert_allclose(found[k], np.bincount(words[regions == k + 1], minlength=3) / (regions == k + 1).sum())


def test_dictionaries_repeat(rng):
    samples = rng.normal(size=(500, 4))
    a, b, c = (build_dictionary(samples, 6, seed=seed) for seed in (3, 3, 4))
    assert_array_equal(a.centres, b.centres)
    assert not np.array_equal(a.centres, c.centres)
    samples[:, 1] = 5  # a constant feature decides nothing
    words = build_dictionary(samples, 6).assign(samples.T.reshape(4, 20, 25))
    samples[:, 1] = -3
    assert_array_equal(build_dictionary(samples, 6).assign(samples.T.reshape(4, 20, 25)), words)


def test_features_outside_the_regions_may_be_anything(rng):
    regions = rng.integers(0, 3, (9, 9))
    features = rng.normal(size=(2, 9, 9)).astype(np.float32)
    words = build_dictionary(features.reshape(2, -1).T, 4)
    every = RegionStack((STATISTICS, WordHistogram(words), NeighbourMean(STATISTICS), FeatureHistogram(-1, 1)))
    expected = every.compute(features, regions)
    assert expected.shape[1] == len(every.names(["a", "b"]))
    for value in (np.nan, np.inf, 1e30):
        features[:, regions == 0] = value
        assert_array_equal(every.compute(features, regions), expected)
    features[1, regions == 1] = np.nan
    with pytest.raises(InputError, match="finite"):
        every.compute(features, regions)


def test_bad_arguments_are_named(rng):
    features, regions = np.zeros((2, 4, 5)), np.ones((4, 5), int)
    for planes, numbers, n in (
        (features[0], regions, None),
        (features, regions[:3], None),
        (features, regions * 1.0, None),
        (features, -regions, None),
        (features, regions * 4, 3),
        (features, regions * 2**30, None),
        (features, regions, 2**31 - 1),
        (features, regions[None], None),
        (features[:, :0], regions[:0], None),
        (features, regions.astype(np.int64) << 40, None),
        (features.astype(complex), regions, None),
    ):
        with pytest.raises(InputError):
            STATISTICS.compute(planes, numbers, n)
    samples = rng.normal(size=(20, 2))
    dictionary = build_dictionary(samples, 2)
    for call in (
        lambda: build_dictionary(samples, 21),
        lambda: build_dictionary(samples * np.nan, 2),
        lambda: build_dictionary(samples[0], 2),
        lambda: build_dictionary(samples, 2, seed=-1),
        lambda: build_dictionary(np.ones((20, 2)), 2),
        lambda: dictionary.assign(np.zeros((3, 4, 4))),
        lambda: dictionary.assign(np.full((2, 4, 4), np.nan)),
        lambda: FeatureHistogram(1, 1),
        lambda: FeatureHistogram(0, 1, 0),
        lambda: FeatureStatistics(("median",)),
        lambda: FeatureStatistics(quantiles=(1.5,)),
        lambda: RegionStack(()),
        lambda: NeighbourMean(3),
    ):
        with pytest.raises(InputError):
            call()


def test_a_map_without_regions():
    assert STATISTICS.compute(np.zeros((2, 3, 3)), np.zeros((3, 3), int)).shape == (0, 16)
    assert_array_equal(STATISTICS.compute(np.zeros((2, 3, 3)), np.zeros((3, 3), int), 2), np.zeros((2, 16)))
