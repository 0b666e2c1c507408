"""Merging of small regions into their nearest neighbours: a heap of small regions, half-edges in linked lists."""

import heapq

import numpy as np

from densa.jit import inner_jit, kernel_jit
from densa.regions.partition._merge_kernel import half_edges
from densa.union_find import find


@kernel_jit
def absorb(edges, sizes, mean, min_size, merges):  # type: ignore[no-untyped-def]
    """Merge the smallest region below `min_size` that has neighbours into the one of nearest mean, until there is none.

    Ties: the lower number. A merged region keeps the lower number. `sizes` (n + 1,) and `mean` (n + 1, B) are changed
    in place. Fills merges (n, 2): (kept, absorbed); returns how many.

    Only the lists of small regions are traversed, which are short; those of large regions are only appended to. A list
    may hold a neighbour twice, which does not change the nearest.
    """
    head, tail, follow, target, _ = half_edges(edges, sizes.size)
    parent = np.arange(sizes.size)
    heap = [(np.int64(0), np.int64(0))]
    heap.pop()
    for i in range(sizes.size):
        if 0 < sizes[i] < min_size and head[i] >= 0:
            heap.append((np.int64(sizes[i]), np.int64(i)))
    heapq.heapify(heap)
    n_merges = 0
    while len(heap) > 0:
        size, k = heapq.heappop(heap)
        if parent[k] != k or sizes[k] != size:
            continue
        best = _nearest(k, mean, parent, head, tail, follow, target)
        if best < 0:
            continue
        kept, gone = min(k, best), max(k, best)
        total = sizes[k] + sizes[best]
        for b in range(mean.shape[1]):
            mean[kept, b] = (sizes[k] * mean[k, b] + sizes[best] * mean[best, b]) / total
        sizes[kept] = total
        parent[gone] = kept
        if head[gone] >= 0:  # never empty for `kept`: it has an edge with `gone`
            follow[tail[kept]] = head[gone]
            tail[kept] = tail[gone]
        if total < min_size:
            heapq.heappush(heap, (total, kept))
        merges[n_merges, 0], merges[n_merges, 1] = kept, gone
        n_merges += 1
    return n_merges


@inner_jit
def _nearest(k, mean, parent, head, tail, follow, target):  # type: ignore[no-untyped-def]
    """Neighbour of nearest mean, the lower number of equals, or -1; half-edges that have become loops are dropped."""
    best, least = np.int64(-1), np.inf
    h, previous = head[k], np.int32(-1)
    while h >= 0:
        i = find(parent, target[h])
        after = follow[h]
        if i == k:
            if previous < 0:
                head[k] = after
            else:
                follow[previous] = after
        else:
            squared = 0.0
            for b in range(mean.shape[1]):
                squared += (mean[i, b] - mean[k, b]) ** 2
            if best < 0 or squared < least or (squared == least and i < best):
                best, least = i, squared
            target[h] = i
            previous = h
        h = after
    tail[k] = previous
    return best
