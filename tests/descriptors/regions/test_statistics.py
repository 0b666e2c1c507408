"""Statistics of regions against NumPy, region by region."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from densa.descriptors import FeatureStatistics
from densa.errors import InputError
from tests.descriptors.regions.maps import maps

STATISTICS = FeatureStatistics(("mean", "std", "min", "max"), quantiles=(0, 0.25, 0.5, 1))


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


def test_large_offsets_do_not_cancel():
    """Values of 2^24 and 2^24 + 2: squares in float32, or in float64 without an origin, would lose the deviation."""
    values = np.float32([2**24, 2**24 + 2])
    found = FeatureStatistics(("mean", "std")).compute(values[None, None], np.ones((1, 2), int))
    assert_array_equal(found, np.float32([[2**24 + 1, 1]]))


def test_names_and_order_are_those_of_the_statistics():
    some = FeatureStatistics(("max", "mean"), quantiles=(0.5,))
    assert some.names(["a", "b"]) == [
        "mean of a", "max of a", "0.5-quantile of a", "mean of b", "max of b", "0.5-quantile of b",
    ]  # fmt: skip
    found = some.compute(np.array([[[1, 2, 6]], [[0, 0, 3]]]), np.ones((1, 3), int))
    assert_allclose(found, [[3, 6, 2, 1, 3, 0]])


def test_quantiles_alone():
    found = FeatureStatistics((), quantiles=(0.25,)).compute(np.array([[[0, 4, 8]]]), np.ones((1, 3), int))
    assert_allclose(found, [[2]])  # halfway between the first two


@pytest.mark.parametrize(
    ("statistics", "quantiles", "said"),
    [
        (("median",), (), "statistics must be some of mean, std, min, max"),
        ((), (), "statistics must be some of"),
        (("mean", "mean"), (), "each once"),
        (("mean",), (1.5,), "ascending shares from 0 to 1"),
        (("mean",), (0.5, 0.5), "ascending"),
        (("mean",), (0.5, 0.1), "ascending"),
    ],
)
def test_bad_parameters_are_named(statistics, quantiles, said):
    with pytest.raises(InputError, match=said):
        FeatureStatistics(statistics, quantiles)
