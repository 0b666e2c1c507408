"""Disjoint sets as trees of parents, for kernels: the smallest item is the root, whatever the order of the unions."""

from numba import njit

__all__ = ["find", "number_sets", "unite"]


@njit(nogil=True, cache=True)
def find(parents, i):  # type: ignore[no-untyped-def]
    """Root of the set of `i`; halves the path on the way."""
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


@njit(nogil=True, cache=True)
def unite(parents, i, j):  # type: ignore[no-untyped-def]
    """Unite the sets of two items."""
    a, b = find(parents, i), find(parents, j)
    if a < b:
        parents[b] = a
    elif b < a:
        parents[a] = b


@njit(nogil=True, cache=True)
def number_sets(parents, numbers):  # type: ignore[no-untyped-def]
    """Fill `numbers` with the number of each item's set, from 1 by its first item; returns the number of sets.

    The root of a set may be any of its items.
    """
    numbers[:] = 0
    n = 0
    for i in range(parents.size):
        k = find(parents, i)
        if numbers[k] == 0:
            n += 1
            numbers[k] = n
        numbers[i] = numbers[k]
    return n
