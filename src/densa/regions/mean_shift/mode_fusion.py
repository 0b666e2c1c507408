"""From a mean-shift filtered image to regions: joining, transitive closure, removal of small regions.

The order of steps and the constants are those of EDISON (Comaniciu & Meer, PAMI 2002). Closure counts differences of L
twice in bright places; EDISON tests each pair of adjacent modes from both sides, doubling if the mode it starts from is
above 80, and joins them if either test passes: so they count twice where both modes are above 80. The removal of small
regions has no such factor.

Departures, so that the result does not depend on the order of the scan: a region's mode is the mean of its pixels'
modes, closure is repeated to its fixed point, small regions are merged smallest first (ties: the smaller label), and
the left border of the image is not adjacent to the right one. And bright places count only where band 0 is L: EDISON
compares grey values (0..255) of images of one band with 80, too.

Joining compares neighbouring pixels; all other steps work on the graph of the joined regions. Their modes are sums of
integers (fixed point), so they depend neither on how an image was divided nor on the order of merging.

Method: Mean shift, fusion of modes.
Source: EDISON (Comaniciu, Meer 2002).
As printed: joining, transitive closure with the relaxed distance between two bright modes, removal of small regions by
    the plain one.
Departs: a region's mode is the mean of its pixels' modes, closure is repeated to its fixed point, small regions are
    merged smallest first, left and right border are not adjacent: the order of the scan decides nothing.
Held by: tests/regions/mean_shift/test_mode_fusion.py.
"""

from __future__ import annotations

import heapq
import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.jit import inner_jit, kernel_jit
from densa.regions.mean_shift.mode_joining import (
    EDGE_SHIFT,
    distinct_edges,
    join_alike,
    list_edges,
    moved_edges,
    steps,
    sum_modes,
)
from densa.regions.mean_shift.mode_search import BRIGHT
from densa.union_find import find, unite

__all__ = ["fuse_graph", "fuse_modes"]

CLOSURE = 0.25  # squared distance, in range radii, below which adjacent modes are joined


def fuse_modes(
    modes: NDArray[np.float32],
    mask: NDArray[np.bool_],
    largest: float,
    range_radius: float,
    join_threshold: float,
    min_size: int,
    bright_rule: bool,
) -> NDArray[np.int32]:
    """Regions of a filtered image, from 1 in the order of their first pixels; 0 outside `mask`.

    Args:
        modes: (h, w, bands) range values of the modes.
        mask: (h, w) pixels that belong to a region.
        largest: bound of the absolute values inside the mask.
        range_radius: bandwidth of the range domain; unit of the distances of closure and removal.
        join_threshold: 8-neighbours whose values differ by less in every band are one region.
        min_size: regions of fewer pixels are merged into the adjacent region with the nearest mode.
        bright_rule: whether band 0 is L and, in closure, counts twice between modes above 80.
    """
    regions, n_regions = join_alike(modes, mask, join_threshold)
    per_unit = steps(largest, mask.size)
    sizes, sums = sum_modes(modes, regions, n_regions, per_unit)
    edges = distinct_edges(list_edges(regions))
    fused: NDArray[np.int32] = fuse_graph(sizes, sums, edges, per_unit, range_radius, min_size, bright_rule)[regions]
    return fused


def fuse_graph(
    sizes: NDArray[np.int64],
    sums: NDArray[np.int64],
    edges: NDArray[np.int64],
    per_unit: float,
    range_radius: float,
    min_size: int,
    bright_rule: bool,
) -> NDArray[np.int32]:
    """New numbers of the regions of a graph after closure and the removal of small regions.

    Memory, including the arguments: 8 bytes per edge and 12 + 8 * bands per region; while small regions are removed, 8
    more per edge and 16 to 32 more per region.

    Args:
        sizes: (n + 1,) pixels of each region; row 0 is no region. Overwritten.
        sums: (n + 1, bands) sums of modes, from `sum_modes`. Overwritten.
        edges: (m,) distinct, see `distinct_edges`. Overwritten.
        per_unit: steps per unit of the modes.
        range_radius, min_size, bright_rule: as in `fuse_modes`.

    Returns:
        (n + 1,) new number of each region, from 1 in the order of the smallest old number; 0 for row 0.
    """
    parents = np.arange(sizes.size, dtype=np.int32)
    bright = BRIGHT * per_unit if bright_rule else math.inf
    limit = CLOSURE * (range_radius * per_unit) ** 2
    while _join_close_modes(edges, sums, sizes, parents, limit, bright):
        edges = distinct_edges(moved_edges(edges, parents))
    if min_size > 1:
        starts = np.zeros(sizes.size + 1, np.int64)
        neighbours = np.empty(2 * edges.size, np.int32)
        _list_neighbours(edges, starts, neighbours)
        _absorb_small(starts, neighbours, sums, sizes, parents, min_size)
    _number_fused(parents)
    return parents


