"""From a mean-shift filtered image to regions: joining, transitive closure, removal of small regions.

The order of steps and the constants are EDISON's (Comaniciu & Meer, PAMI 2002). Departures, all so that the result does
not depend on the order of the scan: a region's mode is the mean of its pixels' modes, closure runs to its fixed point,
small regions go smallest first with ties to the smaller label, and the left border is no neighbour of the right one.

Joining looks at neighbouring pixels only; all else happens on the graph of the joined regions. Their modes are sums of
integers (fixed point), so neither the parts that an image was cut into nor the order of merging can change them.
"""

from __future__ import annotations

import heapq
import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.regions.mode_search import BRIGHT

__all__ = ["are_alike", "distinct_edges", "fuse_graph", "fuse_modes", "join_alike", "list_edges", "steps", "sum_modes"]

CLOSURE = 0.25  # squared distance, in range radii, below which neighbouring modes are one
EDGE_SHIFT = 32  # an edge is one integer: smaller region << 32 | larger region


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
        modes: (h, w, bands) modes' range values.
        mask: (h, w) pixels that belong to a region.
        largest: no value in the mask is farther from 0.
        range_radius: bandwidth of the range domain; unit of the closure's and the removal's distance.
        join_threshold: 8-neighbours whose values differ by less in every band are one region.
        min_size: regions of fewer pixels are merged into the adjacent region with the nearest mode.
        bright_rule: whether band 0 is L and counts twice above 80.
    """
    regions, n_regions = join_alike(modes, mask, join_threshold)
    per_unit = steps(largest, mask.size)
    sizes, sums = sum_modes(modes, regions, n_regions, per_unit)
    edges = distinct_edges(list_edges(regions))
    fused: NDArray[np.int32] = fuse_graph(sizes, sums, edges, per_unit, range_radius, min_size, bright_rule)[regions]
    return fused


# ------------------------------------------------------------------------------------------ on pixels, or on a tile


def steps(largest: float, n_pixels: int) -> float:
    """Fixed-point steps per unit, a power of two: as many as the sum over all pixels leaves room for in 64 bits."""
    largest_exponent = max(math.frexp(largest)[1], -149)  # float32 knows nothing smaller
    return math.ldexp(1.0, 62 - int(n_pixels).bit_length() - largest_exponent)


def join_alike(modes: NDArray[np.float32], mask: NDArray[np.bool_], threshold: float) -> tuple[NDArray[np.int32], int]:
    """Join 8-neighbours that differ by less than the threshold in every band.

    Returns:
        (h, w) regions from 1 in the order of their first pixels, 0 outside the mask; their number.
    """
    parents = np.empty(mask.size, np.int32)
    _join_neighbours(modes, mask, float(threshold), parents)
    regions = np.empty(mask.shape, np.int32)
    return regions, _number_roots(parents, mask.reshape(-1), regions.reshape(-1))


def are_alike(
    modes: NDArray[np.float32],
    mask: NDArray[np.bool_],
    threshold: float,
    some: tuple[NDArray[np.int64], NDArray[np.int64]],
    others: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> NDArray[np.bool_]:
    """(n,) whether pixels, given by (n,) rows and (n,) columns, are joined with their neighbours `others`."""
    alike = np.empty(len(some[0]), np.bool_)
    _compare(modes, mask, float(threshold), *some, *others, alike)
    return alike


def sum_modes(
    modes: NDArray[np.float32], regions: NDArray[np.int32], n_regions: int, per_unit: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n + 1,) pixels and (n + 1, bands) sums of modes, in steps, of every region; row 0 is no region."""
    n_bands = modes.shape[2]
    sizes = np.zeros(n_regions + 1, np.int64)
    sums = np.zeros((n_regions + 1, n_bands), np.int64)
    _add_modes(modes.reshape(-1, n_bands), regions.reshape(-1), per_unit, sizes, sums)
    return sizes, sums


def list_edges(regions: NDArray[np.int32]) -> NDArray[np.int64]:
    """Edges between regions that share a pixel side, the smaller region << 32 | the larger; most come repeatedly."""
    edges = np.empty(_list_edges(regions, np.empty(0, np.int64)), np.int64)
    _list_edges(regions, edges)
    return edges


