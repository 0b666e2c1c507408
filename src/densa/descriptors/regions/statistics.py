"""Statistics of the pixels' features in each region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.checks import as_choices
from densa.descriptors.regions.descriptor import RegionDescriptor
from densa.errors import InputError
from densa.parallel import share_items

__all__ = ["FeatureStatistics"]

STATISTICS = ("mean", "std", "min", "max")


@dataclass(frozen=True)
class FeatureStatistics(RegionDescriptor):
    """Mean, standard deviation, extremes and quantiles of every feature in every region.

    Attributes:
        statistics: some of mean, std (of the region's pixels, divided by their number), min, max.
        quantiles: shares from 0 to 1, ascending; interpolated linearly between the sorted values.

    Raises:
        InputError: unknown statistics, or shares that are not ascending from 0 to 1.

    Examples:
        >>> import numpy as np
        >>> from densa.descriptors import FeatureStatistics
        >>> statistics = FeatureStatistics(("mean", "max"), quantiles=(0.5,))
        >>> statistics.names(["red"])
        ['mean of red', 'max of red', '0.5-quantile of red']
        >>> statistics.compute(np.array([[[1, 2, 6, 7]]], np.float32), np.array([[1, 1, 1, 2]])).tolist()
        [[3.0, 6.0, 2.0], [7.0, 7.0, 7.0]]
    """

    statistics: tuple[str, ...] = ("mean", "std")
    quantiles: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.statistics or not self.quantiles:
            object.__setattr__(self, "statistics", as_choices(self.statistics, STATISTICS, "statistics"))
        shares = tuple(float(q) for q in self.quantiles)
        if not all(0 <= q <= 1 for q in shares) or list(shares) != sorted(set(shares)):
            raise InputError(f"quantiles must be ascending shares from 0 to 1, got {self.quantiles!r}")
        object.__setattr__(self, "quantiles", shares)

    def names(self, features: Sequence[str]) -> list[str]:
        """Names such as "mean of band 1" and "0.5-quantile of band 1", feature by feature."""
        kinds = [*self.statistics, *(f"{q:g}-quantile" for q in self.quantiles)]
        return [f"{kind} of {feature}" for feature in features for kind in kinds]

    def _describe(
        self, features: NDArray[np.float32], regions: NDArray[np.int32], n_pixels: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        columns = np.array([STATISTICS.index(s) for s in self.statistics], np.int64)
        out = np.zeros((features.shape[0], n_pixels.size, len(columns) + len(self.quantiles)))
        if len(columns):
            share_items(_moments, features.shape[0], features, regions, n_pixels, columns, out)
        if self.quantiles:
            shares = np.array(self.quantiles)
            order, first = _pixels_by_region(regions.ravel(), n_pixels)
            flat = features.reshape(features.shape[0], -1)
            share_items(_quantiles, features.shape[0], flat, order, first, shares, len(columns), out)
        return np.ascontiguousarray(out.transpose(1, 0, 2)).reshape(n_pixels.size, -1)


@njit(nogil=True, cache=True)
def _moments(features: Any, regions: Any, n_pixels: Any, columns: Any, out: Any, first: int, end: int) -> None:
    """Moments of the features from `first` to `end`, relative to the region's first pixel, so that nothing cancels."""
    n = n_pixels.size
    origin, seen = np.empty(n), np.empty(n, np.bool_)
    sums, values = np.empty((n, 2)), np.empty((n, 4))
    for f in range(first, end):
        seen[:], sums[:] = False, 0
        for y in range(regions.shape[0]):
            for x in range(regions.shape[1]):
                k = regions[y, x]
                if k == 0:  # no region: its features may have any value
                    continue
                value = np.float64(features[f, y, x])
                if not seen[k]:
                    seen[k], origin[k] = True, value
                    values[k, 2] = values[k, 3] = value
                difference = value - origin[k]
                sums[k, 0] += difference
                sums[k, 1] += difference * difference
                values[k, 2] = min(values[k, 2], value)
                values[k, 3] = max(values[k, 3], value)
        for k in range(1, n):
            if n_pixels[k] > 0:
                mean = sums[k, 0] / n_pixels[k]
                values[k, 0] = origin[k] + mean
                values[k, 1] = np.sqrt(max(sums[k, 1] / n_pixels[k] - mean * mean, 0.0))
                for i in range(columns.size):
                    out[f, k, i] = values[k, columns[i]]


@njit(nogil=True, cache=True)
def _pixels_by_region(regions: Any, n_pixels: Any) -> Any:
    """Pixel numbers sorted by region, and where each region begins in them."""
    first = np.zeros(n_pixels.size + 1, np.int64)
    for k in range(n_pixels.size):
        first[k + 1] = first[k] + n_pixels[k]
    order, place = np.empty(regions.size, np.int64), first[:-1].copy()
    for i in range(regions.size):
        order[place[regions[i]]] = i
        place[regions[i]] += 1
    return order, first


@njit(nogil=True, cache=True)
def _quantiles(
    features: Any, order: Any, starts: Any, shares: Any, column: int, out: Any, first: int, end: int
) -> None:
    for f in range(first, end):
        for k in range(1, starts.size - 1):
            n = starts[k + 1] - starts[k]
            if n == 0:
                continue
            values = np.empty(n)
            for i in range(n):
                values[i] = features[f, order[starts[k] + i]]
            values.sort()
            for j in range(shares.size):
                place = shares[j] * (n - 1)
                low = int(np.floor(place))
                high = min(low + 1, n - 1)
                out[f, k, column + j] = values[low] + (place - low) * (values[high] - values[low])
