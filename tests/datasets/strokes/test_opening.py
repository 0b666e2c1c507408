"""Images and their strokes as a data set."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from densa import InputError, Legend, datasets
from densa.datasets.strokes import Stroke, Strokes, draw_strokes, open_strokes, write_strokes

LEGEND = Legend(("ground", "road"), ((10, 20, 30), (200, 0, 0)))


def strokes(n=3):
    found = [Stroke(0, 3, ((5 + 12 * k, 5), (12 + 12 * k, 9))) for k in range(n)]
    return Strokes(LEGEND, (*found, *(Stroke(1, 5, ((6 + 12 * k, 30),)) for k in range(n))))


@pytest.fixture
def image(tmp_path):
    def make(name="scene.png", height=40, width=60):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(1).integers(0, 255, (height, width, 3)).astype(np.uint8)).save(path)
        return path

    return make


def test_one_meaning_in_every_kind_of_file(image, tmp_path):
    """JSON, a painted RGBA image, a palette mask and layers of a folder give one label map."""
    path, drawn = image(), strokes()
    write_strokes(tmp_path / "s.json", drawn)
    labels = draw_strokes(drawn, 40, 60)
    painted = np.zeros((40, 60, 4), np.uint8)
    for label, color in enumerate(LEGEND.colors):
        painted[labels == label] = (*color, 255)
        layer = np.zeros((40, 60, 4), np.uint8)
        layer[labels == label] = (1, 2, 3, 255)
        (tmp_path / "layers").mkdir(exist_ok=True)
        Image.fromarray(layer).save(tmp_path / "layers" / f"{LEGEND.class_names[label]}.png")
    Image.fromarray(painted).save(tmp_path / "s.png")
    for file, legend in (("s.json", None), ("s.png", LEGEND), ("layers", None)):
        found = open_strokes(path, tmp_path / file, legend=legend, val_fraction=0)["train"]
        assert found.legend.class_names == ("ground", "road")
        assert_array_equal(found.labels(0), labels)


def test_a_fifth_of_the_strokes_is_held_out(image, tmp_path):
    write_strokes(tmp_path / "s.json", strokes())
    splits = open_strokes(image(), tmp_path / "s.json")
    assert set(splits) == {"train", "val"}
    assert "validation: 2 of 6 strokes (ground 1 of 3, road 1 of 3) are held out" in splits["train"].remarks[-1]
    counts = {name: datasets.class_frequencies(split).pixels for name, split in splits.items()}
    whole = np.bincount(draw_strokes(strokes(), 40, 60).ravel(), minlength=2)[:2]
    assert_array_equal(counts["train"] + counts["val"], whole)
    assert (counts["val"] > 0).all()
    assert datasets.check(*splits.values()) == 3


def test_several_images_with_a_file_each(image, tmp_path):
    for k in range(6):
        image(f"images/scene{k}.png")
        if k != 2:
            (tmp_path / "drawn").mkdir(exist_ok=True)
            write_strokes(tmp_path / "drawn" / f"scene{k}.json", strokes())
    splits = open_strokes(tmp_path / "images", tmp_path / "drawn")
    assert {name: len(split) for name, split in splits.items()} == {"train": 4, "val": 1}
    assert splits["train"].remarks[0] == "1 of 6 images have no strokes and are left out"
    assert "1 of 5 images are held out" in splits["train"].remarks[1]


def test_few_images_hold_strokes_of_each(image, tmp_path):
    for k in range(2):
        image(f"images/scene{k}.png")
        (tmp_path / "drawn").mkdir(exist_ok=True)
        write_strokes(tmp_path / "drawn" / f"scene{k}.json", strokes())
    splits = open_strokes(tmp_path / "images", tmp_path / "drawn")
    assert {name: len(split) for name, split in splits.items()} == {"train": 2, "val": 2}
    assert "4 of 12 strokes" in splits["train"].remarks[-1]


def test_class_tables_are_merged_by_name(image, tmp_path):
    (tmp_path / "drawn").mkdir()
    for k, names in enumerate((("ground", "road"), ("road", "tree"))):
        image(f"images/scene{k}.png")
        write_strokes(tmp_path / "drawn" / f"scene{k}.json", Strokes(Legend(names), strokes().strokes))
    train = open_strokes(tmp_path / "images", tmp_path / "drawn", val_fraction=0)["train"]
    assert train.legend.class_names == ("ground", "road", "tree")
    assert [set(np.unique(train.labels(i))) for i in range(2)] == [{0, 1, 255}, {1, 2, 255}]


def test_strokes_outside_are_told_or_refused(image, tmp_path):
    drawn = strokes().strokes
    far = tuple(Stroke(s.label, 3, ((500, 500),)) for s in drawn)
    write_strokes(tmp_path / "s.json", Strokes(LEGEND, (*drawn, far[0])))
    found = open_strokes(image(), tmp_path / "s.json", val_fraction=0)["train"]
    assert found.remarks == ("s.json: 1 of 7 strokes lie outside of the image of 40 x 60 pixels and are left out",)
    write_strokes(tmp_path / "s.json", Strokes(LEGEND, far))
    with pytest.raises(InputError, match=r"no stroke of .* touches the image of 40 x 60 pixels"):
        open_strokes(image(), tmp_path / "s.json")


def test_what_cannot_be_trained_on_is_said(image, tmp_path):
    path = image()
    one = Strokes(LEGEND, tuple(s for s in strokes().strokes if s.label == 1))
    write_strokes(tmp_path / "one.json", one)
    write_strokes(tmp_path / "s.json", strokes())
    Image.fromarray(np.zeros((30, 30, 4), np.uint8) + 255).save(tmp_path / "small.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "nothing.json").write_text(json.dumps({"classes": ["a"], "strokes": []}))
    for file, legend, said in (
        ("one.json", None, "all labels are of road alone; draw strokes of two classes or more"),
        ("s.json", Legend(("ground", "tree")), "draws the class 'road', which the legend does not name"),
        ("small.png", None, "has 30 x 30 pixels, the image .* 40 x 60"),
        ("empty", None, "must hold a file for each class"),
        ("nothing.json", None, "hold no stroke"),
        ("scene.png", None, "is the image itself"),
        ("a.txt", None, "is no file of strokes"),
    ):
        (tmp_path / "a.txt").write_text("")
        with pytest.raises(InputError, match=said):
            open_strokes(path, tmp_path / file, legend=legend)
    with pytest.raises(InputError, match="so strokes must be a folder of files named like them"):
        open_strokes(tmp_path, tmp_path / "s.json")
    with pytest.raises(InputError, match=r"no file in .*empty is named like one of the"):
        open_strokes(tmp_path, tmp_path / "empty")
