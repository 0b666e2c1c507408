"""Tiles: cores partition the image, blocks hold their halo, origins lie on the stride."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import ndimage

from densa.errors import InputError
from densa.raster import Grid, Window, tiles
from densa.raster.grid import common, inside, overlap, widened

sides = st.integers(1, 70)


@settings(deadline=None, max_examples=60)  # shared machines stall
@given(sides, sides, st.integers(1, 6), st.integers(0, 20), st.sampled_from([1, 2, 4, 16]))
def test_laws_of_tiles(height, width, cells, halo, stride):
    tile_size = cells * stride
    covered = np.zeros((height, width), int)
    for core, block in tiles(height, width, tile_size, halo=halo, stride=stride):
        covered[core.row : core.row + core.height, core.column : core.column + core.width] += 1
        assert max(core.height, core.width) <= tile_size
        assert not any(origin % stride for origin in (core.row, core.column, block.row, block.column))
        for size, c, c_size, b, b_size in (
            (height, core.row, core.height, block.row, block.height),
            (width, core.column, core.width, block.column, block.width),
        ):
            assert max(c - halo - stride + 1, 0) <= b <= max(c - halo, 0)
            assert b + b_size == min(c + c_size + halo, size)
    assert (covered == 1).all()


@settings(deadline=None, max_examples=60)  # shared machines stall
@given(sides, sides, st.integers(1, 40), st.integers(2, 5))
def test_tiles_leave_no_seam(height, width, tile_size, halo):
    image = np.random.default_rng(0).random((height, width))
    tiled = np.empty_like(image)
    for core, block in tiles(height, width, tile_size, halo=halo):
        part = image[block.row : block.row + block.height, block.column : block.column + block.width]
        filtered = ndimage.maximum_filter(part, size=5, mode="constant")  # reads 2 pixels away
        row, column = core.row - block.row, core.column - block.column
        place = slice(core.row, core.row + core.height), slice(core.column, core.column + core.width)
        tiled[place] = filtered[row : row + core.height, column : column + core.width]
    assert_array_equal(tiled, ndimage.maximum_filter(image, size=5, mode="constant"))


def test_tiles_by_hand():
    expected = [
        (Window(0, 0, 8, 8), Window(0, 0, 10, 10)),
        (Window(0, 8, 8, 3), Window(0, 4, 10, 7)),  # 8 - 2 = 6 is no multiple of 4: from 4
    ]
    assert list(tiles(10, 11, 8, halo=2, stride=4))[:2] == expected
    assert list(tiles(10, 11, 64)) == [(Window(0, 0, 10, 11), Window(0, 0, 10, 11))]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((10, 10, 100, 0, 32), "use 96 or 128"),
        ((10, 10, 8, 0, 32), "use 32"),
        ((0, 10, 8, 0, 1), "at least 1"),
        ((10, 10, 0, 0, 1), "at least 1"),
        ((10, 10, 8, -1, 1), "halo at least 0"),
        ((10, 10, 8, 0, 0), "at least 1"),
    ],
)
def test_refused_at_once(arguments, message):
    height, width, tile_size, halo, stride = arguments
    with pytest.raises(InputError, match=message):
        tiles(height, width, tile_size, halo=halo, stride=stride)


@settings(deadline=None, max_examples=60)  # shared machines stall
@given(sides, sides, st.integers(1, 5), st.integers(0, 20), st.integers(1, 8))
def test_tiles_are_numbered_row_by_row(height, width, cells, halo, stride):
    grid = Grid(height, width, cells * stride, halo, stride)
    found = [grid.tile(number) for number in range(len(grid))]
    assert found == list(tiles(height, width, cells * stride, halo=halo, stride=stride))
    origins = [(core.row, core.column) for core, _ in found]
    assert origins == sorted(origins)
    assert len({row for row, _ in origins}) == grid.n_rows
    assert len({column for _, column in origins}) == grid.n_columns
    assert grid.computed_pixels() == sum(block.height * block.width for _, block in found)
    assert grid.largest_block() == max(block.height * block.width for _, block in found)


@settings(deadline=None, max_examples=60)  # shared machines stall
@given(sides, sides, st.integers(1, 20), st.data())
def test_tiles_in_a_window_own_its_pixels(height, width, tile_size, draw):
    grid = Grid(height, width, tile_size)
    row, column = draw.draw(st.integers(0, height - 1)), draw.draw(st.integers(0, width - 1))
    window = Window(row, column, draw.draw(st.integers(1, height - row)), draw.draw(st.integers(1, width - column)))
    owners = np.full((height, width), -1)
    for number, part in grid.tiles_in(window):
        assert min(part.height, part.width) >= 1
        owners[part.row : part.row + part.height, part.column : part.column + part.width] = number
    expected = np.full((height, width), -1)
    for y in range(row, row + window.height):
        for x in range(column, column + window.width):
            expected[y, x] = y // tile_size * grid.n_columns + x // tile_size
    assert_array_equal(owners, expected)


windows = st.builds(Window, st.integers(0, 12), st.integers(0, 12), st.integers(1, 9), st.integers(1, 9))


def pixels(window):
    return {
        (row, column)
        for row in range(window.row, window.row + window.height)
        for column in range(window.column, window.column + window.width)
    }


def test_place_of_a_core_in_its_block():
    assert inside(Window(8, 16, 4, 5), Window(4, 8, 20, 20)) == (slice(4, 8), slice(8, 13))


@given(windows, windows)
def test_common_pixels_of_two_windows(one, other):
    shared = pixels(one) & pixels(other)
    assert overlap(one, other) == bool(shared)
    assert pixels(common(one, other)) == shared


@given(windows, st.integers(0, 5))
def test_a_widened_window_stays_in_the_raster(window, margin):
    height, width = window.row + window.height + 2, window.column + window.width + 2
    expected = {
        (row, column)
        for row in range(height)
        for column in range(width)
        if window.row - margin <= row < window.row + window.height + margin
        and window.column - margin <= column < window.column + window.width + margin
    }
    assert pixels(widened(window, margin, height, width)) == expected
