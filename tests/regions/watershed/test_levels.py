"""Levels: ranks of values of every kind."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from densa.regions.watershed.levels import rank_levels

DTYPES = [np.uint8, np.int8, np.uint16, np.int32, np.int64, np.uint64, np.float32, np.float64]


@settings(deadline=None, max_examples=100)
@given(st.data(), st.sampled_from(DTYPES))
def test_levels_are_ordered_as_the_values(data, dtype):
    options = {"allow_nan": False, "allow_infinity": False} if np.dtype(dtype).kind == "f" else {}
    relief = data.draw(hnp.arrays(dtype, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=options))
    levels, n_levels = rank_levels(relief)
    assert levels.shape == relief.shape
    assert levels.min() >= 0
    assert levels.max() < n_levels
    assert_array_equal(np.unique(levels, return_inverse=True)[1], np.unique(relief, return_inverse=True)[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_both_zeros_are_one_level(dtype):
    levels, n_levels = rank_levels(np.array([[-1.0, -0.0, 0.0, 1.0]], dtype))
    assert_array_equal(levels, [[0, 1, 1, 2]])
    assert n_levels == 3
