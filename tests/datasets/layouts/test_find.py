import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from densa import InputError, datasets
from densa.datasets import SplitRule
from densa.datasets.layouts.find import LAYOUTS, PLAIN, find_layout, known_layout

WHOLE = SplitRule(val_fraction=0)


def names(dataset):
    return [sample.name for sample in dataset.samples]


def test_folders_of_other_names(pairs, tmp_path):
    pairs(2, "scenes/S2", "truth")
    with pytest.raises(InputError, match="holds no data set"):
        datasets.open(tmp_path)
    assert len(datasets.open(tmp_path, images="scenes/S2", masks="truth", split=WHOLE)["train"]) == 2
    with pytest.raises(InputError, match="not a folder"):
        datasets.open(tmp_path, images="scenes/S2", masks="nowhere")
    with pytest.raises(InputError, match="go together"):
        datasets.open(tmp_path, images="scenes/S2")


def test_stacks_become_pages_of_one_group(tmp_path):
    for folder, low in (("images", 50), ("masks", 0)):
        (tmp_path / folder).mkdir()
        for stem in ("one", "two"):
            pages = [Image.fromarray(np.resize([low, low + 1 + k], (6, 8)).astype(np.uint8)) for k in range(3)]
            pages[0].save(tmp_path / folder / f"{stem}.tif", save_all=True, append_images=pages[1:])
    found = datasets.open(tmp_path, split=SplitRule(val_groups=("two",)))
    assert names(found["train"]) == ["one_0", "one_1", "one_2"]
    assert datasets.check(*found.values()) == 1
    assert found["train"].image(2)[0].max() == 53
    assert found["train"].labels(2).max() == 3


def test_no_data_set(tmp_path):
    with pytest.raises(InputError, match="holds no data set"):
        datasets.open(tmp_path)
    with pytest.raises(InputError, match="is not there"):
        datasets.open(tmp_path / "missing")
    (tmp_path / "images").mkdir()
    (tmp_path / "img").mkdir()
    with pytest.raises(InputError, match="several folders"):
        datasets.open(tmp_path)


@pytest.mark.realdata
def test_dubai_is_split_by_tile(realdata):
    found = datasets.open(realdata / "dubai")
    assert sum(len(part) for part in found.values()) == 63
    scenes = [{sample.group for sample in part.samples} for part in found.values()]
    assert set.union(*scenes) == {f"Tile {i}" for i in (1, 2, 3, 4, 5, 6, 8)}
    assert not scenes[0] & scenes[1]


@pytest.mark.realdata
def test_isbi_is_two_classes(realdata):
    found = datasets.open(realdata / "isbi2012")
    assert {split: len(part) for split, part in found.items()} == {"train": 16, "val": 4}
    assert found["train"].legend.codes == (0, 255)
    assert found["train"].labels(0).max() == 1


def test_a_folder_that_is_alone_is_entered(pairs, tmp_path):
    pairs(2, "outer/inner/images", "outer/inner/masks")
    (tmp_path / "outer" / "inner" / "classes.txt").write_text("a\nb\nc\n")
    (tmp_path / "outer" / "readme.txt").write_text("")
    (tmp_path / ".cache").mkdir()
    layout = find_layout(tmp_path)
    assert [sample.name for sample in layout.samples] == ["00", "01"]
    assert {sample.group for sample in layout.samples} == {"00", "01"}  # one folder: every image is a group


