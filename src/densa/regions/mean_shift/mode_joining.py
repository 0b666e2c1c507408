"""The part of mean-shift segmentation that works on pixels, of an image or a tile: joining neighbours of similar modes,
and the sizes, sums of modes and edges of the joined regions.

Sums are of integers (fixed point), so they depend neither on how an image was divided nor on the order of its parts. An
edge between two regions is one integer, the smaller region << 32 | the larger.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.jit import inner_jit, kernel_jit
from densa.regions.shared.distinct import distinct
from densa.union_find import find, unite

__all__ = [
    "EDGE_SHIFT",
    "across_edges",
    "are_alike",
    "distinct_edges",
    "join_alike",
    "list_edges",
    "moved_edges",
    "steps",
    "sum_modes",
]

EDGE_SHIFT = 32


def steps(largest: float, n_pixels: int) -> float:
    """Fixed-point steps per unit: the largest power of two with which the sum over all pixels fits in 64 bits."""
    largest_exponent = max(math.frexp(largest)[1], -149)  # of the smallest float32
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
    """Edges between regions that share a pixel side, the smaller region << 32 | the larger; with repetitions."""
    edges = np.empty(_list_edges(regions, np.empty(0, np.int64)), np.int64)
    _list_edges(regions, edges)
    return edges


def distinct_edges(edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """The edges sorted, each once; a view of `edges`, which is reordered."""
    edges.sort()
    return edges[: _drop_repeated(edges)]


def moved_edges(edges: NDArray[np.int64], numbers: NDArray[np.int32]) -> NDArray[np.int64]:
    """The edges after the regions were renumbered, without those inside one region; a view of `edges`, overwritten."""
    return edges[: _move_ends(edges, numbers)]


def across_edges(some: NDArray[np.int32], others: NDArray[np.int32]) -> NDArray[np.int64]:
    """Edges between the regions on either side of a line, each once; 0 is no region."""
    apart = (some > 0) & (others > 0) & (some != others)
    some, others = some[apart], others[apart]
    return distinct(np.minimum(some, others).astype(np.int64) << EDGE_SHIFT | np.maximum(some, others))


@inner_jit
def _alike(modes: Any, mask: Any, threshold: float, row: int, column: int, other_row: int, other_column: int) -> bool:
    if not (mask[row, column] and mask[other_row, other_column]):
        return False
    for band in range(modes.shape[2]):
        if abs(modes[row, column, band] - modes[other_row, other_column, band]) >= threshold:
            return False
    return True


@kernel_jit
def _compare(
    modes: Any, mask: Any, threshold: float, rows: Any, columns: Any, other_rows: Any, other_columns: Any, alike: Any
) -> None:
    for pair in range(alike.size):
        row, column, other_row, other_column = rows[pair], columns[pair], other_rows[pair], other_columns[pair]
        alike[pair] = _alike(modes, mask, threshold, row, column, other_row, other_column)


@kernel_jit
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
                    unite(parents, row * width + column, other_row * width + other_column)


@kernel_jit
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
            regions[pixel] = regions[find(parents, pixel)]  # a root is the first pixel of its component
    return n_regions


@kernel_jit
def _add_modes(modes: Any, regions: Any, per_unit: float, sizes: Any, sums: Any) -> None:
    for pixel in range(regions.size):
        region = regions[pixel]
        if region > 0:
            sizes[region] += 1
            for band in range(modes.shape[1]):
                sums[region, band] += np.int64(np.rint(np.float64(modes[pixel, band]) * per_unit))


@inner_jit
def _edge(one: Any, other: Any) -> Any:
    return (np.int64(min(one, other)) << EDGE_SHIFT) | np.int64(max(one, other))


@kernel_jit
def _list_edges(regions: Any, edges: Any) -> int:
    """Count the edges over the sides between pixels, without those equal to their predecessor; written unless `edges`
    is empty."""
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


@kernel_jit
def _drop_repeated(edges: Any) -> int:
    """Keep each of the sorted edges once; returns their number."""
    n_edges = 0
    for place in range(edges.size):
        if n_edges == 0 or edges[place] != edges[n_edges - 1]:
            edges[n_edges] = edges[place]
            n_edges += 1
    return n_edges


@kernel_jit
def _move_ends(edges: Any, parents: Any) -> int:
    """Move the ends of edges to `parents`, and drop those inside one region; returns how many are left."""
    n_edges = 0
    for place in range(edges.size):
        one, other = parents[edges[place] >> EDGE_SHIFT], parents[edges[place] & 0xFFFFFFFF]
        if one != other:
            edges[n_edges] = _edge(one, other)
            n_edges += 1
    return n_edges
