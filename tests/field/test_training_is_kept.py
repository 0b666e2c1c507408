"""A trained model is kept whatever its validation says; validation takes a tenth of a run; a killed run can go on."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from densa import raster
from densa.errors import InputError
from densa.legend import Legend
from densa.training import shallow
from densa.training.loop import run as run_module

LEGEND = Legend(("ground", "house"))
UNET = ("--model", "unet", "--width", 1, "--patch-size", 16, "--batch-size", 2, "--device", "cpu")
FOREST = ("--model", "pixel-forest", "--trees", 2, "--samples", 300)


def write(root, n_val, *, labelled=True, size=(48, 64)):
    """Two training images and some validation images."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 2), ("val", n_val)):
        for kind in ("images", "masks"):
            (root / split / kind).mkdir(parents=True)
        for i in range(count):
            labels = np.zeros(size, np.uint8)
            labels[: rng.integers(5, 40)] = 1
            image = rng.normal(60 + 100 * labels, 12).clip(0, 255).astype(np.uint8)
            Image.fromarray(image).save(root / split / "images" / f"{i}.png")
            if split == "val" and not labelled:
                labels[:] = 255
            raster.write_label_map(root / split / "masks" / f"{i}.png", labels, LEGEND)
    return root


@pytest.fixture
def clock(monkeypatch):
    """Time that passes with steps (1 s) and validated images (`seconds` each) alone."""
    found = SimpleNamespace(now=0.0, seconds=0.5, validated=[])
    step, validate = run_module.train_step, run_module.validate

    def slow_step(*arguments, **options):
        found.now += 1.0
        return step(*arguments, **options)

    def slow_validation(*arguments, **options):
        found.now += found.seconds * len(options["images"])
        found.validated += options["images"]
        return validate(*arguments, **options)

    monkeypatch.setattr(run_module, "time", SimpleNamespace(perf_counter=lambda: found.now))
    monkeypatch.setattr(run_module, "train_step", slow_step)
    monkeypatch.setattr(run_module, "validate", slow_validation)
    return found


@pytest.mark.parametrize(
    ("seconds", "options"),
    [(0.1, ()), (0.5, ()), (1.0, ()), (2.9, ()), (0.5, ("--validate-every", 7)), (1.5, ("--validate-every", 100000))],
)
def test_validation_takes_a_tenth_of_the_minutes(run_cli, tmp_path, clock, seconds, options):
    data = write(tmp_path / "data", 50)
    clock.seconds = seconds
    code, out, err = run_cli("train", data, "-o", tmp_path / "run", *UNET, "--minutes", 1, *options)
    assert code == 0, err
    assert 0 < len(clock.validated) * seconds <= 6
    assert clock.now <= 60 + 6
    n = int(re.search(r"validation mean IoU \d\.\d{4} on (\d+) of 50 images", out)[1])
    assert n == len(set(clock.validated)) < 50
    n_times = len(clock.validated) / n
    assert n_times == int(n_times), "every validation is of the same images"
    record = json.loads((tmp_path / "run" / "model.json").read_text())["training"]["validation"]
    assert (record["images"], record["of"]) == (n, 50)


def test_one_large_image_is_validated_at_the_end_alone(run_cli, tmp_path, clock):
    """Where even one image takes longer than the share, by what the steps before it took."""
    data = write(tmp_path / "data", 3, size=(160, 200))
    clock.seconds = 20.0
    code, out, err = run_cli("train", data, "-o", tmp_path / "run", *UNET, "--minutes", 1)
    assert code == 0, err
    assert len(clock.validated) == 1
    assert "on 1 of 3 images" in out


def test_validation_takes_a_tenth_of_the_steps(run_cli, tmp_path):
    """By the pixels, so that the same settings give the same weights everywhere."""
    data = write(tmp_path / "data", 101)
    code, out, err = run_cli("train", data, "-o", tmp_path / "run", *UNET, "--steps", 30, "--json")
    assert code == 0, err
    assert "validated on 5 of 101 images" in err
    found = json.loads(out)
    assert (found["validated"], found["validation_images"]) == (5, 101)
    assert "on 5 of 101 images" in found["measured_on"]


def test_a_run_killed_before_its_first_checkpoint_begins_again(run_cli, tmp_path, monkeypatch):
    data, run = write(tmp_path / "data", 1), tmp_path / "run"

    def killed(*arguments, **options):
        raise SystemExit(137)

    monkeypatch.setattr(run_module, "train_step", killed)
    assert run_cli("train", data, "-o", run, *UNET, "--steps", 4)[0] == 137
    assert (run / "config.yaml").exists()
    monkeypatch.undo()
    code, _, err = run_cli("train", data, "-o", run, *UNET, "--steps", 4)
    assert code == 2
    assert "give --resume or --overwrite" in err
    code, out, err = run_cli("train", "-o", run, "--resume")
    assert code == 0, err
    assert "stopped before its first checkpoint; it begins again" in err
    assert "4 steps" in out


def test_a_run_killed_before_its_first_validation_goes_on(run_cli, tmp_path, monkeypatch):
    data, run = write(tmp_path / "data", 1), tmp_path / "run"
    step, calls = run_module.train_step, []

    def killed(*arguments, **options):
        calls.append(1)
        if len(calls) == 4:
            raise SystemExit(137)
        return step(*arguments, **options)

    monkeypatch.setattr(run_module, "train_step", killed)
    assert run_cli("train", data, "-o", run, *UNET, "--steps", 6, "--validate-every", 6)[0] == 137
    code, out, err = run_cli("train", "-o", run, "--resume")
    assert code == 0, err
    assert "begins again" not in err
    assert "6 steps" in out


def test_weights_are_kept_though_validation_fails(run_cli, tmp_path, monkeypatch):
    data = write(tmp_path / "data", 2)

    def broken(*arguments, **options):
        raise InputError("0.png cannot be read")

    for module, options in ((run_module, (*UNET, "--steps", 4)), (shallow, FOREST)):
        monkeypatch.setattr(module, "validate", broken)
        run = tmp_path / module.__name__
        code, out, err = run_cli("train", data, "-o", run, *options)
        assert code == 0, err
        assert "failed" in err
        assert "0.png cannot be read" in err
        assert "no score: nothing was measured on the 2 validation images" in out
        assert (run / "model.safetensors").exists()
    assert json.loads((tmp_path / run_module.__name__ / "model.json").read_text())["training"]["step"] == 4


@pytest.mark.parametrize("options", [(*UNET, "--steps", 4), FOREST])
def test_validation_masks_without_labels_give_no_score_and_the_last_weights(run_cli, tmp_path, options):
    data = write(tmp_path / "data", 2, labelled=False)
    code, out, err = run_cli("train", data, "-o", tmp_path / "run", *options)
    assert code == 0, err
    assert "no score: nothing was measured on the 2 validation images" in out
    assert "-1.0" not in out + err
    assert json.loads((tmp_path / "run" / "model.json").read_text())["training"].get("step", 4) == 4


def test_a_run_is_resumed_from_another_folder_with_its_data_given(run_cli, tmp_path, monkeypatch):
    write(tmp_path / "data", 1)
    monkeypatch.chdir(tmp_path)
    options = ["--model", "unet", "--width", 2, "--steps", 1, "--patch-size", 32]
    assert run_cli("train", "data", *options, "-o", "run")[0] == 0
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    code, _, err = run_cli("train", "--resume", "-o", "../run")
    assert code == 2
    assert "names the data data, which is not there" in err
    assert "give DATA" in err
    assert run_cli("train", "../data", "--resume", "-o", "../run")[0] == 0
