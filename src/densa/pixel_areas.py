"""Areas of the pixels of a raster and lengths of their sides, in integers: sums do not depend on their order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["PixelAreas", "area_of_run", "pixel_areas", "value_at"]


class PixelAreas(NamedTuple):
    """Areas along some rows: linear between nodes that are `step` columns apart, the first at the left border.

    Attributes:
        values: (rows, nodes) area of a pixel at each node, in integer units.
        sums: (rows, nodes) area of the pixels to the left of each node.
        step: columns from node to node.
    """

    values: NDArray[np.float64]
    sums: NDArray[np.float64]
    step: int


def pixel_areas(values: NDArray[np.float64], step: int) -> PixelAreas:
    """The areas between nodes of given values."""
    sums = np.zeros_like(values)
    np.cumsum((values[:, :-1] + values[:, 1:]) * (step / 2), axis=1, out=sums[:, 1:])
    return PixelAreas(values, sums, step)


@njit(nogil=True, cache=True)
def area_of_run(areas, row, begin, end):  # type: ignore[no-untyped-def]
    """Area of the pixels begin to end - 1 of a row, an integer; that of two adjacent runs is the sum of theirs."""
    return _area_before(areas, row, end) - _area_before(areas, row, begin)


@njit(nogil=True, cache=True)
def value_at(areas, row, column):  # type: ignore[no-untyped-def]
    """The value at the left border of a column, an integer."""
    k = min(column // areas.step, areas.values.shape[1] - 2)
    low, high = areas.values[row, k], areas.values[row, k + 1]
    return np.int64(np.rint(low + (high - low) * (column - k * areas.step) / areas.step))


@njit(nogil=True, cache=True)
def _area_before(areas, row, column):  # type: ignore[no-untyped-def]
    k = min(column // areas.step, areas.values.shape[1] - 2)
    t = column - k * areas.step
    low, high = areas.values[row, k], areas.values[row, k + 1]
    return np.int64(np.rint(areas.sums[row, k] + t * (low + (high - low) * t / (2 * areas.step))))
