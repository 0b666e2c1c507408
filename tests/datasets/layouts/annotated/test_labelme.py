"""labelme as a data set: one class table, its rule of drawing, special labels."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from densa import InputError, datasets
from densa.legend import IGNORE
from densa.raster import Window
from densa.raster.shapes.pillow import paint

HEIGHT, WIDTH = 30, 40


def shape(label, points, kind="polygon", **more):
    return {"label": label, "points": points, "shape_type": kind, "group_id": None, "flags": {}, **more}


def write(root, name, shapes, *, image=None, **more):
    root.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((HEIGHT, WIDTH, 3), 90, np.uint8)).save(root / f"{name}.png")
    content = {
        "version": "5.5.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": image or f"{name}.png",
        "imageData": "A" * 10_000,
        "imageHeight": HEIGHT,
        "imageWidth": WIDTH,
        **more,
    }
    (root / f"{name}.json").write_text(json.dumps(content))
    return root


def opened(root):
    splits = datasets.open(root, split=datasets.SplitRule(val_fraction=0))
    return splits["train"]


SQUARE = [[2, 3], [20, 3], [20, 18], [2, 18]]


def test_one_class_table_over_all_files(tmp_path):
    write(tmp_path, "a", [shape("cat", SQUARE)])
    write(tmp_path, "b", [shape("ant", SQUARE)])
    train = opened(tmp_path)
    assert (train.legend.class_names, train.layout) == (("background", "ant", "cat"), "labelme")
    assert [int(train.labels(i)[10, 10]) for i in (0, 1)] == [2, 1]


def test_all_types_are_drawn_as_labelme_does(tmp_path):
    rows = [
        ("polygon", SQUARE),
        ("rectangle", [[38.6, 2.2], [30.1, 9.9]]),
        ("circle", [[10.5, 20.2], [14, 22]]),
        ("line", [[1, 1], [30, 25]]),
        ("linestrip", [[35, 5], [20, 20], [35, 28]]),
        ("point", [[33, 14]]),
    ]
    write(tmp_path, "a", [shape(kind, points, kind) for kind, points in rows])
    train = opened(tmp_path)
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    for kind, points in rows:
        inside = paint(kind, [tuple(p) for p in points], Window(0, 0, HEIGHT, WIDTH))
        expected[inside] = train.legend.class_names.index(kind)
    np.testing.assert_array_equal(train.labels(0), expected)
    np.testing.assert_array_equal(train.mask_labels(0, Window(5, 9, 20, 25)), expected[5:25, 9:34])


def test_background_and_ignore(tmp_path):
    write(
        tmp_path,
        "a",
        [
            shape("cat", SQUARE),
            shape("__ignore__", [[2, 3], [9, 3], [9, 9]]),
            shape("_background_", [[12, 12], [18, 12], [18, 17]]),
        ],
    )
    train = opened(tmp_path)
    assert train.legend.class_names == ("background", "cat")
    found = train.labels(0)
    assert (found[4, 7], found[13, 16], found[5, 15], found[25, 35]) == (IGNORE, 0, 1, 0)


def test_a_mask_in_the_file(tmp_path):
    mask = np.array([[0, 255, 255], [255, 0, 0]], np.uint8)
    png = io.BytesIO()
    Image.fromarray(mask).save(png, "PNG")
    text = base64.b64encode(png.getvalue()).decode()
    write(tmp_path, "a", [shape("cat", [[5, 6], [7, 7]], "mask", mask=text)])
    found = opened(tmp_path).labels(0)
    np.testing.assert_array_equal(found[6:8, 5:8], mask > 0)
    assert found.sum() == 3
    write(tmp_path, "a", [shape("cat", [[5, 6], [8, 7]], "mask", mask=text)])
    with pytest.raises(InputError, match="its mask is 2 x 3, its corners are 2 x 4 pixels apart"):
        opened(tmp_path)


def test_files_apart_from_their_images(tmp_path):
    write(tmp_path / "images", "a", [])
    (tmp_path / "images" / "a.json").unlink()
    write(tmp_path / "labels", "a", [shape("cat", SQUARE)], image="..\\images\\a.png")
    (tmp_path / "labels" / "a.png").unlink()
    assert opened(tmp_path).samples[0].image == tmp_path / "images" / "a.png"


def test_folders_are_splits(tmp_path):
    for split in ("train", "val"):
        write(tmp_path / split, split, [shape("cat", SQUARE)])
    assert {name: len(one) for name, one in datasets.open(tmp_path).items()} == {"train": 1, "val": 1}


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([shape("cat", SQUARE[:2])], "shape 1: a polygon has at least 3 points, got 2"),
        ([shape("cat", SQUARE, "rectangle")], "shape 1: a rectangle has 2 points, got 4"),
        ([shape("cat", SQUARE, ["a"])], "shape 1 has the type"),
        ([shape("cat", SQUARE, "spline")], "shape 1 has the type 'spline'; choose from circle"),
        ([shape("cat", [[1, float("nan")], [3, 4], [5, 6]])], "shape 1: its points must be pairs of numbers"),
        ([shape("cat", [[1, 1e9], [3, 4], [5, 6]])], "shape 1: its points must be pairs of numbers"),
        ([shape("cat", "abc")], "shape 1: its points must be pairs of numbers"),
        ([{"points": SQUARE}], "shape 1 must have a label and points"),
        ([], "hold no shape with a class"),
    ],
)
def test_shapes_that_are_refused(tmp_path, shapes, message):
    with pytest.raises(InputError, match=message):
        opened(write(tmp_path, "a", shapes))


@pytest.mark.parametrize("image", ["../a.png", "/etc/a.png", "C:\\a.png", "x/../../a.png"])
def test_paths_that_leave_the_folder_are_refused(tmp_path, image):
    with pytest.raises(InputError, match="names the file"):
        opened(write(tmp_path / "data", "a", [shape("cat", SQUARE)], image=image))
