"""Shape and position of regions, from integer sums over their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.descriptors.regions.descriptor import RegionDescriptor

__all__ = ["RegionPosition", "RegionShape"]

SHAPE = ("area", "height", "width", "extent", "eccentricity", "perimeter", "compactness")


@dataclass(frozen=True)
class RegionShape(RegionDescriptor):
    """Seven numbers per region that depend on its pixels alone, not on their features.

    area in pixels; height and width of the bounding box in pixels; extent: area divided by that of the bounding box;
    eccentricity of the ellipse with the same second moments (each pixel a unit square), 0 for a circle and near 1 for a
    line; perimeter: pixel sides towards other regions, no region and the image's border; compactness: 4 pi area
    divided by the squared perimeter, at most pi / 4 on the pixel grid.

    Examples:
        >>> import numpy as np
        >>> from densa.descriptors import RegionShape
        >>> shape = RegionShape()
        >>> numbers = shape.compute(np.zeros((1, 3, 4), np.float32), np.array([[1, 1, 1, 1]] * 3))[0]
        >>> dict(zip(shape.names([])[:4], numbers.tolist()))
        {'area': 12.0, 'height': 3.0, 'width': 4.0, 'extent': 1.0}
    """

    def names(self, features: Sequence[str]) -> list[str]:
        """The names of the seven numbers."""
        return list(SHAPE)

    def _describe(
        self, features: NDArray[np.float32], regions: NDArray[np.int32], n_pixels: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        sums, box, perimeter = _sums_of(regions, n_pixels.size)
        n = np.maximum(n_pixels, 1).astype(np.float64)
        height, width = (np.maximum(box[:, i + 2] - box[:, i], 1) for i in (0, 1))
        # sums from the corner of the box: positions within the image would cancel in the moments
        row, column = sums[:, 0] / n, sums[:, 1] / n
        yy, xx = sums[:, 2] / n - row**2 + 1 / 12, sums[:, 3] / n - column**2 + 1 / 12
        xy = sums[:, 4] / n - row * column
        middle, root = (yy + xx) / 2, np.hypot((yy - xx) / 2, xy)
        eccentricity = np.sqrt(np.clip(2 * root / (middle + root), 0, 1))
        compactness = 4 * np.pi * n / np.maximum(perimeter, 1).astype(np.float64) ** 2
        extent = n / (height * width)
        return np.column_stack((n_pixels, height, width, extent, eccentricity, perimeter, compactness))


@dataclass(frozen=True)
class RegionPosition(RegionDescriptor):
    """Centroid of the region: row and column as shares of the map's height and width.

    Examples:
        >>> import numpy as np
        >>> from densa.descriptors import RegionPosition
        >>> RegionPosition().compute(np.zeros((1, 1, 4), np.float32), np.array([[1, 1, 2, 2]])).tolist()
        [[0.5, 0.25], [0.5, 0.75]]
    """

    def names(self, features: Sequence[str]) -> list[str]:
        """The names of row and column."""
        return ["centroid row", "centroid column"]

    def _describe(
        self, features: NDArray[np.float32], regions: NDArray[np.int32], n_pixels: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        sums, box, _ = _sums_of(regions, n_pixels.size)
        middle = sums[:, :2] / np.maximum(n_pixels, 1)[:, None] + box[:, :2] + 0.5
        return middle / np.array(regions.shape)


def _sums_of(regions: NDArray[np.int32], n: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Sums of y, x, y^2, x^2 and y x (counted from the bounding box's corner), bounding box, perimeter."""
    sums, box, perimeter = np.zeros((n, 5), np.int64), np.zeros((n, 4), np.int64), np.zeros(n, np.int64)
    box[:, :2] = np.iinfo(np.int32).max
    _boxes(regions, box, perimeter)
    _sums(regions, box, sums)
    box[perimeter == 0] = 0
    return sums, box, perimeter


@njit(nogil=True, cache=True)
def _boxes(regions: Any, box: Any, perimeter: Any) -> None:
    height, width = regions.shape
    for y in range(height):
        for x in range(width):
            k = regions[y, x]
            if k > 0:
                box[k, 0], box[k, 1] = min(box[k, 0], y), min(box[k, 1], x)
                box[k, 2], box[k, 3] = max(box[k, 2], y + 1), max(box[k, 3], x + 1)
                perimeter[k] += (y == 0 or regions[y - 1, x] != k) + (y == height - 1 or regions[y + 1, x] != k)
                perimeter[k] += (x == 0 or regions[y, x - 1] != k) + (x == width - 1 or regions[y, x + 1] != k)


@njit(nogil=True, cache=True)
def _sums(regions: Any, box: Any, sums: Any) -> None:
    for y in range(regions.shape[0]):
        for x in range(regions.shape[1]):
            k = regions[y, x]
            if k > 0:
                i, j = y - box[k, 0], x - box[k, 1]
                sums[k, 0] += i
                sums[k, 1] += j
                sums[k, 2] += i * i
                sums[k, 3] += j * j
                sums[k, 4] += i * j