@njit(nogil=True, cache=True, error_model="numpy")
def _distance(sums: Any, sizes: Any, one: int, other: int, bright: float) -> float:
    """Squared distance of two modes, in steps; differences of band 0 count twice where both are above `bright`."""
    total = 0.0
    for band in range(sums.shape[1]):
        mode, other_mode = sums[one, band] / sizes[one], sums[other, band] / sizes[other]
        difference = mode - other_mode
        if band == 0 and min(mode, other_mode) > bright:
            difference *= 2
        total += difference * difference
    return total


@inner_jit
def _merge_into(sums: Any, sizes: Any, kept: int, gone: int) -> None:
    for band in range(sums.shape[1]):
        sums[kept, band] += sums[gone, band]
    sizes[kept] += sizes[gone]
    sizes[gone] = 0


@kernel_jit
def _join_close_modes(edges: Any, sums: Any, sizes: Any, parents: Any, limit: float, bright: float) -> bool:
    """One pass of the closure: join all adjacent modes closer than half a range radius; whether there were any."""
    joined = False
    for edge in edges:  # distances are those before the pass
        one, other = edge >> EDGE_SHIFT, edge & 0xFFFFFFFF
        if _distance(sums, sizes, one, other, bright) < limit:
            unite(parents, one, other)
            joined = True
    for region in range(parents.size):  # a root precedes its set: it is the smallest
        first = find(parents, region)
        parents[region] = first
        if first != region and sizes[region] > 0:
            _merge_into(sums, sizes, first, region)
    return joined


@kernel_jit
def _list_neighbours(edges: Any, starts: Any, neighbours: Any) -> None:
    """Neighbours of region i: `neighbours[starts[i]:starts[i + 1]]`."""
    for edge in edges:
        starts[(edge >> EDGE_SHIFT) + 1] += 1
        starts[(edge & 0xFFFFFFFF) + 1] += 1
    for region in range(starts.size - 1):
        starts[region + 1] += starts[region]
    for place in range(edges.size - 1, -1, -1):  # lists are filled from their ends, which so become their starts
        one, other = edges[place] >> EDGE_SHIFT, edges[place] & 0xFFFFFFFF
        starts[one + 1] -= 1
        neighbours[starts[one + 1]] = other
        starts[other + 1] -= 1
        neighbours[starts[other + 1]] = one
    for region in range(1, starts.size - 1):
        starts[region] = starts[region + 1]
    starts[starts.size - 1] = neighbours.size


@kernel_jit
def _absorb_small(starts: Any, neighbours: Any, sums: Any, sizes: Any, parents: Any, min_size: int) -> None:
    """Merge regions below `min_size`, smallest first, each into its neighbour of the nearest mode."""
    n_regions = sizes.size
    following = np.zeros(n_regions, np.int32)  # regions absorbed so far, a list per root that ends with 0
    last = np.arange(n_regions).astype(np.int32)
    queue = [np.int64(0) for _ in range(0)]
    for region in range(1, n_regions):
        if 0 < sizes[region] < min_size:
            queue.append(sizes[region] * n_regions + region)
    heapq.heapify(queue)
    while len(queue) > 0:
        key = heapq.heappop(queue)
        region = key % n_regions
        if parents[region] != region or sizes[region] != key // n_regions:
            continue  # absorbed or grown since it was queued
        nearest, least = -1, np.inf
        member = region
        while member > 0:
            for place in range(starts[member], starts[member + 1]):
                other = find(parents, np.int64(neighbours[place]))
                if other == region:
                    continue
                distance = _distance(sums, sizes, region, other, math.inf)
                if distance < least or (distance == least and other < nearest):
                    nearest, least = other, distance
            member = following[member]
        if nearest < 0:
            continue  # no neighbour inside the mask
        kept, gone = min(region, nearest), max(region, nearest)
        _merge_into(sums, sizes, kept, gone)
        parents[gone] = kept
        following[last[kept]] = gone
        last[kept] = last[gone]
        if sizes[kept] < min_size:
            heapq.heappush(queue, sizes[kept] * n_regions + kept)


@kernel_jit
def _number_fused(parents: Any) -> None:
    """Number the fused regions from 1, in place; a root is the smallest label, so the order of first pixels is kept."""
    n_fused = 0
    for region in range(1, parents.size):
        parent = parents[region]
        if parent == region:
            n_fused += 1
            parents[region] = n_fused
        else:
            parents[region] = parents[parent]
