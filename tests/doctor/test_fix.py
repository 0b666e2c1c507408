"""The mended copy: what it holds, and what it leaves out."""

import csv

import numpy as np
from numpy.testing import assert_array_equal
from PIL import Image

from densa import datasets, doctor
from tests.doctor.sets import COLORS, SETS, plain, scene


def mended(tmp_path, name):
    SETS[name].make(tmp_path / "data")
    doctor.mend(doctor.examine(tmp_path / "data"), tmp_path / "mended")
    return tmp_path / "mended"


def labels(folder):
    """The label map of each image by its name."""
    return {s.name: d.labels(i) for d in datasets.open(folder).values() for i, s in enumerate(d.samples)}


def test_labels_are_those_that_were_meant(tmp_path):
    for name in ("broken_off_by_one", "broken_multiples", "broken_swapped", "broken_stretched", "broken_transposed"):
        found = labels(mended(tmp_path / name, name))
        assert len(found) == 6, name
        for i in range(6):
            assert_array_equal(found[f"s{i}"], scene(i)[1], err_msg=name)


def test_compressed_masks_get_the_nearest_class(tmp_path):
    found = labels(mended(tmp_path, "broken_jpeg_masks"))
    right = np.mean([(found[f"s{i}"] == scene(i)[1]).mean() for i in range(6)])
    assert right > 0.97


def test_shifted_masks_lie_on_their_images_again(tmp_path):
    found = labels(mended(tmp_path, "broken_shifted"))
    for i in range(6):
        inside = np.s_[:-7, 5:]  # what the shift left of the mask
        assert_array_equal(found[f"s{i}"][inside], scene(i, (160, 160))[1][inside])


def test_images_are_copied_byte_by_byte(tmp_path):
    folder = mended(tmp_path, "broken_off_by_one")
    for path in (tmp_path / "data" / "images").iterdir():
        assert (folder / "images" / path.name).read_bytes() == path.read_bytes()


def test_splits_are_kept_and_changes_are_listed(tmp_path):
    for k, split in enumerate(("train", "val")):
        plain(tmp_path / "data" / split, 3, named=False)
        for i in range(3):
            image, own = scene(10 * k + i)
            Image.fromarray(image).save(tmp_path / "data" / split / "images" / f"s{i}.png")
            Image.fromarray(COLORS[own][..., ::-1].copy()).save(tmp_path / "data" / split / "masks" / f"s{i}.png")
    SETS["broken_swapped"].make(tmp_path / "other")
    (tmp_path / "data" / "legend.json").write_bytes((tmp_path / "other" / "legend.json").read_bytes())
    (tmp_path / "data" / "val" / "images" / "s2.png").write_bytes(b"")
    doctor.mend(doctor.examine(tmp_path / "data"), tmp_path / "mended")
    opened = datasets.open(tmp_path / "mended")
    assert {split: len(own) for split, own in opened.items()} == {"train": 3, "val": 2}
    with (tmp_path / "mended" / "changes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sum(row["change"].startswith("colours-swapped") for row in rows) == 5
    assert sum(row["change"].startswith("left out") for row in rows) == 1
