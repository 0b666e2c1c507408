"""Split files: what is written is read, and what is wrong is said in one line."""

import json

import numpy as np
import pytest

from densa import datasets
from densa.datasets import SplitEntry, SplitFile, SplitRule
from densa.datasets.splits.split_file import file_list_digest
from densa.errors import InputError
from densa.raster import Window

HEAD = {"format": "densa-splits", "version": 1}


def write(path, samples, folds=2, **more):
    path.write_text(json.dumps({**HEAD, "folds": folds, "samples": samples, **more}), encoding="utf-8")
    return path


def test_what_is_written_is_read(tmp_path):
    entries = (SplitEntry("a/ä.png", "0", "a"), SplitEntry("b.tif", "1", "b", 3, Window(0, 1, 20, 30)))
    splits = SplitFile(entries, 2, {"seed": 4})
    found = SplitFile.read(splits.write(tmp_path / "splits.json"))
    assert (found.entries, found.folds, found.facts) == (entries, 2, {"seed": 4})
    with pytest.raises(InputError, match="exists"):
        splits.write(tmp_path / "splits.json")


def test_a_fold_validates_and_the_others_train(squares, tmp_path):
    names = [f"train/images/train{i}.tif" for i in range(3)] + [f"val/images/val{i}.tif" for i in range(2)]
    samples = [{"image": name, "part": str(k % 2)} for k, name in enumerate(names)]
    path = write(tmp_path / "s.json", samples)
    for fold, val in ((0, ["train0", "train2", "val1"]), (1, ["train1", "val0"])):
        opened = datasets.open(squares, split=SplitRule(file=path, fold=fold))
        assert list(opened) == ["train", "val"]
        assert [sample.name for sample in opened["val"].samples] == val
        assert len(opened["train"]) + len(opened["val"]) == 5


def test_train_val_and_test_by_name(squares, tmp_path):
    samples = [{"image": "val/images/val0.tif", "part": "train"}, {"image": "train/images/train2.tif", "part": "test"}]
    opened = datasets.open(squares, split=SplitRule(file=write(tmp_path / "s.json", samples, None)))
    assert {name: [s.name for s in one.samples] for name, one in opened.items()} == {
        "train": ["val0"],
        "test": ["train2"],
    }
    assert "3 images of" in opened["train"].remarks[-1]
    assert "left out" in opened["train"].remarks[-1]


def test_windows_are_images_of_their_own(squares, tmp_path):
    image = "train/images/train0.tif"
    samples = [
        {"image": image, "part": "0", "window": [0, 0, 20, 64]},
        {"image": image, "part": "1", "window": [24, 0, 24, 40]},
        {"image": "val/images/val0.tif", "part": "1"},
    ]
    opened = datasets.open(squares, split=SplitRule(file=write(tmp_path / "s.json", samples), fold=1))
    assert [opened["train"].size(0), opened["val"].size(0), opened["val"].size(1)] == [(20, 64), (24, 40), (48, 64)]
    whole = datasets.open(squares)["train"]
    np.testing.assert_array_equal(opened["val"].labels(0), whole.labels(0)[24:48, :40])


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        ({"image": "../train0.tif", "part": "0"}, "leaves the folder"),
        ({"image": "/etc/passwd", "part": "0"}, "leaves the folder"),
        ({"image": "a\\..\\b.png", "part": "0"}, "leaves the folder"),
        ({"image": "C:/a.png", "part": "0"}, "leaves the folder"),
        ({"image": "a.png", "part": "7"}, '"part" must be one of 0, 1, test'),
        ({"image": "a.png", "part": True}, '"part" must be'),
        ({"image": "", "part": "0"}, '"image" must be the path'),
        ({"image": "a.png", "part": "0", "page": -1}, '"page" must be'),
        ({"image": "a.png", "part": "0", "window": [0, 0, 0, 4]}, '"window" must be'),
        ({"image": "a.png", "part": "0", "window": "all"}, '"window" must be'),
        ("a.png", "sample 1 must be"),
    ],
)
def test_entries_that_are_refused(tmp_path, sample, said):
    with pytest.raises(InputError, match=said) as error:
        SplitFile.read(write(tmp_path / "s.json", [sample]))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("[1]", "is no split file"),
        ('{"format": "densa-splits", "version": 9, "folds": 2, "samples": []}', "has version 9"),
        ('{"format": "densa-splits", "version": 1, "folds": 1, "samples": []}', '"folds" must be'),
        ('{"format": "densa-splits", "version": 1, "folds": 2, "samples": []}', "not empty"),
    ],
)
def test_files_that_are_refused(tmp_path, text, said):
    path = tmp_path / "s.json"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        SplitFile.read(path)


def test_an_image_is_in_one_part(tmp_path):
    path = write(tmp_path / "s.json", [{"image": "a.png", "part": "0"}, {"image": "./a.png", "part": "1"}])
    with pytest.raises(InputError, match=r"names a\.png twice"):
        SplitFile.read(path)


def test_files_that_are_not_there_are_named(squares, tmp_path):
    path = write(tmp_path / "s.json", [{"image": "train/images/gone.tif", "part": "0"}])
    with pytest.raises(InputError, match=r"names 1 images that are not in .*: train/images/gone\.tif") as error:
        datasets.open(squares, split=SplitRule(file=path, fold=0))
    assert "\n" not in str(error.value)


def test_a_window_beyond_its_image(squares, tmp_path):
    path = write(tmp_path / "s.json", [{"image": "val/images/val0.tif", "part": "0", "window": [40, 0, 20, 9]}])
    with pytest.raises(InputError, match="which has 48 rows and 64 columns"):
        datasets.open(squares, split=SplitRule(file=path, fold=1))


@pytest.mark.parametrize(("fold", "said"), [(None, "from 0 to 1"), (2, "from 0 to 1, .*got 2"), (-1, "from 0 to 1")])
def test_folds_that_are_not_there(squares, tmp_path, fold, said):
    path = write(tmp_path / "s.json", [{"image": "val/images/val0.tif", "part": "0"}])
    with pytest.raises(InputError, match=said):
        datasets.open(squares, split=SplitRule(file=path, fold=fold))


def test_rules_that_exclude_each_other(tmp_path):
    with pytest.raises(InputError, match="needs `split_file`"):
        SplitRule(fold=1)
    with pytest.raises(InputError, match="val_fraction has no effect"):
        SplitRule(file=tmp_path / "s.json", val_fraction=0.3)


def test_digest_of_the_files():
    assert file_list_digest([("b", 0), ("a", 1)]) == file_list_digest([("a", 1), ("b", 0), ("b", 0)])
    assert file_list_digest([("a", 0)]) != file_list_digest([("a", 1)])
