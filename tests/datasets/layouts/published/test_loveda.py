import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import datasets
from densa.legend import IGNORE


@pytest.fixture
def loveda(write, tmp_path):
    for split, area, number in (("Train", "Rural", 0), ("Train", "Urban", 1366), ("Val", "Rural", 2522)):
        write(f"{split}/{area}/images_png/{number}.png", (2, 4))
        write(f"{split}/{area}/masks_png/{number}.png", [[0, 1, 2, 3], [4, 5, 6, 7]])
    write("Test/Urban/images_png/5000.png", (2, 4))
    return tmp_path


def test_0_is_no_data(loveda):
    found = datasets.open(loveda)
    assert {split: len(part) for split, part in found.items()} == {"train": 2, "val": 1, "test": 1}
    train = found["train"]
    assert train.legend.class_names[0] == "background"
    assert_array_equal(train.labels(0), [[IGNORE, 0, 1, 2], [3, 4, 5, 6]])
    assert [sample.name for sample in train.samples] == ["Rural/0", "Urban/1366"]
    assert found["test"].samples[0].mask is None
    assert "0 is no data and ignored" in train.taken[0]


def test_validation_is_no_whole_area(loveda, write):
    for number in range(1, 10):
        write(f"Train/Rural/images_png/{number}.png", (2, 4))
        write(f"Train/Rural/masks_png/{number}.png", np.ones((2, 4)))
    (loveda / "Val").rename(loveda / "other")
    (loveda / "other" / "Rural" / "images_png").rename(loveda / "gone")
    found = datasets.open(loveda)
    assert {split: len(part) for split, part in found.items()} == {"train": 9, "val": 2, "test": 1}
