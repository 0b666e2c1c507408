import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from densa.errors import InputError
from densa.metrics.intervals import Resampled, intervals_of, resample
from densa.metrics.intervals import bootstrap as module


def share(sums):
    return module.ratio(sums[..., :1], sums[..., 1:])


def counts(rng, n=30):
    sizes = rng.integers(50, 150, n)
    return np.stack([rng.binomial(sizes, rng.beta(8, 2, n)), sizes], 1).astype(float)


def test_scipy_finds_the_same_intervals(rng, monkeypatch):
    """At the nominal percentiles: scipy's has no expansion for few units."""
    sums = counts(rng)
    monkeypatch.setattr(module, "_reach", lambda n, level: stats.norm.ppf(0.5 + level / 2))
    mine = intervals_of(resample(sums, share, 40_000))[0]

    def statistic(right, size, axis=-1):
        return right.sum(axis) / size.sum(axis)

    for method, found in (("percentile", mine.percentile), ("BCa", (mine.low, mine.high))):
        theirs = stats.bootstrap(
            tuple(sums.T), statistic, paired=True, n_resamples=40_000, method=method, rng=np.random.default_rng(1)
        )
        assert_allclose(found, theirs.confidence_interval, atol=0.002)


def test_acceleration_and_bias_by_hand():
    left_out = np.array([1.0, 2.0, 4.0, np.nan])
    off = 7 / 3 - left_out[:3]
    assert module._acceleration(left_out) == pytest.approx((off**3).sum() / (6 * (off**2).sum() ** 1.5))
    assert module._acceleration(np.ones(5)) == 0
    assert module._bias(np.array([0.0, 1.0, 2.0, 3.0]), 1.0) == pytest.approx(stats.norm.ppf(1.5 / 4))


def test_percentiles_are_expanded_for_few_units():
    """Hesterberg 2015: the ends are those of Student's t times sqrt(n / (n - 1))."""
    assert module._reach(10, 0.95) == pytest.approx(stats.t.ppf(0.975, 9) * math.sqrt(10 / 9))
    assert module._reach(1e9, 0.95) == pytest.approx(stats.norm.ppf(0.975), abs=1e-6)
    assert module._reach(1.0, 0.95) == module._reach(1.001, 0.95) == 8


def test_few_effective_units_make_the_interval_wider(rng):
    sums = counts(rng, 12)
    even = intervals_of(resample(sums, share, 4000))[0]
    sizes = np.r_[np.full(3, 100.0), np.ones(9)][:, None]
    uneven = intervals_of(resample(sums, share, 4000, sizes=sizes))[0]
    assert uneven.low < even.low < even.high < uneven.high
    assert uneven.units == even.units == 12


def test_draws_have_the_number_of_units_and_follow_the_seed():
    chunks = list(module.draws(7, 500, 3, row_bytes=1 << 20))
    assert len(chunks) > 1
    weights = np.concatenate(chunks)
    assert_array_equal(weights.sum(1), 7)
    assert weights.shape == (500, 7)
    assert_allclose(weights.mean(0), 1, atol=0.2)
    assert_array_equal(weights, np.concatenate(list(module.draws(7, 500, 3, row_bytes=1 << 20))))
    assert (weights != np.concatenate(list(module.draws(7, 500, 4, row_bytes=1 << 20)))).any()


def test_a_score_of_one_unit_has_no_interval_and_an_undefined_resample_does_not_count():
    sums = np.array([[4.0, 5, 1, 2], [3, 5, 0, 0], [5, 5, 0, 0], [2, 5, 0, 0]])

    def both(s):
        return module.ratio(s[..., ::2], s[..., 1::2])

    whole, single = intervals_of(resample(sums, both, 2000))
    assert single is None
    assert whole.units == 4
    assert whole.defined == 1
    sums[1, 2:] = 2, 3
    again = intervals_of(resample(sums, both, 2000))[1]
    assert again.units == 2
    assert again.defined == pytest.approx(1 - 0.5**4, abs=0.03)
    assert 0.5 <= again.low <= again.high <= 2 / 3


def test_equal_units_give_a_point():
    found = intervals_of(resample(np.tile([3.0, 4.0], (6, 1)), share, 500))[0]
    assert found.low == found.high == found.percentile[0] == 0.75


def test_a_difference_is_that_of_the_same_draws(rng):
    first = counts(rng)
    second = first + np.array([[1.0, 0.0]])
    a, b = (resample(sums, share, 1000) for sums in (first, second))
    found = intervals_of(b - a)[0]
    assert isinstance(b - a, Resampled)
    assert 0 < found.low < found.high < 0.05  # one pixel of about a hundred, although the scores vary much more


def test_bad_arguments():
    with pytest.raises(InputError, match="one unit or more"):
        resample(np.zeros((0, 2)), share)
    with pytest.raises(InputError, match="resamples must be 2"):
        resample(np.ones((3, 2)), share, 1)


def test_units_beside_each_other_that_correlate_widen_the_interval(rng):
    """The error of the mean of a line of units, each of which is like the next one."""
    noise = rng.normal(0, 1, 401)
    values = np.stack([5 + noise[:-1] + noise[1:], np.ones(400)], 1)
    beside = np.stack([np.arange(399), np.arange(1, 400)], 1)
    alone, together = (intervals_of(resample(values, share, 4000, neighbours=pairs))[0] for pairs in (None, beside))
    ratio = (together.high - together.low) / (alone.high - alone.low)
    assert ratio == pytest.approx(math.sqrt(2), abs=0.15)  # variance 2 and covariance 1 on both sides: 4 in place of 2
    independent = np.stack([5 + noise[:-1], np.ones(400)], 1)
    same = resample(independent, share, 4000, neighbours=beside)
    assert module._widening(same.left_out[:, 0], same.neighbours) < 1.1


def test_units_of_which_few_decide_are_worth_fewer():
    even = np.r_[np.full(20, -1.0), np.full(20, 1.0)]
    assert module._worth(even) == 40
    one = np.r_[np.full(39, 0.0), 1.0]
    kurtosis = stats.kurtosis(one, fisher=False)
    assert module._worth(one) == pytest.approx(1 + 2 * 39 / (kurtosis - 1))
    assert module._worth(np.full(7, 0.25)) == 7
    assert module._worth(np.array([np.nan, np.nan])) == 0
