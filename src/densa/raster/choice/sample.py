"""Statistics of an image's bands by a bounded sample of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densa.raster.raster import Raster, Window

__all__ = ["BandSample", "is_constant", "sample_bands"]

_WHOLE_PIXELS = 2**20  # an image of so many is read whole
_WINDOW_PX = 256
_GRIDS = (4, 8)  # windows along each side; the finer ones where no pixel of the others is valid
_SEARCHED_PIXELS = 2**26
_SEARCHED_WINDOW_PX = 1024


@dataclass(frozen=True)
class BandSample:
    """Values of the valid pixels of a sample, per band.

    Attributes:
        n: number of valid pixels.
        low, high, mean, std: (bands,) float64; 0 where there is no valid pixel.
        whole: whether the sample is the whole image.
    """

    n: int
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    whole: bool


def sample_bands(raster: Raster) -> BandSample:
    """Sample the bands of an image: all of a small one, otherwise up to 16 windows of 256 pixels, evenly spread."""
    height, width = raster.height, raster.width
    if height * width <= _WHOLE_PIXELS:
        return _sample(raster, [Window(0, 0, height, width)], whole=True)
    found = None
    for n in _GRIDS:
        found = _sample(raster, list(_grid(height, width, n)), whole=False)
        if found.n:
            break
    assert found is not None
    return found


def is_constant(raster: Raster, band: int, value: float) -> bool:
    """Whether a band, from 1, that is constant in a sample is so at all valid pixels.

    Images of more than 64 megapixels are searched in 64 windows of 1024 pixels, evenly spread.
    """
    height, width = raster.height, raster.width
    if height * width > _SEARCHED_PIXELS:
        windows = _grid(height, width, _GRIDS[-1], _SEARCHED_WINDOW_PX)
    else:
        rows = max(1, min(height, _WHOLE_PIXELS // width))
        windows = (Window(row, 0, min(rows, height - row), width) for row in range(0, height, rows))
    for window in windows:
        values, valid = raster.read(window, bands=[band])
        if (values[0][valid] != value).any():
            return False
    return True


def _grid(height: int, width: int, n: int, side: int = _WINDOW_PX) -> Iterator[Window]:
    h, w = min(side, -(-height // n)), min(side, -(-width // n))
    for i in range(n):
        for k in range(n):
            yield Window((2 * i + 1) * (height - h) // (2 * n), (2 * k + 1) * (width - w) // (2 * n), h, w)


def _sample(raster: Raster, windows: list[Window], *, whole: bool) -> BandSample:
    n_bands, n = raster.n_bands, 0
    low, high = np.full(n_bands, np.inf), np.full(n_bands, -np.inf)
    total, squares = np.zeros(n_bands), np.zeros(n_bands)
    for window in windows:
        values, valid = raster.read(window)
        if not valid.any():
            continue
        inside = values[:, valid].astype(np.float64)
        n += inside.shape[1]
        low, high = np.minimum(low, inside.min(axis=1)), np.maximum(high, inside.max(axis=1))
        total += inside.sum(axis=1)
        squares += (inside**2).sum(axis=1)
    if not n:
        nothing = np.zeros(n_bands)
        return BandSample(0, nothing, nothing, nothing, nothing, whole)
    mean = total / n
    return BandSample(n, low, high, mean, np.sqrt(np.maximum(squares / n - mean**2, 0)), whole)
