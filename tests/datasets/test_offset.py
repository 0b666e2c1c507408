"""Masks that count their classes from another number than the legend."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from densa import InputError, Legend, datasets
from densa.cli import run
from densa.datasets.offset import with_offset

VALUES = np.array([[1, 2, 3], [3, 2, 1], [0, 255, 1]], np.uint8).repeat(8, 0).repeat(8, 1)
EXPECTED = np.array([[0, 1, 2], [2, 1, 0], [255, 255, 0]], np.uint8).repeat(8, 0).repeat(8, 1)


@pytest.fixture
def folder(tmp_path):
    for i in range(3):
        for kind, values in (
            ("images", np.random.default_rng(i).integers(0, 255, VALUES.shape, np.uint8)),
            ("masks", VALUES),
        ):
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(tmp_path / "data" / kind / f"{i}.png")
    return tmp_path / "data"


def write_legend(folder):
    classes = [{"name": name} for name in ("water", "meadow", "roof")]
    (folder / "legend.json").write_text(json.dumps({"classes": classes}))


def test_values_count_from_one(folder):
    write_legend(folder)
    train = datasets.open(folder, mask_offset=-1)["train"]
    assert train.legend.class_names == ("water", "meadow", "roof")
    assert_array_equal(train.labels(0), EXPECTED)


def test_without_a_legend_the_classes_are_numbered_anew(folder):
    train = datasets.open(folder, mask_offset=-1)["train"]
    assert train.legend.class_names == ("class_0", "class_1", "class_2")
    assert_array_equal(train.labels(0), EXPECTED)


def test_a_legend_that_was_moved_stays():
    legend = Legend(("a", "b"))
    moved = with_offset(legend, -1)
    assert moved.codes == (1, 2)
    assert moved.ignored_codes == (255, 0)
    assert with_offset(moved, -1) == moved
    assert with_offset(Legend(("a", "b"), codes=(1, 2)), 1).codes == (0, 1)


def test_masks_of_colours_have_no_offset(tmp_path, folder):
    for path in (folder / "masks").iterdir():
        Image.fromarray(np.stack([VALUES, VALUES * 0, VALUES], -1)).save(path)
    with pytest.raises(InputError, match="mask_offset is for masks that hold values, these hold colours"):
        datasets.open(folder, mask_offset=-1)


def test_on_the_command_line(folder, tmp_path, monkeypatch, capsys):
    """A model is trained and measured on masks that count from 1, its own legend says how they count."""
    write_legend(folder)
    model = tmp_path / "run"
    base = ["train", str(folder), "--model", "pixel-forest", "-o", str(model)]
    shown = []
    for arguments, code in (
        (base, 2),
        ([*base, "--mask-offset", "-1"], 0),
        (["evaluate", str(model), str(folder), "--split", "val", "--json"], 0),
        (["evaluate", str(model), str(folder), "--split", "val", "--json", "--mask-offset", "-1"], 0),
    ):
        monkeypatch.setattr("sys.argv", ["densa", *arguments])
        assert run() == code
        shown.append(capsys.readouterr().out)
    assert json.loads(shown[2]) == json.loads(shown[3])
