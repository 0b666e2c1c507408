"""A hash table with open addressing, for kernels: `table` (size: a power of two) holds indices of `keys`, -1: free."""

import numpy as np

from densa.jit import kernel_jit


@kernel_jit
def slot_of(table, keys, key):  # type: ignore[no-untyped-def]
    """Slot of `key` in the table, or the free slot (-1) for it."""
    mask = table.size - 1
    at = ((key * 0x1E3779B97F4A7C15) >> 32) & mask  # bits that depend on the whole key
    while table[at] >= 0 and keys[table[at]] != key:
        at = (at + 1) & mask
    return at


@kernel_jit
def grown(table, keys, n):  # type: ignore[no-untyped-def]
    """A table of twice the size with the first `n` keys."""
    wide = np.full(2 * table.size, -1, np.int64)
    for i in range(n):
        wide[slot_of(wide, keys, keys[i])] = i
    return wide


@kernel_jit
def doubled(values):  # type: ignore[no-untyped-def]
    """A copy of twice the length; its second half is not initialised."""
    out = np.empty((2 * values.shape[0], *values.shape[1:]), values.dtype)
    out[: values.shape[0]] = values
    return out
