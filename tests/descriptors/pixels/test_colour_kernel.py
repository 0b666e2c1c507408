"""Kernels of the colour spaces: compiled, they do what their Python source does; colours known by heart."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from densa.descriptors.pixels._colour_kernel import MATRIX, WHITE, to_hsv, to_lab_and_luv


@pytest.mark.parametrize("slots", [(0, 3), (3, 0), (-1, 0), (0, -1)])
def test_lab_and_luv_of_the_python_source(rng, slots):
    rgb = rng.random((3, 4, 5)).astype(np.float32)
    rgb[:, 0, 0] = 0
    found = []
    for kernel in (to_lab_and_luv, to_lab_and_luv.py_func):
        out = np.full((6, 4, 5), np.nan, np.float32)
        kernel(rgb, MATRIX, WHITE, slots, out, 1, 3)
        found.append(out)
    assert_allclose(*found, atol=1e-4)
    assert np.isnan(found[0][:, [0, 3]]).all()  # only the rows that were asked for
    assert np.isfinite(found[0][:, 1:3]).all(axis=(1, 2)).sum() == 3 * sum(slot >= 0 for slot in slots)


def test_hsv_of_the_python_source(rng):
    rgb = rng.random((3, 4, 5)).astype(np.float32)
    rgb[:, 1, :2] = 0.5
    found = []
    for kernel in (to_hsv, to_hsv.py_func):
        out = np.zeros((3, 4, 5), np.float32)
        kernel(rgb, out, 0, 4)
        found.append(out)
    assert_allclose(*found, atol=1e-6)


def test_known_colours():
    """White, red and a dark grey: CIE Lab of sRGB at D65 as published; hue of the primary colours."""
    rgb = np.array([[1, 1, 0.01], [1, 0, 0.01], [1, 0, 0.01]], np.float32)[:, None]
    out = np.empty((6, 1, 3), np.float32)
    to_lab_and_luv(rgb, MATRIX, WHITE, (0, 3), out, 0, 1)
    assert_allclose(out[:3, 0, 0], [100, 0, 0], atol=0.02)
    assert_allclose(out[:3, 0, 1], [53.24, 80.09, 67.20], atol=0.02)
    assert_allclose(out[3:, 0, 1], [53.24, 175.01, 37.76], atol=0.05)
    assert_allclose(out[:3, 0, 2], [0.699, 0, 0], atol=0.01)  # 903.3 * 0.01 / 12.92
    primary = np.eye(3, dtype=np.float32)[:, None]  # red, green, blue
    hsv = np.empty((3, 1, 3), np.float32)
    to_hsv(primary, hsv, 0, 1)
    assert_allclose(hsv[:, 0], [[0, 1 / 3, 2 / 3], [1, 1, 1], [1, 1, 1]], atol=1e-6)
