"""What the doctor says of leaks."""

import shutil

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from densa import Legend, doctor, raster

LEGEND = Legend(("ground", "road"))


@pytest.fixture
def pair(tmp_path):
    """pair("train/a", image=None): an image and a mask that belongs to it."""

    def write(name, image=None, number=0):
        rng = np.random.default_rng(number + sum(map(ord, name)))
        split, _, stem = name.rpartition("/")
        smooth = gaussian_filter(rng.normal(size=(96, 128)), 3)
        labels = (smooth > np.median(smooth)).astype(np.uint8)
        if image is None:
            image = (90 + 60 * labels + rng.normal(0, 8, labels.shape)).clip(0, 255).astype(np.uint8)[None]
        for kind in ("images", "masks"):
            (tmp_path / split / kind).mkdir(parents=True, exist_ok=True)
        raster.write_bands(tmp_path / split / "images" / f"{stem}.tif", image)
        raster.write_label_map(tmp_path / split / "masks" / f"{stem}.png", labels, LEGEND)
        return image

    return write


def leaks_of(folder):
    found = doctor.examine(folder).findings
    return {(one.code, one.severity) for one in found if one.code.startswith("leak-")}


def sound(pair, splits=("train", "val")):
    for number, stem in enumerate("abcdef"):
        pair(f"{splits[number % 3 == 0 and len(splits) > 1]}/{stem}" if splits[0] else stem, number=number)


def test_sound(pair, tmp_path):
    sound(pair)
    assert leaks_of(tmp_path) == set()


def test_a_copy_in_two_splits(pair, tmp_path):
    sound(pair)
    shutil.copy(tmp_path / "train" / "images" / "b.tif", tmp_path / "val" / "images" / "a.tif")
    assert leaks_of(tmp_path) == {("leak-copy", "error")}
    (found,) = [one for one in doctor.examine(tmp_path).findings if one.code == "leak-copy"]
    assert {path.name for path in found.files} == {"a.tif", "b.tif"}
    assert f"densa split {tmp_path}" in found.mend
    assert "across the splits train, val" in found.sentence


def test_a_copy_in_one_split_is_a_note(pair, tmp_path):
    sound(pair)
    shutil.copy(tmp_path / "train" / "images" / "b.tif", tmp_path / "train" / "images" / "c.tif")
    assert leaks_of(tmp_path) == {("leak-copy", "note")}


def test_a_copy_without_splits_is_a_warning(pair, tmp_path):
    """`densa train` would hold out a fifth by chance."""
    sound(pair, ("",))
    shutil.copy(tmp_path / "images" / "b.tif", tmp_path / "images" / "c.tif")
    assert leaks_of(tmp_path) == {("leak-copy", "warning")}


def test_near_copies_and_overlaps(pair, tmp_path):
    sound(pair)
    image = pair("train/x", number=50)
    pair("val/y", np.ascontiguousarray(image[:, :, ::-1]))
    assert leaks_of(tmp_path) == {("leak-near-copy", "error")}
    scene = pair("train/z", number=60)
    other = np.random.default_rng(3).integers(0, 255, (1, 96, 48), np.uint8)
    pair("val/w", np.concatenate([scene[:, :, 48:], other], axis=2))
    assert leaks_of(tmp_path) == {("leak-near-copy", "error"), ("leak-overlap", "error")}


def test_a_scene_that_is_divided(pair, tmp_path):
    for number, name in enumerate(("train/area1_tile_0", "train/area2_tile_0", "val/area1_tile_1")):
        pair(name, number=number)
    assert leaks_of(tmp_path) == {("leak-scene", "warning")}


def test_the_mend_makes_the_splits_sound(pair, tmp_path):
    """`densa split` keeps together what the doctor finds."""
    import densa

    sound(pair)
    shutil.copy(tmp_path / "train" / "images" / "b.tif", tmp_path / "val" / "images" / "a.tif")
    found = densa.split(tmp_path, by="scene", folds=5, progress=False)
    part = {entry.image: entry.part for entry in found.entries}
    assert part["train/images/b.tif"] == part["val/images/a.tif"]
