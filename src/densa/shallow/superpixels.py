"""Superpixels that are the same in every tile: SLIC on a grid anchored at the image's first pixel.

As `densa.regions.slic` (Achanta et al. 2012: a pixel is compared with the centres of the 3 x 3 cells around its own),
but with a fixed number of rounds and without merging small pieces, since both would reach far: after n rounds a label
depends on the cells at most 2 n + 1 away. Centres are relative to their own cells and sums are integers, so a tile that
begins at a cell computes the same numbers as the whole image.

Method: Superpixels of the shallow methods.
Source: Achanta et al. 2012.
As printed: distance and update of SLIC.
Departs: a fixed number of rounds on a grid anchored at the first pixel, small pieces stay: the same in every tile.
Held by: tests/shallow/test_superpixels.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.parallel import share_items

__all__ = ["COLOUR_STEPS", "anchored_superpixels", "reach_in_cells"]

COLOUR_STEPS = 16  # integers per unit of colour


def reach_in_cells(n_rounds: int) -> int:
    """Cells on each side of its own on which a pixel's superpixel depends."""
    return 2 * n_rounds + 1


def anchored_superpixels(
    colours: NDArray[np.int16], valid: NDArray[np.bool_], step: int, compactness: float, n_rounds: int
) -> NDArray[np.int32]:
    """Superpixels of a block that begins at a cell of the grid.

    Args:
        colours: (bands, h, w) integers, `COLOUR_STEPS` per unit of colour.
        valid: (h, w), False where there is no data.
        step: side of the cells in pixels.
        compactness: colour distance worth one step.
        n_rounds: updates of the centres.

    Returns:
        (h, w) int32: 1 + number of the cell, row by row, whose centre is the nearest; 0 where there is no data.
        A superpixel may be in pieces, and lies in the 3 x 3 cells around its own.

    Examples:
        >>> import numpy as np
        >>> from densa.shallow import anchored_superpixels
        >>> colours = np.zeros((1, 8, 8), np.int16)
        >>> anchored_superpixels(colours, np.ones((8, 8), bool), 4, 10.0, 1)[::4, ::4]
        array([[1, 2],
               [3, 4]], dtype=int32)
    """
    height, width = valid.shape
    n_rows, n_columns = -(-height // step), -(-width // step)
    labels = np.zeros((height, width), np.int32)
    own = (np.arange(height) // step)[:, None] * n_columns + np.arange(width) // step + 1
    np.copyto(labels, own, where=valid, casting="same_kind")
    centres = np.zeros((n_rows, n_columns, 2 + len(colours)), np.float32)
    alive = np.zeros((n_rows, n_columns), np.bool_)
    weight = np.float32((compactness * COLOUR_STEPS / step) ** 2)
    share_items(_update, n_rows, colours, labels, step, 0, centres, alive)
    for _ in range(n_rounds):
        share_items(_assign, n_rows, colours, valid, step, weight, centres, alive, labels)
        share_items(_update, n_rows, colours, labels, step, 1, centres, alive)
    share_items(_assign, n_rows, colours, valid, step, weight, centres, alive, labels)
    return labels


@njit(nogil=True, cache=True)
def _update(colours: Any, labels: Any, step: int, around: int, centres: Any, alive: Any, top: int, end: int) -> None:
    """Centres of the cell rows from `top` to `end`: means of their pixels, which lie at most `around` cells away."""
    n_bands, height, width = colours.shape
    n_columns = centres.shape[1]
    sums = np.empty(2 + n_bands, np.int64)
    for i in range(top, end):
        for j in range(n_columns):
            number = np.int32(i * n_columns + j + 1)
            sums[:] = 0
            count = 0
            left, right = max(0, (j - around) * step), min(width, (j + around + 1) * step)
            for y in range(max(0, (i - around) * step), min(height, (i + around + 1) * step)):
                for x in range(left, right):
                    if labels[y, x] == number:
                        count += 1
                        sums[0] += y - i * step
                        sums[1] += x - j * step
                        for b in range(n_bands):
                            sums[2 + b] += colours[b, y, x]
            if count > 0:
                alive[i, j] = True
                for k in range(2 + n_bands):
                    centres[i, j, k] = sums[k] / count


@njit(nogil=True, cache=True)
def _assign(
    colours: Any, valid: Any, step: int, weight: Any, centres: Any, alive: Any, labels: Any, top: int, end: int
) -> None:
    """Nearest centre of the pixels in the cell rows from `top` to `end`, the first of equals."""
    n_bands, height, width = colours.shape
    n_rows, n_columns = alive.shape
    score, best = np.empty(step, np.float32), np.empty(step, np.float32)
    winner = np.empty(step, np.int32)
    for r in range(top, end):
        for y in range(r * step, min(height, (r + 1) * step)):
            for c in range(n_columns):
                left = c * step
                n = min(width - left, step)
                best[:] = np.inf
                winner[:] = 0
                for i in range(max(0, r - 1), min(n_rows, r + 2)):
                    for j in range(max(0, c - 1), min(n_columns, c + 2)):
                        if not alive[i, j]:
                            continue
                        down = np.float32(y - i * step) - centres[i, j, 0]
                        across = np.float32((c - j) * step) - centres[i, j, 1]
                        for x in range(n):
                            right = np.float32(x) + across
                            score[x] = weight * (down * down + right * right)
                        for b in range(n_bands):
                            middle = centres[i, j, 2 + b]
                            for x in range(n):
                                difference = np.float32(colours[b, y, left + x]) - middle
                                score[x] += difference * difference
                        number = np.int32(i * n_columns + j + 1)
                        for x in range(n):
                            if score[x] < best[x]:
                                best[x] = score[x]
                                winner[x] = number
                for x in range(n):
                    labels[y, left + x] = winner[x] if valid[y, left + x] else 0
