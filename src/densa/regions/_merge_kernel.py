"""Greedy merging on a region graph: one heap, half-edges in linked lists, statistics merged without the pixels."""

import heapq

import numpy as np
from numba import njit

COSTS = ("mean", "ward", "border")
PREDICATES = ("none", "range", "deviation", "spread")


@njit(nogil=True, cache=True)
def merge_greedily(  # type: ignore[no-untyped-def]
    edges, lengths, strengths, n_pixels, mean, squares, low, high, cost_kind, predicate, threshold, max_cost, n_wanted,
    merges, costs,
):  # fmt: skip
    """Merge the cheapest pair until none costs less than `max_cost`, or `n_wanted` regions are left.

    Ties: the pair of lowest numbers. A merged region keeps the lower number. With a predicate, a pair whose union
    breaks it is left out until one of the two changes, as is one that costs too much. The statistics and `lengths`,
    `strengths` (2 E: each edge twice) are changed in place. Fills merges (n, 2): (kept, absorbed) and costs; returns
    how many.
    """
    n_edges = edges.shape[0]
    n = n_pixels.size
    parent = np.arange(n)
    version = np.zeros(n, np.int64)
    head, tail, follow, target = half_edges(edges, n)
    seen = np.full(n, -1, np.int64)  # half-edge that leads to a region, while one list is walked
    heap = [(np.float64(0), np.int64(0), np.int64(0), np.int64(0))]
    heap.pop()
    for e in range(n_edges):
        i, j = np.int64(edges[e, 0]), np.int64(edges[e, 1])
        cost = _cost(cost_kind, n_pixels, mean, strengths[2 * e], i, j)
        if cost < max_cost and (
            not predicate or _holds(predicate, threshold, n_pixels, mean, squares, low, high, i, j)
        ):
            heap.append((cost, i, j, np.int64(0)))
    heapq.heapify(heap)
    n_left = np.count_nonzero(n_pixels)
    n_merges = 0
    while len(heap) > 0 and n_left > n_wanted:
        cost, i, j, age = heapq.heappop(heap)
        if parent[i] != i or parent[j] != j or version[i] + version[j] != age:
            continue
        _unite(n_pixels, mean, squares, low, high, i, j)
        parent[j] = i
        version[i] += version[j] + 1
        merges[n_merges, 0], merges[n_merges, 1], costs[n_merges] = i, j, cost
        n_merges += 1
        n_left -= 1
        if head[j] >= 0:
            if head[i] < 0:
                head[i] = head[j]
            else:
                follow[tail[i]] = head[j]
            tail[i] = tail[j]
        _tidy(i, parent, head, tail, follow, target, lengths, strengths, seen)
        h = head[i]
        while h >= 0:
            k = target[h]
            a, b = min(i, k), max(i, k)
            cost = _cost(cost_kind, n_pixels, mean, strengths[h], a, b)
            if cost < max_cost and (
                not predicate or _holds(predicate, threshold, n_pixels, mean, squares, low, high, a, b)
            ):
                heapq.heappush(heap, (cost, a, b, version[i] + version[k]))
            h = follow[h]
    return n_merges


@njit(nogil=True, cache=True)
def half_edges(edges, n):  # type: ignore[no-untyped-def]
    """Lists of neighbours: head and tail by region; next and target by half-edge, 2 e and 2 e + 1 of edge e."""
    head, tail = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    follow = np.full(2 * edges.shape[0], -1, np.int64)
    target = np.empty(2 * edges.shape[0], np.int64)
    for e in range(edges.shape[0]):
        for side in range(2):
            h, i = 2 * e + side, edges[e, side]
            target[h] = edges[e, 1 - side]
            if head[i] < 0:
                head[i] = h
            else:
                follow[tail[i]] = h
            tail[i] = h
    return head, tail, follow, target


@njit(nogil=True, cache=True)
def _tidy(i, parent, head, tail, follow, target, lengths, strengths, seen):  # type: ignore[no-untyped-def]
    """Bring the list of region i up to date: no loops, one half-edge per neighbour, borders added up."""
    h, previous = head[i], np.int64(-1)
    while h >= 0:
        k = target[h]
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        target[h] = k
        after = follow[h]
        if k == i or seen[k] >= 0:
            if k != i:
                s = seen[k]
                total = lengths[s] + lengths[h]
                strengths[s] = (strengths[s] * lengths[s] + strengths[h] * lengths[h]) / total
                lengths[s] = total
            if previous < 0:
                head[i] = after
            else:
                follow[previous] = after
        else:
            seen[k] = h
            previous = h
        h = after
    tail[i] = previous
    h = head[i]
    while h >= 0:
        seen[target[h]] = -1
        h = follow[h]


@njit(nogil=True, cache=True)
def _cost(kind, n_pixels, mean, strength, i, j):  # type: ignore[no-untyped-def]
    if kind == 2:
        return np.float64(strength)
    squared = 0.0
    for b in range(mean.shape[1]):
        squared += (mean[i, b] - mean[j, b]) ** 2
    if kind == 0:
        return np.sqrt(squared)
    return n_pixels[i] * n_pixels[j] / (n_pixels[i] + n_pixels[j]) * squared


@njit(nogil=True, cache=True)
def _holds(kind, threshold, n_pixels, mean, squares, low, high, i, j):  # type: ignore[no-untyped-def]
    """The predicate of the union of two regions, as `RegionStatistics.united` and `Predicate` compute it."""
    n_i, n_j = n_pixels[i], n_pixels[j]
    n = n_i + n_j
    for b in range(mean.shape[1]):
        m = (n_i * mean[i, b] + n_j * mean[j, b]) / n
        lowest, highest = min(low[i, b], low[j, b]), max(high[i, b], high[j, b])
        if kind == 1:
            value = highest - lowest
        elif kind == 2:
            total = squares[i, b] + squares[j, b] + (mean[i, b] - mean[j, b]) ** 2 * (n_i * n_j / n)
            value = np.sqrt(total / n)
        else:
            value = max(highest - m, m - lowest)
        if not value <= threshold:
            return False
    return True


@njit(nogil=True, cache=True)
def _unite(n_pixels, mean, squares, low, high, i, j):  # type: ignore[no-untyped-def]
    """Statistics of the union, in place of those of region i."""
    n_i, n_j = n_pixels[i], n_pixels[j]
    n = n_i + n_j
    for b in range(mean.shape[1]):
        squares[i, b] += squares[j, b] + (mean[i, b] - mean[j, b]) ** 2 * (n_i * n_j / n)
        mean[i, b] = (n_i * mean[i, b] + n_j * mean[j, b]) / n
        low[i, b] = min(low[i, b], low[j, b])
        high[i, b] = max(high[i, b], high[j, b])
    n_pixels[i] = n
