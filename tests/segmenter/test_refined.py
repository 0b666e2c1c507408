"""A segmenter followed by the CRF: tiles beside the whole, units of bands, pixels without data."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from densa.crf import DenseCrf, dense_crf
from densa.errors import InputError
from densa.legend import Legend
from densa.segmenter import BandContract, Segmenter
from densa.segmenter.refined import Refined

LEGEND = Legend.from_dict({"classes": [{"name": "dark"}, {"name": "bright"}], "ignore": 255})
CRF = DenseCrf(1, 1, 6, 30, 2, 3)


class Threshold(Segmenter):
    """Bright pixels are likely of class 1; sees one pixel."""

    legend, halo, stride = LEGEND, 2, 2

    def __init__(self, contract):
        self.bands = contract

    def probabilities(self, block, valid=None):
        bright = 1 / (1 + np.exp(-self.bands.normalise(block, valid)[0] / 2))
        return np.stack([1 - bright, bright]).astype(np.float32)


def scene(rng, size=(60, 40)):
    return np.clip(ndimage.gaussian_filter(rng.uniform(0, 255, size), 2) * 6 - 640, 0, 255)[None].astype(np.uint8)


UINT8 = BandContract(1, mean=(120,), std=(50,))


def test_is_the_crf_of_the_inner_probabilities(rng):
    image, inner = scene(rng), Threshold(UINT8)
    refined = Refined(inner, CRF)
    assert_allclose(refined.probabilities(image), dense_crf(inner.probabilities(image), image, CRF), atol=1e-5)
    assert (refined.legend, refined.bands, refined.stride) == (LEGEND, UINT8, 2)
    assert refined.halo == 2 + 18
    assert not refined.whole_image


def test_other_units_are_those_of_training(rng):
    """A photograph stored as metres or as volts comes out alike, given its training statistics."""
    image = scene(rng)
    contracts = [
        BandContract(1, mean=(12.0,), std=(5.0,), dtype="float32"),
        BandContract(1, (), (1200,), (500,), "uint16"),
    ]
    results = [
        Refined(Threshold(contracts[0]), CRF).probabilities(image.astype(np.float32) / 10),
        Refined(Threshold(contracts[1]), CRF).probabilities(image.astype(np.uint16) * 10),
    ]
    assert_allclose(results[0], results[1], atol=2e-3)
    raw = Refined(Threshold(UINT8), DenseCrf(1, 1, 6, 30 * 50 / 58, 2, 3)).probabilities(image)  # std 50 counts as 58
    assert np.abs(results[0] - raw).max() < 0.05


def test_tiles_agree_with_the_whole_by_the_halo(rng):
    """The error falls with the halo; at the default it is small beside what the CRF changes."""
    image, inner = scene(rng, (160, 24)), Threshold(UINT8)
    crf = DenseCrf(2, 2, 1, 1, 0, 3)  # the exact kernel alone: no lattice that lies elsewhere in a tile
    whole = Refined(inner, crf).probabilities(image)
    errors = []
    for reach in (0, 2, 4):
        refined = Refined(inner, crf, reach=reach)
        start, stop = 80 - refined.halo, 120 + refined.halo
        tile = refined.probabilities(image[:, start:stop])[:, refined.halo : -refined.halo]
        errors.append(np.abs(tile - whole[:, 80:120]).max())
    assert errors[0] > errors[1] > errors[2]
    assert errors[1] < 2e-2
    assert errors[2] < 1e-3


def test_a_tile_that_knows_its_origin_agrees_with_the_whole(rng):
    image, refined = scene(rng, (120, 24)), Refined(Threshold(UINT8), DenseCrf(1, 1, 4, 30, 2, 2), reach=5)
    whole = refined.probabilities(image)
    tile = refined.probabilities_at(image[:, 30:], None, 30, 0)
    assert_allclose(tile[:, refined.halo :], whole[:, 30 + refined.halo :], atol=1e-4)


def test_pixels_without_data_keep_the_inner_probabilities(rng):
    image = scene(rng).astype(np.float32)
    image[:, 10:20, 5:9] = np.nan
    contract = BandContract(1, mean=(120,), std=(50,), dtype="float32")
    inner = Threshold(contract)
    found = Refined(inner, CRF).probabilities(image)
    assert_array_equal(found[:, 10:20, 5:9], inner.probabilities(image)[:, 10:20, 5:9])
    valid = np.isfinite(image[0])
    image[:, 10:20, 5:9] = 1e9
    again = Refined(inner, CRF).probabilities(image, valid)
    assert_array_equal(again[:, valid], found[:, valid])


def test_bad_input():
    with pytest.raises(InputError, match="reach"):
        Refined(Threshold(UINT8), CRF, reach=-1)
    with pytest.raises(InputError, match="classes of the legend"):
        Refined(Threshold(UINT8), DenseCrf(smooth_weight=(1.0, 2.0, 3.0)))
