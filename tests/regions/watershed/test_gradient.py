"""Gradient magnitude: slopes known beforehand, scikit-image's and SciPy's operators, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage
from skimage import filters

from densa.errors import InputError
from densa.regions.watershed.gradient import gradient_magnitude

shapes = hnp.array_shapes(min_dims=2, max_dims=3, max_side=7)


@pytest.mark.parametrize("sigma", [0, 1.5])
@pytest.mark.parametrize("bands", ["largest", "di-zenzo"])
def test_a_ramp_has_its_slope(sigma, bands):
    row, column = np.mgrid[:40, :50]
    magnitude = gradient_magnitude(3.0 * row - 4.0 * column, sigma, bands=bands)
    assert_allclose(magnitude[10:-10, 10:-10], 5, rtol=2e-3)


def test_sobel_by_hand():
    image = np.array([[0, 0, 8], [0, 0, 8], [0, 0, 8]], np.uint8)
    assert_array_equal(gradient_magnitude(image), [[0, 4, 4]] * 3)  # half the step on both sides: (8 + 16 + 8) / 8


def test_uint8_does_not_wrap_round():
    image = np.array([[250, 250, 0, 0]], np.uint8)
    assert_array_equal(gradient_magnitude(image), gradient_magnitude(255 - image))


@settings(deadline=None)
@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=7)))
def test_sobel_is_that_of_scikit_image(image):
    expected = filters.sobel(image.astype(float)) / np.sqrt(2)  # its magnitude is the mean of squares, over 4 not 8
    magnitude = gradient_magnitude(image)
    assert magnitude.dtype == np.float32
    assert_allclose(magnitude, expected, rtol=1e-5, atol=1e-4)


def test_gaussian_derivatives_are_those_of_scipy(rng):
    image = rng.random((30, 41))
    assert_allclose(gradient_magnitude(image, 2), ndimage.gaussian_gradient_magnitude(image, 2), rtol=1e-12)
    photo = rng.integers(0, 256, (30, 41)).astype(np.uint8)
    expected = ndimage.gaussian_gradient_magnitude(photo.astype(float), 1.3)
    assert_allclose(gradient_magnitude(photo, 1.3), expected, rtol=1e-4, atol=1e-4)
    for shape in ((1, 1), (3, 2), (1, 30)):  # smaller than the Gaussian: mirrored more than once
        small = rng.random(shape)
        assert_allclose(gradient_magnitude(small, 3), ndimage.gaussian_gradient_magnitude(small, 3), atol=1e-12)


def test_no_bit_depends_on_where_an_image_was_cut(rng):
    image = rng.integers(0, 256, (50, 61, 3)).astype(np.uint8)
    whole = gradient_magnitude(image, 1)
    for width in (17, 33, 40):
        assert_array_equal(gradient_magnitude(image[10:, :width], 1)[4:, : width - 4], whole[14:, : width - 4])


def test_largest_band_decides(rng):
    image = rng.random((12, 9, 4)).astype(np.float32)
    single = [gradient_magnitude(image[:, :, i]) for i in range(4)]
    assert_array_equal(gradient_magnitude(image), np.max(single, axis=0))


def _derivative(stack, axis, sigma):
    if sigma:
        return ndimage.gaussian_filter(stack, (sigma, sigma, 0), order=(1 - axis, axis, 0))
    difference = ndimage.correlate1d(stack, [-1, 0, 1], axis, mode="nearest")
    return ndimage.correlate1d(difference, [1, 2, 1], 1 - axis, mode="nearest") / 8


@settings(deadline=None)
@given(hnp.arrays(np.int16, shapes), st.sampled_from([0, 1]))
def test_di_zenzo_is_the_largest_singular_value(image, sigma):
    magnitude = gradient_magnitude(image, sigma, bands="di-zenzo")
    jacobian = np.stack([_derivative(np.atleast_3d(image).astype(float), axis, sigma) for axis in (0, 1)], axis=-1)
    expected = np.linalg.svd(jacobian, compute_uv=False)[..., 0]
    assert_allclose(magnitude, expected, rtol=1e-3, atol=1)
    assert (magnitude >= gradient_magnitude(image, sigma) * (1 - 1e-4) - 1e-2).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (5, 4, 2)])
@pytest.mark.parametrize("sigma", [0, 2])
def test_constant_images_are_flat(shape, sigma):
    assert_allclose(gradient_magnitude(np.full(shape, 7), sigma), 0, atol=1e-12)


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        (np.zeros(5), {}, "height, width"),
        (np.zeros((2, 2, 2, 2)), {}, "height, width"),
        (np.zeros((0, 3)), {}, "at least one pixel"),
        (np.zeros((3, 3, 0)), {}, "at least one pixel"),
        (np.full((3, 3), np.nan), {}, "NaN"),
        (np.full((3, 3), np.inf), {}, "infinite"),
        (np.zeros((3, 3), complex), {}, "real"),
        (np.zeros((3, 3)), {"sigma": -1}, "sigma"),
        (np.zeros((3, 3)), {"sigma": np.nan}, "sigma"),
        (np.zeros((3, 3)), {"bands": "mean"}, "bands"),
    ],
)
def test_bad_input(image, options, message):
    with pytest.raises(InputError, match=message):
        gradient_magnitude(image, **options)
