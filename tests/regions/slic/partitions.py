"""Partitions that the tests of SLIC expect."""

import numpy as np
from numpy.testing import assert_array_equal


def checker(height, width, n_rows, n_columns):
    """Regions of a regular grid, from 1."""
    rows = np.repeat(np.arange(n_rows), height // n_rows)
    columns = np.repeat(np.arange(n_columns), width // n_columns)
    return (rows[:, None] * n_columns + columns + 1).astype(np.int32)


def assert_same_partition(found, expected):
    """The same pixels are in regions, and pairs of pixels together or apart, whatever the numbers."""
    inside = expected > 0
    assert_array_equal(found > 0, inside)
    pairs = np.unique(np.stack([found[inside], expected[inside]]), axis=1)
    assert len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]
