"""Scenes by the names of files."""

import pytest

from densa.datasets.scene_names import named_scene, shared_scenes


@pytest.mark.parametrize(
    ("name", "scene", "told"),
    [
        ("area3_0_256", "area3", True),
        ("scene_1_tile_7", "scene_1", True),
        ("patient12-slice004", "patient12", True),
        ("vaihingen_r2_c3", "vaihingen", True),
        ("0006R0_001230", "0006R0", False),
        ("img_001", "img", False),
        ("rural/12_3", "", False),
        ("scene_1", "", False),
        ("000123", "", False),
        ("IMG123", "", False),
        ("left", "", False),
    ],
)
def test_names(name, scene, told):
    found = named_scene(name)
    assert (found.scene, found.told) == (scene, told)


def test_scenes_in_two_splits():
    names = ["area1_tile_0", "area2_tile_0", "area1_tile_1"]
    assert shared_scenes(names, ["train", "train", "val"]) == {"area1": ([0, 2], True)}
    assert shared_scenes(names, ["train", "val", "train"]) == {}


def test_numbers_alone_are_not_told():
    """Frames of a film, or unrelated photographs: names do not say."""
    names = ["cam_001", "phone_001", "cam_002"]
    assert shared_scenes(names, ["train", "train", "val"]) == {"cam": ([0, 2], False)}


def test_one_name_for_all_is_that_of_the_data_set():
    assert shared_scenes(["roads_001", "roads_002", "roads_003"], ["train", "train", "val"]) == {}


def test_rows_and_columns_are_tiles():
    tiles = [f"north_{row}_{column}" for row in (0, 256) for column in (0, 256)]
    names, splits = [*tiles, "south_0_0"], ["train", "train", "val", "train", "train"]
    assert shared_scenes(names, splits) == {"north": ([0, 1, 2, 3], True)}
    dates = ["cam_20200101_101502", "cam_20200103_110703", "cam_20200309_150001", "cam_20200410_120000", "b_1_2"]
    assert shared_scenes(dates, splits) == {"cam": ([0, 1, 2, 3], False)}
