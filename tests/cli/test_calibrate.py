"""`densa calibrate`: fitted, stored, applied everywhere, undone; labels stay under a temperature."""

import json
import shutil

import numpy as np
import pytest
from numpy.testing import assert_allclose

from densa import raster


@pytest.fixture
def run(trained, tmp_path):
    """A run that may be changed."""
    return shutil.copytree(trained, tmp_path / "run")


@pytest.fixture
def calibrated(run_cli, run, squares):
    """The same run, calibrated on the validation images."""
    code, out, err = run_cli("calibrate", run, squares, "--json")
    assert code == 0, err
    return run, json.loads(out)


def labels_of(run_cli, run, image, output, *options):
    code, _, err = run_cli("predict", run, image, "-o", output, *options)
    assert code == 0, err
    return raster.read_label_map(output)[0], err


def test_it_is_fitted_measured_and_stored(run_cli, run, squares):
    code, out, err = run_cli("calibrate", run, squares)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].startswith("temperature ")
    assert "one in each block of 4 px; measured on the 3072 labelled pixels of 1 image" in lines[1]
    assert [line.split()[0] for line in lines[3:7]] == ["ECE", "class-wise", "Brier", "NLL"]
    before, after = map(float, lines[6].split()[1:])
    assert after < before
    assert "0 of 3072 labels change" in lines
    stored = json.loads((run / "model.json").read_text())["calibration"]
    assert stored["method"] == "temperature"
    assert stored["record"]["fitted_on"].startswith("val: 2 of 5 images")
    assert run_cli("info", run)[1].count("calibration") == 1


