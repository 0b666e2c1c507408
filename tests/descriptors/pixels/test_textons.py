"""Texton bank against SciPy and examples by hand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import ndimage

from densa.descriptors import TextonBank
from densa.errors import InputError


def test_textons_are_scipys_gaussians(rng):
    # SciPy samples the derivative without scaling its moments: at sigma 2 and 3 standard deviations 4 % apart at most
    color = pytest.importorskip("skimage.color")
    image = rng.integers(0, 256, (80, 90, 3), np.uint8)
    lab = color.rgb2lab(image)
    lab = np.stack([lab[..., 0] / 100, (lab[..., 1] + 128) / 255, (lab[..., 2] + 128) / 255])
    found = TextonBank().compute(np.moveaxis(image, -1, 0))
    near = {"mode": "mirror", "truncate": 3.0}
    for i, sigma in enumerate((1, 2, 4)):
        for channel in range(3):
            assert_allclose(found[3 * i + channel], ndimage.gaussian_filter(lab[channel], sigma, **near), atol=2e-6)
    for i, sigma in enumerate((2, 4)):
        across = ndimage.gaussian_filter(lab[0], (3 * sigma, sigma), order=(0, 1), **near)
        down = ndimage.gaussian_filter(lab[0], (sigma, 3 * sigma), order=(1, 0), **near)
        for plane, expected in ((found[9 + 2 * i], across), (found[10 + 2 * i], down)):
            assert np.corrcoef(plane.ravel(), expected.ravel())[0, 1] > 0.9999
            assert_allclose(plane, expected, atol=0.05 * abs(expected).max())
    for i, sigma in enumerate((1, 2, 4, 8)):
        expected = ndimage.gaussian_laplace(lab[0], sigma, **near)
        assert np.corrcoef(found[13 + i].ravel(), expected.ravel())[0, 1] > 0.98, sigma


def test_textons_of_a_ramp_and_a_bowl():
    row, column = np.mgrid[:90, :100].astype(np.float64)
    ramp = TextonBank(colour=False).compute((3 * column - 2 * row)[None])[:, 40:50, 40:60]
    for i in range(2):
        assert_allclose(ramp[3 + 2 * i], 3, atol=1e-4)
        assert_allclose(ramp[4 + 2 * i], -2, atol=1e-4)
    assert_allclose(ramp[7:], 0, atol=1e-3)
    bowl = TextonBank(colour=False).compute(((row - 45) ** 2 + (column - 50) ** 2)[None])[:, 40:50, 45:55]
    assert_allclose(bowl[7:], 4, atol=1e-2)


def test_textons_beside_nodata_see_the_same_slope():
    row, column = np.mgrid[:60, :70].astype(np.float64)
    valid = (row - 30) ** 2 + (column - 35) ** 2 > 25
    image = np.where(valid, 10 + 0.1 * column, 1e6)
    found = TextonBank(bandwidth=0.5, colour=False).compute(image[None], valid)
    near = ((row - 30) ** 2 + (column - 35) ** 2 > 25) & ((row - 30) ** 2 + (column - 35) ** 2 < 81)
    assert abs(found[3:5, near]).max() < 0.2  # a hole filled with 0 would give slopes of about 2


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"bandwidth": -1}, "bandwidth must be a finite number above 0 and at most 16"),
        ({"bandwidth": 17}, "at most 16"),
        ({"white": float("nan")}, "white must be a finite number above 0"),
    ],
)
def test_bad_parameters_are_named(fields, said):
    with pytest.raises(InputError, match=said):
        TextonBank(**fields)
