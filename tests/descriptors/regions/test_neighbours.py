"""Means over adjacent regions by hand and by brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.testing import assert_allclose

from densa.descriptors import FeatureStatistics, NeighbourMean
from densa.errors import InputError
from tests.descriptors.regions.maps import maps

MEAN = FeatureStatistics(("mean",))


def test_neighbours_by_hand():
    regions = np.array([[1, 1, 2], [3, 3, 2], [3, 3, 2], [0, 0, 0], [4, 4, 4]])
    features = np.array([0, 10, 20, 60, 7])[regions][None]
    found = NeighbourMean(FeatureStatistics(("mean",))).compute(features, regions)[:, 0]
    # sides: 1-2: 1, 1-3: 2, 2-3: 2; region 4 has no neighbour
    assert_allclose(found, [(20 + 2 * 60) / 3, (10 + 2 * 60) / 3, (2 * 10 + 2 * 20) / 4, 7])
    assert NeighbourMean(FeatureStatistics(("mean",))).names(["x"]) == ["neighbours' mean of x"]


@settings(max_examples=40)
@given(maps())
def test_neighbours_by_brute_force(drawn):
    regions, rng = drawn
    features = rng.normal(size=(2, *regions.shape)).astype(np.float32)
    n = max(int(regions.max()), 1)
    own = MEAN.compute(features, regions, n)
    found = NeighbourMean(MEAN).compute(features, regions, n)
    sides = np.zeros((n + 1, n + 1))
    for a, b in ((regions[:, :-1], regions[:, 1:]), (regions[:-1], regions[1:])):
        for i, j in zip(a.ravel(), b.ravel(), strict=True):
            sides[i, j] += i != j
            sides[j, i] += i != j
    sides = sides[1:, 1:]  # region 0 is none
    for k in range(n):
        expected = sides[k] @ own.astype(float) / sides[k].sum() if sides[k].any() else own[k]
        assert_allclose(found[k], expected if (regions == k + 1).any() else 0, rtol=1e-5, atol=1e-6)


def test_what_is_no_region_descriptor_is_refused():
    with pytest.raises(InputError, match="needs a region descriptor, got 3"):
        NeighbourMean(3)
