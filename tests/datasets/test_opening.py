import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import InputError, Legend, datasets, raster
from densa.datasets import SplitRule, choose_split


def test_instance_masks_have_two_classes(write, tmp_path):
    write("01/t000.tif", np.zeros((6, 8)))
    write("01_ST/SEG/man_seg000.tif", np.eye(6, 8, dtype=np.uint16) * 400)
    nuclei = datasets.open(tmp_path, legend=Legend(("nothing", "nucleus")))["train"]
    assert nuclei.legend.class_names == ("nothing", "nucleus")
    assert nuclei.labels(0).sum() == 6
    with pytest.raises(InputError, match="have 2 classes"):
        datasets.open(tmp_path, legend=Legend(("a", "b", "c")))


def test_a_folder_that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr("densa.datasets.image_files.os.listdir", refuse)
    with pytest.raises(InputError, match=r"cannot be read.*Permission denied"):
        datasets.open(tmp_path)


def test_the_legend_that_is_given_comes_first(pairs, tmp_path):
    pairs(2)
    (tmp_path / "classes.txt").write_text("a\nb\nc\n")
    given = Legend(("x", "y", "z"))
    assert datasets.open(tmp_path, legend=given)["train"].legend == given
    file = tmp_path / "other.json"
    file.write_text(json.dumps(Legend(("p", "q", "r")).to_dict()))
    found = datasets.open(tmp_path, legend=str(file))["train"]
    assert found.legend.class_names == ("p", "q", "r")
    assert found.legend_source == str(file)
    assert datasets.open(tmp_path)["train"].legend.class_names == ("a", "b", "c")


def test_carried_legends_must_agree(tmp_path):
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    for name, classes in (("a", ("ground", "road")), ("b", ("ground", "tree"))):
        raster.write_bands(tmp_path / "images" / f"{name}.tif", np.zeros((1, 4, 4), np.uint8))
        raster.write_label_map(tmp_path / "masks" / f"{name}.png", np.eye(4, dtype=np.uint8), Legend(classes))
    found = datasets.open(tmp_path)["train"]
    assert found.legend.class_names == ("background", "foreground")
    assert found.legend_source == "inferred from 2 masks"
    raster.write_label_map(
        tmp_path / "masks" / "b.png", np.eye(4, dtype=np.uint8), Legend(("ground", "road")), overwrite=True
    )
    found = datasets.open(tmp_path)["train"]
    assert (found.legend.class_names, found.legend_source) == (("ground", "road"), "carried by the masks")


def test_all_splits_share_the_legend(pairs, tmp_path):
    pairs(2, "train/images", "train/masks", values=(0, 1))
    pairs(2, "val/images", "val/masks", values=(0, 3))
    found = datasets.open(tmp_path)
    assert found["train"].legend == found["val"].legend
    assert found["train"].legend.n_classes == 4
    assert_array_equal(np.unique(found["val"].labels(0)), [0, 3])


def test_problems_of_pairing_are_those_of_their_split(pairs, write, tmp_path):
    pairs(2, "train/images", "train/masks")
    pairs(2, "val/images", "val/masks")
    write("val/masks/orphan.png", np.zeros((6, 8)))
    found = datasets.open(tmp_path)
    assert found["train"].problems == ()
    assert [p.rpartition(": ")[2] for p in found["val"].problems] == ["mask without an image"]
    write("train/masks/orphan.png", np.zeros((6, 8)))
    assert len(datasets.open(tmp_path)["train"].problems) == 1


def test_problems_of_no_split_are_the_first_ones(pairs, write, tmp_path):
    pairs(4)
    write("masks/orphan.png", np.zeros((6, 8)))
    found = datasets.open(tmp_path, split=SplitRule(val_fraction=0.5))
    assert {name: len(part.problems) for name, part in found.items()} == {"train": 1, "val": 0}


def test_masks_that_cannot_be_read_leave_the_others_to_say_the_legend(pairs, tmp_path):
    pairs(3)
    (tmp_path / "masks" / "01.png").write_bytes(b"")
    assert datasets.open(tmp_path)["train"].legend.n_classes == 3  # `check` reports the damaged one


def test_the_split_to_evaluate_on(pairs, write, tmp_path):
    pairs(2, "train", "trainannot")
    pairs(2, "val", "valannot")
    write("test/x.png", (6, 8))
    splits = datasets.open(tmp_path)
    assert choose_split(splits, None, tmp_path) is splits["val"]  # test has no masks
    assert choose_split(splits, "test", tmp_path) is splits["test"]
    with pytest.raises(InputError, match="has no split 'dev'; choose from train, val, test"):
        choose_split(splits, "dev", tmp_path)
    with pytest.raises(InputError, match="has a mask for every image; name one of test"):
        choose_split({"test": splits["test"]}, None, tmp_path)
