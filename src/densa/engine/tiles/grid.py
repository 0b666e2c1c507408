"""Tiles by number, as every worker counts them, and the relations of their windows."""

from __future__ import annotations

from densa.raster import Window
from densa.raster.grid import Grid, common

__all__ = ["Grid", "common", "inside", "overlap", "widened"]


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
