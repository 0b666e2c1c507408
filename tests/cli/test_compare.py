"""`densa compare`: training, evaluation and cost of several methods, and what it says to mistakes."""

import csv
import json

import numpy as np
import pytest

from densa import raster
from densa.legend import Legend
from densa.reports import cost
from densa.verbs import compare as compare_methods

TRAINING = ("--width", 2, "--steps", 4, "--patch-size", 32, "--batch-size", 2)


def test_accuracy_beside_cost_and_what_is_finished_stays(run_cli, squares, trained, tmp_path, monkeypatch):
    report = tmp_path / "report"
    asked = ("compare", squares, "--models", f"segnet,{trained}", "-o", report, *TRAINING, "--pictures", 2)
    costs = []

    def measured(method, settings, *, progress):
        costs.append((method, settings))
        progress()
        return cost.Cost(forward_ms=1.5, model_mb=2.0, parameters=3), ["training memory: not enough memory"]

    monkeypatch.setattr(compare_methods.reports, "measure_cost", measured, raising=False)
    code, out, err = run_cli(*asked, "--json")
    assert code == 0, err
    first, second = json.loads(out)["methods"]
    assert (first["name"], first["network"], first["training"]["steps"]) == ("segnet", "segnet", 4)
    assert (second["name"], second["network"]) == ("unet", "unet")
    assert second["accuracy"]["mean_iou"] > 0.8
    assert first["cost"]["forward_ms"] == 1.5
    assert first["published_cost"]["inference_mb"] == 1052
    method, settings = costs[0]
    assert (method.network, method.n_bands, method.n_classes, method.arguments) == ("segnet", 1, 2, {"width": 2})
    assert (settings.height, settings.width) == (48, 64)  # of the data
    page = (report / "comparison.html").read_text()
    assert page.count("<figure>") == 2 * (2 + 2)
    assert "training memory: not enough memory" in page
    with (report / "comparison.csv").open(newline="") as stream:
        rows = {(row["source"], row["name"]): row for row in csv.DictReader(stream)}
    assert float(rows["measured", "unet"]["mean_iou"]) == pytest.approx(second["accuracy"]["mean_iou"], rel=1e-5)
    assert float(rows["published", "SegNet"]["model_mb"]) == 117

    code, _, err = run_cli(*asked, "--accuracy-only")
    assert (code, "comparison.html exists" in err) == (2, True)
    weights = (report / "runs" / "segnet" / "model.safetensors").stat().st_mtime_ns
    code, out, err = run_cli(*asked, "--accuracy-only", "--overwrite")
    assert code == 0, err
    assert "keep the finished run" in err
    assert (report / "runs" / "segnet" / "model.safetensors").stat().st_mtime_ns == weights
    code, _, err = run_cli(*asked, "--steps", 5, "--dry-run")
    assert (code, "Traceback" in err) == (0, False)
    (report / "comparison.html").unlink()
    (report / "comparison.csv").unlink()
    code, _, err = run_cli(*asked, "--steps", 5)
    assert code == 2
    assert "was trained with other settings; give another folder or --overwrite" in err


def test_an_unfinished_run_goes_on(run_cli, squares, tmp_path):
    report = tmp_path / "report"
    asked = ("compare", squares, "--models", "segnet", "-o", report, *TRAINING, "--accuracy-only", "--pictures", 0)
    code, _, err = run_cli(*asked)
    assert code == 0, err
    (report / "runs" / "segnet.json").unlink()  # as if it had been stopped
    code, out, _ = run_cli(*asked, "--overwrite", "--dry-run", "--json")
    assert json.loads(out)["methods"]["segnet"][0].startswith("continue ")
    code, _, err = run_cli(*asked, "--overwrite")
    assert code == 0, err
    assert "1 of 1: continue " in err
    assert json.loads((report / "runs" / "segnet.json").read_text())["steps"] == 4


def test_a_shallow_method_is_trained_by_its_name(run_cli, squares, tmp_path):
    """Beside a network whose options mean nothing for it; the second time both are kept."""
    report = tmp_path / "report"
    asked = ("compare", squares, "--models", "pixel-forest,unet", "-o", report, *TRAINING, "--accuracy-only", "--json")
    code, out, err = run_cli(*asked, "--pictures", 0)
    assert code == 0, err
    forest = json.loads(out)["methods"][0]
    assert forest["name"] == "pixel-forest"
    assert forest["accuracy"]["mean_iou"] > 0.8
    code, _, err = run_cli(*asked, "--pictures", 0, "--overwrite")
    assert code == 0, err
    assert err.count("keep the finished run") == 2


def test_dry_run_writes_nothing(run_cli, squares, tmp_path):
    report = tmp_path / "report"
    code, out, err = run_cli("compare", squares, "--models", "unet,segnet", "-o", report, "--steps", 3, "--dry-run")
    assert code == 0, err
    assert out.count("train ") == out.count("evaluate on val (2 images)") == out.count("measure cost") == 2
    assert not report.exists()


