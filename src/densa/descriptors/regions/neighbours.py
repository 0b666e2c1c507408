"""Descriptors of the regions around a region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.descriptors.regions.descriptor import RegionDescriptor
from densa.errors import InputError

__all__ = ["NeighbourMean"]


@dataclass(frozen=True)
class NeighbourMean(RegionDescriptor):
    """Mean of a descriptor over the adjacent regions, each weighted by the pixel sides it shares with the region.

    A region without neighbours keeps its own numbers.

    Attributes:
        of: the descriptor.

    Raises:
        InputError: `of` is not a region descriptor.

    Examples:
        >>> import numpy as np
        >>> from densa.descriptors import FeatureStatistics, NeighbourMean
        >>> features, regions = np.array([[[1, 5, 9]]], np.float32), np.array([[1, 2, 3]])
        >>> NeighbourMean(FeatureStatistics(("mean",))).compute(features, regions)[:, 0].tolist()
        [5.0, 5.0, 5.0]
    """

    of: RegionDescriptor

    def __post_init__(self) -> None:
        if not isinstance(self.of, RegionDescriptor):
            raise InputError(f"the neighbours' mean needs a region descriptor, got {self.of!r}")

    def names(self, features: Sequence[str]) -> list[str]:
        """Names of the descriptor, as "neighbours' mean of band 1"."""
        return [f"neighbours' {name}" for name in self.of.names(features)]

    def _describe(
        self, features: NDArray[np.float32], regions: NDArray[np.int32], n_pixels: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        own = self.of._describe(features, regions, n_pixels)
        pairs, sides = _shared_sides(regions, n_pixels.size)
        return _mean_over(own, pairs, sides)


def _shared_sides(regions: NDArray[np.int32], n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(E, 2) adjacent regions, smaller number first, in ascending order; (E,) pixel sides between them."""
    keys = np.empty(2 * regions.size, np.int64)
    keys, sides = np.unique(keys[: _side_keys(regions, n, keys)], return_counts=True)
    return np.column_stack(np.divmod(keys, n)), sides


@njit(nogil=True, cache=True)
def _side_keys(regions: Any, n: int, keys: Any) -> int:
    """One key, smaller number times n plus larger, for every side between two regions; how many there are."""
    height, width = regions.shape
    count = 0
    for y in range(height):
        for x in range(width):
            k = np.int64(regions[y, x])
            for other in (
                np.int64(regions[y, x + 1] if x + 1 < width else 0),
                np.int64(regions[y + 1, x] if y + 1 < height else 0),
            ):
                if k > 0 and other > 0 and k != other:
                    keys[count] = min(k, other) * n + max(k, other)
                    count += 1
    return count


@njit(nogil=True, cache=True)
def _mean_over(own: Any, pairs: Any, sides: Any) -> Any:
    n, d = own.shape
    out, total = np.zeros((n, d)), np.zeros(n, np.int64)
    for e in range(sides.size):
        for i, j in ((pairs[e, 0], pairs[e, 1]), (pairs[e, 1], pairs[e, 0])):
            total[i] += sides[e]
            for c in range(d):
                out[i, c] += sides[e] * own[j, c]
    for i in range(n):
        for c in range(d):
            out[i, c] = out[i, c] / total[i] if total[i] > 0 else own[i, c]
    return out
