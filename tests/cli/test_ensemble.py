"""`densa ensemble`: one folder of several models, used like any other."""

import json

import numpy as np
import pytest

from densa import methods, raster


def test_two_runs_make_a_model(run_cli, trained, squares, tmp_path):
    both = tmp_path / "both"
    code, out, err = run_cli("ensemble", trained, trained, "-o", both, "--weights", "0.5,0.25", "--json")
    assert code == 0, err
    said = json.loads(out)
    assert said["architecture"] == {"name": "ensemble", "combine": "mean"}
    assert said["members"]["member-1"] == {"network": "unet", "weight": 0.25}
    image = squares / "val" / "images"
    for model, maps in ((both, "both"), (trained, "one")):
        code, _, err = run_cli("predict", model, image, "-o", tmp_path / f"{maps}-maps", "--precision", "float32")
        assert code == 0, err
    found, expected = (raster.read_label_map(tmp_path / f"{m}-maps" / "val0.png")[0] for m in ("both", "one"))
    np.testing.assert_array_equal(found, expected)  # of a model with itself
    code, out, _ = run_cli("info", both)
    assert code == 0
    one = methods.describe_run(trained)
    assert f"parameters         {2 * one['parameters']:,}".replace(",", " ") in out
    assert "network unet, weight 0.5" in out


def test_the_product_and_overwriting(run_cli, trained, tmp_path):
    arguments = ("ensemble", trained, "-o", tmp_path / "m", "--combine", "product")
    assert run_cli(*arguments)[:2] == (0, f"wrote {tmp_path / 'm'} (member-0/, model.json)\n")
    assert methods.load(tmp_path / "m").combine == "product"
    assert run_cli(*arguments)[0] == 2
    assert run_cli(*arguments, "--overwrite")[0] == 0


def test_it_is_listed(run_cli):
    assert "ensemble" in run_cli("models")[1]
    code, _, err = run_cli("info", "ensemble")
    assert code == 2
    assert "must be a network, got ensemble" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--weights", "1"], "needs 2 weights, got 1"),
        (["--weights", "1,-1"], "more than 0"),
        (["--weights", "a,b"], "takes numbers with commas between them"),
        (["--combine", "median"], "median"),
    ],
)
def test_mistakes(run_cli, trained, tmp_path, options, message):
    code, _, err = run_cli("ensemble", trained, trained, "-o", tmp_path / "m", *options)
    assert code == 2
    assert message in err
    assert not list(tmp_path.iterdir())


def test_what_is_no_model(run_cli, trained, tmp_path):
    code, _, err = run_cli("ensemble", trained, tmp_path / "none", "-o", tmp_path / "m")
    assert code == 2
    assert "RUN must exist" in err
