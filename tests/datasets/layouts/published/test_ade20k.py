import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import InputError, datasets
from densa.legend import IGNORE

MASK = np.array([[0, 1, 2], [149, 150, 0]])


@pytest.fixture
def ade20k(write, tmp_path):
    for split, name in (("training", "ADE_train_00000001"), ("validation", "ADE_val_00000001")):
        write(f"images/{split}/{name}.jpg", (2, 3))
        write(f"annotations/{split}/{name}.png", MASK)
    return tmp_path


def test_0_is_not_labelled_and_the_others_are_classes(ade20k):
    found = datasets.open(ade20k)
    assert {split: len(part) for split, part in found.items()} == {"train": 1, "val": 1}
    train = found["train"]
    assert train.legend.n_classes == 150
    assert [train.legend.class_names[i] for i in (0, 2, 149)] == ["wall", "sky", "flag"]
    assert_array_equal(train.labels(0), [[IGNORE, 0, 1], [148, 149, IGNORE]])
    assert train.layout == "ade20k"


def test_names_of_the_file(ade20k):
    rows = [f"{i}\t0.1\t1\t1\tname {i}, another" for i in range(1, 151)]
    (ade20k / "objectInfo150.txt").write_text("Idx\tRatio\tTrain\tVal\tName\n" + "\n".join(rows))
    train = datasets.open(ade20k)["train"]
    assert train.legend.class_names[:2] == ("name 1", "name 2")
    assert train.legend_source.endswith("objectInfo150.txt")
    (ade20k / "objectInfo150.txt").write_text("Idx\tName\n1\twall\n")
    with pytest.raises(InputError, match="must number 150 rows from 1, it has 1"):
        datasets.open(ade20k)


def test_a_value_beyond_the_classes_is_named(ade20k, write):
    write("annotations/training/ADE_train_00000001.png", MASK + 20)
    with pytest.raises(InputError, match="mask has values"):
        datasets.check(datasets.open(ade20k)["train"])


def test_the_full_data_set_is_refused(write, tmp_path):
    write("images/training/a/abbey/ADE_train_00000001.jpg", (2, 3))
    write("images/training/a/abbey/ADE_train_00000001_seg.png", (2, 3))
    with pytest.raises(InputError, match="ADE20K in full"):
        datasets.open(tmp_path)


def test_such_folders_are_no_sign_alone(write, tmp_path):
    for split in ("training", "validation"):
        write(f"images/{split}/a.jpg", (2, 3))
        write(f"annotations/{split}/a.png", [[0, 1, 2], [0, 0, 1]])
    own = datasets.open(tmp_path)["train"]
    assert (own.layout, own.legend.n_classes) == ("pairs", 3)
    assert datasets.open(tmp_path, layout="SceneParsing")["train"].legend.n_classes == 150
    write("annotations/training/a.png", [[0, 1, 150], [0, 0, 1]])
    assert datasets.open(tmp_path)["train"].layout == "ade20k"
