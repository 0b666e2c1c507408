"""Tiles of an image: cores that partition it, each read as a block with a halo; relations of windows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.raster.raster import Raster, Window

__all__ = ["Block", "Grid", "common", "inside", "overlap", "read_block", "read_window", "tiles", "widened"]


def tiles(
    height: int, width: int, tile_size: int, *, halo: int = 0, stride: int = 1
) -> Iterator[tuple[Window, Window]]:
    """Cut an image into tiles, row by row.

    Args:
        height, width: size of the image in pixels.
        tile_size: side of a core in pixels, a multiple of `stride`.
        halo: pixels around a core.
        stride: origins of cores and blocks are multiples of it.

    Yields:
        The core window (the cores partition the image) and the block window: the core, at least `halo` pixels around it
        (more at the top and left, up to the next multiple of `stride`), clipped to the image.

    Raises:
        InputError: a size below 1, a negative halo, or `tile_size` is not a multiple of `stride`.

    Examples:
        >>> from densa import raster
        >>> for core, block in raster.tiles(100, 150, tile_size=100, halo=8):
        ...     print(core, block)
        Window(row=0, column=0, height=100, width=100) Window(row=0, column=0, height=100, width=108)
        Window(row=0, column=100, height=100, width=50) Window(row=0, column=92, height=100, width=58)
    """
    grid = Grid(height, width, tile_size, halo, stride)
    return (grid.tile(number) for number in range(len(grid)))


@dataclass(frozen=True)
class Grid:
    """The tiles of an image, numbered from 0 row by row: cores that partition it, each in a block with a halo.

    Args:
        height, width: size of the image in pixels.
        tile_size: side of a core in pixels, a multiple of `stride`; cores at the right and bottom are cut off.
        halo: pixels around a core.
        stride: origins of cores and blocks are multiples of it.

    Raises:
        InputError: a size below 1, a negative halo, or `tile_size` is not a multiple of `stride`.

    Examples:
        >>> from densa import raster
        >>> grid = raster.Grid(100, 150, tile_size=64, halo=8)
        >>> grid.n_rows, grid.n_columns
        (2, 3)
        >>> core, block = grid.tile(1)
        >>> core
        Window(row=0, column=64, height=64, width=64)
        >>> block
        Window(row=0, column=56, height=72, width=80)
    """

    height: int
    width: int
    tile_size: int
    halo: int = 0
    stride: int = 1

    def __post_init__(self) -> None:
        size, stride = self.tile_size, self.stride
        if min(self.height, self.width, size, stride) < 1 or self.halo < 0:
            raise InputError(
                "height, width, tile_size and stride must be at least 1 and halo at least 0,"
                f" got {self.height}, {self.width}, {size}, {stride} and {self.halo}"
            )
        if size % stride:
            below = size // stride * stride
            use = f"{below} or {below + stride}" if below else f"{stride}"
            raise InputError(f"tile_size must be a multiple of the stride {stride}, got {size}; use {use}")

    @property
    def n_rows(self) -> int:
        """Rows of tiles."""
        return -(-self.height // self.tile_size)

    @property
    def n_columns(self) -> int:
        """Columns of tiles."""
        return -(-self.width // self.tile_size)

    def __len__(self) -> int:
        return self.n_rows * self.n_columns

    def tile(self, number: int) -> tuple[Window, Window]:
        """Core and block of a tile: the core and at least `halo` pixels around it, clipped to the image."""
        row, column = divmod(number, self.n_columns)
        top, height, first_row, n_block_rows = self._span(row, self.height)
        left, width, first_column, n_block_columns = self._span(column, self.width)
        return Window(top, left, height, width), Window(first_row, first_column, n_block_rows, n_block_columns)

    def _span(self, index: int, side: int) -> tuple[int, int, int, int]:
        """Start and length of a core along one axis, and of its block."""
        start = index * self.tile_size
        length = min(self.tile_size, side - start)
        first = max(start - self.halo, 0) // self.stride * self.stride
        return start, length, first, min(start + length + self.halo, side) - first

    def tiles_in(self, window: Window) -> Iterator[tuple[int, Window]]:
        """Number of each tile whose core has pixels in a window, and the part of the window that the core covers."""
        size = self.tile_size
        for row in range(window.row // size, (window.row + window.height - 1) // size + 1):
            for column in range(window.column // size, (window.column + window.width - 1) // size + 1):
                number = row * self.n_columns + column
                yield number, common(self.tile(number)[0], window)

    def computed_pixels(self) -> int:
        """Pixels of all blocks together, shared ones counted in each: what a network computes."""
        rows = sum(self._span(i, self.height)[3] for i in range(self.n_rows))
        columns = sum(self._span(i, self.width)[3] for i in range(self.n_columns))
        return rows * columns

    def largest_block(self) -> int:
        """Pixels of the largest block."""
        rows, columns = self.largest_sides()
        return rows * columns

    def largest_sides(self) -> tuple[int, int]:
        """Height and width of the largest block."""
        rows = max(self._span(i, self.height)[3] for i in range(self.n_rows))
        return rows, max(self._span(i, self.width)[3] for i in range(self.n_columns))


def common(one: Window, other: Window) -> Window:
    """Intersection of two windows; its height or width is 0 or negative where they have no pixel in common."""
    row, column = max(one.row, other.row), max(one.column, other.column)
    bottom = min(one.row + one.height, other.row + other.height)
    right = min(one.column + one.width, other.column + other.width)
    return Window(row, column, bottom - row, right - column)


def inside(window: Window, block: Window) -> tuple[slice, slice]:
    """Rows and columns of `window` in an array that holds `block`."""
    row, column = window.row - block.row, window.column - block.column
    return slice(row, row + window.height), slice(column, column + window.width)


def widened(window: Window, margin: int, height: int, width: int) -> Window:
    """A window with `margin` pixels around it, clipped to a raster of `height` x `width` pixels."""
    around = Window(window.row - margin, window.column - margin, window.height + 2 * margin, window.width + 2 * margin)
    return common(around, Window(0, 0, height, width))


def overlap(one: Window, other: Window) -> bool:
    """Whether two windows have pixels in common."""
    part = common(one, other)
    return part.height > 0 and part.width > 0


class Block(NamedTuple):
    """A tile as it was read: its core, the window around it, (bands, h, w) values and (h, w) validity of the window."""

    core: Window
    window: Window
    pixels: NDArray[Any]
    valid: NDArray[np.bool_]


def read_block(raster: Raster, grid: Grid, number: int) -> Block:
    """Read a tile with its halo; values under nodata become 0, so that they decide nothing."""
    return read_window(raster, *grid.tile(number))


def read_window(raster: Raster, core: Window, window: Window) -> Block:
    """`read_block` of any core and any window around it."""
    pixels, valid = raster.read(window)
    if not valid.all():
        pixels[:, ~valid] = 0
    return Block(core, window, pixels, valid)