@pytest.mark.parametrize("method", ["temperature", "vector", "class-wise"])
def test_methods_and_json(run_cli, run, squares, method):
    code, out, err = run_cli("calibrate", run, squares, "--method", method, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["method"] == method
    assert len(found["temperatures"]) == (1 if method == "temperature" else 2)
    assert len(found["biases"]) == (2 if method == "vector" else 0)
    assert found["held_out"]["after"]["nll"] < found["held_out"]["before"]["nll"]
    if method == "temperature":
        assert found["temperature"] == found["temperatures"][0]
    assert ("may change labels" in err) == (method != "temperature")


@pytest.mark.parametrize(
    "options",
    [(), ("--tta", "all"), ("--blend", "hann"), ("--crf-parameters", "pydensecrf"), ("--tile-size", "32")],
    ids=lambda options: " ".join(options) or "plain",
)
def test_a_temperature_changes_no_label(run_cli, run, squares, tmp_path, rng, options):
    image = tmp_path / "noise.tif"
    raster.write_bands(image, rng.integers(0, 256, (1, 90, 70)).astype(np.uint8))
    before, said = labels_of(run_cli, run, image, tmp_path / "before.png", *options)
    assert "calibrated" not in said
    assert run_cli("calibrate", run, squares)[0] == 0
    after, said = labels_of(run_cli, run, image, tmp_path / "after.png", *options)
    assert after.tobytes() == before.tobytes()
    assert "are calibrated: temperature" in said


def test_products_and_scores_are_those_of_the_scaled_probabilities(run_cli, run, squares, tmp_path):
    image = squares / "val" / "images" / "val0.tif"
    products = ("--probabilities", "--uncertainty")

    def products_of(name):
        labels_of(run_cli, run, image, tmp_path / f"{name}.png", *products)
        return [raster.open(tmp_path / f"{name}.{kind}.tif").read()[0] for kind in ("probabilities", "uncertainty")]

    before = products_of("before")
    score = json.loads(run_cli("evaluate", run, squares, "--json")[1])
    assert run_cli("calibrate", run, squares)[0] == 0
    after = products_of("after")
    assert not np.array_equal(before[0], after[0])
    assert not np.array_equal(before[1], after[1])
    _, out, err = run_cli("evaluate", run, squares, "--json")
    again = json.loads(out)
    assert "are calibrated: temperature" in err
    assert again["confusion_matrix"] == score["confusion_matrix"]
    assert again["calibration"]["nll"] < score["calibration"]["nll"]
    assert again["calibration"]["ece"] < score["calibration"]["ece"]
    seams = json.loads(run_cli("seams", run, image, "--tiles", "32,48", "--precision", "float32", "--json")[1])
    assert seams["differing"] == 0


def test_undo_brings_the_model_back(run_cli, run, squares):
    content = json.loads((run / "model.json").read_text())
    weights = (run / "model.safetensors").read_bytes()
    assert run_cli("calibrate", run, squares)[0] == 0
    code, out, _ = run_cli("calibrate", run, "--undo")
    assert code == 0
    assert out.startswith("removed temperature")
    assert json.loads((run / "model.json").read_text()) == content
    assert (run / "model.safetensors").read_bytes() == weights
    code, _, err = run_cli("calibrate", run, "--undo")
    assert (code, err.count("\n")) == (2, 1)
    assert "not calibrated" in err


def test_a_dry_run_writes_nothing_and_nothing_is_replaced_silently(run_cli, calibrated, squares):
    run, first = calibrated
    content = (run / "model.json").read_text()
    code, out, _ = run_cli("calibrate", run, squares, "--method", "vector", "--dry-run")
    assert code == 0
    assert "would write" in out
    code, _, err = run_cli("calibrate", run, squares, "--method", "vector")
    assert code == 2
    assert "is calibrated already (temperature" in err
    assert "--overwrite" in err
    assert (run / "model.json").read_text() == content
    code, out, _ = run_cli("calibrate", run, squares, "--overwrite", "--json")
    assert json.loads(out)["temperature"] == first["temperature"]  # not of scaled probabilities


def test_an_ensemble_and_a_forest(run_cli, run, squares, tmp_path):
    assert run_cli("ensemble", run, run, "-o", tmp_path / "both")[0] == 0
    assert run_cli("calibrate", tmp_path / "both", squares)[0] == 0
    members = json.loads((tmp_path / "both" / "member-0" / "model.json").read_text())
    assert "calibration" not in members
    forest = tmp_path / "forest"
    assert run_cli("train", squares, "--model", "pixel-forest", "--trees", "3", "-o", forest)[0] == 0
    image = squares / "val" / "images" / "val0.tif"
    before, _ = labels_of(run_cli, forest, image, tmp_path / "a.png")
    code, _, err = run_cli("calibrate", forest, squares)
    assert code == 0, err
    assert "have a probability of exactly 1" in err
    after, _ = labels_of(run_cli, forest, image, tmp_path / "b.png")
    assert after.tobytes() == before.tobytes()


MISTAKES = {
    "no data": (("RUN",), "DATA must be given"),
    "no run": (("none", "DATA"), "RUN must exist"),
    "training images alone": (("RUN", "DATA/train"), "only images that"),
    "no such split": (("RUN", "DATA", "--split", "holdout"), "holdout"),
    "large blocks": (("RUN", "DATA", "--block", "64"), "at least 20 labelled pixels, one in each block of 64 px"),
    "another method": (("RUN", "DATA", "--method", "platt"), "temperature"),
    "block 0": (("RUN", "DATA", "--block", "0"), "block"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_one_line_and_write_nothing(run_cli, run, squares, case):
    given, message = MISTAKES[case]
    before = (run / "model.json").read_text()
    named = {"RUN": str(run), "DATA": str(squares), "DATA/train": str(squares / "train")}
    code, _, err = run_cli("calibrate", *(named.get(word, word) for word in given))
    assert code == 2
    assert message in err.splitlines()[-1]
    assert (run / "model.json").read_text() == before


def test_training_images_may_be_asked_for(run_cli, run, squares):
    code, out, err = run_cli("calibrate", run, squares, "--split", "train", "--json")
    assert code == 0, err
    assert json.loads(out)["fitted_on"].startswith("TRAINING IMAGES")


def test_damaged_values_are_one_line(run_cli, calibrated, squares):
    run, _ = calibrated
    path = run / "model.json"
    content = json.loads(path.read_text())
    content["calibration"]["temperatures"] = [-1]
    path.write_text(json.dumps(content))
    for call in (("predict", run, squares / "val" / "images", "-o", run / "maps"), ("evaluate", run, squares)):
        code, _, err = run_cli(*call)
        assert code == 2
        assert "temperatures must be 0.01 to 100, got -1" in err.splitlines()[-1]


def test_python(run, squares, capsys):
    import densa

    found = densa.calibrate(run, squares, method="vector", progress=False)
    assert found.written
    assert_allclose(found.to_json()["temperatures"], found.scaling.temperatures)
    assert densa.load(run).scaling == found.scaling
