"""The grid of cells."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa.regions.slic.cells import Cells, cell_grid


@pytest.mark.parametrize(("k", "step"), [(100, 39.294), (200, 27.785)])
def test_step_of_the_grid(k, step):
    grid = cell_grid(481, 321, k)
    assert math.sqrt(481 * 321 / k) == pytest.approx(step, abs=1e-3)
    assert grid.step == pytest.approx(step, rel=0.05)  # whole rows and columns: the count is near, not exact


@given(st.integers(1, 300), st.integers(1, 300), st.data())
@settings(max_examples=100, deadline=None)
def test_cells_by_pixel_are_those_of_their_edges(height, width, data):
    grid = cell_grid(height, width, data.draw(st.integers(1, height * width)))
    rows, columns = grid.rows(grid.cells), grid.columns(grid.cells)
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (0, height, 0, width)
    assert (np.diff(rows).max(), np.diff(columns).max()) == grid.largest_cell
    assert np.diff(rows).min() == height // grid.n_rows > 0
    row, column = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    h, w = data.draw(st.integers(1, height - row)), data.draw(st.integers(1, width - column))
    of_row = np.searchsorted(rows, np.arange(row, row + h), side="right") - 1
    of_column = np.searchsorted(columns, np.arange(column, column + w), side="right") - 1
    assert grid.touching(row, column, h, w) == (of_row[0], of_column[0], of_row[-1] + 1, of_column[-1] + 1)
    begun = grid.beginning(row, column, h, w)
    assert_array_equal(np.flatnonzero((rows[:-1] >= row) & (rows[:-1] < row + h)), np.arange(begun.top, begun.bottom))
    inside = (columns[:-1] >= column) & (columns[:-1] < column + w)
    assert_array_equal(np.flatnonzero(inside), np.arange(begun.left, begun.right))


def test_cells_of_a_raster_that_no_memory_holds():
    grid = cell_grid(1 << 31, 1 << 31, 1 << 54)
    assert grid.n_rows * grid.n_columns == 1 << 54
    last = Cells(grid.n_rows - 2, 0, grid.n_rows, 1)
    assert_array_equal(grid.rows(last), [(1 << 31) - 32, (1 << 31) - 16, 1 << 31])
    assert grid.touching((1 << 31) - 1, 0, 1, 1).top == grid.n_rows - 1
