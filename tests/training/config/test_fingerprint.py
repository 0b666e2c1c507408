import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from densa import datasets
from densa.training import fingerprint


@pytest.fixture
def make(tmp_path):
    """A training split of masks; images are grey."""

    def make(masks, name="data", legend=None):
        folder = tmp_path / name
        for part in ("images", "masks"):
            (folder / part / "train").mkdir(parents=True)
        for i, mask in enumerate(masks):
            Image.fromarray(np.full(mask.shape, 9 + i, np.uint8)).save(folder / "images" / "train" / f"{i}.png")
            Image.fromarray(mask.astype(np.uint8)).save(folder / "masks" / "train" / f"{i}.png")
        path = tmp_path / f"{name}.json"
        Path(path).write_text(json.dumps(legend or {"classes": ["a", "b", "c"], "ignore": 255}))
        return datasets.open(folder, legend=path, split=datasets.SplitRule(val_fraction=0))["train"]

    return make


def test_shares_sizes_and_objects(make):
    mask = np.zeros((40, 60), np.int64)
    mask[2:12, 2:12] = 1  # a square of 10
    mask[20:24, 30:34] = 2
    mask[30:, :] = 255
    found = fingerprint(make([mask, mask]))
    assert (found.n_images, found.height, found.width, found.n_bands) == (2, 40, 60, 1)
    assert found.labelled == pytest.approx(0.75)
    assert found.class_shares == pytest.approx([(1800 - 116) / 1800, 100 / 1800, 16 / 1800])
    assert found.rarest == pytest.approx(16 / 1684)
    assert found.object_px == pytest.approx(10)  # more than half of the pixels of objects are in the squares of 10
    assert not found.numbers_objects
    assert not found.is_placed


def test_upright_images_depend_on_the_row_alone(make, rng):
    rows = [np.repeat(np.sort(rng.integers(0, 3, 32))[:, None], 48, axis=1) for _ in range(10)]
    assert fingerprint(make(rows, "rows")).is_upright
    assert not fingerprint(make([row.T for row in rows], "columns")).is_upright
    assert not fingerprint(make([rng.integers(0, 3, (32, 48)) for _ in range(10)], "noise")).is_upright
    assert not fingerprint(make(rows[:3], "few")).is_upright


def test_explained_share_is_the_mutual_information(make):
    halves = np.repeat([0, 1], 16)[:, None] * np.ones((32, 32), np.int64)  # the row says the class
    found = fingerprint(make([halves] * 2))
    assert found.by_rows == pytest.approx(1)
    assert found.by_columns == pytest.approx(0, abs=1e-12)


def test_one_class_explains_nothing(make):
    found = fingerprint(make([np.zeros((8, 8), np.int64)]))
    assert (found.by_rows, found.object_px, found.rarest) == (0, None, 1)


def test_large_masks_are_read_in_the_middle(make):
    mask = np.zeros((600, 700), np.int64)
    mask[:40] = 2  # outside the middle 512 rows
    mask[300, 300] = 1
    found = fingerprint(make([mask]))
    assert found.class_shares[2] == 0
    assert found.class_shares[1] == pytest.approx(1 / 512**2)
    assert (found.height, found.width) == (600, 700)
