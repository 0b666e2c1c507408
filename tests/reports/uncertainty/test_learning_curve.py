import json

import numpy as np
import pytest

from densa.metrics.intervals import IntervalRule, UnitSums, score_intervals
from densa.reports.uncertainty.learning_curve import chart_of, learning_curve_of

FRACTIONS, IMAGES, WRONG = (0.25, 0.5, 1.0), (10, 20, 40), (0.3, 0.2, 0.15)
RULE = IntervalRule(resamples=300)


@pytest.fixture
def found(rng):
    units = [UnitSums(2) for _ in WRONG]
    for i in range(15):
        target = rng.integers(0, 2, (20, 20)).astype(np.uint8)
        for sums, wrong in zip(units, WRONG, strict=True):
            sums.add(target, np.where(rng.random(target.shape) < wrong, 1 - target, target), image=f"{i}")
    intervals = [score_intervals(sums, rule=RULE).of("mean_iou") for sums in units]
    values = [(1 - w) / (1 + w) for w in WRONG]
    return learning_curve_of("unet", FRACTIONS, IMAGES, list(zip(values, intervals, strict=True)), units, RULE)


def test_a_curve_says_what_more_images_bring(found):
    assert found.sentence.startswith("unet: 40 more images (twice as many) would bring ")
    content = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert content["images"] == [10, 20, 40]
    assert content["more_images"] == 40
    low, high = content["gain"]["interval"]
    assert low <= content["gain"]["value"] <= high
    assert len(content["intervals"]) == 3
    assert content["text"] == found.sentence


def test_runs_of_as_many_images_count_once(found):
    again = learning_curve_of("unet", (0.01, 0.02, 1), (1, 1, 40), [(0.5, None), (0.5, None), (0.7, None)], [], None)
    assert again.curve.images.tolist() == [1, 40]
    assert not again.curve.is_fitted


def test_the_chart_lies_in_its_frame(found):
    chart = chart_of(found)
    left, top, right, bottom = chart["frame"]
    assert len(chart["points"]) == 3
    places = [tuple(map(float, pair.split(","))) for pair in f"{chart['line']} {chart['band']}".split()]
    places += [(p["x"], y) for p in chart["points"] for y in (p["y"], p["low"], p["high"])]
    assert all(left <= x <= right and top <= y <= bottom for x, y in places)
    assert chart["points"][0]["low"] > chart["points"][0]["y"] > chart["points"][0]["high"]
    unfitted = learning_curve_of("unet", (0.5, 1), (5, 10), [(0.5, None), (0.6, None)], [], None)
    assert chart_of(unfitted)["line"] == ""
