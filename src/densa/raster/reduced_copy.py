"""A reduced copy of a raster of any size: each pixel is the mean of the area that it covers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from densa.errors import InputError
from densa.progress import Progress
from densa.raster.raster import Raster, Window

__all__ = ["overview"]

_BLOCK_ROWS, _BLOCK_COLUMNS = 512, 2048  # read at once; a multiple of most files' tiles


def overview(
    raster: Raster, max_side: int = 1024, *, progress: Progress | None = None
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Reduce a raster to a size that fits in memory, reading it block by block.

    Args:
        raster: an open image.
        max_side: longest side of the copy in pixels; a raster that is no larger keeps its size.
        progress: called with (pixels read, pixels in all) after every block.

    Returns:
        (bands, h, w) float32, the mean of the valid pixels in the area that each pixel covers, weighted by the share of
        each of them that lies in the area, 0 where there are none; and (h, w) bool, False there.

    Raises:
        InputError: `max_side` below 1, or a damaged file.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> image = raster.from_array(np.array([[0, 2, 4, 6], [2, 4, 6, 8]], np.uint8))
        >>> values, valid = raster.overview(image, max_side=2)
        >>> values[0].tolist(), valid.tolist()
        ([[2.0, 6.0]], [[True, True]])
    """
    if max_side < 1:
        raise InputError(f"max_side must be at least 1, got {max_side}")
    height, width = raster.height, raster.width
    side = max(height, width, max_side)
    h, w = (max(1, (2 * n * max_side + side) // (2 * side)) for n in (height, width))
    sums = np.zeros((raster.n_bands, h, w))
    area = np.zeros((h, w))
    done = 0
    for window in _windows(height, width):
        values, valid = raster.read(window)
        rows, row = _shares(window.row, window.height, height, h)
        columns, column = _shares(window.column, window.width, width, w)
        place = np.s_[row : row + rows.shape[0], column : column + columns.shape[0]]
        # Sums of integers, exact in any order; of real numbers, in the order of the blocks.
        area[place] += rows @ (columns @ valid.T.astype(np.float64)).T
        for band, total in zip(values, sums, strict=True):
            total[place] += rows @ (columns @ np.where(valid, band, 0).T.astype(np.float64)).T
        done += window.height * window.width
        if progress:
            progress(done, height * width)
    return (sums / np.where(area > 0, area, 1)).astype(np.float32), area > 0


def _windows(height: int, width: int) -> Iterator[Window]:
    for row in range(0, height, _BLOCK_ROWS):
        for column in range(0, width, _BLOCK_COLUMNS):
            yield Window(row, column, min(_BLOCK_ROWS, height - row), min(_BLOCK_COLUMNS, width - column))


def _shares(start: int, count: int, size: int, n_cells: int) -> tuple[sparse.csr_array, int]:
    """(cells, count) share of each pixel from `start` on that each cell covers, in units of 1 / `n_cells`.

    Cell i covers positions i * size / n_cells to (i + 1) * size / n_cells. Also returns the number of the first cell.
    """
    pixel = np.arange(start, start + count)
    first, last = pixel * n_cells // size, ((pixel + 1) * n_cells - 1) // size
    parts = [
        (
            cell,
            pixel - start,
            np.minimum((pixel + 1) * n_cells, (cell + 1) * size) - np.maximum(pixel * n_cells, cell * size),
        )
        for cell in (first, last)
    ]
    cells, places, shares = (np.concatenate(part) for part in zip(*parts, strict=True))
    whole = np.concatenate([np.ones(count, bool), last > first])  # a pixel within one cell counts once
    lowest = int(first[0])
    shape = (int(last[-1]) - lowest + 1, count)
    matrix = sparse.csr_array((shares[whole].astype(np.float64), (cells[whole] - lowest, places[whole])), shape=shape)
    return matrix, lowest
