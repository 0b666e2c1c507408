"""The page of a cross-validation holds its numbers, also where scores are undefined."""

import csv
import math

import pytest

from densa import Legend
from densa.errors import InputError
from densa.reports import Accuracy
from densa.reports.cross_validation.page import check_cross_validation, write_cross_validation
from densa.reports.cross_validation.summary import CrossValidation, FoldedMethod, FoldRow


def test_page_and_table(tmp_path):
    def accuracy(value):
        return Accuracy(value, value, value, math.nan, (value, math.nan), (value, math.nan))

    rows = tuple(FoldRow(k, 3, accuracy(value), {"steps": 5}) for k, value in enumerate((0.4, 0.6, 0.65)))
    none = tuple(FoldRow(k, 3, accuracy(math.nan)) for k in range(3))
    methods = (FoldedMethod("<unet>", rows), FoldedMethod("none", none))
    found = CrossValidation(methods, Legend(("a", "b")), tmp_path / "s.json", facts={"data": "roads"})
    page = write_cross_validation(found, tmp_path / "report")
    text = page.read_text()
    assert "&lt;unet&gt;" in text
    assert "55.0 ± 13.2" in text
    assert text.count("<circle") == 3
    with page.with_suffix(".csv").open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [line["fold"] for line in lines] == ["0", "1", "2", "mean", "spread"] * 2
    assert lines[0]["iou b"] == lines[5]["mean_iou"] == ""
    with pytest.raises(InputError, match="exists"):
        check_cross_validation(tmp_path / "report")
