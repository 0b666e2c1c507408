"""A scaling is fitted to pixels that are no neighbours, and measured on other images."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa import raster
from densa.datasets.opening import WHOLE, open_whole
from densa.errors import InputError
from densa.legend import Legend
from densa.segmenter import BandContract, Calibrated, Scaling, Segmenter
from densa.training.calibration import calibrate, one_per_block

LEGEND = Legend(("dark", "bright"))


class TooSure(Segmenter):
    """Bright with the probability in the first band, in 1/200, sharpened by a temperature of 1/2."""

    legend, bands, halo, stride = LEGEND, BandContract(1), 0, 1

    def probabilities(self, block, valid=None):
        p = np.clip(block[0].astype(np.float32) / 200, 0.01, 0.99)
        bright = p**2 / (p**2 + (1 - p) ** 2)
        return np.stack([1 - bright, bright])


def made(folder, n, shape=(60, 80)):
    """Images of probabilities, and masks drawn from them."""
    rng = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for i in range(n):
        values = rng.integers(2, 199, (1, *shape)).astype(np.uint8)
        labels = (rng.random(shape) < values[0] / 200).astype(np.uint8)
        raster.write_bands(folder / "images" / f"{i}.tif", values)
        raster.write_label_map(folder / "masks" / f"{i}.png", labels, LEGEND)
    return open_whole(folder, LEGEND)[WHOLE]


@pytest.mark.parametrize("method", ["temperature", "class-wise", "vector"])
def test_a_known_scaling_is_found(tmp_path, method):
    """Of pixels at 80 %, 80 % are right afterwards."""
    found = calibrate(TooSure(), made(tmp_path / "data", 6), method=method, block=2)
    assert_allclose(found.scaling.temperatures, 2, atol=0.25)
    assert found.n_pixels == 3 * 30 * 40
    assert (found.n_images, found.n_held_out, found.halves) == (3, 3, False)
    assert found.before.n_pixels == found.after.n_pixels == 3 * 60 * 80
    assert found.before.ece > 0.07
    assert found.after.ece < 0.02
    assert found.after.nll < found.before.nll
    for row in found.after.table:
        if row.n_pixels > 500:
            assert abs(row.accuracy - row.confidence) < 0.05
    if method == "temperature":
        assert found.n_changed == 0
        assert found.before.accuracy == found.after.accuracy


def test_one_image_is_two_halves(tmp_path):
    found = calibrate(TooSure(), made(tmp_path / "data", 1), block=2)
    assert found.halves
    assert (found.n_pixels, found.before.n_pixels) == (15 * 40, 30 * 80)
    assert_allclose(found.scaling.temperatures, 2, atol=0.4)


def test_a_scaling_that_is_there_is_left_out_and_the_seed_decides(tmp_path):
    data = made(tmp_path / "data", 4)
    found = calibrate(TooSure(), data, seed=1)
    again = calibrate(Calibrated(TooSure(), Scaling("temperature", (5,))), data, seed=1)
    assert again.scaling == found.scaling
    assert calibrate(TooSure(), data, seed=2).scaling != found.scaling


def test_progress_counts_pixels(tmp_path):
    told = []
    calibrate(TooSure(), made(tmp_path / "data", 3), progress=lambda *done: told.append(done))
    assert told == [(4800, 14400), (9600, 14400), (14400, 14400)]


def test_one_labelled_pixel_of_each_block(rng):
    labels = rng.integers(0, 3, (50, 71)).astype(np.uint8)
    labels[:20, :30] = 255
    rows, columns = one_per_block(labels, 8, np.random.default_rng(0))
    blocks = set(zip((rows // 8).tolist(), (columns // 8).tolist(), strict=True))
    assert len(blocks) == len(rows)
    with_label = {(r // 8, c // 8) for r, c in np.argwhere(labels != 255).tolist()}
    assert blocks == with_label
    assert (labels[rows, columns] != 255).all()


def test_every_pixel_of_a_block_is_as_likely():
    places = [one_per_block(np.zeros((3, 3), np.uint8), 3, np.random.default_rng(s)) for s in range(900)]
    counts = np.bincount([int(3 * r[0] + c[0]) for r, c in places], minlength=9)
    assert counts.min() > 70
    assert_array_equal(one_per_block(np.full((3, 3), 255, np.uint8), 3, np.random.default_rng(0))[0], [])


def test_too_few_blocks_are_refused(tmp_path):
    data = made(tmp_path / "data", 2)
    with pytest.raises(InputError, match="at least 20 labelled pixels, one in each block of 64 px, got 2; give more"):
        calibrate(TooSure(), data, block=64)
    with pytest.raises(InputError, match="there is none"):
        calibrate(TooSure(), data.subset([]))


def test_a_half_without_labels_is_refused(tmp_path):
    made(tmp_path / "data", 2)
    # An image without data has no labels.
    raster.write_bands(
        tmp_path / "data" / "images" / "0.tif", np.zeros((1, 60, 80), np.uint8), nodata=0, overwrite=True
    )
    data = open_whole(tmp_path / "data", LEGEND)[WHOLE]
    for seed in range(4):
        with pytest.raises(InputError, match=r"no labelled pixel|at least 20 labelled pixels"):
            calibrate(TooSure(), data, seed=seed)
