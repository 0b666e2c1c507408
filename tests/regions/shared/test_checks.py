"""What images, masks and regions must be."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa.errors import InputError
from densa.regions.shared.checks import (
    MAX_BANDS,
    check_finite_image,
    check_image,
    check_mask,
    check_pair,
    check_regions,
    value_ranges,
)


def test_an_image_has_bands():
    assert check_image(np.zeros((3, 4))).shape == (3, 4, 1)
    assert check_image(np.zeros((3, 4, 2), bool)).dtype == bool
    assert check_finite_image(np.zeros((3, 4), np.uint8)).shape == (3, 4, 1)


def test_too_many_bands_are_bands_in_front():
    with pytest.raises(InputError, match=r"at most 256 bands.*is it \(bands, height, width\)"):
        check_image(np.zeros((3, 4, MAX_BANDS + 1), np.uint8))
    assert check_finite_image(np.zeros((3, 4, MAX_BANDS + 1), np.uint8)).shape == (3, 4, MAX_BANDS + 1)


def test_values_outside_the_mask_become_0():
    image = np.array([[1, np.nan], [3, np.inf]])
    mask = np.array([[True, False], [True, False]])
    assert_array_equal(check_finite_image(image, mask)[:, :, 0], [[1, 0], [3, 0]])
    assert np.isnan(image[0, 1])  # in a copy
    with pytest.raises(InputError, match="finite values between -1e15 and 1e15, got nan to nan"):
        check_finite_image(image)
    with pytest.raises(InputError, match=r"got 0\.0 to 2000000000000000"):
        check_finite_image(np.array([[0, 2 * 10**15]]))


def test_a_mask_is_boolean_and_as_large_as_the_image():
    assert check_mask(None, (3, 4)) is None
    assert_array_equal(check_mask([[True, False]], (1, 2, 5)), [[True, False]])
    with pytest.raises(InputError, match=r"mask must have the image's shape \(3, 4\), got \(4, 3\)"):
        check_mask(np.ones((4, 3), bool), (3, 4))
    with pytest.raises(InputError, match="mask must be boolean, got float64"):
        check_mask(np.ones((3, 4)), (3, 4))


@pytest.mark.parametrize("regions", [[[-1, 1]], [[0, 2**31]], [[0.5, 1]], [1, 2], np.zeros((0, 3), int)])
def test_regions_are_numbers_from_0(regions):
    with pytest.raises(InputError, match="regions must be"):
        check_regions(regions)


def test_an_image_and_its_regions_belong_together():
    bands, numbers = check_pair([[1.0, np.nan]], [[1, 0]])
    assert bands.shape == (1, 2, 1)
    assert numbers.dtype == np.int32
    with pytest.raises(InputError, match="band 0 holds NaN or infinite values"):
        check_pair([[1.0, np.nan]], [[1, 2]])
    with pytest.raises(InputError, match="regions must have the image's shape"):
        check_pair([[1.0, 2.0]], [[1], [2]])


def test_ranges_of_values_are_those_inside_the_mask():
    image = np.array([[[1, 9], [5, 7], [np.inf, 0]]])
    mask = np.array([[True, True, False]])
    for found, expected in zip(value_ranges(image, mask), ([1, 7], [5, 9]), strict=True):
        assert_array_equal(found, expected)
    assert_array_equal(value_ranges(image, np.zeros((1, 3), bool)), np.zeros((2, 2)))
    with pytest.raises(InputError, match="band 0"):
        value_ranges(image, None)
