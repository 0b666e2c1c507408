"""Disjoint sets as trees of parents, for kernels: the smallest item is the root, for any order of unions."""

from densa.jit import kernel_jit

__all__ = ["find", "number_sets", "unite"]


@kernel_jit
def find(parents, i):  # type: ignore[no-untyped-def]
    """Root of the set of `i`, with path halving."""
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


@kernel_jit
def unite(parents, i, j):  # type: ignore[no-untyped-def]
    """Unite the sets of two items."""
    a, b = find(parents, i), find(parents, j)
    if a < b:
        parents[b] = a
    elif b < a:
        parents[a] = b


@kernel_jit
def number_sets(parents, numbers):  # type: ignore[no-untyped-def]
    """Fill `numbers` with each item's set number, from 1 in order of first items; returns the number of sets.

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
