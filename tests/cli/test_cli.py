"""The verbs end to end on a small data set, and what each says to a mistake."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import cli, raster


def test_help_does_not_wait_for_torch():
    heavy = "{'torch', 'numpy', 'scipy', 'numba', 'rasterio', 'PIL', 'pydantic', 'yaml', 'rich'}"
    code = f"import sys, densa.cli; found = {heavy} & set(sys.modules); assert not found, found"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_list_of_verbs_is_complete_and_true(run_cli):
    """Every module of the command line with a function of its name is a verb."""
    from densa.cli import VERBS

    helpers = {"__init__", "common", "console", "derived", "ending", "undecodable"}
    names = {path.stem for path in Path(cli.__file__).parent.glob("*.py")} - helpers
    assert set(VERBS) == names | {"models"}
    code, out, _ = run_cli("--help")
    assert code == 0
    assert all(f"\n  {verb} " in out for verb in VERBS)


def test_an_unknown_verb_gets_the_nearest(run_cli):
    code, _, err = run_cli("trian")
    assert (code, err) == (2, "densa: there is no command 'trian'; did you mean train?\n")


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_has_help(run_cli, verb):
    code, out, _ = run_cli(verb, "--help")
    assert code == 0
    assert f"densa {verb}" in out


def test_from_images_to_report(run_cli, squares, tmp_path):
    run = tmp_path / "run"
    options = ["--width", 2, "--steps", 60, "--patch-size", 32, "--batch-size", 4, "--learning-rate", 0.01]
    code, out, err = run_cli("train", squares, "-o", run, *options, "--json")
    assert code == 0, err
    assert json.loads(out)["mean_iou"] > 0.8
    code, out, err = run_cli("predict", run, squares / "val" / "images", "-o", tmp_path / "maps", "--probabilities")
    assert code == 0, err
    assert "wrote" in out
    code, out, err = run_cli(
        "evaluate", tmp_path / "maps", squares, "--split", "val", "-o", tmp_path / "report", "--json"
    )
    assert code == 0, err
    numbers = json.loads(out)
    assert numbers["mean_iou"] > 0.8
    assert numbers == json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert "<html" in (tmp_path / "report" / "report.html").read_text()
    # a folder of masks alone gives the same numbers, and the run itself too
    code, out, err = run_cli(
        "evaluate", tmp_path / "maps", squares / "val" / "masks", "-o", tmp_path / "report2", "--json"
    )
    assert code == 0, err
    assert json.loads(out)["confusion_matrix"] == numbers["confusion_matrix"]
    code, out, err = run_cli("evaluate", run, squares, "-o", tmp_path / "report3", "--json")
    assert code == 0, err
    assert json.loads(out)["confusion_matrix"] == numbers["confusion_matrix"]
    code, out, err = run_cli("train", "--config", run / "config.yaml", "-o", tmp_path / "again", "--json")
    assert code == 0, err
    first, second = ((folder / "model.safetensors").read_bytes() for folder in (run, tmp_path / "again"))
    assert first == second


def test_prediction_does_not_depend_on_the_tiles(run_cli, trained, squares, tmp_path):
    image = squares / "val" / "images" / "val0.tif"
    for name, options in (("whole", []), ("tiled", ["--tile-size", 16])):
        code, _, err = run_cli(
            "predict", trained, image, "-o", tmp_path / f"{name}.png", "--precision", "float32", *options
        )
        assert code == 0, err
    whole, tiled = (raster.read_label_map(tmp_path / f"{name}.png")[0] for name in ("whole", "tiled"))
    assert_array_equal(whole, tiled)


def test_dry_runs_write_nothing(run_cli, trained, squares, tmp_path):
    code, out, err = run_cli("train", squares, "-o", tmp_path / "run", "--dry-run", "--json")
    assert code == 0, err
    assert json.loads(out)["images"] == {"train": 3, "val": 2}
    code, out, err = run_cli("predict", trained, squares / "val" / "images", "-o", tmp_path / "maps", "--dry-run")
    assert code == 0, err
    assert "would write" in out
    assert not list(tmp_path.iterdir())


def _corrupt(path):
    path.write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
    return path


MISTAKES = {
    "no command of that name": lambda f: ["predikt"],
    "an unknown option": lambda f: ["models", "--jsn"],
    "no data": lambda f: ["train", "-o", f.tmp / "run"],
    "no such data": lambda f: ["train", f.tmp / "nowhere", "-o", f.tmp / "run"],
    "unknown network": lambda f: ["train", f.squares, "-o", f.tmp / "run", "--model", "unett"],
    "width of zero": lambda f: ["train", f.squares, "-o", f.tmp / "run", "--width", 0],
    "unknown optimiser": lambda f: ["train", f.squares, "-o", f.tmp / "run", "--optimizer", "adamm"],
    "nothing to resume": lambda f: ["train", "--resume", "-o", f.tmp / "run"],
    "a run that exists": lambda f: ["train", f.squares, "-o", f.trained],
    "config of another command": lambda f: ["train", "--config", f.text("x.yaml", "wdith: 3"), "-o", f.tmp / "run"],
    "config that is no yaml": lambda f: ["predict", "--config", f.text("y.yaml", "a: [")],
    "model that is no folder": lambda f: ["predict", f.tmp / "none", f.image, "-o", f.tmp / "o"],
    "model that is a foreign folder": lambda f: ["predict", f.squares, f.image, "-o", f.tmp / "o"],
    "a zero-byte image": lambda f: ["predict", f.trained, f.text("zero.png", ""), "-o", f.tmp / "o"],
    "a corrupt image": lambda f: ["predict", f.trained, _corrupt(f.tmp / "bad.png"), "-o", f.tmp / "o"],
    "another number of bands": lambda f: ["predict", f.trained, f.rgb(), "-o", f.tmp / "o"],
    "an output that exists": lambda f: ["predict", f.trained, f.image, "-o", f.text("there.png", "mine")],
    "tile size off the stride": lambda f: ["predict", f.trained, f.image, "-o", f.tmp / "o", "--tile-size", 17],
    "unknown rule": lambda f: ["evaluate", f.trained, f.squares, "-o", f.tmp / "r", "--void", "maybe"],
    "no such split": lambda f: ["evaluate", f.trained, f.squares, "-o", f.tmp / "r", "--split", "holdout"],
    "predictions missing": lambda f: ["evaluate", f.tmp, f.squares, "-o", f.tmp / "r"],
    "info of nothing": lambda f: ["info", "unet2000"],
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gives_one_line_and_exit_2(run_cli, trained, squares, tmp_path, mistake):
    class Given:
        tmp, image = tmp_path, squares / "val" / "images" / "val0.tif"

        def text(self, name, content):
            (tmp_path / name).write_text(content)
            return tmp_path / name

        def rgb(self):
            raster.write_bands(tmp_path / "rgb.tif", np.zeros((3, 20, 20), np.uint8))
            return tmp_path / "rgb.tif"

    given = Given()
    given.squares, given.trained = squares, trained
    code, _, err = run_cli(*MISTAKES[mistake](given))
    assert code == 2
    assert "Traceback" not in err
    lines = [line for line in err.splitlines() if line.strip() and "Usage" not in line and "Try" not in line]
    assert lines, "nothing was said"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("shape", [(1, 1), (1, 37), (41, 1), (3, 5)])
def test_tiny_images_are_labelled(run_cli, trained, tmp_path, shape):
    raster.write_bands(tmp_path / "tiny.tif", np.full((1, *shape), 180, np.uint8))
    code, _, err = run_cli("predict", trained, tmp_path / "tiny.tif", "-o", tmp_path / "tiny.png")
    assert code == 0, err
    assert raster.read_label_map(tmp_path / "tiny.png")[0].shape == shape


def test_an_image_of_nodata_alone_becomes_nodata(run_cli, trained, tmp_path):
    raster.write_bands(tmp_path / "void.tif", np.zeros((1, 20, 30), np.uint8), nodata=0)
    code, _, err = run_cli("predict", trained, tmp_path / "void.tif", "-o", tmp_path / "void.png")
    assert code == 0, err
    assert (raster.read_label_map(tmp_path / "void.png")[0] == 255).all()
