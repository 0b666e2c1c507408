"""Vectors of every width beside numpy."""

import numpy as np
import pytest
from numba import njit
from numpy.testing import assert_allclose

from densa.crf._lanes import WIDTHS, exp_below, largest, load, multiply, plus_product, scale, store, total


@njit
def _softmax_and_sums(x, out, width):
    a = load(x, 0, width)
    q = exp_below(a, largest(a))
    store(out, 0, scale(q, np.float32(1) / total(q)))
    store(out, len(width), plus_product(multiply(a, a), a, np.float32(3)))


@pytest.mark.parametrize("width", WIDTHS)
def test_equals_numpy(rng, width):
    x = (rng.normal(size=width) * 5).astype(np.float32)
    x[0] = -1e30  # as in the padding
    out = np.zeros((2, width), np.float32)
    _softmax_and_sums(x, out.reshape(-1), (0,) * width)
    x[0] = -100
    powers = np.exp(x - x.max())
    assert_allclose(out[0], powers / powers.sum(), rtol=1e-5, atol=1e-26)
    assert out[0, 0] == 0
    assert_allclose(out[1, 1:], (x * x + 3 * x)[1:], rtol=1e-5, atol=1e-5)
