"""Kernels for the spanning forest of a tile: its frame, the edges across it; and Kruskal's algorithm for the whole.

Arrays are as in `_spanning_forest_kernels`.
"""

import numpy as np
from numba import njit

from densa.jit import inner_jit, kernel_jit
from densa.regions.watershed._plateaus import OUTSIDE
from densa.regions.watershed._spanning_forest_kernels import OPEN, is_lower
from densa.union_find import find


@inner_jit
def _frame(row_length, size):  # type: ignore[no-untyped-def]
    """All pixels of the frame of a padded array."""
    height = size // row_length
    pixels = np.empty(2 * (row_length + height) - 4, np.int64)
    n = 0
    for row in range(height):
        step = 1 if row == 0 or row == height - 1 else row_length - 1
        for column in range(0, row_length, step):
            pixels[n] = row * row_length + column
            n += 1
    return pixels


@kernel_jit
def find_open(steps, parts, offsets, row_length, kinds):  # type: ignore[no-untyped-def]
    """Change the kind of parts with a neighbour in the frame from CLOSED to OPEN."""
    for outer in _frame(row_length, steps.size):
        if steps[outer] == OUTSIDE:
            continue
        for offset in offsets:
            inner = outer + offset
            if _is_near(outer, inner, row_length, steps.size) and parts[inner] >= 0:
                kinds[parts[inner]] = max(kinds[parts[inner]], OPEN)


@njit(nogil=True, inline="always")
def _is_near(one, other, row_length, size):  # type: ignore[no-untyped-def]
    """Whether two pixels are neighbours in the array: an offset may lead past the end of a row."""
    return 0 <= other < size and abs(one % row_length - other % row_length) <= 1


@kernel_jit
def edges_across(values, steps, parts, offsets, row_length):  # type: ignore[no-untyped-def]
    """(k, 2) higher ends and lower ends of the edges from the tile down into the frame."""
    frame = _frame(row_length, steps.size)
    edges = np.empty((3 * frame.size, 2), np.int32)
    n_edges = 0
    for outer in frame:
        if steps[outer] == OUTSIDE:
            continue
        for offset in offsets:
            inner = outer + offset
            if not _is_near(outer, inner, row_length, steps.size) or parts[inner] < 0:
                continue
            if is_lower(values, steps, outer, inner):
                edges[n_edges, 0], edges[n_edges, 1] = inner, outer
                n_edges += 1
    return edges[:n_edges]


@kernel_jit
def rank_lower_ends(values, steps, offsets, edges, ranks):  # type: ignore[no-untyped-def]
    """For each edge, the number of neighbours of the higher end that come before the lower end (0 to 7)."""
    for i in range(ranks.size):
        higher, lower = edges[i, 0], edges[i, 1]
        rank = 0
        for offset in offsets:
            there = higher + offset
            rank += steps[there] != OUTSIDE and is_lower(values, steps, there, lower)
        ranks[i] = rank


@kernel_jit
def join_in_order(one, other, altitude, order, parents, labels, levels):  # type: ignore[no-untyped-def]
    """Kruskal's algorithm: nodes are joined unless both are labelled; an end below 0 is a label.

    A tree joined to a label takes the label, and the edge's altitude as its level; both are stored at its root. It is
    then not joined to other labels.
    """
    for edge in order:
        ends = one[edge], other[edge]
        a = find(parents, ends[0]) if ends[0] >= 0 else -1
        b = find(parents, ends[1]) if ends[1] >= 0 else -1
        label = labels[a] if a >= 0 else -ends[0]
        its = labels[b] if b >= 0 else -ends[1]
        if label != 0 and its != 0:
            continue
        if label == 0 and its == 0:
            parents[max(a, b)] = min(a, b)
        elif label == 0:
            labels[a], levels[a] = its, altitude[edge]
        else:
            labels[b], levels[b] = label, altitude[edge]
