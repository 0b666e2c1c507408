"""COCO as a data set: classes, order, crowds, and files that are not sound."""

import json

import numpy as np
import pytest
from PIL import Image

from densa import InputError, Legend, datasets
from densa.datasets.annotations.coco_masks import CocoPolygons
from densa.legend import IGNORE
from densa.raster import Window
from densa.settings import VectorLabels

HEIGHT, WIDTH = 12, 16
BIG, SMALL = [1, 1, 13, 1, 13, 10, 1, 10], [4, 3, 8, 3, 8, 7, 4, 7]


def annotation(i, category, segmentation, **more):
    return {"id": i, "image_id": 7, "category_id": category, "segmentation": segmentation, "iscrowd": 0, **more}


def write(
    root, annotations, *, names=("a.png",), file="annotations/instances_train.json", categories=None, folder="images"
):
    (root / folder).mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.fromarray(np.full((HEIGHT, WIDTH, 3), 90, np.uint8)).save(root / folder / name.split("/")[-1])
    content = {
        "images": [{"id": 7 + i, "file_name": n, "height": HEIGHT, "width": WIDTH} for i, n in enumerate(names)],
        "annotations": annotations,
        "categories": categories or [{"id": 90, "name": "dog"}, {"id": 3, "name": "cat"}],
    }
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(json.dumps(content))
    return root


def labels_of(root, **options):
    return datasets.open(root, **options)["train"].labels(0)


def polygon(*rings):
    shape = CocoPolygons([np.array(ring, float).reshape(-1, 2) for ring in rings], HEIGHT, WIDTH)
    return shape.mask(Window(0, 0, HEIGHT, WIDTH))


def test_smaller_objects_lie_on_top_and_ids_may_have_gaps(tmp_path):
    write(tmp_path, [annotation(1, 3, [SMALL]), annotation(2, 90, [BIG])])
    train = datasets.open(tmp_path)["train"]
    assert train.legend.class_names == ("background", "cat", "dog")
    assert train.layout == "coco"
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[polygon(BIG)] = 2
    expected[polygon(SMALL)] = 1
    np.testing.assert_array_equal(train.labels(0), expected)
    assert "2 masks of instances_train.json, the smaller on top" in train.taken[0]
    assert "pixels that nothing covers are the class background" in train.taken[1]


def test_run_lengths_of_both_kinds_and_crowds(tmp_path):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[2:5, 3:9] = True
    flat = np.concatenate(([0], np.flatnonzero(np.diff(mask.T.ravel().astype(int))) + 1, [mask.size]))
    counts = np.diff(flat).tolist()
    crowd = {"counts": [0, HEIGHT * 6, HEIGHT * (WIDTH - 6)], "size": [HEIGHT, WIDTH]}
    rows = [annotation(1, 90, {"counts": counts, "size": [HEIGHT, WIDTH]}), annotation(2, 3, crowd, iscrowd=1)]
    found = labels_of(write(tmp_path, rows))
    assert (found[mask] == 2).all()
    assert (found[:, :6][~mask[:, :6]] == IGNORE).all()
    assert (found[:, 6:][~mask[:, 6:]] == 0).all()


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_masks_are_those_of_pycocotools(tmp_path, rng):
    masks = pytest.importorskip("pycocotools.mask")
    ring = rng.uniform(0, 12, (6, 2)).round(2)
    dense = np.asfortranarray((rng.random((HEIGHT, WIDTH)) < 0.3).astype(np.uint8))
    text = masks.encode(dense)["counts"].decode()
    rows = [
        annotation(1, 3, {"counts": text, "size": [HEIGHT, WIDTH]}, area=500),
        annotation(2, 90, [ring.ravel().tolist()], area=100),
    ]
    found = labels_of(write(tmp_path, rows))
    drawn = masks.decode(masks.merge(masks.frPyObjects([ring.ravel().tolist()], HEIGHT, WIDTH)))
    np.testing.assert_array_equal(found, np.where(drawn, 2, dense))


def test_the_background_may_be_no_label(tmp_path):
    write(tmp_path, [annotation(1, 3, [SMALL])])
    train = datasets.open(tmp_path, labels=VectorLabels(background="none"))["train"]
    assert train.legend.class_names == ("cat", "dog")
    assert set(np.unique(train.labels(0))) == {0, IGNORE}


def test_a_legend_numbers_the_classes_and_others_are_ignored(tmp_path):
    write(tmp_path, [annotation(1, 3, [SMALL]), annotation(2, 90, [BIG])])
    legend = Legend(("dog", "background"))
    with pytest.raises(InputError, match="the classes cat, which the legend does not name"):
        datasets.open(tmp_path, legend=legend)
    train = datasets.open(tmp_path, legend=legend, ignore=("cat",))["train"]
    assert train.legend == legend
    assert (train.labels(0)[5, 5], train.labels(0)[9, 2], train.labels(0)[0, 0]) == (IGNORE, 0, 1)


