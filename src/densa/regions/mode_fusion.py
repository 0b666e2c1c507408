"""From a mean-shift filtered image to regions: joining, transitive closure, removal of small regions.

The order of steps and the constants are EDISON's (Comaniciu & Meer, PAMI 2002). Departures, all so that the result does
not depend on the order of the scan: a region's mode is the mean of its pixels' modes, closure runs to its fixed point,
small regions go smallest first with ties to the smaller label, and the left border is no neighbour of the right one.
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["fuse_modes"]

BRIGHT = 80.0  # from this L on, differences of L count twice
CLOSURE = 0.25  # squared distance, in range radii, below which neighbouring modes are one


def fuse_modes(
    filtered: NDArray[np.float32],
    mask: NDArray[np.bool_],
    range_radius: float,
    join_threshold: float,
    min_size: int,
    bright_rule: bool,
) -> NDArray[np.int32]:
    """Regions of a filtered image, from 1 in the order of their first pixels; 0 outside `mask`.

    Args:
        filtered: (h, w, bands) modes' range values.
        mask: (h, w) pixels that belong to a region.
        range_radius: bandwidth of the range domain; unit of the closure's and the removal's distance.
        join_threshold: 8-neighbours whose values differ by less in every band are one region.
        min_size: regions of fewer pixels are merged into the adjacent region with the nearest mode.
        bright_rule: whether band 0 is L and counts twice above 80.
    """
    parents = np.empty(mask.size, np.int32)
    _join_neighbours(filtered, mask, join_threshold, parents.reshape(mask.shape), parents)
    regions = np.empty(mask.size, np.int32)
    n_regions = _number_roots(parents, mask.reshape(-1), regions)
    sizes = np.zeros(n_regions, np.int64)
    modes = np.zeros((n_regions, filtered.shape[2]))
    _region_means(filtered.reshape(-1, filtered.shape[2]), regions, sizes, modes)
    edges = _region_pairs(regions.reshape(mask.shape), n_regions)

    parents = np.arange(n_regions, dtype=np.int32)
    while _join_close_modes(edges, modes, sizes, parents, 1 / range_radius, bright_rule):
        edges = _distinct(parents[edges], n_regions)
    if min_size > 1:
        starts, neighbours = _neighbour_lists(edges, n_regions)
        _absorb_small(starts, neighbours, modes, sizes, parents, min_size, bright_rule)
    fused = np.empty(mask.size, np.int32)
    _number_fused(parents, regions, fused)
    return fused.reshape(mask.shape)


def _region_pairs(regions: NDArray[np.int32], n_regions: int) -> NDArray[np.int32]:
    """(n, 2) pairs of regions that share a pixel edge, smaller label first, sorted, each once."""
    pairs = np.empty((2 * regions.size, 2), np.int32)
    return _distinct(pairs[: _list_pairs(regions, pairs)], n_regions)


def _distinct(pairs: NDArray[np.int32], n_regions: int) -> NDArray[np.int32]:
    """The pairs of two different regions, smaller label first, sorted, each once."""
    pairs = pairs[pairs[:, 0] != pairs[:, 1]].astype(np.int64)
    keys = np.sort(pairs.min(axis=1) * n_regions + pairs.max(axis=1))
    keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])] if keys.size else keys
    return np.stack([keys // max(n_regions, 1), keys % max(n_regions, 1)], axis=1).astype(np.int32)


def _neighbour_lists(edges: NDArray[np.int32], n_regions: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Neighbours of region i: `neighbours[starts[i]:starts[i + 1]]`."""
    both = np.concatenate([edges, edges[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    starts = np.zeros(n_regions + 1, np.int64)
    np.cumsum(np.bincount(both[:, 0], minlength=n_regions), out=starts[1:])
    return starts, np.ascontiguousarray(both[:, 1])


@njit(nogil=True, cache=True)
def _root(parents: Any, item: int) -> int:
    while parents[item] != item:
        parents[item] = parents[parents[item]]
        item = parents[item]
    return item


@njit(nogil=True, cache=True)
def _union(parents: Any, one: int, other: int) -> None:
    """Join two sets; the smaller item is the root, so that roots do not depend on the order of joins."""
    one, other = _root(parents, one), _root(parents, other)
    if one < other:
        parents[other] = one
    else:
        parents[one] = other


@njit(nogil=True, cache=True)
def _join_neighbours(filtered: Any, mask: Any, threshold: float, grid: Any, parents: Any) -> None:
    """Connected components (8 neighbours) of pixels that differ by less than the threshold in every band."""
    height, width, n_bands = filtered.shape
    for pixel in range(height * width):
        parents[pixel] = pixel
    for row in range(height):
        for column in range(width):
            if not mask[row, column]:
                continue
            for way in range(4):  # left, up-left, up, up-right: the pixels before this one
                other_row = row if way == 0 else row - 1
                other_column = column - 1 if way == 0 else column + way - 2
                if other_row < 0 or other_column < 0 or other_column >= width or not mask[other_row, other_column]:
                    continue
                alike = True
                for band in range(n_bands):
                    if abs(filtered[row, column, band] - filtered[other_row, other_column, band]) >= threshold:
                        alike = False
                        break
                if alike:
                    _union(parents, row * width + column, other_row * width + other_column)


@njit(nogil=True, cache=True)
def _number_roots(parents: Any, mask: Any, regions: Any) -> int:
    """Number the components from 0 in the order of their first pixels; -1 outside the mask."""
    n_regions = 0
    for pixel in range(parents.size):
        if not mask[pixel]:
            regions[pixel] = -1
        elif parents[pixel] == pixel:
            regions[pixel] = n_regions
            n_regions += 1
        else:
            regions[pixel] = regions[_root(parents, pixel)]  # a root is the first pixel of its component
    return n_regions


@njit(nogil=True, cache=True)
def _region_means(values: Any, regions: Any, sizes: Any, means: Any) -> None:
    for pixel in range(regions.size):
        if regions[pixel] >= 0:
            sizes[regions[pixel]] += 1
            for band in range(values.shape[1]):
                means[regions[pixel], band] += values[pixel, band]
    for region in range(sizes.size):
        for band in range(values.shape[1]):
            means[region, band] /= sizes[region]


@njit(nogil=True, cache=True)
def _list_pairs(regions: Any, pairs: Any) -> int:
    """Region pairs over the edges between pixels; a pair equal to the one just before it is left out."""
    height, width = regions.shape
    n_pairs = 0
    for row in range(height):
        for column in range(width):
            here = regions[row, column]
            for way in range(2):
                if (column == 0) if way == 0 else (row == 0):
                    continue
                there = regions[row, column - 1] if way == 0 else regions[row - 1, column]
                if here >= 0 and there >= 0 and here != there:
                    if n_pairs > 0 and pairs[n_pairs - 1, 0] == here and pairs[n_pairs - 1, 1] == there:
                        continue
                    pairs[n_pairs, 0] = here
                    pairs[n_pairs, 1] = there
                    n_pairs += 1
    return n_pairs


@njit(nogil=True, cache=True)
def _distance(modes: Any, one: int, other: int, bright_rule: bool) -> float:
    """Squared distance of two modes; with the rule, L counts twice where either is bright."""
    total = 0.0
    for band in range(modes.shape[1]):
        difference = modes[one, band] - modes[other, band]
        if band == 0 and bright_rule and max(modes[one, 0], modes[other, 0]) > BRIGHT:
            difference *= 2
        total += difference * difference
    return total


@njit(nogil=True, cache=True)
def _merge_into(modes: Any, sizes: Any, kept: int, gone: int) -> None:
    share = sizes[gone] / (sizes[kept] + sizes[gone])
    for band in range(modes.shape[1]):
        modes[kept, band] += share * (modes[gone, band] - modes[kept, band])
    sizes[kept] += sizes[gone]
    sizes[gone] = 0


@njit(nogil=True, cache=True)
def _join_close_modes(edges: Any, modes: Any, sizes: Any, parents: Any, per_radius: float, bright_rule: bool) -> bool:
    """One pass of the closure: join every pair of adjacent modes closer than half a range radius; False: none was."""
    joined = False
    limit = CLOSURE / (per_radius * per_radius)
    for edge in range(edges.shape[0]):  # all distances are those before the pass
        if _distance(modes, edges[edge, 0], edges[edge, 1], bright_rule) < limit:
            _union(parents, edges[edge, 0], edges[edge, 1])
            joined = True
    for region in range(parents.size):  # roots come first: they are the smallest of their sets
        root = _root(parents, region)
        parents[region] = root
        if root != region and sizes[region] > 0:
            _merge_into(modes, sizes, root, region)
    return joined


@njit(nogil=True, cache=True)
def _absorb_small(
    starts: Any, neighbours: Any, modes: Any, sizes: Any, parents: Any, min_size: int, bright_rule: bool
) -> None:
    """Merge regions below `min_size`, smallest first, each into its neighbour of the nearest mode."""
    n_regions = sizes.size
    following = np.full(n_regions, -1, np.int32)  # regions absorbed so far, as a list per root
    last = np.arange(n_regions).astype(np.int32)
    queue = [np.int64(0) for _ in range(0)]
    for region in range(n_regions):
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
        while member >= 0:
            for place in range(starts[member], starts[member + 1]):
                other = _root(parents, neighbours[place])
                if other == region:
                    continue
                distance = _distance(modes, region, other, bright_rule)
                if distance < least or (distance == least and other < nearest):
                    nearest, least = other, distance
            member = following[member]
        if nearest < 0:
            continue  # alone within the mask
        kept, gone = min(region, nearest), max(region, nearest)
        _merge_into(modes, sizes, kept, gone)
        parents[gone] = kept
        following[last[kept]] = gone
        last[kept] = last[gone]
        if sizes[kept] < min_size:
            heapq.heappush(queue, sizes[kept] * n_regions + kept)


@njit(nogil=True, cache=True)
def _number_fused(parents: Any, regions: Any, fused: Any) -> None:
    """Number the fused regions from 1; roots are smallest labels, so first pixels stay in order."""
    numbers = np.zeros(parents.size, np.int32)
    n_fused = 0
    for region in range(parents.size):
        if parents[region] == region:
            n_fused += 1
            numbers[region] = n_fused
        else:
            numbers[region] = numbers[_root(parents, region)]
    for pixel in range(regions.size):
        fused[pixel] = numbers[regions[pixel]] if regions[pixel] >= 0 else 0
