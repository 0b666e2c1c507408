import json
import re

import numpy as np
import pytest

from densa import raster
from densa.legend import Legend


@pytest.fixture
def folders(tmp_path, rng):
    """Masks of 12 images, and two folders of label maps of them, the second one better."""
    found = [tmp_path / name for name in ("first", "second", "masks")]
    for i in range(12):
        target = rng.integers(0, 2, (8, 8)).repeat(6, 0).repeat(6, 1).astype(np.uint8)
        for folder, wrong in zip(found, (0.3, 0.1, 0), strict=True):
            labels = np.where(rng.random(target.shape) < wrong, 1 - target, target).astype(np.uint8)
            folder.mkdir(exist_ok=True)
            raster.write_label_map(folder / f"{i:02d}.png", labels, Legend(("ground", "roof")))
    return found


def test_text_and_json_have_intervals(run_cli, folders):
    first, _, masks = folders
    code, out, err = run_cli("evaluate", first, masks)
    assert (code, err) == (0, "")
    assert re.search(r"mean IoU 0\.\d{4} \(0\.\d{4} to 0\.\d{4}\), global accuracy 0\.\d{4} \(0", out)
    assert re.search(r"(?m)^roof +0\.\d{4} \(0\.\d{4} to 0\.\d{4}\)", out)
    assert "95 % intervals: bootstrap over 12 images, 10000 resamples, seed 0" in out
    code, out, _ = run_cli("evaluate", first, masks, "--json", "--resamples", "300", "--seed", "4")
    content = json.loads(out)["intervals"]
    assert (content["resamples"], content["seed"], content["unit"]["kind"]) == (300, 4, "image")
    low, high = content["mean_iou"]["bca"]
    assert low < json.loads(out)["mean_iou"] < high


def test_no_intervals(run_cli, folders):
    code, out, _ = run_cli("evaluate", folders[0], folders[2], "--no-intervals")
    assert code == 0
    assert not re.search(r"0\.\d+ \(0\.\d+ to ", out)
    assert "95 % intervals" not in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--units", "tile"), "--units"),
        (("--units", "scene", "--unit-block", "8"), "--unit-block is the side of blocks"),
        (("--resamples", "3"), "--resamples must be"),
        (("--unit-block", "0"), "--unit-block must be"),
    ],
)
def test_bad_options_are_one_line(run_cli, folders, options, said):
    code, out, err = run_cli("evaluate", folders[0], folders[2], *options)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_several_are_compared(run_cli, folders, tmp_path):
    first, second, masks = folders
    code, out, err = run_cli("evaluate", first, second, masks, "-o", tmp_path / "report", "--resamples", 1000)
    assert (code, err) == (0, "")
    assert re.search(r"second less first: mean IoU \+0\.\d{4} \(\+0\.\d{4} to \+0\.\d{4}\), p ", out)
    assert "rank by mean IoU: first 2, second 1; second differs from all others" in out
    assert out.rstrip().endswith("metrics.json")
    code, out, _ = run_cli("evaluate", first, second, masks, "--json")
    assert json.loads(out)["paired"]["ranks"]["mean_iou"] == {"first": [2, 2], "second": [1, 1]}
    code, _, err = run_cli("evaluate", first, first, masks)
    assert code == 2
    assert "is given twice" in err
    code, _, err = run_cli("evaluate", first, tmp_path / "none", masks)
    assert code == 2
    assert "RUN_OR_PREDICTIONS must exist" in err
