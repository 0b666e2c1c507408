"""Mean and spread over folds, where scores may be undefined."""

import math

from densa import Legend
from densa.reports import Accuracy
from densa.reports.cross_validation.summary import CrossValidation, FoldedMethod, FoldRow, shown, spread_of


def accuracy(value):
    return Accuracy(value, value, value, value, (value, math.nan), (value, value / 2))


def test_spread_by_hand():
    found = spread_of([0.4, 0.6, math.nan])
    assert (round(found.mean, 9), round(found.spread, 9), found.low, found.high, found.folds) == (
        0.5, round(0.02**0.5, 9), 0.4, 0.6, 2,
    )  # fmt: skip
    assert shown(found) == "50.0 ± 14.1"
    assert shown(spread_of([0.5])) == "50.0"
    assert shown(spread_of([math.nan])) == "–"


def test_json_and_table(tmp_path):
    rows = tuple(FoldRow(k, 3, accuracy(value)) for k, value in enumerate((0.4, 0.6)))
    found = CrossValidation((FoldedMethod("unet", rows),), Legend(("a", "b")), tmp_path / "s.json")
    content = found.to_json()["methods"][0]
    assert content["mean"]["class_iou"] == [0.5, 0.25]
    assert math.isnan(content["mean"]["class_accuracy"][1])
    assert "50.0 ± 14.1" in found.table()
