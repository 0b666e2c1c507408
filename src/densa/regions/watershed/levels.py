"""Levels of a relief: the rank of each pixel's value among all values, so that exact levels can index a queue."""

import numpy as np
from numpy.typing import NDArray

from densa.jit import kernel_jit
from densa.parallel import share_items

__all__ = ["rank_levels"]

MOST_PLAIN_LEVELS = 1 << 20  # integers of a smaller range are levels as they are, without sorting


def rank_levels(relief: NDArray[np.generic]) -> tuple[NDArray[np.generic], int]:
    """The rank of each pixel's value and the number of ranks; ranks may have gaps where that saves the sorting."""
    if relief.dtype.kind == "u" and relief.dtype.itemsize <= 2:
        return relief, int(relief.max()) + 1
    if relief.dtype.kind in "iu":
        lowest, highest = relief.min(), relief.max()
        n_levels = int(highest) - int(lowest) + 1
        if n_levels <= MOST_PLAIN_LEVELS:
            unsigned = f"u{relief.dtype.itemsize}"  # so that no difference overflows
            return (relief.view(unsigned) - lowest.view(unsigned)).astype(np.int32), n_levels
    levels = np.empty(relief.shape, np.int32)
    if relief.dtype == np.float32:
        packed = np.empty(relief.size, np.uint64)
        share_items(_pack_values, relief.size, relief.ravel().view(np.int32), packed, chunk=1 << 18)
        return levels, _rank_packed(_sort_packed(packed, np.empty_like(packed)), levels.ravel())
    return levels, _rank(relief.ravel(), np.argsort(relief.ravel()), levels.ravel())


@kernel_jit
def _pack_values(bits, packed, first, end):  # type: ignore[no-untyped-def]
    """(value, pixel) as one number that sorts like the float32 value of these bits."""
    for i in range(first, end):
        value = np.int64(bits[i])
        if value < 0:
            value = -(value & 0x7FFFFFFF)  # -0.0 becomes 0
        packed[i] = np.uint64(value + 0x80000000) << np.uint64(32) | np.uint64(i)


@kernel_jit
def _sort_packed(packed, spare):  # type: ignore[no-untyped-def]
    """Sort by the upper 32 bits, 11 bits at a time from the lowest (radix sort); returns the array that holds it."""
    digit = np.uint64(2047)
    ends = np.zeros((3, 2048), np.int64)
    for item in packed:
        for turn in range(3):
            ends[turn, item >> np.uint64(32 + 11 * turn) & digit] += 1
    for turn in range(3):
        if ends[turn].max() == packed.size:  # one digit for all
            continue
        places = np.cumsum(ends[turn]) - ends[turn]
        shift = np.uint64(32 + 11 * turn)
        for item in packed:
            place = item >> shift & digit
            spare[np.uint64(places[place])] = item
            places[place] += 1
        packed, spare = spare, packed
    return packed


@kernel_jit
def _rank_packed(packed, levels):  # type: ignore[no-untyped-def]
    """`_rank` of sorted (value, pixel) numbers."""
    level = 0
    last = packed[0] >> np.uint64(32)
    for item in packed:
        value = item >> np.uint64(32)
        level += value != last
        last = value
        levels[item & np.uint64(0xFFFFFFFF)] = level
    return level + 1


@kernel_jit
def _rank(values, order, levels):  # type: ignore[no-untyped-def]
    """Ranks of values from their order; equal values share one."""
    level = 0
    levels[order[0]] = 0
    for i in range(1, order.size):
        level += values[order[i]] != values[order[i - 1]]
        levels[order[i]] = level
    return level + 1
