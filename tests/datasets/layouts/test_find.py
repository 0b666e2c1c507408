from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from densa import InputError, datasets
from densa.datasets import SplitRule
from densa.datasets.layouts.find import find_layout

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
