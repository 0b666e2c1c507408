"""Sets of items as trees of parents, for kernels: the smallest item is the root, whatever the order of the joins."""

from numba import njit


@njit(nogil=True, cache=True)
def root(parent, i):  # type: ignore[no-untyped-def]
    """Root of the set of `i`; halves the path on the way."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(nogil=True, cache=True)
def unite(parent, i, j):  # type: ignore[no-untyped-def]
    """Join the sets of two items."""
    a, b = root(parent, i), root(parent, j)
    if a < b:
        parent[b] = a
    elif b < a:
        parent[a] = b


@njit(nogil=True, cache=True)
def number_sets(parent, numbers):  # type: ignore[no-untyped-def]
    """The number of each item's set, from 1 by its first item, whichever item is the root; how many there are."""
    numbers[:] = 0
    n = 0
    for i in range(parent.size):
        k = root(parent, i)
        if numbers[k] == 0:
            n += 1
            numbers[k] = n
        numbers[i] = numbers[k]
    return n
