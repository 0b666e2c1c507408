"""Textons of a pixel and of its surroundings: the pixel descriptor of the Darwin framework (Gould, JMLR 2012).

Method: Textons and their surroundings.
Source: Darwin (Gould, JMLR 2012).
As printed: responses, their means and variances in 3 x 3 cells, location.
Departs: responses are mirrored at the image's border, where Darwin cuts the cells; pixels without data are left out of
    a cell.
Held by: tests/descriptors/pixels/test_texton_context.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.checks import as_count
from densa.descriptors.pixels._rows import mirror
from densa.descriptors.pixels.descriptor import PlaneDescriptor
from densa.descriptors.pixels.place import Place
from densa.descriptors.pixels.textons import TextonBank
from densa.errors import InputError
from densa.parallel import share_rows

__all__ = ["TextonContext"]


@dataclass(frozen=True)
class TextonContext(PlaneDescriptor):
    """Responses of the texton bank at the pixel, their mean and variance in 3 x 3 cells around it, and its location.

    In colour 17 + 18 * 17 + 2 = 325 values. The location is `(row / height, |column / width - 1/2|)`. The middle cell
    is centred on the pixel, the others lie around it without a gap.

    Departure: at the image's border the responses are mirrored, where Darwin cuts the cells. Pixels without data are
    left out of a cell; a cell without any has the pixel's own response and variance 0.

    Attributes:
        bank: the filters.
        cell: side of a cell in pixels, odd.

    Raises:
        InputError: `bank` is not a texton bank, or `cell` is not an odd number from 1 to 63.

    Examples:
        >>> import numpy as np
        >>> from densa.descriptors import TextonContext
        >>> context = TextonContext(cell=3)
        >>> context.n_features(3)
        325
        >>> context.compute(np.zeros((3, 4, 5), np.uint8)).shape
        (325, 4, 5)
    """

    bank: TextonBank = field(default_factory=TextonBank)
    cell: int = 5

    def __post_init__(self) -> None:
        if not isinstance(self.bank, TextonBank):
            raise InputError(f"a texton context needs a texton bank, got {self.bank!r}")
        side = as_count(self.cell, "cell", 1, 63)
        object.__setattr__(self, "cell", as_count(side if side % 2 else -1, "cell (odd)", 1, 63))

    @property
    def halo(self) -> int:
        """The halo of the bank, a cell and half a cell."""
        return self.bank.halo + self.cell + self.cell // 2

    def names(self, n_bands: int) -> list[str]:
        """Names of the bank, of the cells row by row ("mean at (-1, 0) of ..."), and of the location."""
        bank = self.bank.names(n_bands)
        cells = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        around = [f"{what} at {cell} of {name}" for cell in cells for name in bank for what in ("mean", "variance")]
        return [*bank, *around, "row", "distance from the middle column"]

    def _white(self, dtype: np.dtype[Any]) -> float:
        return self.bank._white(dtype)

    def _fill(
        self, planes: NDArray[np.float32], valid: NDArray[np.bool_] | None, out: NDArray[np.float32], place: Place
    ) -> None:
        n = self.bank.n_features(planes.shape[0])
        self.bank._fill(planes, valid, out[:n], place)
        mask = np.empty((0, 0), np.bool_) if valid is None else valid
        height, width = out.shape[1:]
        moments = np.empty((2, height, width), np.float32)
        for i in range(n):
            share_rows(_cell_moments, height, out[i], mask, self.cell // 2, moments)
            share_rows(_around, height, out[i], moments, self.cell, 2 * n, out[n + 2 * i : 19 * n])
        n_rows, n_columns = place.image_size((height, width))
        out[-2] = ((place.row + np.arange(height)) / n_rows)[:, None]
        out[-1] = np.abs((place.column + np.arange(width)) / n_columns - 0.5)


@njit(nogil=True, cache=True)
def _cell_moments(plane: Any, mask: Any, r: int, moments: Any, top: int, end: int) -> None:
    """Mean and variance of the valid pixels within r rows and columns; the variance is -1 where there are none."""
    height, width = plane.shape
    sums = np.empty((3, width))
    for y in range(top, end):
        sums[:] = 0
        for i in range(-r, r + 1):
            row = mirror(y + i, height)
            for x in range(width):
                if mask.size == 0 or mask[row, x]:
                    value = np.float64(plane[row, x])
                    sums[0, x] += 1
                    sums[1, x] += value
                    sums[2, x] += value * value
        for x in range(width):
            n = total = squares = 0.0
            for j in range(-r, r + 1):
                column = mirror(x + j, width)
                n += sums[0, column]
                total += sums[1, column]
                squares += sums[2, column]
            mean = total / max(n, 1.0)
            moments[0, y, x] = mean
            moments[1, y, x] = max(squares / n - mean * mean, 0.0) if n > 0 else -1.0


@njit(nogil=True, cache=True)
def _around(plane: Any, moments: Any, cell: int, step: int, out: Any, top: int, end: int) -> None:
    """Moments of the 3 x 3 cells: cell k's mean in plane `k * step` of `out`, its variance in the next."""
    height, width = plane.shape
    for y in range(top, end):
        for k in range(9):
            row = mirror(y + (k // 3 - 1) * cell, height)
            for x in range(width):
                column = mirror(x + (k % 3 - 1) * cell, width)
                empty = moments[1, row, column] < 0
                out[k * step, y, x] = plane[y, x] if empty else moments[0, row, column]
                out[k * step + 1, y, x] = 0 if empty else moments[1, row, column]
