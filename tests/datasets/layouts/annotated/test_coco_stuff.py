"""COCO-Stuff as a data set: the numbers of its pixel maps."""

import numpy as np
import pytest
from PIL import Image

from densa import InputError, datasets
from densa.legend import IGNORE


def write(root, mask, folder="stuffthingmaps/train2017", images="images/train2017"):
    for place, values in ((images, np.zeros((*mask.shape, 3), np.uint8)), (folder, mask)):
        (root / place).mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(root / place / "000000000009.png")
    return root


def test_things_and_stuff_count_from_0(tmp_path):
    """Ids 1 (person), 90 (toothbrush), 92 (banner) and 182 (wood), minus 1."""
    root = write(tmp_path, np.array([[0, 89, 91], [181, 255, 0]], np.uint8))
    train = datasets.open(root)["train"]
    assert (train.legend.n_classes, train.layout) == (171, "coco-stuff")
    names = [[None if v == IGNORE else train.legend.class_names[v] for v in row] for row in train.labels(0)]
    assert names == [["person", "toothbrush", "banner"], ["wood", None, "person"]]


def test_maps_of_stuff_alone_hold_the_ids(tmp_path):
    root = write(tmp_path, np.array([[92, 182, 183, 0]], np.uint8), "stuff_val2017_pixelmaps", "val2017")
    val = datasets.open(root)["val"]
    assert val.legend.n_classes == 92
    names = [None if v == IGNORE else val.legend.class_names[v] for v in val.labels(0)[0]]
    assert names == ["banner", "wood", "other", None]


def test_names_of_a_file(tmp_path):
    root = write(tmp_path, np.array([[0, 181]], np.uint8))
    lines = ["0: unlabeled", *(f"{i}: name {i}" for i in range(1, 183))]
    (root / "labels.txt").write_text("\n".join(lines))
    assert datasets.open(root)["train"].legend.class_names[0] == "name 1"
    (root / "labels.txt").write_text("1: person\n")
    with pytest.raises(InputError, match="must name the ids 1 to 182"):
        datasets.open(root)
