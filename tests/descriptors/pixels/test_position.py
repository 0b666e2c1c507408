"""Positions by hand and in tiles."""

import numpy as np
from numpy.testing import assert_array_equal

from densa.descriptors import Place, Position


def test_positions_by_hand():
    found = Position().compute(np.zeros((1, 2, 3)), place=Place(1, 2, (4, 5)))
    assert_array_equal(found[0, :, 0], np.float32([1.5 / 4, 2.5 / 4]))
    assert_array_equal(found[1, 0], np.float32([2.5 / 5, 3.5 / 5, 4.5 / 5]))
    assert Position().names(7) == ["row", "column"]


def test_a_block_alone_is_the_image():
    whole = Position().compute(np.zeros((1, 4, 5)))
    assert_array_equal(whole[:, 1:3, 2:], Position().compute(np.zeros((1, 2, 3)), place=Place(1, 2, (4, 5))))
    assert_array_equal(whole[0, ::-1], 1 - whole[0])
    assert 0 < whole.min() < whole.max() < 1


def test_no_position_without_data():
    valid = np.array([[True, False]])
    assert_array_equal(Position().compute(np.zeros((1, 1, 2)), valid)[:, 0], [[0.5, 0], [0.25, 0]])
