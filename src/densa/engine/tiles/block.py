"""A tile with the context that decides it, read from a raster."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.engine.tiles.grid import Grid
from densa.raster import Raster, Window

__all__ = ["Block", "read_block", "read_window"]


class Block(NamedTuple):
    """A tile as it was read: its core, the block around it, (bands, h, w) values and (h, w) validity of the block."""

    core: Window
    window: Window
    pixels: NDArray[Any]
    valid: NDArray[np.bool_]


def read_block(raster: Raster, grid: Grid, number: int) -> Block:
    """Read a tile with its context; what stands under nodata becomes 0, so that it can decide nothing."""
    return read_window(raster, *grid.tile(number))


def read_window(raster: Raster, core: Window, window: Window) -> Block:
    """The same of any core and any window around it."""
    pixels, valid = raster.read(window)
    if not valid.all():
        pixels[:, ~valid] = 0
    return Block(core, window, pixels, valid)
