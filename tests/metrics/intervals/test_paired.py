from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from densa.errors import InputError
from densa.metrics.intervals import (
    Difference,
    Interval,
    IntervalRule,
    UnitRule,
    UnitSums,
    compare_runs,
    holm,
    permutation_test,
)
from densa.metrics.scores import ratio


def share(sums):
    return ratio(sums[..., :1], sums[..., 1:])


def runs_with(rng, shares, n=20, rule=None):
    """Runs that are wrong in the given shares of the pixels of the same images."""
    runs = {f"run {i}": UnitSums(2, rule=rule) for i in range(len(shares))}
    for image in range(n):
        target = rng.integers(0, 2, (30, 30)).astype(np.uint8)
        hard = rng.uniform(0.5, 1.5)
        for sums, wrong in zip(runs.values(), shares, strict=True):
            predicted = np.where(rng.random(target.shape) < wrong * hard, 1 - target, target)
            sums.add(target, predicted, image=f"image {image}")
    return runs


def test_a_few_units_are_exchanged_in_all_ways(rng):
    first = np.stack([rng.integers(0, 50, 7), np.full(7, 50)], 1).astype(float)
    second = np.stack([rng.integers(10, 50, 7), np.full(7, 50)], 1).astype(float)
    observed = abs(share(second.sum(0)) - share(first.sum(0)))
    found = []
    for swap in product((False, True), repeat=7):
        s = np.array(swap)[:, None]
        a, b = np.where(s, second, first), np.where(s, first, second)
        found.append(abs(share(b.sum(0)) - share(a.sum(0))))
    expected = np.mean(np.array(found) >= observed - 1e-12)
    assert permutation_test(first, second, share)[0] == pytest.approx(expected, abs=1e-12)


def test_scipy_finds_the_same_p(rng):
    first, second = (np.stack([rng.integers(10, 40 + extra, 25), np.full(25, 50)], 1).astype(float) for extra in (0, 6))

    def mean_difference(x, y, axis):
        return np.abs(np.mean(y, axis) - np.mean(x, axis))

    theirs = stats.permutation_test(
        (first[:, 0], second[:, 0]),
        mean_difference,
        permutation_type="samples",
        n_resamples=40_000,
        alternative="greater",
        rng=np.random.default_rng(0),
    )
    assert permutation_test(first, second, share, 40_000)[0] == pytest.approx(theirs.pvalue, abs=0.01)


def test_p_values_of_runs_that_are_alike_are_even(rng):
    """No more than 5 % of them below 0.05."""
    p = []
    for _ in range(300):
        units = rng.normal(0, 1, (9, 1))
        first, second = (np.hstack([5 + units + rng.normal(0, 1, (9, 1)), np.ones((9, 1))]) for _ in range(2))
        p.append(permutation_test(first, second, share)[0])
    assert np.mean(np.array(p) < 0.05) < 0.09
    assert 0.4 < np.mean(p) < 0.6


def test_holm_steps_down():
    assert_allclose(holm(np.array([0.01, 0.02, 0.03, 0.005])), [0.03, 0.04, 0.04, 0.02])
    assert_allclose(holm(np.array([0.5, np.nan, 0.9])), [1, np.nan, 1])
    assert_allclose(holm(np.array([0.2])), [0.2])


def test_runs_that_differ_are_ranked_and_those_that_do_not_share_ranks(rng):
    found = compare_runs(runs_with(rng, (0.2, 0.2, 0.05)), rule=IntervalRule(resamples=2000))
    assert found.ranks("mean_iou") == [(2, 3), (2, 3), (1, 1)]
    assert found.best("mean_iou") == 2
    better = found.of(0, 2, "mean_iou")
    assert 0.1 < better.interval.low < better.value < better.interval.high
    assert better.is_significant
    assert better.p < better.p_holm
    assert not found.of(0, 1, "mean_iou").is_significant
    assert "Holm" in found.text
    assert "2000 random permutations" in found.text


def test_none_is_best_where_the_best_two_do_not_differ(rng):
    found = compare_runs(runs_with(rng, (0.05, 0.05, 0.3)), rule=IntervalRule(resamples=1000))
    assert found.best("global_accuracy") is None
    assert found.ranks("global_accuracy") == [(1, 2), (1, 2), (3, 3)]


def test_a_pair_is_more_certain_than_its_runs(rng):
    """What is hard for both runs does not count."""
    runs = runs_with(rng, (0.2, 0.18), n=30)
    found = compare_runs(runs, rule=IntervalRule(resamples=2000)).of(0, 1, "global_accuracy")
    single = [share_of.table().sums for share_of in runs.values()]
    spread = np.std(single[0][:, :2].sum(1)) / 900 / np.sqrt(30)
    assert found.interval.high - found.interval.low < 3 * spread


def test_blocks_of_one_image_are_the_same_for_all_runs(rng):
    found = compare_runs(runs_with(rng, (0.3, 0.1), n=1), rule=IntervalRule(resamples=500))
    assert found.table.kind == "block"
    assert found.of(0, 1, "mean_iou").is_significant


def test_one_unit_has_no_interval_and_no_difference(rng):
    found = compare_runs(runs_with(rng, (0.3, 0.1), n=1, rule=UnitRule("image")))
    difference = found.of(0, 1, "mean_iou")
    assert difference.interval is None
    assert difference.p == 1
    assert "no interval" in found.table.warning
    content = found.to_json(("a", "b"))
    assert content["best"]["mean_iou"] is None
    assert content["differences"][0]["mean_iou"]["p_holm"] == 1


def test_other_images_or_masks_are_refused(rng):
    runs = runs_with(rng, (0.1, 0.2), n=3)
    with pytest.raises(InputError, match="two runs"):
        compare_runs({"a": runs["run 0"]})
    other = runs_with(rng, (0.1, 0.2), n=4)
    with pytest.raises(InputError, match="other"):
        compare_runs({"a": runs["run 0"], "b": other["run 0"]})
    again = runs_with(rng, (0.1, 0.2), n=3)
    with pytest.raises(InputError, match="same masks"):
        compare_runs({"a": runs["run 0"], "b": again["run 0"]})


@pytest.mark.parametrize(("n", "few"), [(13, True), (14, False), (2000, False)])
def test_all_exchanges_of_few_units_only(n, few):
    assert (2**n <= 10_000) is few
    first, second = np.tile([1.0, 2.0], (n, 1)), np.tile([2.0, 2.0], (n, 1))
    p = permutation_test(first, second, share, 10_000)[0]
    assert p == (pytest.approx(2 / 2**n) if few else pytest.approx(1 / 10_001, rel=30))


def test_a_difference_whose_interval_holds_0_is_none():
    around = Interval(-0.01, 0.05, (-0.01, 0.05), 20)
    assert not Difference(0.02, around, 0.01, 0.01).is_significant
    assert Difference(0.02, Interval(0.01, 0.05, (0.01, 0.05), 20), 0.01, 0.01).is_significant
    assert not Difference(0.02, Interval(0.01, 0.05, (0.01, 0.05), 20), 0.01, 0.06).is_significant
