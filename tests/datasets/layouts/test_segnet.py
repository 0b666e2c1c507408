import numpy as np
import pytest

from densa import InputError, datasets
from densa.datasets.layouts.segnet import read_segnet
from densa.legend import IGNORE


def test_segnet_with_a_test_split_without_masks(pairs, write, tmp_path):
    pairs(3, "train", "trainannot")
    pairs(2, "val", "valannot")
    write("test/x.png", (6, 8))
    found = datasets.open(tmp_path)
    assert {split: len(part) for split, part in found.items()} == {"train": 3, "val": 2, "test": 1}
    assert found["test"].samples[0].mask is None
    assert datasets.check(found["train"], found["val"]) == 3
    with pytest.raises(InputError, match="image without a mask"):
        datasets.check(found["test"])


def test_camvid_is_known_by_its_twelve_values(write, tmp_path):
    write("train/a.png", (6, 8))
    write("trainannot/a.png", np.resize(np.arange(12), (6, 8)))
    train = datasets.open(tmp_path)["train"]
    assert train.legend.class_names[8] == "car"
    assert train.legend.n_classes == 11
    assert (train.labels(0) == IGNORE).sum() == 4


@pytest.mark.parametrize("ending", ["annot", "_annot", "_masks", "_mask", "_labels", "_label", "_gt"])
@pytest.mark.parametrize("split", ["train", "Training", "valid", "testing"])
def test_masks_beside_the_split(tmp_path, split, ending):
    for folder in (split, split + ending):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(b"")
    layout = read_segnet(tmp_path)
    expected = {"train": "train", "training": "train", "valid": "val", "testing": "test"}[split.lower()]
    assert list(layout.splits) == [expected]
    assert layout.samples[0].mask == tmp_path / (split + ending) / "a.png"


def test_folders_without_masks_beside_them_are_another_layout(tmp_path):
    (tmp_path / "train" / "images").mkdir(parents=True)
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "x.png").write_bytes(b"")
    assert read_segnet(tmp_path) is None
