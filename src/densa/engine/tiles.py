"""Tiles by number, reading them with a halo, and the relations of their windows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.raster import Raster, Window
from densa.raster.grid import Grid, common

__all__ = ["Block", "Grid", "common", "inside", "overlap", "read_block", "read_window", "widened"]


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
