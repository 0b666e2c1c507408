import pytest

from densa import InputError, datasets
from densa.datasets import SplitRule
from densa.datasets.layouts.folders import read_folders

WHOLE = SplitRule(val_fraction=0)


def names(dataset):
    return [sample.name for sample in dataset.samples]


@pytest.mark.parametrize("images", ["images", "imgs", "JPEGImages", "img_dir"])
@pytest.mark.parametrize("masks", ["masks", "labels", "annotations", "gt"])
def test_paired_folders(pairs, tmp_path, images, masks):
    stems = pairs(3, images, masks)
    found = datasets.open(tmp_path, split=WHOLE)
    assert list(found) == ["train"]
    assert names(found["train"]) == stems
    assert found["train"].n_bands == datasets.check(*found.values()) == 3


@pytest.mark.parametrize("form", ["{split}/{kind}", "{kind}/{split}", "data/{split}/{kind}"])
def test_splits_above_or_below(pairs, tmp_path, form):
    for split, n in (("train", 3), ("valid", 2), ("test", 1)):
        pairs(n, form.format(split=split, kind="images"), form.format(split=split, kind="masks"))
    found = datasets.open(tmp_path)
    assert {split: len(part) for split, part in found.items()} == {"train": 3, "val": 2, "test": 1}
    assert names(found["train"]) == ["00", "01", "02"]
    assert datasets.check(*found.values()) == 3


def test_scenes_are_groups(pairs, tmp_path):
    for scene in ("Tile 1", "Tile 2", "Tile 3"):
        pairs(4, f"{scene}/images", f"{scene}/masks")
    found = datasets.open(tmp_path, split=SplitRule(val_groups=("Tile 2",)))
    assert names(found["val"]) == [f"Tile 2/0{i}" for i in range(4)]
    assert {sample.group for sample in found["train"].samples} == {"Tile 1", "Tile 3"}


def test_scenes_below_the_kinds(pairs, tmp_path):
    for scene in ("north", "south"):
        pairs(2, f"images/train/{scene}", f"masks/train/{scene}")
    pairs(1, "images/val/west", "masks/val/west")
    found = datasets.open(tmp_path)
    assert {sample.group for sample in found["train"].samples} == {"north", "south"}
    assert names(found["val"]) == ["west/00"]


def test_folders_are_searched_to_a_depth_of_four(tmp_path):
    for place in ("a/b/c/d", "a/b/c/d/e", ".hidden"):
        for kind in ("images", "masks"):
            (tmp_path / place / kind).mkdir(parents=True)
            (tmp_path / place / kind / "x.png").write_bytes(b"")
    assert [sample.name for sample in read_folders(tmp_path).samples] == ["a/b/c/d/x"]


def test_several_folders_of_a_kind_are_named(tmp_path):
    for folder in ("images", "masks", "labels"):
        (tmp_path / folder).mkdir()
    with pytest.raises(InputError, match=r"several folders of one kind \(labels, masks\); name them with images= and"):
        read_folders(tmp_path)


def test_without_a_mask_there_is_no_data_set(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "x.png").write_bytes(b"")
    assert read_folders(tmp_path).samples == []


def test_folders_without_image_files_are_none_of_several(pairs, tmp_path):
    pairs(2)
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "instances.json").write_text("{}")
    assert [sample.mask.parent.name for sample in read_folders(tmp_path).samples] == ["masks", "masks"]
