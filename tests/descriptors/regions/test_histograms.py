"""Histograms of regions against NumPy; words by brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.testing import assert_allclose, assert_array_equal

from densa.descriptors import FeatureHistogram, LocalBinaryPatterns, WordHistogram, build_dictionary
from densa.errors import InputError
from tests.descriptors.regions.maps import maps


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


def test_ends_of_the_bins_by_hand():
    features = np.array([[[-9, 0, 0.25, 0.5, 0.75, 1, 9]]])
    found = FeatureHistogram(0, 1, 4).compute(features, np.ones((1, 7), int))
    assert_allclose(found * 7, [[2, 1, 1, 3]])  # a bin begins with its lower end; the last one has its upper end too
    assert FeatureHistogram(0, 1, 2).names(["a", "b"]) == [
        "bin 1 of 2 of a", "bin 2 of 2 of a", "bin 1 of 2 of b", "bin 2 of 2 of b",
    ]  # fmt: skip


def test_every_code_of_binary_patterns_has_its_bin(rng):
    patterns = LocalBinaryPatterns()
    codes = patterns.compute(rng.random((1, 20, 30)))
    regions = rng.integers(0, 4, (20, 30))
    n = patterns.n_codes
    found = FeatureHistogram(-0.5, n - 0.5, n).compute(codes, regions, 3)
    for k in range(3):
        own = codes[0, regions == k + 1].astype(int)
        assert_allclose(found[k], np.bincount(own, minlength=n) / own.size, rtol=1e-6)


def test_words_are_counted(rng):
    features = rng.normal(2, 4, (2, 17, 19)).astype(np.float32)
    dictionary = build_dictionary(features.reshape(2, -1).T, 3, seed=1)
    words = dictionary.assign(features)
    regions = rng.integers(0, 5, (17, 19))
    found = WordHistogram(dictionary).compute(features, regions, 5)
    for k in range(4):
        assert_allclose(found[k], np.bincount(words[regions == k + 1], minlength=3) / (regions == k + 1).sum())
    assert_array_equal(found[4], 0)
    assert WordHistogram(dictionary).names(["a", "b"]) == ["word 1", "word 2", "word 3"]


@pytest.mark.parametrize(
    ("low", "high", "n_bins", "said"),
    [
        (1, 1, 4, "low below high"),
        (2, 1, 4, "low below high"),
        (0, np.inf, 4, "finite ends"),
        (0, 1, 0, "n_bins must be a whole number from 1 to 65536"),
        (0, 1, 70_000, "n_bins must be a whole number"),
    ],
)
def test_bad_parameters_are_named(low, high, n_bins, said):
    with pytest.raises(InputError, match=said):
        FeatureHistogram(low, high, n_bins)
