"""Greedy merging on a region graph: half-edges in linked lists, statistics merged without the pixels.

A pair of neighbours belongs to the region that changed last (at first to the lower one), whose list holds its cost. The
heap holds only the cheapest pair of each region. If the other region of a pair has changed by the time the pair is at
the top, the pair belongs to that region, and the cheapest of the remaining pairs takes its place.
"""

import heapq

import numpy as np

from densa.jit import inner_jit, kernel_jit

COSTS = ("mean", "ward", "border")
PREDICATES = ("none", "range", "deviation", "spread")
PARENT, CHANGED, SEEN = range(3)  # of a region: the region it was merged into; when it changed; half-edge to it


@kernel_jit
def merge_greedily(  # type: ignore[no-untyped-def]
    edges, lengths, strengths, n_pixels, mean, squares, low, high, cost_kind, predicate, threshold, max_cost, n_wanted,
    merges, costs,
):  # fmt: skip
    """Merge the cheapest pair until none costs less than `max_cost`, or `n_wanted` regions are left.

    Ties: the pair of lowest numbers. A merged region keeps the lower number. With a predicate, a pair whose union
    violates it is skipped until one of the two changes, as is a pair that costs too much. The statistics are changed in
    place. `lengths` and `strengths` (E,) are used where `cost_kind` is "border". Fills merges (n, 2): (kept, absorbed)
    and costs; returns the number of merges.
    """
    n = n_pixels.size
    head, tail, follow, target, border = half_edges(edges, n)
    if cost_kind == 2:
        lengths, strengths = lengths[border], strengths[border]
    nodes = np.empty((n, 3), np.int32)  # in one array: the three are read together
    for region in range(n):
        nodes[region, PARENT], nodes[region, CHANGED], nodes[region, SEEN] = region, -region, -1
    limits = predicate, threshold, max_cost
    statistics = n_pixels, mean, squares, low, high
    costs_of = np.empty(target.size)  # of half-edges; infinite: not to be merged
    heap = [(np.float64(0), np.int64(0), np.int64(0))]
    heap.pop()
    for region in range(n):
        cost, pair = _weigh(region, head, follow, target, strengths, cost_kind, statistics, limits, nodes, costs_of)
        if pair >= 0:
            heap.append((cost, pair, np.int64(nodes[region, CHANGED])))
    heapq.heapify(heap)
    n_left = np.count_nonzero(n_pixels)
    n_merges = 0
    while len(heap) > 0 and n_left > n_wanted:
        cost, pair, when = heap[0]
        i, j = pair >> 32, pair & 0xFFFFFFFF
        k = i if nodes[i, CHANGED] == when else j  # the region that the pair belongs to
        if nodes[k, PARENT] != k or nodes[k, CHANGED] != when:
            heapq.heappop(heap)
            continue
        other = i + j - k
        if nodes[other, PARENT] != other or nodes[other, CHANGED] > when:
            cost, pair = _cheapest(k, head, follow, target, costs_of, nodes)
            if pair >= 0:
                heapq.heapreplace(heap, (cost, pair, when))
            else:
                heapq.heappop(heap)
            continue
        _unite(n_pixels, mean, squares, low, high, i, j)
        nodes[j, PARENT] = i
        merges[n_merges, 0], merges[n_merges, 1], costs[n_merges] = i, j, cost
        n_merges += 1
        nodes[i, CHANGED] = n_merges
        n_left -= 1
        if head[j] >= 0:
            if head[i] < 0:
                head[i] = head[j]
            else:
                follow[tail[i]] = head[j]
            tail[i] = tail[j]
        _tidy(i, nodes, head, tail, follow, target, lengths, strengths, cost_kind == 2)
        cost, pair = _weigh(i, head, follow, target, strengths, cost_kind, statistics, limits, nodes, costs_of)
        if pair >= 0:
            heapq.heapreplace(heap, (cost, pair, np.int64(nodes[i, CHANGED])))
        else:
            heapq.heappop(heap)
    return n_merges


