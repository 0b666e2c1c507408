import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import InputError, datasets

OBJECTS = np.zeros((3, 6, 8), np.uint8)
OBJECTS[0, 1:3, 1:3] = OBJECTS[1, 1:3, 3:5] = OBJECTS[2, 4, 6] = 255


@pytest.fixture
def nuclei(write, tmp_path):
    def make(root="stage1_train", n=3):
        for i in range(n):
            write(f"{root}/id{i}/images/id{i}.png", (6, 8))
            for k in range(i, 3):
                write(f"{root}/id{i}/masks/object{k}.png", OBJECTS[k])
        return tmp_path

    return make


@pytest.mark.parametrize("root", ["stage1_train", "."])
def test_the_union_is_foreground_and_objects_are_kept(nuclei, root):
    train = datasets.open(nuclei(root), split=datasets.SplitRule(val_fraction=0))["train"]
    assert (train.layout, train.legend.class_names) == ("dsb2018", ("background", "object"))
    assert_array_equal(train.labels(0), OBJECTS.any(axis=0))
    assert_array_equal(train.labels(2), OBJECTS[2] > 0)
    assert_array_equal(train.instances(0)[2], [0, 1, 1, 2, 2, 0, 0, 0])  # the first two touch
    assert train.numbers_objects(0)
    assert datasets.check(train) == 3


def test_images_without_a_folder_of_masks_are_not_labelled(nuclei, write):
    write("stage1_test/other/images/other.png", (6, 8))
    root = nuclei()
    (root / "stage1_train" / "none" / "masks").mkdir(parents=True)
    write("stage1_train/none/images/none.png", (6, 8))
    found = datasets.open(root, split=datasets.SplitRule(val_fraction=0))
    assert [sample.name for sample in found["test"].samples] == ["other"]
    assert found["test"].samples[0].mask is None
    assert not found["train"].labels(3).any()  # an empty folder: no object


def test_objects_of_another_size_are_named(nuclei, write):
    root = nuclei()
    write("stage1_train/id1/masks/object1.png", np.ones((5, 8)))
    with pytest.raises(InputError, match=r"object1\.png"):
        datasets.check(datasets.open(root, split=datasets.SplitRule(val_fraction=0))["train"])


def test_one_object_each(write, tmp_path):
    for name in ("a", "b"):
        write(f"{name}/images/{name}.png", (6, 8))
        write(f"{name}/masks/{name}1.png", OBJECTS[0])
    assert datasets.open(tmp_path)["train"].layout == "dsb2018"
    for name in ("a", "b"):  # folders of scenes with one mask each
        (tmp_path / name / "masks" / f"{name}1.png").rename(tmp_path / name / "masks" / f"{name}.png")
    assert datasets.open(tmp_path)["train"].layout == "pairs"
    assert datasets.open(tmp_path, layout="dsb2018")["train"].layout == "dsb2018"
