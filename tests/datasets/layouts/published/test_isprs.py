import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import datasets
from densa.legend import IGNORE

COLORS = np.array([[(255, 255, 255), (0, 0, 255), (0, 255, 255), (0, 255, 0), (255, 255, 0), (255, 0, 0), (0, 0, 0)]])
LABELS = [[0, 1, 2, 3, 4, 5, IGNORE]]
WHOLE = datasets.SplitRule(val_fraction=0)


def test_potsdam_in_one_folder(write, tmp_path):
    for tile in ("2_10", "2_11"):
        write(f"top_potsdam_{tile}_RGB.tif", (1, 7))
        write(f"top_potsdam_{tile}_label.tif", COLORS)
        write(f"top_potsdam_{tile}_label_noBoundary.tif", COLORS * 0)
    found = datasets.open(tmp_path, split=WHOLE)["train"]
    assert found.layout == "isprs"
    assert found.legend.class_names == ("impervious surface", "building", "low vegetation", "tree", "car", "clutter")
    assert_array_equal(found.labels(0), LABELS)
    assert [sample.mask.name for sample in found.samples] == [f"top_potsdam_2_{n}_label.tif" for n in (10, 11)]
    assert "labels *_label (*_label_noBoundary are left)" in found.taken[0]


def test_potsdam_as_it_is_unpacked(write, tmp_path):
    write("2_Ortho_RGB/top_potsdam_2_10_RGB.tif", (1, 7))
    write("4_Ortho_RGBIR/top_potsdam_2_10_RGBIR.tif", (1, 7))
    write("5_Labels_all_noBoundary/top_potsdam_2_10_label_noBoundary.tif", COLORS)
    (sample,) = datasets.open(tmp_path, split=WHOLE)["train"].samples
    assert (sample.image.parent.name, sample.mask.parent.name) == ("4_Ortho_RGBIR", "5_Labels_all_noBoundary")


def test_vaihingen_as_it_is_unpacked(write, tmp_path):
    for area in (1, 2):
        write(f"top/top_mosaic_09cm_area{area}.tif", (1, 7))
    write("gts_for_participants/top_mosaic_09cm_area1.tif", COLORS)
    found = datasets.open(tmp_path, split=WHOLE)
    assert {split: len(part) for split, part in found.items()} == {"train": 1, "test": 1}
    assert_array_equal(found["train"].labels(0), LABELS)


@pytest.mark.parametrize("suffix", [".tif", ".jpg"])
def test_colours_that_compression_changed(write, tmp_path, suffix):
    blocks = COLORS.repeat(16, axis=0).repeat(16, axis=1)
    write("a_RGB.tif", blocks.shape[:2])
    if suffix == ".jpg":
        write("a_label.jpg", blocks)
    else:
        write("a_label.tif", np.clip(blocks + np.random.default_rng(0).integers(-9, 10, blocks.shape), 0, 255))
    found = datasets.open(tmp_path, split=WHOLE)["train"]
    labels = found.labels(0)
    assert datasets.check(found) == 3
    assert (labels[:, 4::16] == LABELS[0]).all()  # away from the edges, where JPEG mixes colours
    assert (labels == np.repeat(LABELS, 16, axis=1)).mean() > 0.9


def test_a_colour_that_is_far_from_all_classes_is_not_labelled(write, tmp_path):
    write("a_RGB.tif", (1, 3))
    write("a_label.tif", [[(255, 255, 255), (128, 128, 128), (255, 0, 255)]])
    labels = datasets.open(tmp_path, split=WHOLE, layout="isprs")["train"].labels(0)
    assert_array_equal(labels, [[0, IGNORE, IGNORE]])


def test_indices(write, tmp_path):
    write("a_RGB.png", (1, 7))
    write("a_label.png", [[0, 1, 2, 3, 4, 5, 6]])
    own = datasets.open(tmp_path, split=WHOLE)["train"]  # such names are no sign alone
    assert (own.layout, own.legend.n_classes) == ("suffixes", 7)
    labels = datasets.open(tmp_path, split=WHOLE, layout="isprs")["train"].labels(0)
    assert_array_equal(labels, [[IGNORE, 0, 1, 2, 3, 4, 5]])


def test_other_colours_are_another_data_set(write, tmp_path):
    write("a_RGB.png", (1, 4))
    write("a_label.png", [[(200, 30, 30), (30, 200, 30), (90, 90, 200), (200, 200, 90)]])
    assert datasets.open(tmp_path, split=WHOLE)["train"].layout == "suffixes"
