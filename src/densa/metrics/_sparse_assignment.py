"""Minimum-cost assignment of rows to columns on a sparse graph, where any row may stay unmatched at one fixed cost.

Shortest augmenting paths (Jonker & Volgenant, Computing 38, 1987) with a heap: rows are added one by one, each along
the cheapest path to a free column or to a row that stays unmatched instead; prices keep reduced costs at 0 or above.
"""

import numpy as np
from numba import njit

__all__ = ["assign"]


@njit(nogil=True, cache=True)
def assign(starts, columns, costs, alone, n_columns, column_of):  # type: ignore[no-untyped-def]
    """Fill `column_of` (rows,) with each row's column, -1 for unmatched rows.

    Row r may be matched to columns[starts[r] : starts[r + 1]], at integer costs from 0, each below `alone`, the cost of
    an unmatched row.
    """
    n_rows = starts.size - 1
    row_of = np.full(n_columns, -1, np.int64)
    row_price, price = np.empty(n_rows, np.int64), np.zeros(n_columns, np.int64)
    for r in range(n_rows):  # cheapest columns first: most rows need no search
        column_of[r] = -1
        row_price[r] = costs[starts[r] : starts[r + 1]].min()
        for e in range(starts[r], starts[r + 1]):
            if costs[e] == row_price[r] and row_of[columns[e]] < 0:
                column_of[r], row_of[columns[e]] = columns[e], r
                break
    graph, state = (starts, columns, costs, alone), (column_of, row_of, row_price, price)
    distance, before, reached = np.full(n_columns, -1, np.int64), np.empty(n_columns, np.int64), row_of.copy()
    heap = np.empty(columns.size + 1, np.int64)  # distance * n_columns + column
    scratch = (distance, before, np.zeros(n_columns, np.bool_), reached, heap)
    for r in range(n_rows):
        if column_of[r] < 0:
            _augment(r, graph, state, scratch)


@njit(nogil=True, cache=True)
def _augment(root, graph, state, scratch):  # type: ignore[no-untyped-def]
    """Dijkstra's search from an unmatched row, then the update of prices and of the matching along the path."""
    starts, columns, costs, alone = graph
    column_of, row_of, row_price, price = state
    distance, before, done, reached, heap = scratch
    n_columns = price.size
    n_reached, n_heap = 0, 0
    row, at = root, np.int64(0)
    best, loser = alone - row_price[root], root  # cheapest path so far, and the row that it leaves unmatched
    last = -1  # free column at the path's end
    while True:
        for e in range(starts[row], starts[row + 1]):
            c = columns[e]
            if done[c]:
                continue
            d = at + costs[e] - row_price[row] - price[c]
            if d < best and (distance[c] < 0 or d < distance[c]):
                if distance[c] < 0:
                    reached[n_reached] = c
                    n_reached += 1
                distance[c], before[c] = d, row
                n_heap = _push(heap, n_heap, d * n_columns + c)
                if row_of[c] < 0:
                    best, last = d, c
        c = -1
        while n_heap > 0:
            top = heap[0]
            n_heap = _pop(heap, n_heap)
            if not done[top % n_columns]:
                c = top % n_columns
                break
        if c < 0 or distance[c] >= best:
            break
        done[c] = True
        row, at = row_of[c], distance[c]
        if at + alone - row_price[row] < best:
            best, loser, last = at + alone - row_price[row], row, -1
    row_price[root] += best
    for i in range(n_reached):
        c = reached[i]
        if done[c]:
            price[c] -= best - distance[c]
            row_price[row_of[c]] += best - distance[c]
        distance[c], done[c] = -1, False
    c = last
    if c < 0:
        if loser == root:
            return
        c = column_of[loser]
        column_of[loser] = -1
    while True:
        row = before[c]
        column_of[row], c = c, column_of[row]
        row_of[column_of[row]] = row
        if row == root:
            return


@njit(nogil=True, cache=True)
def _push(heap, n, value):  # type: ignore[no-untyped-def]
    at = n
    while at > 0 and heap[(at - 1) >> 1] > value:
        heap[at] = heap[(at - 1) >> 1]
        at = (at - 1) >> 1
    heap[at] = value
    return n + 1


@njit(nogil=True, cache=True)
def _pop(heap, n):  # type: ignore[no-untyped-def]
    """Remove the smallest value, heap[0]."""
    n -= 1
    value, at = heap[n], 0
    while 2 * at + 1 < n:
        child = 2 * at + 1
        if child + 1 < n and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = value
    return n
