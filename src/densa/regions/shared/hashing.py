"""An open hash table of the numbers of keys, for kernels: `table` (a power of two) holds places in `keys`, -1: free."""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def slot_of(table, keys, key):  # type: ignore[no-untyped-def]
    """Place of `key` in the table, or the free place (-1) where it belongs."""
    mask = table.size - 1
    at = ((key * 0x1E3779B97F4A7C15) >> 32) & mask  # the bits that all of the key decides
    while table[at] >= 0 and keys[table[at]] != key:
        at = (at + 1) & mask
    return at


@njit(nogil=True, cache=True)
def grown(table, keys, n):  # type: ignore[no-untyped-def]
    """A table of twice the size with the first `n` keys."""
    wide = np.full(2 * table.size, -1, np.int64)
    for i in range(n):
        wide[slot_of(wide, keys, keys[i])] = i
    return wide


@njit(nogil=True, cache=True)
def doubled(values):  # type: ignore[no-untyped-def]
    """The values, and room for as many again."""
    out = np.empty((2 * values.shape[0], *values.shape[1:]), values.dtype)
    out[: values.shape[0]] = values
    return out
