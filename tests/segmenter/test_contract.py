import math

import numpy as np
import pytest

from densa.errors import InputError
from densa.segmenter import BandContract


def test_defaults():
    bands = BandContract(2)
    assert bands.names == ("band 1", "band 2")
    assert (bands.mean, bands.std) == ((0, 0), (1, 1))


def test_normalise_by_hand():
    bands = BandContract(2, mean=(10, 20), std=(2, 0))
    block = np.array([[[10, 14, 8]], [[20, 25, 19]]], np.uint8)
    found = bands.normalise(block, np.array([[True, True, False]]))
    np.testing.assert_array_equal(found, [[[0, 2, 0]], [[0, 5, 0]]])
    assert found.dtype == np.float32


def test_large_integers_keep_their_differences():
    bands = BandContract(1, mean=(4e9,), std=(1,), dtype="uint32")
    found = bands.normalise(np.array([[[4_000_000_000, 4_000_000_003]]], np.uint32))
    np.testing.assert_array_equal(found, [[[0, 3]]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_bands": 0}, "at least one band"),
        ({"n_bands": 3, "names": ("red",)}, "3 values of names, got 1"),
        ({"n_bands": 2, "mean": (1, 2, 3)}, "2 values of mean, got 3"),
        ({"n_bands": 1, "std": (-1.0,)}, "not negative"),
        ({"n_bands": 1, "mean": (math.nan,)}, "finite"),
        ({"n_bands": 1, "dtype": "uint9"}, "dtype"),
    ],
)
def test_invalid_contracts(arguments, message):
    with pytest.raises(InputError, match=message):
        BandContract(**arguments)