def test_splits_of_the_names_of_the_files(tmp_path):
    write(tmp_path, [annotation(1, 3, [SMALL])], file="annotations/instances_train2017.json", folder="train2017")
    write(tmp_path, [annotation(1, 90, [SMALL])], file="annotations/instances_val2017.json", folder="val2017")
    (tmp_path / "annotations" / "captions_train2017.json").write_text('{"images": [], "annotations": []}')
    splits = datasets.open(tmp_path)
    assert {name: split.samples[0].image.parent.name for name, split in splits.items()} == {
        "train": "train2017",
        "val": "val2017",
    }


def test_a_file_beside_its_images(tmp_path):
    """As Roboflow exports: a category that holds the others together is none."""
    categories = [
        {"id": 0, "name": "animals", "supercategory": "none"},
        {"id": 1, "name": "cat", "supercategory": "animals"},
    ]
    write(
        tmp_path,
        [annotation(1, 1, [SMALL])],
        file="train/_annotations.coco.json",
        folder="train",
        categories=categories,
    )
    assert datasets.open(tmp_path)["train"].legend.class_names == ("background", "cat")


def test_images_that_are_not_there_are_counted(tmp_path):
    write(tmp_path, [annotation(1, 3, [SMALL])], names=("a.png", "b.png"))
    (tmp_path / "images" / "b.png").unlink()
    train = datasets.open(tmp_path)["train"]
    assert len(train) == 1
    assert "1 images of instances_train.json are not there and are left out" in train.taken


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [annotation(5, 3, {"counts": [0, 500], "size": [HEIGHT, WIDTH]})],
            r"annotation 5 has run lengths of 500 pixels, longer than its image of 12 x 16 = 192",
        ),
        ([annotation(5, 3, {"counts": [0, 4], "size": [2, 2]})], r"annotation 5 must have polygons, or .*\[12, 16\]"),
        ([annotation(5, 3, {"counts": "~~", "size": [HEIGHT, WIDTH]})], "must be text of pycocotools"),
        (
            [annotation(5, 3, [[1, 2, float("nan"), 4, 5, 6]])],
            "annotation 5: a polygon must be pairs of numbers below 1e6",
        ),
        ([annotation(5, 3, [[1, 2, 1e9, 4, 5, 6]])], "annotation 5: a polygon must be pairs of numbers below 1e6"),
        ([annotation(5, 3, [[1, 2, 3]])], "annotation 5: a polygon must be pairs of numbers"),
        ([annotation(5, 4, [SMALL])], "annotation 5 has the category 4, which is not listed"),
        ([{**annotation(5, 3, [SMALL]), "image_id": 1}], "annotation 5 is of the image 1, which is not listed"),
        ([annotation(5, 3, [])], "holds boxes alone"),
    ],
)
def test_annotations_that_are_refused(tmp_path, rows, message):
    with pytest.raises(InputError, match=message):
        datasets.open(write(tmp_path, rows))


@pytest.mark.parametrize("name", ["../../a.png", "/etc/a.png", "..\\..\\..\\a.png"])
def test_paths_that_leave_the_folder_are_refused(tmp_path, name):
    root = tmp_path / "data"
    write(root, [annotation(1, 3, [SMALL])])
    file = root / "annotations" / "instances_train.json"
    file.write_text(file.read_text().replace('"a.png"', json.dumps(name)))
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="names the file"):
        datasets.open(root)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30, -1, "12", None, [12]])
def test_sizes_of_images_are_checked(tmp_path, value):
    root = write(tmp_path, [annotation(1, 3, [SMALL])])
    file = root / "annotations" / "instances_train.json"
    file.write_text(file.read_text().replace(f'"width": {WIDTH}', f'"width": {json.dumps(value)}'))
    with pytest.raises(InputError, match="image 7 must have its width in pixels"):
        datasets.open(root)


def test_another_size_than_the_image_has_is_a_problem_and_not_drawn(tmp_path):
    root = write(tmp_path, [annotation(1, 3, [SMALL])])
    file = root / "annotations" / "instances_train.json"
    sides = {f'"height": {HEIGHT}': '"height": 1000000', f'"width": {WIDTH}': '"width": 1000000'}
    text = file.read_text()
    for old, new in sides.items():
        text = text.replace(old, new)
    file.write_text(text)
    with pytest.raises(InputError, match=r"is of an image of 1000000x1000000, .*a.png has 12x16"):
        datasets.check(datasets.open(root)["train"])


@pytest.mark.parametrize("key", ["image_id", "category_id", "id"])
def test_ids_are_numbers(tmp_path, key):
    with pytest.raises(InputError, match=f"{key} of annotations must be a number"):
        datasets.open(write(tmp_path, [{**annotation(1, 3, [SMALL]), key: [1]}]))
