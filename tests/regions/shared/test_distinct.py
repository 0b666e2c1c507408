"""Distinct numbers, as sets have them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from densa.regions.shared.distinct import distinct


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
@given(hnp.arrays(np.int8, hnp.array_shapes(max_dims=2, min_side=0)))
def test_distinct_values_in_order(dtype, values):
    found = distinct(values.astype(dtype))
    assert found.dtype == dtype
    assert_array_equal(found, sorted(set(values.astype(dtype).ravel().tolist())))
