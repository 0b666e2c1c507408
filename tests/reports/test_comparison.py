import csv
import json
import math

import numpy as np
import pytest

from densa.errors import InputError
from densa.legend import Legend
from densa.metrics.intervals import IntervalRule, compare_runs
from densa.reports import Accuracy, Comparison, Cost, MethodRow, Pair, SideBySide, evaluate_pairs, write_comparison
from densa.reports.published import PUBLISHED_ACCURACY, PUBLISHED_COST
from tests.reports.camvid import CAMVID
from tests.reports.html_page import Page


def accuracy(value, n):
    return Accuracy(value, value / 2, value / 4, math.nan, (value,) * n, (value / 3,) * n)


def compared(names=CAMVID):
    n = len(names)
    legend = Legend(names)
    view = SideBySide(
        "<b>street", np.zeros((4, 6, 3), np.uint8), np.zeros((4, 6), np.uint8), (np.ones((4, 6), np.uint8),) * 2
    )
    rows = (
        MethodRow("segnet", "segnet", accuracy(0.8, n), Cost(10, 20, 3000, 150, 32, 118, 29_449_355), {"steps": 5}),
        MethodRow("my <model>", None, accuracy(0.9, n), Cost(forward_ms=5, model_mb=1), {}, ("it is no network",)),
    )
    return Comparison(rows, legend, {"processor": "a & b"}, (view,))


def test_the_page_is_self_contained_and_escaped(tmp_path):
    path = write_comparison(compared(), tmp_path / "new" / "report")
    page = Page(path.read_text(encoding="utf-8"))
    assert all(reference.startswith("data:") for reference in page.references)
    for text in ("my <model>", "<b>street", "a & b", "SegNet, printed", "it is no network", "29 449 355"):
        assert text in page.text.replace("\u202f", " ")
    assert page.tags.count("img") == 4
    with pytest.raises(InputError, match=r"comparison\.html exists"):
        write_comparison(compared(), path.parent)


def paired(shares, rng):
    """A comparison of methods that are wrong in shares of the pixels of 20 images."""
    legend, rows, units = Legend(("ground", "house")), [], {}
    targets = [rng.integers(0, 2, (20, 20)).astype(np.uint8) for _ in range(20)]
    for name, wrong in shares.items():
        rng = np.random.default_rng(round(100 * wrong))  # equal shares, equal predictions
        pairs = [
            Pair(f"{i}", target, np.where(rng.random(target.shape) < wrong, 1 - target, target).astype(np.uint8))
            for i, target in enumerate(targets)
        ]
        found = evaluate_pairs(pairs, legend, n_worst=0, intervals=IntervalRule(resamples=500))
        rows.append(MethodRow(name, None, Accuracy.of(found), intervals=found.intervals))
        units[name] = found.units
    return Comparison(tuple(rows), legend, paired=compare_runs(units, rule=IntervalRule(resamples=500)))


def test_the_best_is_marked_only_where_it_differs_from_all_others(tmp_path, rng):
    clear = paired({"a": 0.3, "b": 0.1, "c": 0.3}, rng)
    page = write_comparison(clear, tmp_path / "clear").read_text(encoding="utf-8")
    accuracy = page[page.index("<h2>Accuracy") : page.index("<h2>Differences")]
    assert accuracy.count('<td class="best') == 2 * 6  # four scores and two classes, with accuracy and with IoU
    assert "b less a" in " ".join(Page(page).text.split())
    assert clear.to_json()["paired"]["ranks"]["mean_iou"] == {"a": [2, 3], "b": [1, 1], "c": [2, 3]}
    alike = paired({"a": 0.3, "b": 0.1, "c": 0.1}, rng)
    page = write_comparison(alike, tmp_path / "alike").read_text(encoding="utf-8")
    assert '<td class="best' not in page[page.index("<h2>Accuracy") : page.index("<h2>Differences")]
    unknown = write_comparison(compared(), tmp_path / "unknown").read_text(encoding="utf-8")
    assert '<td class="best' not in unknown[unknown.index("<h2>Accuracy") : unknown.index("<h2>Cost")]


