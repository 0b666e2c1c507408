"""Seams between tiles: none where the halo suffices, counted where they are."""

import numpy as np
import pytest
from scipy import ndimage

from densa import raster
from densa.errors import InputError
from densa.legend import Legend
from densa.reports import find_seams, seams_picture
from densa.segmenter import BandContract, Segmenter


class Mean(Segmenter):
    """Class 1 where the mean of 9 x 9 pixels is bright; reads 4 pixels away."""

    legend = Legend(("dark", "bright"))
    bands = BandContract(1, ("grey",), (0.0,), (1.0,), "uint8")
    halo, stride = 4, 4

    def probabilities(self, block, valid=None):
        bright = ndimage.uniform_filter(block[0].astype(np.float32) / 255, 9, mode="constant")
        return np.stack([1 - bright, bright])


@pytest.fixture
def scene(tmp_path, rng):
    raster.write_bands(tmp_path / "scene.tif", rng.integers(0, 256, (1, 200, 330)).astype(np.uint8))
    with raster.open(tmp_path / "scene.tif") as opened:
        yield opened


def test_enough_halo_leaves_no_seam(scene):
    told = []
    found = find_seams(Mean(), scene, (400, 64), progress=lambda *done: told.append(done))
    assert (found.share, found.differing, found.pixels) == (0, 0, 200 * 330)
    assert told[-1] == (2 * 200 * 330, 2 * 200 * 330)


def test_a_wrong_halo_is_found(scene):
    """A segmenter that claims less context than it has leaves a seam, and the counts lie along it."""
    model = Mean()
    model.halo = 0
    found = find_seams(model, scene, (400, 64))
    assert 0 < found.share < 0.5
    assert found.counts.sum() == found.differing
    picture = seams_picture(found, scene)
    assert picture.shape == (200, 330, 3)
    assert (picture[found.counts > 0] == (230, 25, 40)).all()
    from_seam = [np.abs((np.arange(side) + 32) % 64 - 32) for side in (200, 330)]
    assert not found.counts[np.minimum(from_seam[0][:, None], from_seam[1]) > 4].any()


def test_two_segmenters_are_compared(scene):
    other = Mean()
    other.probabilities = lambda block, valid=None: Mean().probabilities(255 - block)
    assert find_seams(Mean(), scene, (400, 64), other=other).share > 0.9


def test_sizes_of_tiles_are_checked(scene):
    with pytest.raises(InputError, match="tile_sizes must be at least 1 pixel, got 0 and 64"):
        find_seams(Mean(), scene, (0, 64))