def test_cost_without_data(run_cli, monkeypatch):
    # Fresh processes would take their time to start.
    monkeypatch.setattr(cost, "_in_fresh_process", lambda task, *given: cost._TASKS[task](*given))
    options = ("--width", 2, "--size", "40x48", "--classes", 3, "--bands", 4, "--repeats", 1, "--batch", 2)
    code, out, err = run_cli("compare", "--cost-only", "--models", "unet", *options, "--json")
    assert code == 0, err
    found = json.loads(out)["methods"][0]["cost"]
    assert found["parameters"] == pytest.approx(30_600, rel=0.01)
    assert found["model_mb"] > 4 * found["parameters"] / 1e6
    assert all(found[name] > 0 for name in ("forward_ms", "backward_ms", "training_mb", "inference_mb"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--cost-only",), "give --models"),
        (("--cost-only", "--models", "segnett"), "did you mean segnet"),
        (("--cost-only", "--models", "slic"), "names no classes"),
        (("--cost-only", "--models", "unet,segnet,unet"), "names unet twice"),
        (("--cost-only", "--models", "unet", "--size", "360"), "such as 360x480, got '360'"),
        (("--models", "unet"), "give DATA and --output"),
        (("--cost-only", "--models", "pixel-forest"), "give --models the folder of a trained one"),
        (("--cost-only", "--accuracy-only", "--models", "unet"), "exclude each other"),
        (("--cost-only", "--models", "unet", "--precision", "float16", "--dry-run"), "precision"),
    ],
)
def test_mistakes_are_one_line(run_cli, options, said):
    code, _, err = run_cli("compare", *options)
    assert code == 2
    assert said in err
    assert err.count("\n") == 1


def test_mistakes_with_data_come_before_training(run_cli, squares, trained, tmp_path):
    report = tmp_path / "report"
    other = tmp_path / "legend.json"
    other.write_text(json.dumps(Legend(("ground", "house")).to_dict()))
    for options, said in (
        (("--models", f"segnet,{trained}", "--legend", other), "labels the classes ground, square"),
        (("--models", f"unet,{trained}", "--split", "later"), "no split 'later'"),
        (("--models", "unet", "--steps", 0), "steps"),
        (("--models", "unet", "--classes", 4), "the data has its own"),
        (("--models", tmp_path), "no model.json"),
    ):
        code, _, err = run_cli("compare", squares, "-o", report, *options)
        assert code == 2, err
        assert said in err
        assert not report.exists()


@pytest.fixture
def loose_squares(tmp_path, rng):
    """Ten training and two validation images of bright squares, not quite told apart by brightness."""
    for split, count in (("train", 10), ("val", 2)):
        for i in range(count):
            labels = rng.integers(0, 2, (4, 5)).repeat(6, 0).repeat(6, 1).astype(np.uint8)
            image = rng.normal(90 + 60 * labels, 40).clip(0, 255).astype(np.uint8)
            for kind in ("images", "masks"):
                (tmp_path / "loose" / split / kind).mkdir(parents=True, exist_ok=True)
            raster.write_bands(tmp_path / "loose" / split / "images" / f"{split}{i}.tif", image[None])
            legend = Legend(("ground", "square"))
            raster.write_label_map(tmp_path / "loose" / split / "masks" / f"{split}{i}.png", labels, legend)
    return tmp_path / "loose"


def test_learning_curves(run_cli, loose_squares, tmp_path):
    """Every method on nested shares of the training images, a sentence, JSON and a chart."""
    report = tmp_path / "report"
    asked = ("compare", loose_squares, "--models", "pixel-forest", "--fractions", "0.25,0.5,1", "-o", report)
    code, out, err = run_cli(*asked, "--accuracy-only", "--pictures", 0, "--dry-run")
    assert code == 0, err
    assert [line.split()[0] for line in out.splitlines()] == [
        "pixel-forest@0.25",
        "pixel-forest@0.5",
        "pixel-forest",
    ]
    code, out, err = run_cli(*asked, "--accuracy-only", "--pictures", 0)
    assert code == 0, err
    assert "pixel-forest: 10 more images (twice as many) would bring " in out
    page = (report / "comparison.html").read_text()
    assert "<h2>Learning curves</h2>" in page
    assert page.count("<circle") == 3
    runs = report / "runs"
    splits = [json.loads((runs / name / "split.json").read_text()) for name in ("pixel-forest@0.5", "pixel-forest")]
    some, every = ({entry["name"] for entry in split["train"]} for split in splits)
    assert some < every
    assert len(some) == 5
    assert splits[0]["val"] == splits[1]["val"]
    code, out, err = run_cli(*asked, "--accuracy-only", "--pictures", 0, "--overwrite", "--json")
    assert err.count("keep the finished run") == 3
    curve = json.loads(out)["learning_curves"][0]
    assert (curve["method"], curve["images"], curve["more_images"]) == ("pixel-forest", [2, 5, 10], 10)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--fractions", "0,1"), "--fractions must be different shares"),
        (("--fractions", "0.5,0.5"), "--fractions must be different shares"),
        (("--fractions", "half"), "--fractions must be different shares"),
        (("--fractions", "0.5,1.5"), "--fractions must be different shares"),
        (("--fractions", "0.5,1", "--cost-only"), "leave DATA out"),
        (("--fractions", "0.5,1", "--folds", 2), "leave out --fractions, or --folds"),
    ],
)
def test_bad_fractions_are_one_line(run_cli, squares, tmp_path, options, said):
    code, _, err = run_cli("compare", squares, "--models", "unet", "-o", tmp_path / "report", *options)
    assert code == 2
    assert said in err
    assert err.count("\n") == 1


def test_fractions_of_a_trained_model_are_refused(run_cli, squares, trained, tmp_path):
    code, _, err = run_cli("compare", squares, "--models", trained, "-o", tmp_path / "r", "--fractions", "0.5,1")
    assert code == 2
    assert "is trained already" in err
