import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import InputError, datasets
from densa.legend import IGNORE

IDS = np.array([[0, 1, 3, 4, 6, 7], [8, 9, 11, 15, 17, 18], [23, 24, 26, 29, 33, 255]])
TRAIN_IDS = np.array([[255, 255, 255, 255, 255, 0], [1, 255, 2, 255, 5, 255], [10, 11, 13, 255, 18, 255]])


@pytest.fixture
def cityscapes(write, tmp_path):
    """cityscapes(kind, mask): two cities of training, one of validation, one of the test whose labels are withheld."""

    def make(kind="labelIds", mask=IDS):
        for split, city in (("train", "aachen"), ("train", "ulm"), ("val", "lindau"), ("test", "bonn")):
            stem = f"{city}_000000_000019"
            write(f"leftImg8bit/{split}/{city}/{stem}_leftImg8bit.png", (3, 6))
            write(f"gtFine/{split}/{city}/{stem}_gtFine_{kind}.png", mask)
        return tmp_path

    return make


def test_ids_become_train_ids_by_the_published_table(cityscapes):
    found = datasets.open(cityscapes())
    assert {split: len(part) for split, part in found.items()} == {"train": 2, "val": 1, "test": 1}
    train = found["train"]
    assert train.legend.n_classes == 19
    assert train.legend.class_names[:3] == ("road", "sidewalk", "building")
    assert train.legend.colors[0] == (128, 64, 128)
    assert_array_equal(train.labels(0), TRAIN_IDS)
    assert train.taken[0].startswith(
        "layout cityscapes: images in leftImg8bit/, labels in gtFine/*_gtFine_labelIds.png"
    )
    assert {sample.group for sample in train.samples} == {"aachen", "ulm"}
    assert datasets.check(train, found["val"]) == 3
    assert found["test"].samples[0].mask is None  # the published ones are withheld


def test_all_classes(cityscapes):
    legend = datasets.open(cityscapes(), classes="all")["train"].legend
    assert (legend.n_classes, legend.codes) == (30, tuple(range(4, 34)))
    assert legend.class_names[0] == "static"
    labels = datasets.open(cityscapes(), classes="all")["val"].labels(0)
    assert_array_equal(labels[0], [IGNORE, IGNORE, IGNORE, 0, 2, 3])


def test_ids_come_before_the_other_kinds(cityscapes):
    cityscapes("labelTrainIds", TRAIN_IDS)
    cityscapes("color", np.zeros((3, 6, 3)))
    cityscapes("instanceIds", IDS.astype(np.uint16) * 1000)
    train = datasets.open(cityscapes())["train"]
    assert train.samples[0].mask.name.endswith("_labelIds.png")


def test_train_ids_alone(cityscapes):
    train = datasets.open(cityscapes("labelTrainIds", TRAIN_IDS))["train"]
    assert_array_equal(train.labels(0), TRAIN_IDS)
    with pytest.raises(InputError, match="classes must be a set of classes of the layout cityscapes, which has train"):
        datasets.open(cityscapes("labelTrainIds", TRAIN_IDS), classes="all")


def test_colours_alone(cityscapes):
    colors = np.array([[(128, 64, 128), (70, 70, 70), (0, 0, 0), (111, 74, 0), (0, 0, 142), (250, 170, 160)]] * 3)
    train = datasets.open(cityscapes("color", colors))["train"]
    assert_array_equal(train.labels(0)[0], [0, 2, IGNORE, IGNORE, 13, IGNORE])


def test_a_model_of_train_ids_is_measured_on_ids(cityscapes):
    legend = datasets.open(cityscapes("labelTrainIds", TRAIN_IDS))["train"].legend
    measured = datasets.open(cityscapes(), legend=legend)["val"]
    assert_array_equal(measured.labels(0), TRAIN_IDS)


def test_train_extra_without_fine_labels_is_left_out(cityscapes, write):
    root = cityscapes()
    write("leftImg8bit/train_extra/trier/trier_0_1_leftImg8bit.png", (3, 6))
    assert len(datasets.open(root)["train"]) == 2
