"""Label Studio as a data set: regions in per cent, brushes, names of images."""

import itertools
import json

import numpy as np
import pytest
from PIL import Image

from densa import InputError, datasets

HEIGHT, WIDTH = 20, 40


def packed(mask):
    """Bytes of a brush; every run of rle-pack is long enough for 16 bits."""
    values = np.repeat(np.where(mask, 255, 0).ravel(), 4)
    bits = f"{len(values):032b}{7:05b}" + f"{15:04b}" * 4
    change = np.flatnonzero(np.diff(values, prepend=-1, append=-1))
    for a, b in itertools.pairwise(change):
        bits += f"100{b - a - 1:016b}{values[a]:08b}"
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def region(kind, label, **value):
    return {
        "type": f"{kind}labels",
        "value": {**value, f"{kind}labels": [label]},
        "original_width": WIDTH,
        "original_height": HEIGHT,
        "image_rotation": 0,
        "from_name": "label",
        "to_name": "image",
    }


def task(i, image, *results, **more):
    annotations = [{"id": k, "result": list(result), "was_cancelled": False} for k, result in enumerate(results)]
    return {"id": i, "data": {"image": image}, "annotations": annotations, "predictions": [], **more}


def write(root, tasks, names=("a.png",)):
    (root / "images").mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.fromarray(np.full((HEIGHT, WIDTH, 3), 90, np.uint8)).save(root / "images" / name)
    (root / "project-1-at-2026-01-01.json").write_text(json.dumps(tasks))
    return root


def opened(root):
    return datasets.open(root, split=datasets.SplitRule(val_fraction=0))["train"]


SQUARE = {"points": [[10, 10], [50, 10], [50, 60], [10, 60]]}  # columns 4 to 20, rows 2 to 12


def test_polygons_rectangles_and_brushes_in_their_order(tmp_path):
    brush = np.zeros((HEIGHT, WIDTH), bool)
    brush[5:9, 15:30] = True
    result = [
        region("polygon", "field", **SQUARE),
        region("rectangle", "roof", x=50, y=50, width=25, height=25, rotation=0),
        region("brush", "tree", format="rle", rle=packed(brush)),
    ]
    train = opened(write(tmp_path, [task(1, "/data/upload/1/a.png", result)]))
    assert (train.legend.class_names, train.layout) == (("background", "field", "roof", "tree"), "label-studio")
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[2:12, 4:20] = 1
    expected[10:15, 20:30] = 2
    expected[brush] = 3
    np.testing.assert_array_equal(train.labels(0), expected)


def test_ellipses_points_and_rotation(tmp_path):
    result = [
        region("rectangle", "roof", x=50, y=50, width=25, height=25, rotation=90),
        region("ellipse", "pond", x=20, y=40, radiusX=10, radiusY=20, rotation=0),
        region("keypoint", "tree", x=90, y=20, width=5),
    ]
    found = opened(write(tmp_path, [task(1, "a.png", result)])).labels(0)
    assert (found[10:20, 15:20] == 2).all()  # 10 x 5 pixels, turned about its corner
    assert (found == 2).sum() == 50
    assert (found == 1).sum() == pytest.approx(np.pi * 16, rel=0.1)
    assert (found[4, 36], (found == 3).sum()) == (3, 4)


@pytest.mark.parametrize(
    "image",
    [
        "/data/upload/3/0a1b2c3d-a.png",
        "/data/local-files/?d=some/where/images/a.png",
        "http://localhost:8080/data/upload/1/a.png",
        "s3://bucket/folder/a.png",
        "images/a.png",
    ],
)
def test_forms_of_the_path_of_an_image(tmp_path, image):
    root = write(tmp_path, [task(1, image, [region("polygon", "field", **SQUARE)])])
    assert opened(root).samples[0].image == root / "images" / "a.png"


def test_ground_truth_or_else_the_last_annotation_counts(tmp_path):
    first, second = ([region("polygon", name, **SQUARE)] for name in ("first", "second"))
    tasks = [task(1, "a.png", first, second), task(2, "b.png", first, second), task(3, "c.png")]
    tasks[1]["annotations"][0]["ground_truth"] = True
    train = opened(write(tmp_path, tasks, ("a.png", "b.png", "c.png")))
    assert train.legend.class_names == ("background", "first", "second")
    assert [int(train.labels(i)[5, 10]) for i in range(len(train))] == [2, 1]
    said = "\n".join(train.taken)
    assert "1 images of project-1-at-2026-01-01.json have no annotation and are left out" in said
    assert "2 images have several annotations" in said


def test_json_min(tmp_path):
    flat = {**SQUARE, "polygonlabels": ["field"], "original_width": WIDTH, "original_height": HEIGHT}
    found = opened(write(tmp_path, [{"image": "/data/upload/1/a.png", "id": 1, "label": [flat]}])).labels(0)
    assert (found[2:12, 4:20] == 1).all()


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (
            [region("brush", "a", rle=packed(np.ones((30, WIDTH), bool)))],
            "run lengths of 1200 pixels, longer than its image",
        ),
        ([region("brush", "a", rle=[1, 2, 3])], "ends early"),
        ([region("brush", "a", rle="abc")], "rle must be a list of bytes"),
        ([region("polygon", "a", points=[[1, 2], [3, 4]])], "a polygon has at least 3 points, got 2"),
        ([region("polygon", "a", points=[[1, 2], [3, float("nan")], [1, 1]])], "must be pairs of numbers"),
        ([region("rectangle", "a", x=1, y=2, width="x", height=3)], "width must be a number below 1e6, got 'x'"),
        (
            [{**region("polygon", "a", **SQUARE), "original_width": 7}],
            "was drawn on 20 x 7 pixels, .*a.png has 20 x 40",
        ),
        ([{**region("polygon", "a", **SQUARE), "image_rotation": 90}], "was drawn on a rotated image"),
    ],
)
def test_regions_that_are_refused(tmp_path, result, message):
    with pytest.raises(InputError, match=message):
        opened(write(tmp_path, [task(1, "a.png", result)]))


def test_paths_that_leave_the_folder_are_refused(tmp_path):
    tasks = [task(1, "/data/local-files/?d=../../a.png", [region("polygon", "a", **SQUARE)])]
    with pytest.raises(InputError, match="which lies outside"):
        opened(write(tmp_path, tasks))


def test_one_name_in_several_folders_is_refused(tmp_path):
    write(tmp_path, [task(1, "s3://bucket/a.png", [region("polygon", "a", **SQUARE)])])
    (tmp_path / "more").mkdir()
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(tmp_path / "more" / "a.png")
    with pytest.raises(InputError, match=r"is of 'a.png', of which there are several"):
        opened(tmp_path)


def test_values_of_other_types_are_no_annotations(tmp_path):
    tasks = [task(1, "a.png", [region("polygon", "a", **SQUARE)]), {**task(2, "b.png"), "annotations": -5}]
    tasks[0]["annotations"][0]["result"].append({"type": [1], "value": {"x": 1, "y": 2, "labels": ["c"]}, "id": 1})
    with pytest.raises(InputError, match="width must be a number"):
        opened(write(tmp_path, tasks))
    tasks[0]["annotations"][0]["result"].pop()
    assert len(opened(write(tmp_path, tasks))) == 1
