import numpy as np
import pytest

from densa import datasets
from densa.datasets.layouts.voc import read_voc
from densa.errors import InputError
from densa.legend import IGNORE


def names(dataset):
    return [sample.name for sample in dataset.samples]


def test_pascal_voc(write, tmp_path):
    root = tmp_path / "VOCdevkit" / "VOC2012"
    for stem in ("a", "b", "c", "unlabelled"):
        write(f"VOCdevkit/VOC2012/JPEGImages/{stem}.jpg", (6, 8))
    for stem in ("a", "b", "c"):
        mask = np.resize([0, 12, 255], (6, 8))
        write(f"VOCdevkit/VOC2012/SegmentationClass/{stem}.png", mask, palette=list(range(255)) + [0] * 513)
    lists = root / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    for split, stems in (("train", "a\nb\n"), ("val", "c\n"), ("trainval", "a\nb\nc\n")):
        (lists / f"{split}.txt").write_text(stems)
    found = datasets.open(tmp_path)
    assert {split: names(part) for split, part in found.items()} == {"train": ["a", "b"], "val": ["c"]}
    assert found["train"].legend.class_names[12] == "dog"
    assert set(np.unique(found["train"].labels(0))) == {0, 12, IGNORE}
    (lists / "train.txt").unlink()
    (lists / "val.txt").unlink()
    assert sum(len(part) for part in datasets.open(tmp_path).values()) == 3


def test_objects_that_touch_are_apart_by_segmentation_object(write, tmp_path):
    """VOC numbers objects in files beside the classes, 255 at their outlines, where the classes are void too."""
    classes = np.array([[0, 12, 12, 255, 12, 0]] * 3)
    objects = np.array([[0, 1, 2, 255, 2, 0]] * 3)
    write("JPEGImages/a.png", (3, 6))
    write("SegmentationClass/a.png", classes, palette=list(range(255)) + [0] * 513)
    write("SegmentationObject/a.png", objects, palette=list(range(255)) + [0] * 513)
    part = datasets.open(tmp_path)["train"]
    assert datasets.check(part) == 3
    assert part.numbers_objects(0)
    np.testing.assert_array_equal(part.instances(0), np.where(objects == 255, 0, objects))


def test_objects_of_another_size_are_a_problem(write, tmp_path):
    write("JPEGImages/a.png", (3, 6))
    write("SegmentationClass/a.png", np.zeros((3, 6)))
    write("SegmentationObject/a.png", np.zeros((3, 5)))
    with pytest.raises(InputError, match=r"a\.png is 3x5, the mask 3x6"):
        datasets.check(datasets.open(tmp_path)["train"])


def test_without_lists_only_images_with_a_mask_count(tmp_path):
    for path in ("JPEGImages/a.jpg", "JPEGImages/b.jpg", "SegmentationClass/a.png"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    layout = read_voc(tmp_path)
    assert layout.kind == "voc"
    assert [(sample.name, sample.mask.name) for sample in layout.samples] == [("a", "a.png")]
    (tmp_path / "train.txt").write_text("a\n")
    assert [sample.name for sample in read_voc(tmp_path).samples] == ["a", "b"]


def test_another_folder_is_no_voc(tmp_path):
    (tmp_path / "JPEGImages").mkdir()
    assert read_voc(tmp_path) is None