def test_intervals_stand_beside_the_scores(tmp_path, rng):
    found = paired({"a": 0.3, "b": 0.1}, rng)
    ends = found.rows[0].interval("mean_iou")
    assert f"({100 * ends.low:.1f} to {100 * ends.high:.1f})" in found.accuracy_table()
    page = write_comparison(found, tmp_path)
    with page.with_name("comparison.csv").open(newline="", encoding="utf-8") as stream:
        row = next(csv.DictReader(stream))
    assert float(row["mean_iou low"]) == pytest.approx(ends.low, rel=1e-5)
    assert found.to_json()["methods"][0]["intervals"]["unit"]["number"] == 20


def test_the_table_has_ours_and_the_printed_rows(tmp_path):
    write_comparison(compared(), tmp_path)
    with (tmp_path / "comparison.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    ours = [row for row in rows if row["source"] == "measured"]
    assert [row["name"] for row in ours] == ["segnet", "my <model>"]
    assert (ours[0]["parameters"], ours[0]["boundary_f1"], ours[1]["backward_ms"]) == ("29449355", "", "")
    printed = next(row for row in rows if row["name"] == "SegNet" and row["mean_iou"])
    assert (printed["mean_iou"], printed["accuracy sky"], printed["accuracy sign-symbol"]) == (
        "0.601",
        "0.961",
        "0.527",
    )
    assert sum(row["source"] == "published" for row in rows) == len(PUBLISHED_ACCURACY) + len(PUBLISHED_COST)


def test_printed_scores_stand_only_beside_their_classes(tmp_path):
    html = write_comparison(compared(("ground", "house")), tmp_path).read_text(encoding="utf-8")
    assert "Boosting" not in html
    assert "1052" in html


def test_json_has_no_nan():
    content = compared().to_json()
    assert content["methods"][0]["published_cost"]["model_mb"] == 117
    assert json.loads(json.dumps(content))["methods"][1]["cost"]["backward_ms"] is None


def test_terminal_tables_line_up():
    for table in (compared().cost_table(), compared().accuracy_table()):
        lines = table.splitlines()
        assert len({len(line) for line in lines}) == 1
        assert len({line.count("|") for line in lines}) == 1
    assert "1052" in compared().cost_table()


def test_scores_of_an_evaluation():
    target = np.array([[0, 0, 1, 1]], np.uint8)
    found = Accuracy.of(
        evaluate_pairs([Pair("a", target, np.array([[0, 0, 1, 0]], np.uint8))], Legend(("a", "b")), n_worst=0)
    )
    assert (found.global_accuracy, found.class_accuracy, found.class_iou) == (0.75, (1.0, 0.5), (2 / 3, 0.5))


def test_shares_of_pixels_without_a_class_stand_beside_the_scores(tmp_path):
    target = np.array([[0, 0, 1, 1, 255]], np.uint8)
    pair = Pair("photo", target, predicted=np.array([[0, 255, 1, 1, 1]], np.uint8))
    found = Accuracy.of(evaluate_pairs([pair], Legend(("ground", "roof"))))
    assert (found.without_label, found.without_class) == (0.2, 0.25)
    comparison = Comparison((MethodRow("a", None, found),), Legend(("ground", "roof")))
    head, _, row = comparison.accuracy_table().splitlines()
    assert [cell.strip() for cell in head.split("|")[-3:-1]] == ["No label", "No class"]
    assert [cell.strip() for cell in row.split("|")[-3:-1]] == ["20.0", "25.0"]
    page = write_comparison(comparison, tmp_path)
    header, first, *others = csv.reader(page.with_name("comparison.csv").read_text(encoding="utf-8").splitlines())
    assert (header[-2:], first[-2:]) == (["without_label", "without_class"], ["0.2", "0.25"])
    assert {len(line) for line in (first, *others)} == {len(header)}
    assert "No class" in page.read_text(encoding="utf-8")
