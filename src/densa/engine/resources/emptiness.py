"""Which tiles of a raster have data, from some of them."""

from __future__ import annotations

import numpy as np

from densa.raster import Raster
from densa.raster.grid import Grid

__all__ = ["spread", "tiles_with_data"]

_LOOKED_AT = 32


def tiles_with_data(raster: Raster, grid: Grid) -> tuple[list[int], float]:
    """Numbers of tiles that have a valid pixel, of up to 32 that are spread over the raster, and their share of these.

    Args:
        raster: an open image.
        grid: its tiles.
    """
    looked_at = spread(len(grid), _LOOKED_AT)
    found = [number for number in looked_at if raster.read(grid.tile(number)[0], bands=[1])[1].any()]
    return found, len(found) / len(looked_at)


def spread(n: int, most: int) -> list[int]:
    """Up to `most` distinct numbers of 0..n-1, evenly spread."""
    if n <= most:
        return list(range(n))
    return sorted({int(i) for i in np.linspace(0, n - 1, most + 2)[1:-1].round()})
