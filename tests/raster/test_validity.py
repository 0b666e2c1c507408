import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa.raster.validity import differs_from_key, holds_data, missing_values, valid_in_mask


@pytest.mark.parametrize(
    ("nodata", "dtype", "expected"),
    [
        (None, "uint8", ()), (0, "uint8", (0,)), (-1, "uint8", ()), (256, "uint8", ()), (0.5, "uint8", ()),
        (np.nan, "uint8", ()), (np.nan, "float32", ()), (-9999, "float32", (-9999.0,)), (2**40, "int64", (2**40,)),
        (np.inf, "float32", ()),
    ],
)  # fmt: skip
def test_a_nodata_value_that_the_type_holds(nodata, dtype, expected):
    assert missing_values(nodata, np.dtype(dtype)) == expected


def test_every_band_must_hold_data():
    values = np.array([[[1, 2, 3, 4]], [[1, 9, 3, 4]]], np.uint8)
    valid = np.array([[True, True, True, False]])
    holds_data(values, [(3, 7), (9,)], valid)
    assert_array_equal(valid, [[True, False, False, False]])


def test_nan_and_infinity_never_hold_data():
    values = np.array([[[1, np.nan, np.inf]], [[np.nan, 1, 1]]], np.float32)
    valid = np.ones((1, 3), bool)
    holds_data(values, [(), ()], valid)
    assert not valid.any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_real_numbers_match_within_a_rounding(dtype):
    tenth = np.array([[[0.1, 0.1001, -3.4028235e38, 3.4028235e38]]], dtype)
    valid = np.ones((1, 4), bool)
    holds_data(tenth, [(0.1, -3.4028235e38)], valid)
    assert_array_equal(valid, [[False, True, False, True]])


def test_a_key_colour_is_of_all_bands():
    values = np.array([[[1, 1, 0]], [[2, 0, 2]]], np.uint8)
    assert_array_equal(differs_from_key(values, (1, 2)), [[False, True, True]])


def test_masks_and_alpha_of_any_type():
    masks = [np.array([[0.1, 0, 1]], np.float32), np.array([[1, 255, 0]], np.uint16)]
    assert_array_equal(valid_in_mask(masks), [[True, False, False]])
