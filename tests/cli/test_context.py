"""`densa train --context`: patch sizes drawn for each batch, and what it says to a mistake."""

import json
import shutil

import numpy as np
import pytest

from densa import raster
from densa.legend import Legend

QUICK = ["--steps", 4, "--batch-size", 2, "--precision", "float32", "--device", "cpu"]
SMALL = ["--model", "dilated6", "--width", 2]


@pytest.fixture
def refused(run_cli, squares, tmp_path):
    """Train with some options; the one line that it says instead."""

    def refuse(*options, data=squares):
        code, _, err = run_cli("train", data, "-o", tmp_path / "refused", *options, *QUICK)
        assert code == 2, err
        assert err.count("\n") == 1, err
        assert not (tmp_path / "refused").exists()
        return err

    return refuse


def test_a_dynamic_run_is_evaluated_with_its_sizes(run_cli, squares, tmp_path):
    run = tmp_path / "run"
    options = ["--context", "uniform:9-24", "--context-score", "loss", "--sampling", "anchors", "--anchor-crop", 8]
    code, _, err = run_cli("train", squares, "-o", run, *SMALL, *options, "--anchor-stride", 4, *QUICK)
    assert code == 0, err
    training = json.loads((run / "model.json").read_text())["training"]
    assert training["context"]["policy"] == "uniform:9-24"
    assert [training["settings"][f"anchor_{name}"] for name in ("crop", "stride", "passes")] == [8, 4, 1]
    assert json.loads((run / "split.json").read_text())["shared_pixels"] == 0
    code, out, err = run_cli("train", "--config", run / "config.yaml", "-o", tmp_path / "plan", "--dry-run", "--json")
    assert code == 0, err
    assert json.loads(out)["patch_size"] == "uniform:9-24"
    code, _, err = run_cli("evaluate", run, squares, "--split", "val", "-o", tmp_path / "report")
    assert code == 0, err
    assert "Batches per patch size" in (tmp_path / "report" / "report.html").read_text()


def test_rounding_is_said(run_cli, squares, tmp_path):
    code, _, err = run_cli("train", squares, "-o", tmp_path / "run", "--model", "unet", "--width", 1,
                           "--context", "uniform:17-32", *QUICK)  # fmt: skip
    assert code == 0, err
    assert "patch sizes are rounded up to what the network takes: 32" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--model", "unet", "--context", "uniform:8-32"], "patches of 8 pixels are smaller than the network can take"),
        ([*SMALL, "--context", "fixed:49"], "patches of 49 pixels are larger than the scene"),
        ([*SMALL, "--context", "multinomial:9,10,11,12"], "4 listed sizes are too many for the 4 sizes from 9 to 12"),
        ([*SMALL, "--context", "uniform:x"], "context must be a distribution and its patch sizes, got 'uniform:x'"),
        (
            [*SMALL, "--context", "uniform:9-20", "--sampling", "objects"],
            "use --sampling random, --sampling balanced",
        ),
        ([*SMALL, "--context", "uniform:9-20", "--context-score", "iou"], "--context-score"),
        ([*SMALL, "--sampling", "anchors", "--anchor-stride", "0"], "--anchor-stride"),
        ([*SMALL, "--context", "uniform:9-20", "--split-block", "24"], "brings its own val split"),
    ],
)
def test_mistakes(refused, options, said):
    assert said in refused(*options)


def test_scenes_without_labels_are_named(refused, squares, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(squares, data)
    mask = sorted((data / "train" / "masks").iterdir())[0]
    mask.unlink()
    raster.write_label_map(mask.with_suffix(".png"), np.full((48, 64), 255, np.uint8), Legend(("ground", "square")))
    said = refused(*SMALL, "--sampling", "anchors", "--anchor-crop", 8, data=data)
    assert "anchors need labelled pixels" in said
    assert mask.stem in said


def test_blocks_too_small_for_their_buffer(refused, squares, tmp_path):
    data = tmp_path / "data"
    for kind in ("images", "masks"):
        shutil.copytree(squares / "train" / kind, data / kind)
    said = refused(*SMALL, "--context", "uniform:9-20", "--split-block", "24", data=data)
    assert "a buffer of 57 (patch plus receptive field) and a patch of 20 need 78" in said


def test_a_run_split_by_block_is_evaluated_on_its_own_blocks(run_cli, tmp_path):
    data, run = tmp_path / "data", tmp_path / "run"
    for kind in ("images", "masks"):
        (data / kind).mkdir(parents=True)
    rng = np.random.default_rng(0)
    labels = np.kron(rng.integers(0, 2, (10, 16)), np.ones((20, 20))).astype(np.uint8)
    raster.write_bands(
        data / "images" / "s.tif", (labels * 90 + rng.integers(0, 60, labels.shape))[None].astype(np.uint8)
    )
    raster.write_label_map(data / "masks" / "s.tif", labels, Legend(("a", "b")))
    code, _, err = run_cli("train", data, "-o", run, *SMALL, "--context", "uniform:9-20", "--split-block", 80, *QUICK)
    assert code == 0, err
    held_out = json.loads((run / "split.json").read_text())["val"]
    code, out, err = run_cli("evaluate", run, data, "--split", "val", "--json")
    assert code == 0, err
    n_pixels = sum(entry["window"][2] * entry["window"][3] for entry in held_out)
    assert json.loads(out)["rules"]["pixels"] == n_pixels
