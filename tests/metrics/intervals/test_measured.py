import time

import numpy as np
import pytest

from densa.errors import InputError
from densa.metrics.intervals import IntervalRule, UnitRule, UnitSums, UnitTable, score_intervals
from densa.metrics.intervals import measured as module
from densa.metrics.intervals.sums import Columns, numbers_of


def sums_of(rng, n, rule=None):
    sums = UnitSums(3, rule=rule)
    for i in range(n):
        target = rng.integers(0, 2 if i else 3, (40, 40)).astype(np.uint8)  # class 2 in the first image only
        predicted = np.where(rng.random((40, 40)) < rng.uniform(0, 0.4), 0, target)
        sums.add(target, predicted, image=f"image {i}")
    return sums


def test_every_score_has_an_interval_around_it(rng):
    sums = sums_of(rng, 12)
    found = score_intervals(sums, rule=IntervalRule(resamples=500))
    values = dict(zip(numbers_of(3), module.scores_of(sums.table().sums.sum(0), 3, "skip"), strict=True))
    for number, interval in found.intervals.items():
        if number[1] == 2 or number[0] == "boundary_f1":
            continue
        assert interval.low <= values[number] <= interval.high, number
        assert interval.percentile[0] <= values[number] <= interval.percentile[1]
        assert interval.units == 12
    content = found.to_json(("a", "b", "c"))
    assert content["unit"]["number"] == 12
    assert content["mean_iou"]["bca"] == [found.of("mean_iou").low, found.of("mean_iou").high]
    assert content["classes"][1]["iou"]["units"] == 12
    assert content["classes"][2]["accuracy"] is None  # it occurs in one image
    assert "does not count" in content["rule"]


def test_one_unit_has_no_interval(rng):
    found = score_intervals(UnitSums(3))
    assert found.of("mean_iou") is None
    one = score_intervals(sums_of(rng, 1, UnitRule("image")))
    assert one.of("mean_iou") is None
    assert one.text == "no interval: 1 image"
    assert one.to_json(("a", "b", "c"))["warnings"] == ["one independent unit only (1 image): no interval"]


def test_blocks_have_no_boundary_scores(rng):
    found = score_intervals(sums_of(rng, 1), rule=IntervalRule(resamples=200))
    assert found.of("boundary_f1") is None
    assert found.of("mean_iou") is not None
    assert "boundary F1" in found.remark


def test_ten_thousand_resamples_of_a_thousand_images_take_seconds(rng, monkeypatch):
    columns = Columns(11)
    sums = rng.integers(1, 500, (1000, columns.width)).astype(float)
    collected = UnitSums(11)
    monkeypatch.setattr(UnitSums, "table", lambda self: UnitTable("image", tuple(map(str, range(1000))), sums, 11))
    begin = time.process_time()
    found = score_intervals(collected)
    assert found.rule.resamples == 10_000
    assert time.process_time() - begin < 60  # about 2 on one core


def test_too_few_resamples():
    with pytest.raises(InputError, match="resamples must be 100"):
        IntervalRule(resamples=10)
