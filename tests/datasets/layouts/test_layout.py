import pytest

from densa.datasets.layouts.layout import Layout, find_lists, split_of


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("train/scene 1", ("train", "scene 1")),
        ("scene 1/Validation", ("val", "scene 1")),
        ("a/testing/b", ("test", "a/b")),
        ("a/b", ("", "a/b")),
        ("", ("", "")),
        ("trains/a", ("", "trains/a")),
        ("val/train", ("val", "train")),  # the outer folder decides
    ],
)
def test_the_split_of_a_place(place, expected):
    assert split_of(place) == expected


def test_added_folders_are_split_by_those_inside(tmp_path):
    for path in ("images/train/a.png", "images/val/b.png", "images/c.png", "masks/train/a.png", "masks/x.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    layout = Layout(tmp_path, "pairs")
    layout.add(tmp_path / "images", tmp_path / "masks", split="test", group="scene")
    found = {split: [(s.name, s.group) for s in samples] for split, samples in layout.splits.items()}
    assert found == {
        "train": [("scene/a", "scene")], "val": [("scene/b", "scene")], "test": [("scene/c", "scene")],
    }  # fmt: skip
    assert {sample.name for sample in layout.samples} == {"scene/a", "scene/b", "scene/c"}
    assert layout.problems == {"test": [f"{tmp_path / 'masks' / 'x.png'}: mask without an image"]}


@pytest.mark.parametrize("folder", ["", "splits", "ImageSets", "ImageSets/Segmentation"])
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (("train", "val"), {"train": "train", "val": "val"}),
        (("trainval", "test"), {"train": "trainval", "test": "test"}),
        (("train", "trainval"), {"train": "train"}),
        (("val",), {"val": "val"}),
        (("test",), {}),
    ],
)
def test_lists_of_images(tmp_path, folder, files, expected):
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    for name in files:
        (tmp_path / folder / f"{name}.txt").write_text("")
    assert find_lists(tmp_path) == {split: tmp_path / folder / f"{name}.txt" for split, name in expected.items()}
