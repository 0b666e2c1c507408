"""Luv as EDISON computes it."""

import numpy as np
from numpy.testing import assert_allclose

from densa.regions.mean_shift.luv import luv_to_rgb, rgb_to_luv


def test_luv_by_reference():
    colours = np.array([[[255, 255, 255], [128, 128, 128], [255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 0]]], np.uint8)
    expected = [
        (100, 0, 0), (76.1895, 0, 0), (53.222, 175.206, 37.705),
        (87.747, -83.138, 107.414), (32.280, -9.394, -130.324), (0, 0, 0),
    ]  # fmt: skip
    luv = rgb_to_luv(colours)
    assert_allclose(luv[0], expected, atol=0.02)
    assert_allclose(luv_to_rgb(luv), colours, atol=0.05)
