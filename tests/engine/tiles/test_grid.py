"""Tiles by number are those of `densa.raster.tiles`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from densa import raster
from densa.engine.tiles.grid import Grid, inside, overlap
from densa.errors import InputError


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 5), st.integers(0, 20), st.integers(1, 8))
def test_numbered_tiles_are_those_in_row_major_order(height, width, n_strides, halo, stride):
    grid = Grid(height, width, n_strides * stride, halo, stride)
    expected = list(raster.tiles(height, width, n_strides * stride, halo=halo, stride=stride))
    assert [grid.tile(i) for i in range(len(grid))] == expected
    assert grid.computed_pixels() == sum(block.height * block.width for _, block in expected)
    assert grid.largest_block() == max(block.height * block.width for _, block in expected)


def test_place_of_a_core_in_its_block():
    assert inside(raster.Window(8, 16, 4, 5), raster.Window(4, 8, 20, 20)) == (slice(4, 8), slice(8, 13))


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 20), st.data())
def test_tiles_in_a_window_own_it(height, width, tile_size, draw):
    grid = Grid(height, width, tile_size)
    row, column = draw.draw(st.integers(0, height - 1)), draw.draw(st.integers(0, width - 1))
    window = raster.Window(
        row, column, draw.draw(st.integers(1, height - row)), draw.draw(st.integers(1, width - column))
    )
    owners = np.zeros((window.height, window.width), int)
    for number, part in grid.tiles_in(window):
        owners[inside(part, window)] += 1 + number
        assert overlap(grid.tile(number)[0], window)
    expected = [[(y // tile_size) * grid.n_columns + x // tile_size + 1
                 for x in range(column, column + window.width)] for y in range(row, row + window.height)]  # fmt: skip
    np.testing.assert_array_equal(owners, expected)
    outside = [i for i in range(len(grid)) if not overlap(grid.tile(i)[0], window)]
    assert len(outside) + len(list(grid.tiles_in(window))) == len(grid)


def test_sizes_off_the_stride_are_refused():
    with pytest.raises(InputError, match="multiple of the model's stride 16, got 40; use 48"):
        Grid(100, 100, 40, 0, 16)
