"""Intervals of calibration over images: of known sums, against a bootstrap by hand."""

import numpy as np
from numpy.testing import assert_allclose

from densa.metrics import CalibrationCounts
from densa.metrics.intervals import IntervalRule, calibration_intervals


def images(rng, n=30):
    """Images of two classes, each with an error of calibration of its own."""
    for _ in range(n):
        p = rng.uniform(0.5, 1, 400)
        right = rng.random(400) < p - rng.normal(0.1, 0.05)
        counts = CalibrationCounts(2)
        counts.update(np.stack([p, 1 - p]), np.where(right, 0, 1))
        yield counts


def test_sums_give_the_scores(rng):
    whole, total = CalibrationCounts(2), 0
    for counts in images(rng):
        whole.merge(counts)
        total = total + counts.sums()
    count, right, sure = np.split(total[:-2], 3)
    found = whole.summary()
    assert_allclose(np.abs(right - sure).sum() / count.sum(), found.ece)
    assert_allclose(total[-2:] / count.sum(), [found.brier, found.nll])


def test_a_bootstrap_by_hand(rng):
    sums = [counts.sums() for counts in images(rng)]
    found = calibration_intervals([str(i) for i in range(30)], sums, IntervalRule(resamples=4000))
    drawn = np.array(sums)[rng.integers(0, 30, (4000, 30))].sum(1)
    for place, name in ((-2, "brier"), (-1, "nll")):
        scores = drawn[:, place] / drawn[:, :15].sum(1)
        low, high = np.quantile(scores, [0.025, 0.975])
        assert_allclose(found[name].percentile, (low, high), rtol=0.03)  # expanded percentiles are a little wider
    assert found["ece"].low < 0.1 < found["ece"].high


def test_images_of_a_scene_are_one_unit_and_one_unit_has_none(rng):
    sums = [counts.sums() for counts in images(rng, 6)]
    rule = IntervalRule(resamples=500)
    assert calibration_intervals("aabbcc", sums, rule)["nll"].units == 3
    assert set(calibration_intervals("aaaaaa", sums, rule).values()) == {None}
    empty = [np.zeros_like(one) for one in sums[:2]]
    assert set(calibration_intervals("ab", empty, rule).values()) == {None}
    assert set(calibration_intervals([], [], rule).values()) == {None}
