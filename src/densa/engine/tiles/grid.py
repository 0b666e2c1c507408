"""Tiles of an image by their number: what every worker must agree on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from densa.errors import InputError
from densa.raster import Window

__all__ = ["Grid", "common", "inside", "overlap", "widened"]


@dataclass(frozen=True)
class Grid:
    """Cores that partition an image, numbered row by row, each in a block that holds the context deciding it.

    Args:
        height, width: of the image in pixels.
        tile_size: side of a core in pixels, a multiple of `stride`; cores at the right and bottom are cut off.
        halo: pixels of context around a core.
        stride: origins of cores and blocks are multiples of it.

    Raises:
        InputError: `tile_size` is no multiple of `stride`, or below 1.
    """

    height: int
    width: int
    tile_size: int
    halo: int = 0
    stride: int = 1

    def __post_init__(self) -> None:
        size, stride = self.tile_size, self.stride
        if size < 1 or size % stride:
            up = max(1, -(-size // stride)) * stride
            raise InputError(f"tile size must be a multiple of the model's stride {stride}, got {size}; use {up}")

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
        start = index * self.tile_size
        length = min(self.tile_size, side - start)
        first = max(start - self.halo, 0) // self.stride * self.stride
        return start, length, first, min(start + length + self.halo, side) - first

    def tiles_in(self, window: Window) -> Iterator[tuple[int, Window]]:
        """Numbers of the tiles whose cores reach into a window, and the part of it that each owns."""
        size = self.tile_size
        for row in range(window.row // size, (window.row + window.height - 1) // size + 1):
            for column in range(window.column // size, (window.column + window.width - 1) // size + 1):
                number = row * self.n_columns + column
                yield number, common(self.tile(number)[0], window)

    def computed_pixels(self) -> int:
        """Pixels of all blocks together: what the network computes."""
        rows = sum(self._span(i, self.height)[3] for i in range(self.n_rows))
        columns = sum(self._span(i, self.width)[3] for i in range(self.n_columns))
        return rows * columns

    def largest_block(self) -> int:
        """Pixels of the largest block."""
        rows = max(self._span(i, self.height)[3] for i in range(self.n_rows))
        columns = max(self._span(i, self.width)[3] for i in range(self.n_columns))
        return rows * columns


def inside(window: Window, block: Window) -> tuple[slice, slice]:
    """Rows and columns of `window` in an array that holds `block`."""
    row, column = window.row - block.row, window.column - block.column
    return slice(row, row + window.height), slice(column, column + window.width)


def widened(window: Window, margin: int, height: int, width: int) -> Window:
    """A window with `margin` pixels around it, clipped to a raster."""
    around = Window(window.row - margin, window.column - margin, window.height + 2 * margin, window.width + 2 * margin)
    return common(around, Window(0, 0, height, width))


def overlap(one: Window, other: Window) -> bool:
    """Whether two windows have pixels in common."""
    part = common(one, other)
    return part.height > 0 and part.width > 0


def common(one: Window, other: Window) -> Window:
    """What lies in both windows, which have pixels in common."""
    row, column = max(one.row, other.row), max(one.column, other.column)
    bottom = min(one.row + one.height, other.row + other.height)
    right = min(one.column + one.width, other.column + other.width)
    return Window(row, column, bottom - row, right - column)
