import numpy as np
import pytest

from densa import datasets
from densa.legend import IGNORE

COLORS = np.array([[(128, 128, 128), (128, 64, 128), (0, 0, 0), (64, 128, 64)]])


@pytest.fixture
def camvid(write, tmp_path):
    for stem in ("0001TP_006690", "0006R0_f00930", "0006R0_f00960", "Seq05VD_f00000"):
        write(f"701_StillsRaw_full/{stem}.png", (1, 4))
        write(f"LabeledApproved_full/{stem}_L.png", COLORS)
    return tmp_path


@pytest.mark.parametrize("listed", [False, True])
def test_void_is_ignored(camvid, listed):
    if listed:
        names = {"Animal": "64 128 64", "Road": "128 64 128", "Sky": "128 128 128", "Void": "0 0 0"}
        lines = [f"{color}\t\t{name}" for name, color in names.items()]
        (camvid / "label_colors.txt").write_text("\n".join(lines))
    found = datasets.open(camvid)
    train = found["train"]
    assert train.layout == "camvid"
    assert (train.legend.n_classes, train.legend.class_names[0]) == (3 if listed else 31, "Animal")
    names = [*train.legend.class_names, *["none"] * 300]
    assert [names[label] for label in train.labels(0)[0]] == ["Sky", "Road", "none", "Animal"]
    assert train.labels(0)[0, 2] == IGNORE
    assert datasets.check(*found.values()) == 3


def test_sequences_are_scenes(camvid):
    groups = [{sample.group for sample in part.samples} for part in datasets.open(camvid).values()]
    assert set.union(*groups) == {"0001TP", "0006R0", "Seq05VD"}
    assert not groups[0] & groups[1]


def test_masks_without_an_image_are_reported(camvid, write):
    write("LabeledApproved_full/Seq05VD_f00030_L.png", COLORS)
    assert "Seq05VD_f00030_L.png: mask without an image" in datasets.open(camvid)["train"].problems[0]