@inner_jit
def half_edges(edges, n):  # type: ignore[no-untyped-def]
    """Lists of neighbours: head and tail by region; next, target and edge by half-edge; each list is contiguous."""
    kind = np.int32
    places = np.zeros(n + 1, np.int64)
    for e in range(edges.shape[0]):
        places[edges[e, 0] + 1] += 1
        places[edges[e, 1] + 1] += 1
    places = np.cumsum(places)
    head, tail = np.full(n, -1, kind), np.full(n, -1, kind)
    follow, target, border = np.empty((3, 2 * edges.shape[0]), kind)
    for i in range(n):
        if places[i + 1] > places[i]:
            head[i], tail[i] = places[i], places[i + 1] - 1
            for h in range(places[i], places[i + 1]):
                follow[h] = h + 1
            follow[tail[i]] = -1
    for e in range(edges.shape[0]):
        for side in range(2):
            i = edges[e, side]
            h = places[i]
            places[i] += 1
            target[h], border[h] = edges[e, 1 - side], e
    return head, tail, follow, target, border


@inner_jit
def _tidy(i, nodes, head, tail, follow, target, lengths, strengths, with_borders):  # type: ignore[no-untyped-def]
    """Update the list of region i: no loops, one half-edge per neighbour, borders added up."""
    h, previous = head[i], np.int32(-1)
    while h >= 0:
        k = target[h]
        while nodes[k, PARENT] != k:
            nodes[k, PARENT] = nodes[nodes[k, PARENT], PARENT]
            k = nodes[k, PARENT]
        target[h] = k
        after = follow[h]
        if k == i or nodes[k, SEEN] >= 0:
            if k != i and with_borders:
                s = nodes[k, SEEN]
                total = lengths[s] + lengths[h]
                strengths[s] = (strengths[s] * lengths[s] + strengths[h] * lengths[h]) / total
                lengths[s] = total
            if previous < 0:
                head[i] = after
            else:
                follow[previous] = after
        else:
            nodes[k, SEEN] = h
            previous = h
        h = after
    tail[i] = previous
    h = head[i]
    while h >= 0:
        nodes[target[h], SEEN] = -1
        h = follow[h]


@inner_jit
def _weigh(i, head, follow, target, strengths, kind, statistics, limits, nodes, costs_of):  # type: ignore[no-untyped-def]
    """Costs of the pairs that belong to a region, whose list must be up to date; returns what `_cheapest` does."""
    n_pixels, mean, squares, low, high = statistics
    predicate, threshold, max_cost = limits
    least, best = np.inf, np.int64(-1)
    h = head[i]
    while h >= 0:
        k = np.int64(target[h])
        if nodes[k, CHANGED] < nodes[i, CHANGED]:
            a, b = min(i, k), max(i, k)
            cost = strengths[h] if kind == 2 else _cost(kind, n_pixels, mean, a, b)
            pair = a << 32 | b
            if cost < max_cost and (
                not predicate or _holds(predicate, threshold, n_pixels, mean, squares, low, high, a, b)
            ):
                costs_of[h] = cost
                if cost < least or (cost == least and pair < best):
                    least, best = cost, pair
            else:
                costs_of[h] = np.inf
        h = follow[h]
    return least, best


@inner_jit
def _cheapest(i, head, follow, target, costs_of, nodes):  # type: ignore[no-untyped-def]
    """Cost and numbers (``lower << 32 | higher``) of the cheapest pair that still belongs to a region; -1: none."""
    least, best = np.inf, np.int64(-1)
    h = head[i]
    while h >= 0:
        cost = costs_of[h]
        if cost <= least:
            k = np.int64(target[h])
            if nodes[k, CHANGED] < nodes[i, CHANGED] and nodes[k, PARENT] == k:
                pair = min(i, k) << 32 | max(i, k)
                if cost < least or pair < best:
                    least, best = cost, pair
        h = follow[h]
    return least, best


@inner_jit
def _cost(kind, n_pixels, mean, i, j):  # type: ignore[no-untyped-def]
    squared = 0.0
    for b in range(mean.shape[1]):
        squared += (mean[i, b] - mean[j, b]) ** 2
    if kind == 0:
        return np.sqrt(squared)
    return n_pixels[i] * n_pixels[j] / (n_pixels[i] + n_pixels[j]) * squared


@inner_jit
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


@inner_jit
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