def distinct_edges(edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """The edges sorted, each once; a view of `edges`, which is reordered."""
    edges.sort()
    return edges[: _drop_repeated(edges)]


# ---------------------------------------------------------------------------------------------------- on the graph


def fuse_graph(
    sizes: NDArray[np.int64],
    sums: NDArray[np.int64],
    edges: NDArray[np.int64],
    per_unit: float,
    range_radius: float,
    min_size: int,
    bright_rule: bool,
) -> NDArray[np.int32]:
    """Closure, then removal of small regions; what a region becomes, wherever the graph comes from.

    Memory, the arguments with it: 8 bytes per edge and 16 + 8 * bands per region; while small regions are removed, 8
    more per edge and 16 to 24 more per region.

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
        edges = distinct_edges(edges[: _move_ends(edges, parents)])
    if min_size > 1:
        starts = np.zeros(sizes.size + 1, np.int64)
        neighbours = np.empty(2 * edges.size, np.int32)
        _list_neighbours(edges, starts, neighbours)
        _absorb_small(starts, neighbours, sums, sizes, parents, min_size, bright)
    _number_fused(parents)
    return parents


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
def _alike(modes: Any, mask: Any, threshold: float, row: int, column: int, other_row: int, other_column: int) -> bool:
    if not (mask[row, column] and mask[other_row, other_column]):
        return False
    for band in range(modes.shape[2]):
        if abs(modes[row, column, band] - modes[other_row, other_column, band]) >= threshold:
            return False
    return True


@njit(nogil=True, cache=True)
def _compare(
    modes: Any, mask: Any, threshold: float, rows: Any, columns: Any, other_rows: Any, other_columns: Any, alike: Any
) -> None:
    for pair in range(alike.size):
        alike[pair] = _alike(
            modes, mask, threshold, rows[pair], columns[pair], other_rows[pair], other_columns[pair]
        )  # fmt: skip


@njit(nogil=True, cache=True)
def _join_neighbours(modes: Any, mask: Any, threshold: float, parents: Any) -> None:
    """Connected components (8 neighbours) of pixels that differ by less than the threshold in every band."""
    height, width = mask.shape
    for pixel in range(height * width):
        parents[pixel] = pixel
    for row in range(height):
        for column in range(width):
            if not mask[row, column]:
                continue
            for way in range(4):  # left, up-left, up, up-right: the pixels before this one
                other_row = row if way == 0 else row - 1
                other_column = column - 1 if way == 0 else column + way - 2
                if other_row < 0 or other_column < 0 or other_column >= width:
                    continue
                if _alike(modes, mask, threshold, row, column, other_row, other_column):
                    _union(parents, row * width + column, other_row * width + other_column)


@njit(nogil=True, cache=True)
def _number_roots(parents: Any, mask: Any, regions: Any) -> int:
    """Number the components from 1 in the order of their first pixels; 0 outside the mask."""
    n_regions = 0
    for pixel in range(parents.size):
        if not mask[pixel]:
            regions[pixel] = 0
        elif parents[pixel] == pixel:
            n_regions += 1
            regions[pixel] = n_regions
        else:
            regions[pixel] = regions[_root(parents, pixel)]  # a root is the first pixel of its component
    return n_regions


@njit(nogil=True, cache=True)
def _add_modes(modes: Any, regions: Any, per_unit: float, sizes: Any, sums: Any) -> None:
    for pixel in range(regions.size):
        region = regions[pixel]
        if region > 0:
            sizes[region] += 1
            for band in range(modes.shape[1]):
                sums[region, band] += np.int64(np.rint(np.float64(modes[pixel, band]) * per_unit))


@njit(nogil=True, cache=True)
def _edge(one: Any, other: Any) -> Any:
    return (np.int64(min(one, other)) << EDGE_SHIFT) | np.int64(max(one, other))


@njit(nogil=True, cache=True)
def _list_edges(regions: Any, edges: Any) -> int:
    """Edges over the sides between pixels, those equal to the one just before left out; they are counted, and written
    where there is room."""
    height, width = regions.shape
    n_edges = 0
    last: Any = np.int64(-1)
    for row in range(height):
        for column in range(width):
            here = regions[row, column]
            for way in range(2):
                if here == 0 or ((column == 0) if way == 0 else (row == 0)):
                    continue
                there = regions[row, column - 1] if way == 0 else regions[row - 1, column]
                if there == 0 or there == here:
                    continue
                edge = _edge(here, there)
                if edge != last:
                    if edges.size > 0:
                        edges[n_edges] = edge
                    n_edges += 1
                    last = edge
    return n_edges


@njit(nogil=True, cache=True)
def _drop_repeated(edges: Any) -> int:
    """Keep each of the sorted edges once; gives how many there are."""
    n_edges = 0
    for place in range(edges.size):
        if n_edges == 0 or edges[place] != edges[n_edges - 1]:
            edges[n_edges] = edges[place]
            n_edges += 1
    return n_edges


@njit(nogil=True, cache=True)
def _move_ends(edges: Any, parents: Any) -> int:
    """Let edges join the roots of their regions, and drop those within one; gives how many are left."""
    n_edges = 0
    for place in range(edges.size):
        one, other = parents[edges[place] >> EDGE_SHIFT], parents[edges[place] & 0xFFFFFFFF]
        if one != other:
            edges[n_edges] = _edge(one, other)
            n_edges += 1
    return n_edges


@njit(nogil=True, cache=True, error_model="numpy")
def _distance(sums: Any, sizes: Any, one: int, other: int, bright: float) -> float:
    """Squared distance of two modes, in steps; with the rule, L counts twice where either is bright."""
    total = 0.0
    for band in range(sums.shape[1]):
        mode, other_mode = sums[one, band] / sizes[one], sums[other, band] / sizes[other]
        difference = mode - other_mode
        if band == 0 and max(mode, other_mode) > bright:
            difference *= 2
        total += difference * difference
    return total


@njit(nogil=True, cache=True)
def _merge_into(sums: Any, sizes: Any, kept: int, gone: int) -> None:
    for band in range(sums.shape[1]):
        sums[kept, band] += sums[gone, band]
    sizes[kept] += sizes[gone]
    sizes[gone] = 0


@njit(nogil=True, cache=True)
def _join_close_modes(edges: Any, sums: Any, sizes: Any, parents: Any, limit: float, bright: float) -> bool:
    """One pass of the closure: join every pair of adjacent modes closer than half a range radius; False: none was."""
    joined = False
    for edge in edges:  # all distances are those before the pass
        one, other = edge >> EDGE_SHIFT, edge & 0xFFFFFFFF
        if _distance(sums, sizes, one, other, bright) < limit:
            _union(parents, one, other)
            joined = True
    for region in range(parents.size):  # roots come first: they are the smallest of their sets
        root = _root(parents, region)
        parents[region] = root
        if root != region and sizes[region] > 0:
            _merge_into(sums, sizes, root, region)
    return joined


@njit(nogil=True, cache=True)
def _list_neighbours(edges: Any, starts: Any, neighbours: Any) -> None:
    """Neighbours of region i: `neighbours[starts[i]:starts[i + 1]]`."""
    for edge in edges:
        starts[(edge >> EDGE_SHIFT) + 1] += 1
        starts[(edge & 0xFFFFFFFF) + 1] += 1
    for region in range(starts.size - 1):
        starts[region + 1] += starts[region]
    for place in range(edges.size - 1, -1, -1):  # fill every list from its end; its end becomes its start
        one, other = edges[place] >> EDGE_SHIFT, edges[place] & 0xFFFFFFFF
        starts[one + 1] -= 1
        neighbours[starts[one + 1]] = other
        starts[other + 1] -= 1
        neighbours[starts[other + 1]] = one
    for region in range(1, starts.size - 1):
        starts[region] = starts[region + 1]
    starts[starts.size - 1] = neighbours.size


@njit(nogil=True, cache=True)
def _absorb_small(
    starts: Any, neighbours: Any, sums: Any, sizes: Any, parents: Any, min_size: int, bright: float
) -> None:
    """Merge regions below `min_size`, smallest first, each into its neighbour of the nearest mode."""
    n_regions = sizes.size
    following = np.zeros(n_regions, np.int32)  # regions absorbed so far, as a list per root; 0 ends it
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
                other = _root(parents, neighbours[place])
                if other == region:
                    continue
                distance = _distance(sums, sizes, region, other, bright)
                if distance < least or (distance == least and other < nearest):
                    nearest, least = other, distance
            member = following[member]
        if nearest < 0:
            continue  # alone within the mask
        kept, gone = min(region, nearest), max(region, nearest)
        _merge_into(sums, sizes, kept, gone)
        parents[gone] = kept
        following[last[kept]] = gone
        last[kept] = last[gone]
        if sizes[kept] < min_size:
            heapq.heappush(queue, sizes[kept] * n_regions + kept)


@njit(nogil=True, cache=True)
def _number_fused(parents: Any) -> None:
    """Number the fused regions from 1 in place; roots are smallest labels, so first pixels stay in order."""
    n_fused = 0
    for region in range(1, parents.size):
        parent = parents[region]
        if parent == region:
            n_fused += 1
            parents[region] = n_fused
        else:
            parents[region] = parents[parent]
