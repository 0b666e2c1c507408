"""Methods compared over folds: mean and spread, resumed, from a file of folds."""

import csv
import json
import statistics

import pytest

import densa
from densa.datasets import SplitFile
from densa.errors import InputError

QUICK = {"trees": 1, "samples": 100, "accuracy_only": True, "pictures": 0, "intervals": False}


@pytest.fixture(scope="module")
def found(squares, tmp_path_factory):
    """Two methods over the five images of the squares, in two folds."""
    output = tmp_path_factory.mktemp("cv") / "report"
    methods = ["pixel-forest"]
    return densa.cross_validate(squares, methods, output=output, folds=2, by="file", **QUICK), output


def test_every_image_is_measured_once(found):
    result, output = found
    splits = SplitFile.read(output / "splits.json")
    assert sum(row.images for row in result.methods[0].folds) == len(splits.entries) == 5
    for fold in (0, 1):
        record = json.loads((output / "folds" / str(fold) / "runs" / "pixel-forest" / "split.json").read_text())
        inside = {entry.image.rsplit("/", 1)[-1] for entry in splits.entries if entry.part == str(fold)}
        assert {entry["image"].rsplit("/", 1)[-1] for entry in record["val"]} == inside
        assert not inside & {entry["image"].rsplit("/", 1)[-1] for entry in record["train"]}


def test_mean_and_spread_by_hand(found):
    result, output = found
    values = [row.accuracy.mean_iou for row in result.methods[0].folds]
    content = result.to_json()["methods"][0]
    assert content["mean"]["mean_iou"] == pytest.approx(statistics.mean(values))
    assert content["spread"]["mean_iou"] == pytest.approx(statistics.stdev(values))
    with (output / "cross_validation.csv").open(newline="") as stream:
        rows = {row["fold"]: row for row in csv.DictReader(stream)}
    assert list(rows) == ["0", "1", "mean", "spread"]
    assert float(rows["mean"]["mean_iou"]) == pytest.approx(statistics.mean(values), rel=1e-5)
    assert float(rows["1"]["iou square"]) == pytest.approx(result.methods[0].folds[1].accuracy.class_iou[1], rel=1e-5)
    assert " ± " in result.table()
    page = (output / "cross_validation.html").read_text()
    assert "over 2 folds" in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_finished_folds_are_kept(squares, found, capsys):
    """As after an interruption: the page is missing, the runs are there."""
    result, output = found
    times = {path: path.stat().st_mtime_ns for path in output.glob("folds/*/runs/*/model.safetensors")}
    assert len(times) == 2
    with pytest.raises(InputError, match="exists"):
        densa.cross_validate(squares, ["pixel-forest"], output=output, folds=2, by="file", **QUICK)
    again = densa.cross_validate(squares, "pixel-forest", output=output, folds=2, by="file", overwrite=True, **QUICK)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert "keep the finished run" in capsys.readouterr().err
    assert again.methods[0].folds[0].accuracy == result.methods[0].folds[0].accuracy


def test_folds_of_a_file(squares, found, tmp_path, run_cli):
    _, output = found
    config = tmp_path / "config.yaml"
    config.write_text("model: pixel-forest\ntrees: 1\nsamples: 100\n")
    given = (
        "--models",
        "pixel-forest",
        "--train-config",
        config,
        "--accuracy-only",
        "--no-intervals",
        "--pictures",
        "0",
    )
    report = tmp_path / "report"
    code, out, err = run_cli("compare", squares, *given, "--split-file", output / "splits.json", "-o", report, "--json")
    assert code == 0, err
    content = json.loads(out)
    assert (content["folds"], content["methods"][0]["folds"][1]["fold"]) == (2, 1)
    assert not (report / "splits.json").exists()
    code, out, _ = run_cli("compare", squares, *given, "--folds", "3", "-o", tmp_path / "other", "--dry-run")
    assert code == 0
    assert "fold 2" in out
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"folds": 2, "fold": 1}, "leave `fold` out"),
        ({"folds": 2, "split": "test"}, "leave `split` out"),
        ({"folds": 2, "by": "attribute"}, "densa split --by attribute"),
        ({"folds": 2, "cost_only": True}, "no cost_only"),
        ({"folds": 9}, "9 parts need a scene each"),
        ({}, "give folds=K, or split_file"),
    ],
)
def test_refusals(squares, tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        densa.cross_validate(squares, "pixel-forest", output=tmp_path / "no", **options)


def test_trained_models_are_refused(squares, trained, tmp_path):
    with pytest.raises(InputError, match="trains on every fold anew"):
        densa.cross_validate(squares, [str(trained)], output=tmp_path / "no", folds=2)


def test_compare_says_where_folds_are(squares, tmp_path):
    with pytest.raises(InputError, match="cross_validate"):
        densa.compare(squares, "pixel-forest", output=tmp_path / "no", folds=2)
