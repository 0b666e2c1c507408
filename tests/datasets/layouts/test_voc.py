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


LABELMAP = """# label:color_rgb:parts:actions
background:0,0,0::
handle:61,245,61::
void:9,9,9::
human:140,120,240:arm,leg:standing
"""
COLORS = np.array([[(0, 0, 0), (61, 245, 61), (9, 9, 9), (140, 120, 240), (224, 224, 192)]], np.uint8)
INDICES = np.array([[0, 1, 2, 3, 255]])


@pytest.fixture
def cvat(write, tmp_path):
    """cvat(mask, palette): two images as CVAT exports them."""

    def make(mask, palette=None, text=LABELMAP):
        for stem in ("a", "b"):
            write(f"JPEGImages/{stem}.jpg", (1, 5))
            write(f"SegmentationClass/{stem}.png", mask, palette=palette)
        (tmp_path / "labelmap.txt").write_text(text)
        lists = tmp_path / "ImageSets" / "Segmentation"
        lists.mkdir(parents=True, exist_ok=True)
        (lists / "default.txt").write_text("a\nb\n")
        return tmp_path

    return make


@pytest.mark.parametrize("stored", ["colours", "indices", "palette", "palette of another order"])
def test_exports_of_cvat_have_the_classes_of_their_labelmap(cvat, stored):
    mask, palette = INDICES, None
    if stored == "colours":
        mask = COLORS
    elif stored == "palette":
        palette = [*COLORS[0, :4].ravel().tolist(), *[0] * 753, 224, 224, 192]
    elif stored == "palette of another order":
        mask, palette = INDICES[:, ::-1] % 251, COLORS[0, ::-1].ravel().tolist()
    if stored == "palette of another order":
        mask = np.array([[4, 3, 2, 1, 0]])
    found = datasets.open(cvat(mask, palette), split=datasets.SplitRule(val_fraction=0))["train"]
    assert found.legend.class_names == ("background", "handle", "human")
    assert found.labels(0).tolist() == [[0, 1, IGNORE, 2, IGNORE]]
    assert found.legend.colors[1] == (61, 245, 61)
    assert "classes by the colours of labelmap.txt; not labelled: void" in found.taken[0]
    assert datasets.check(found) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("road;1,2,3", None),  # a name without a colour has that of VOC's palette
        ("road:1,2,300::", "line 1 must be name:red,green,blue"),
        ("a:1,2,3::\nb:1,2,3::", "class colours must differ"),
        ("# nothing\n", "names no class"),
        ("void:0,0,0::\n", "a legend must have 1 to"),
    ],
)
def test_labelmaps_that_cannot_be_read(cvat, text, said):
    root = cvat(INDICES, text=text)
    if said is None:
        assert read_voc(root).codings[""].legend.colors == ((0, 0, 0),)
        return
    with pytest.raises(InputError, match=said) as caught:
        read_voc(root)
    assert "labelmap.txt" in str(caught.value)
