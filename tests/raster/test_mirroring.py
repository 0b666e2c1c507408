import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa.raster.mirroring import mirrored


@given(st.integers(-50, 50), st.integers(1, 60), st.integers(1, 20))
def test_is_that_of_numpy(first, n, side):
    padded = np.pad(np.arange(side), (200, 200), mode="reflect")
    assert_array_equal(mirrored(np.arange(first, first + n), side), padded[200 + first : 200 + first + n])


def test_a_single_pixel_is_repeated():
    assert_array_equal(mirrored(np.arange(-2, 3), 1), [0] * 5)
