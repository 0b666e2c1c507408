"""Contingency table of two partitions: the pixels that each pair of regions has in common."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densa.errors import InputError

__all__ = ["Contingency", "as_regions", "contingency", "without_gaps"]


class Contingency(NamedTuple):
    """Pairs (g, s) of regions with common pixels; g and s number, from 0, the regions that have any.

    Attributes:
        g, s: (n_pairs,) regions of each pair.
        common: (n_pairs,) their common pixels.
        size_g, size_s: pixels of each region that both partitions label.
        names_g: original number of each region of the first partition.
        n: pixels that both partitions label.
    """

    g: NDArray[np.int64]
    s: NDArray[np.int64]
    common: NDArray[np.int64]
    size_g: NDArray[np.int64]
    size_s: NDArray[np.int64]
    names_g: NDArray[np.int64]
    n: int


def contingency(g: NDArray[np.int64], s: NDArray[np.int64], names: tuple[str, str]) -> Contingency:
    """Count the common pixels of two partitions.

    Args:
        g, s: (H, W) regions from 1, 0 for no region, as `as_regions` returns them.
        names: names of the two in messages.

    Raises:
        InputError: shapes differ, or no pixel is in a region of both.
    """
    if g.shape != s.shape:
        raise InputError(f"{names[0]} and {names[1]} must have the same shape, got {g.shape} and {s.shape}")
    inside = (g > 0) & (s > 0)
    n = int(np.count_nonzero(inside))
    if n == 0:
        raise InputError(f"{names[0]} and {names[1]} must share labelled pixels, but no pixel is above 0 in both")
    keys = g[inside] * (int(s.max()) + 1) + s[inside]  # below 2**62
    if int(g.max() + 1) * int(s.max() + 1) <= 4 * n:  # a dense table is small: counting is faster than sorting
        counts = np.bincount(keys)
        pairs = np.flatnonzero(counts)
        common = counts[pairs]
    else:
        pairs, common = np.unique(keys, return_counts=True)
    names_g, at_g = np.unique(pairs // (int(s.max()) + 1), return_inverse=True)
    _, at_s = np.unique(pairs % (int(s.max()) + 1), return_inverse=True)
    size_g = np.bincount(at_g, common).astype(np.int64)
    size_s = np.bincount(at_s, common).astype(np.int64)
    return Contingency(at_g, at_s, common, size_g, size_s, names_g, n)


def without_gaps(regions: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same regions with numbers that arrays can be indexed by: those given, or new ones where they have gaps."""
    if int(regions.max()) <= 4 * regions.size:
        return regions
    names, numbers = np.unique(regions, return_inverse=True)
    return np.asarray(numbers.reshape(regions.shape) + (names[0] > 0), np.int64)


def as_regions(regions: ArrayLike, name: str, *, below: int = 2**31) -> NDArray[np.int64]:
    """Region numbers as (H, W) int64.

    Raises:
        InputError: not (H, W), empty, not integers, or a number outside 0..`below` - 1.
    """
    array = np.asarray(regions)
    if array.ndim != 2 or array.size == 0:
        raise InputError(f"{name} must be (height, width) with pixels, got shape {array.shape}")
    if array.dtype.kind not in "bui":
        raise InputError(f"{name} must be integers, got {array.dtype}")
    if int(array.min()) < 0 or int(array.max()) >= below:
        most = "2**31" if below == 2**31 else f"2**31 - {2**31 - below}"
        raise InputError(f"{name} must be numbered from 0 below {most}, got {array.min()} to {array.max()}")
    return array.astype(np.int64, copy=False)
