import numpy as np
import pytest
from scipy import ndimage

from densa.metrics.intervals import ErrorCorrelation


def errors_of_length(rng, length, shape=(700, 700)):
    """Right and wrong pixels whose correlation falls as a Gaussian of the given scale."""
    field = ndimage.gaussian_filter(rng.standard_normal(shape), length, mode="wrap")
    return (field > np.quantile(field, 0.8)).astype(np.uint8)


def test_the_reach_follows_the_errors(rng):
    reaches = []
    for length in (2, 6, 18):
        correlation = ErrorCorrelation()
        wrong = errors_of_length(rng, length)
        correlation.add(np.zeros_like(wrong), wrong)
        reaches.append(correlation.reach)
    for length, reach in zip((2, 6, 18), reaches, strict=True):
        assert 2 * length < reach < 5 * length


def test_correlation_is_that_of_all_pairs(rng):
    wrong = errors_of_length(rng, 3, (60, 80))
    target = np.zeros_like(wrong)
    target[rng.random(target.shape) < 0.1] = 255
    found = ErrorCorrelation()
    found.add(target, wrong)
    value = found.correlation[list(found.lags).index(4)]
    known = target != 255
    pairs = [
        (wrong[a][known[a] & known[b]], wrong[b][known[a] & known[b]])
        for a, b in ((np.s_[:, :-4], np.s_[:, 4:]), (np.s_[:-4], np.s_[4:]))
    ]
    expected = np.corrcoef(*(np.concatenate([pair[i] for pair in pairs]) for i in (0, 1)))[0, 1]
    assert value == pytest.approx(expected, rel=1e-9)


def test_no_reach_without_errors_and_a_short_one_without_correlation(rng):
    right = ErrorCorrelation()
    right.add(np.zeros((40, 40), np.uint8), np.zeros((40, 40), np.uint8))
    assert right.reach is None
    noise = ErrorCorrelation()
    noise.add(np.zeros((300, 300), np.uint8), (rng.random((300, 300)) < 0.3).astype(np.uint8))
    assert noise.reach == 1


def test_the_longest_lag_where_errors_never_stop_to_correlate():
    wrong = np.zeros((64, 64), np.uint8)
    wrong[:, :32] = 1
    found = ErrorCorrelation()
    found.add(np.zeros_like(wrong), wrong)
    assert found.reach > 16
