import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import InputError, datasets
from densa.datasets.inferring.known import DUBAI
from densa.legend import IGNORE

WHOLE = datasets.SplitRule(val_fraction=0)


def open_masks(write, tmp_path, masks, **options):
    for name, mask in masks.items():
        write(f"images/{name}.png", np.asarray(mask).shape[:2])
        write(f"masks/{name}.png", mask)
    return datasets.open(tmp_path, split=WHOLE, **options)["train"]


def test_camvid_in_plain_folders_is_known_by_its_frames(write, tmp_path):
    mask = np.resize(np.arange(12), (3, 8))
    part = open_masks(write, tmp_path, {"0001TP_006690": mask, "Seq05VD_f00000": mask})
    assert (part.legend.n_classes, part.legend.class_names[0]) == (11, "sky")
    assert_array_equal(part.labels(0)[0], [0, 1, 2, 3, 4, 5, 6, 7])
    assert (part.labels(0)[1, :4] == [8, 9, 10, IGNORE]).all()
    assert any("11 is void" in line for line in part.taken)


def test_twelve_values_of_other_files_are_classes_and_11_is_proposed(write, tmp_path):
    mask = np.resize(np.arange(12), (30, 7))
    part = open_masks(write, tmp_path, {"a": mask, "b": mask})
    assert part.legend.n_classes == 12
    assert "11 is void: --ignore 11" in part.taken[-1]
    assert open_masks(write, tmp_path, {"a": mask, "b": mask}, ignore=(11,)).legend.n_classes == 11


def test_colours_of_dubai_are_known_and_two_are_not_labelled(write, tmp_path):
    colors = [*DUBAI.colors, *DUBAI.ignored_colors]
    part = open_masks(write, tmp_path, {"a": np.array([colors]), "b": np.array([colors[:2] * 2])})
    assert part.legend.class_names == ("building", "land", "road", "vegetation", "water")
    assert_array_equal(part.labels(0), [[0, 1, 2, 3, 4, IGNORE, IGNORE]])
    assert any("known by their colours: the aerial images of Dubai" in line for line in part.taken)


def test_colours_of_camvid_are_known(write, tmp_path):
    colors = [(128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (0, 0, 192), (0, 0, 0)]
    part = open_masks(write, tmp_path, {"a": np.array([colors])})
    names = [part.legend.class_names[label] for label in part.labels(0)[0, :5]]
    assert names == ["Sky", "Building", "Column_Pole", "Road", "Sidewalk"]
    assert part.labels(0)[0, 5] == IGNORE


def test_corners_of_the_colour_cube_are_not_guessed_and_black_is_proposed(write, tmp_path):
    corners = [(0, 0, 255), (0, 255, 0), (255, 255, 0), (0, 0, 0)]
    part = open_masks(write, tmp_path, {"a": np.array([corners]), "b": np.array([corners])})
    assert part.legend.n_classes == 4
    assert "black is taken for a class (25.00 % of the pixels)" in part.taken[-1]
    part = open_masks(write, tmp_path, {}, ignore=("#000000",))
    assert part.legend.class_names == ("#0000FF", "#00FF00", "#FFFF00")
    assert_array_equal(part.labels(0), [[0, 1, 2, IGNORE]])


def test_cityscapes_in_plain_folders_is_known_by_its_names(write, tmp_path):
    write("images/ulm_0_1_leftImg8bit.png", (1, 3))
    write("masks/ulm_0_1_gtFine_labelIds.png", [[0, 7, 26]])
    part = datasets.open(tmp_path, split=WHOLE)["train"]
    assert_array_equal(part.labels(0), [[IGNORE, 0, 13]])
    assert part.legend.n_classes == 19


def test_classes_are_shown_with_their_shares(write, tmp_path):
    part = open_masks(write, tmp_path, {"a": np.resize([0, 0, 0, 1], (4, 4)), "b": np.resize([2, 255], (4, 4))})
    lines = part.taken[1:]
    assert lines[0].startswith("classes inferred from 2 masks, with their share of the pixels")
    assert [line.split() for line in lines[1:4]] == [
        ["class_0", "0", "#800000", "37.50", "%"],
        ["class_1", "1", "#008000", "12.50", "%"],
        ["class_2", "2", "#808000", "25.00", "%"],
    ]
    assert lines[4] == "  not labelled (255) 25.00 %"


def test_a_legend_that_is_given_is_not_shown(write, tmp_path):
    (tmp_path / "classes.txt").write_text("a\nb\nvoid\n")
    part = open_masks(write, tmp_path, {"a": [[0, 1, 2]]})
    assert len(part.taken) == 1
    assert part.legend.class_names == ("a", "b")
    assert_array_equal(part.labels(0), [[0, 1, IGNORE]])


@pytest.mark.realdata
def test_real_camvid_in_plain_folders(realdata, tmp_path):
    for kind, folder in (("images", "val"), ("masks", "valannot")):
        (tmp_path / kind).symlink_to(realdata / "camvid" / folder)
    found = datasets.open(tmp_path, split=WHOLE)["train"]
    assert (found.legend.n_classes, found.legend.ignored_codes) == (11, (11,))


@pytest.mark.realdata
def test_real_dubai(realdata):
    legend = datasets.open(realdata / "dubai", split=WHOLE)["train"].legend
    assert (legend.n_classes, len(legend.ignored_colors)) == (5, 2)


def test_objects_are_refused_as_classes(write, tmp_path):
    masks = {}
    for k in range(4):
        mask = np.zeros((20, 30), np.uint16)
        for number in range(1, 8 + k):
            row, column = divmod(number - 1, 6)
            mask[1 + 5 * row : 4 + 5 * row, 1 + 5 * column : 4 + 5 * column] = number
        masks[f"{k}"] = mask
    with pytest.raises(InputError, match=r"object numbers, not classes: instances=True .*3\.png, with 10 numbers"):
        open_masks(write, tmp_path, masks)
    part = open_masks(write, tmp_path, masks, instances=True)
    assert part.legend.class_names == ("background", "object")
    assert_array_equal(part.labels(2), masks["2"] > 0)
    assert part.instances(2).max() == 9
    assert datasets.check(part) == 3
