"""What holds for every region descriptor: names and numbers of regions, values outside of them, clear errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.testing import assert_array_equal

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
from tests.descriptors.regions.maps import maps

STATISTICS = FeatureStatistics(("mean", "std", "min", "max"), quantiles=(0, 0.25, 0.5, 1))


@settings(max_examples=30)
@given(maps())
def test_regions_renumbered_give_the_rows_renumbered(drawn):
    regions, rng = drawn
    features = rng.normal(size=(2, *regions.shape)).astype(np.float32)
    n = max(int(regions.max()), 1)
    new = np.concatenate(([0], 1 + rng.permutation(n))).astype(np.int32)
    stack = RegionStack((STATISTICS, RegionShape(), RegionPosition(), FeatureHistogram(-1, 1)))
    assert_array_equal(stack.compute(features, new[regions], n)[new[1:] - 1], stack.compute(features, regions, n))


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


def test_a_map_without_regions():
    assert STATISTICS.compute(np.zeros((2, 3, 3)), np.zeros((3, 3), int)).shape == (0, 16)
    assert_array_equal(STATISTICS.compute(np.zeros((2, 3, 3)), np.zeros((3, 3), int), 2), np.zeros((2, 16)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f, r: (f[0], r, None), "features must be real numbers"),
        (lambda f, r: (f.astype(complex), r, None), "features must be real numbers"),
        (lambda f, r: (f[:, :0], r[:0], None), "features must be real numbers"),
        (lambda f, r: (f, r[:3], None), "the features' size"),
        (lambda f, r: (f, r * 1.0, None), "regions must be integers"),
        (lambda f, r: (f, r[None], None), "regions must be integers"),
        (lambda f, r: (f, -r, None), "numbered from 1"),
        (lambda f, r: (f, r.astype(np.int64) << 40, None), "numbered from 1"),
        (lambda f, r: (f, r * 4, 3), "n_regions = 3, got 4"),
        (lambda f, r: (f, r * 2**30, None), "renumber the regions"),
        (lambda f, r: (f, r, 2**31 - 1), "renumber the regions"),
    ],
)
def test_bad_arguments_are_named(change, said):
    features, regions, n = change(np.zeros((2, 4, 5)), np.ones((4, 5), int))
    with pytest.raises(InputError, match=said):
        STATISTICS.compute(features, regions, n)
