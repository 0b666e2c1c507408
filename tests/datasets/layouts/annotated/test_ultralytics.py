"""Ultralytics as a data set: data.yaml, polygons in shares of the image, masks."""

import numpy as np
import pytest
from PIL import Image

from densa import InputError, datasets
from densa.legend import IGNORE

HEIGHT, WIDTH = 20, 40
NAMES = "names:\n  0: cat\n  1: dog\n"


def write(
    root,
    lines,
    *,
    yaml=f"path: ../datasets/pets\ntrain: images/train\nval: images/val\n{NAMES}",
    splits=("train", "val"),
):
    root.mkdir(parents=True, exist_ok=True)
    (root / "data.yaml").write_text(yaml)
    for split in splits:
        (root / "images" / split).mkdir(parents=True, exist_ok=True)
        (root / "labels" / split).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((HEIGHT, WIDTH, 3), 90, np.uint8)).save(root / "images" / split / f"{split}.png")
        (root / "labels" / split / f"{split}.txt").write_text(lines)
    return root


BIG, SMALL = "0 0.1 0.1 0.9 0.1 0.9 0.9 0.1 0.9\n", "1 0.25 0.25 0.5 0.25 0.5 0.5 0.25 0.5\n"


def test_smaller_polygons_lie_on_top(tmp_path):
    splits = datasets.open(write(tmp_path, SMALL + BIG))
    train = splits["train"]
    assert (train.legend.class_names, train.layout, set(splits)) == (
        ("background", "cat", "dog"),
        "ultralytics",
        {"train", "val"},
    )
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[2:18, 4:36] = 1
    expected[5:10, 10:20] = 2
    np.testing.assert_array_equal(train.labels(0), expected)


def test_an_image_without_a_file_has_no_object(tmp_path):
    write(tmp_path, BIG)
    (tmp_path / "labels" / "val" / "val.txt").unlink()
    splits = datasets.open(tmp_path)
    assert (splits["val"].labels(0) == 0).all()
    assert "1 of 2 images have no text file: nothing is on them" in splits["train"].taken


def test_folders_as_roboflow_names_them(tmp_path):
    """train: ../train/images is meant from another folder."""
    (tmp_path / "train" / "images").mkdir(parents=True)
    (tmp_path / "train" / "labels").mkdir()
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(tmp_path / "train" / "images" / "a.png")
    (tmp_path / "train" / "labels" / "a.txt").write_text(BIG)
    (tmp_path / "data.yaml").write_text("train: ../train/images\nnc: 2\nnames: ['cat', 'dog']\n")
    assert datasets.open(tmp_path)["train"].labels(0)[9, 9] == 1


def test_masks_in_place_of_polygons(tmp_path):
    write(tmp_path, "", splits=("train",), yaml=f"train: images/train\n{NAMES}")
    (tmp_path / "labels" / "train" / "train.txt").unlink()
    (tmp_path / "masks" / "train").mkdir(parents=True)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:5], mask[15:] = 1, 255
    Image.fromarray(mask).save(tmp_path / "masks" / "train" / "train.png")
    train = datasets.open(tmp_path, layout="ultralytics")["train"]
    assert train.legend.class_names == ("cat", "dog")
    np.testing.assert_array_equal(train.labels(0), np.where(mask == 255, IGNORE, mask))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("0 0.5 0.5 0.2 0.2\n", r"line 1 is a box \(5 numbers\): nothing says which of its pixels"),
        (BIG + "0 0.1 0.2 0.3\n", "line 2 must be a class and x y of at least 3 corners, got 4 numbers"),
        ("7 0.1 0.1 0.9 0.1 0.9 0.9\n", "line 1 has the class 7; data.yaml names 0 to 1"),
        ("0 10 10 90 10 90 90\n", "line 1 must have coordinates from 0 to 1"),
        ("0 nan 0.1 0.9 0.1 0.9 0.9\n", "line 1 must have coordinates from 0 to 1"),
        ("cat 0.1 0.1 0.9 0.1 0.9 0.9\n", "line 1 must be a class and x y of corners"),
    ],
)
def test_lines_that_are_refused(tmp_path, lines, message):
    with pytest.raises(InputError, match=message):
        datasets.open(write(tmp_path, lines))


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        (f"train: /etc\n{NAMES}", "names the file '/etc'; it must be a path relative to its folder"),
        (f"train: images/../../x\n{NAMES}", "which lies outside of"),
        (f"train: nowhere\n{NAMES}", "train names 'nowhere', which is not in"),
        ("train: images/train\nnames: [cat, cat]\n", "names must be a list of different names"),
        ("train: images/train\nnc: 3\nnames: [cat, dog]\n", "nc is 3, but there are 2 names"),
        ("train: [names\n", "cannot be read"),
    ],
)
def test_descriptions_that_are_refused(tmp_path, yaml, message):
    with pytest.raises(InputError, match=message):
        datasets.open(write(tmp_path, BIG, yaml=yaml))
