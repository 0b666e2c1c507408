import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import datasets
from densa.legend import IGNORE

COLORS = np.array([[(0, 255, 255), (255, 255, 0), (255, 0, 255), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)]])
LABELS = [[0, 1, 2, 3, 4, 5, IGNORE]]
ROWS = (
    "name,r,g,b\nurban_land,0,255,255\nagriculture_land,255,255,0\nrangeland,255,0,255\nforest_land,0,255,0\n"
    "water,0,0,255\nbarren_land,255,255,255\nunknown,0,0,0\n"
)


@pytest.fixture
def deepglobe(write, tmp_path):
    for number in (119, 606):
        write(f"train/{number}_sat.jpg", (1, 7))
        write(f"train/{number}_mask.png", COLORS)
    write("valid/855_sat.jpg", (1, 7))
    write("test/100_sat.jpg", (1, 7))
    return tmp_path


@pytest.mark.parametrize("listed", [False, True])
def test_unknown_is_ignored(deepglobe, listed):
    if listed:
        (deepglobe / "class_dict.csv").write_text(ROWS)
    found = datasets.open(deepglobe)
    assert {split: len(part) for split, part in found.items()} == {"train": 1, "val": 1, "test": 1}
    train = found["train"]
    assert (train.layout, train.legend.n_classes, train.legend.class_names[0]) == ("deepglobe", 6, "urban land")
    assert_array_equal(train.labels(0), LABELS)
    assert found["val"].samples[0].mask is not None  # the images of valid/ come without labels


def test_colours_that_compression_changed(deepglobe, write):
    noisy = np.clip(COLORS + np.random.default_rng(0).integers(-60, 61, COLORS.shape), 0, 255)
    write("train/119_mask.png", noisy)
    train = datasets.open(deepglobe, split=datasets.SplitRule(val_fraction=0))["train"]
    assert_array_equal(train.labels(0), LABELS)
    assert datasets.check(train) == 3


def test_roads_are_another_data_set(write, tmp_path):
    for number in (1, 2):
        write(f"train/{number}_sat.jpg", (2, 4))
        write(f"train/{number}_mask.png", np.resize([0, 255], (2, 4))[..., None].repeat(3, axis=2))
    assert datasets.open(tmp_path)["train"].legend.class_names == ("background", "foreground")


def test_own_colours_are_another_data_set(write, tmp_path):
    for number in (1, 2):
        write(f"train/{number}_sat.jpg", (1, 3))
        write(f"train/{number}_mask.png", [[(90, 90, 200), (200, 90, 30), (30, 200, 90)]])
    assert datasets.open(tmp_path)["train"].layout == "suffixes"