def test_recognised_layouts_come_before_folders(tmp_path):
    for path in ("JPEGImages/a.jpg", "SegmentationClass/a.png", "legend.json", "train.txt"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    layout = find_layout(tmp_path)
    assert layout.kind == "voc"
    assert layout.legend == tmp_path / "legend.json"
    assert layout.lists == {"train": tmp_path / "train.txt"}


def test_an_unreadable_stack_stays_one_sample(tmp_path):
    for path in ("images/a.tif", "masks/a.tif"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_bytes(b"no image")
    assert [(sample.name, sample.page) for sample in find_layout(tmp_path).samples] == [("a", 0)]


@pytest.mark.parametrize("given", [False, True])
def test_stems_that_do_not_match_are_named(tmp_path, given):
    for name in ("images/a.png", "images/b.png", "masks/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    folders = (Path("images"), Path("masks")) if given else ()
    with pytest.raises(
        InputError, match=r"2 images in .* and 1 masks in .*no two have the same stem .*a\.png and c\.png"
    ):
        find_layout(tmp_path, *folders)


def files(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")


def test_two_layouts_in_one_folder_are_named_and_refused(tmp_path):
    files(tmp_path, "JPEGImages/a.jpg", "SegmentationClass/a.png", "train/b.png", "trainannot/b.png")
    with pytest.raises(InputError, match=r"several layouts: voc \(.*\), and segnet \(.*\).* as layout=voc"):
        find_layout(tmp_path)
    assert [sample.name for sample in find_layout(tmp_path, layout="voc").samples] == ["a"]
    assert [sample.name for sample in find_layout(tmp_path, layout="segnet").samples] == ["b"]


@pytest.mark.parametrize("images", ["images", "JPEGImages"])
def test_masks_beside_those_of_another_layout_are_a_second_one(tmp_path, images):
    """Also where the images are the same."""
    files(tmp_path, "JPEGImages/a.jpg", "SegmentationClass/a.png", f"{images}/a.jpg", "masks/a.png")
    with pytest.raises(InputError, match=r"several layouts: voc .*pairs"):
        find_layout(tmp_path)
    assert find_layout(tmp_path, layout="voc").samples[0].mask == tmp_path / "SegmentationClass" / "a.png"


def test_a_layout_that_the_folder_has_not(tmp_path):
    files(tmp_path, "images/a.png", "masks/a.png")
    assert find_layout(tmp_path, layout="pairs").kind == "pairs"
    with pytest.raises(InputError, match=r"has not the layout voc: it expects JPEGImages/"):
        find_layout(tmp_path, layout="voc")
    with pytest.raises(InputError, match=r"layout must be one of .*got 'vco'; did you mean voc"):
        find_layout(tmp_path, layout="vco")
    with pytest.raises(InputError, match="layout says where images and masks are"):
        find_layout(tmp_path, Path("images"), Path("masks"), layout="voc")


def test_names_of_layouts_are_spelt_as_people_do():
    assert known_layout("Cell_Tracking") == "cell-tracking"
    assert known_layout("folders") == "pairs"
    for name in LAYOUTS | PLAIN:
        assert known_layout(name.upper()) == name


def test_what_was_taken_for_what_is_said(tmp_path):
    files(tmp_path, "images/a.png", "images/b.png", "masks/a.png")
    assert find_layout(tmp_path).line() == "layout pairs: images in images/, masks in masks/; 2 images, 1 labelled"


def test_a_file_that_one_reader_refuses_does_not_hide_another_layout(tmp_path):
    files(tmp_path, "JPEGImages/a.jpg", "SegmentationClass/a.png", "imagesTr/a_0000.png")
    (tmp_path / "dataset.json").write_text("{")
    assert find_layout(tmp_path).kind == "voc"
    for folder in ("JPEGImages", "SegmentationClass"):
        (tmp_path / folder).rename(tmp_path / f"_{folder}")
    with pytest.raises(InputError, match=r"dataset\.json is no JSON"):
        find_layout(tmp_path)


def test_masks_among_images_and_files_of_shapes_are_a_second_layout(write, tmp_path):
    for stem in ("a", "b"):
        write(f"{stem}.png", (8, 10))
        shape = {"label": "x", "points": [[1, 1], [5, 1], [5, 5]], "shape_type": "polygon"}
        content = {"version": "5.0", "shapes": [shape], "imagePath": f"{stem}.png", "imageHeight": 8, "imageWidth": 10}
        (tmp_path / f"{stem}.json").write_text(json.dumps({**content, "imageData": None}))
    assert find_layout(tmp_path).kind == "labelme"
    for stem in ("a", "b"):
        write(f"{stem}_mask.png", np.eye(8, 10))
    with pytest.raises(InputError, match=r"several layouts: labelme .*suffixes"):
        find_layout(tmp_path)
    assert find_layout(tmp_path, layout="suffixes").samples[0].mask == tmp_path / "a_mask.png"
