"""Colours, textons and local binary patterns against scikit-image, SciPy and examples by hand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from densa.descriptors import ColourSpaces, LocalBinaryPatterns, TextonBank, TextonContext


def test_colours_are_scikit_images(rng):
    color = pytest.importorskip("skimage.color")
    image = rng.integers(0, 256, (30, 40, 3), np.uint8)
    image[0, 0], image[0, 1], image[0, 2] = 0, 255, 77
    found = ColourSpaces().compute(np.moveaxis(image, -1, 0))
    for i, convert in enumerate((color.rgb2lab, color.rgb2luv, color.rgb2hsv)):
        assert_allclose(np.moveaxis(found[3 * i : 3 * i + 3], 0, -1), convert(image), atol=5e-4, rtol=1e-4)


def test_full_intensity(rng):
    image = rng.integers(0, 256, (3, 4, 5), np.uint8)
    expected = ColourSpaces().compute(image)
    assert_allclose(ColourSpaces().compute(image.astype(np.uint16) * 257), expected, atol=1e-4)
    assert_allclose(ColourSpaces().compute(image / 255), expected, atol=1e-4)
    assert_allclose(ColourSpaces(white=255).compute(image.astype(np.float32)), expected, atol=1e-4)
    assert_array_equal(ColourSpaces(("hsv",)).compute(image), expected[6:])


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


def test_lengths_and_constant():
    assert TextonBank().n_features(3) == 17
    assert TextonBank(colour=False).n_features(1) == 11
    assert TextonContext().n_features(3) == 325
    assert TextonContext().halo == TextonBank().halo + 7 == 36 + 7
    found = TextonContext().compute(np.full((3, 30, 40), 200, np.uint8))
    for name, plane in zip(TextonContext().names(3)[:-2], found[:-2], strict=True):
        if "Gaussian" in name and "Laplacian" not in name and "variance" not in name:
            assert_array_equal(plane, plane[0, 0])
        else:
            assert_array_equal(plane, 0, err_msg=name)


def test_cells_by_brute_force(rng):
    bank = TextonBank(bandwidth=0.4, colour=False)
    image = rng.random((1, 20, 25)).astype(np.float32)
    valid = rng.random((20, 25)) < 0.7
    responses, found = bank.compute(image, valid), TextonContext(bank).compute(image, valid)
    n = len(responses)
    assert_array_equal(found[:n], responses)
    pad = [np.pad(a, ((0, 0), (7, 7), (7, 7)), mode="reflect") for a in (responses, valid[None])]
    for y, x in ((0, 0), (4, 24), (10, 12), (19, 3)):
        if not valid[y, x]:
            continue
        for k in range(9):
            top, left = y + 7 + 5 * (k // 3 - 1) - 2, x + 7 + 5 * (k % 3 - 1) - 2
            inside = pad[1][0, top : top + 5, left : left + 5].astype(bool)
            values = pad[0][:, top : top + 5, left : left + 5][:, inside].astype(np.float64)
            cell = found[n + 2 * n * k : n + 2 * n * (k + 1), y, x]
            assert_allclose(cell[0::2], values.mean(axis=1), atol=1e-6)
            assert_allclose(cell[1::2], values.var(axis=1), atol=1e-6)
    rows, columns = np.mgrid[:20, :25]
    assert_allclose(found[-2][valid], (rows / 20)[valid], atol=1e-6)
    assert_allclose(found[-1][valid], abs(columns / 25 - 0.5)[valid], atol=1e-6)


@pytest.mark.parametrize(("n_points", "radius"), [(8, 1), (8, 2), (16, 2), (12, 2.5), (6, 1)])
@pytest.mark.parametrize(("method", "theirs"), [("riu2", "uniform"), ("plain", "default")])
def test_patterns_are_scikit_images(rng, n_points, radius, method, theirs):
    feature = pytest.importorskip("skimage.feature")
    image = rng.permutation(40 * 50).reshape(40, 50).astype(np.uint16)  # no ties, which rounding decides there
    found = LocalBinaryPatterns(n_points, radius, method).compute(image[None])[0]
    expected = feature.local_binary_pattern(image, n_points, radius, theirs)
    inside = np.s_[4:-4, 4:-4]  # scikit-image sees 0 beyond the border
    assert_array_equal(found[inside], expected[inside])
    assert found.max() < LocalBinaryPatterns(n_points, radius, method).n_codes


def test_patterns_by_hand():
    # the four corners of radius 1 lie between pixels; a single bright pixel is darker nowhere: no bit set
    image = np.zeros((1, 5, 5))
    image[0, 2, 2] = 9
    plain = LocalBinaryPatterns(4, 1, "plain").compute(image)[0]
    assert plain[2, 2] == 0
    assert plain[0, 0] == plain[4, 4] == 15  # flat: as bright as the middle
    assert plain[2, 1] == 15
    image[0, 2, 2] = -9
    plain = LocalBinaryPatterns(4, 1, "plain").compute(image)[0]
    assert plain[2, 1] == 15 - 1  # the point to the right, bit 0, is darker
    assert plain[3, 2] == 15 - 2  # the point above, bit 1
    assert LocalBinaryPatterns(4, 1).compute(image)[0, 2, 1] == 3
