"""The spanning forest of a tile, reduced to what depends on its surroundings, and the spanning forest of the whole.

A tile has its own pixels, and values and steps of the pixels around it. Of its edges

* the least one that leaves a *closed* part (no marker, no pixel at a face) is in the forest whatever lies outside, by
  the cut property: such parts are joined at once (`grow_spanning_forest`);
* one that is not in the spanning forest of the tile is not in that of the whole: it is the highest edge of a cycle in
  the tile, so it is dropped (two parts with markers count as joined, through a root above all markers);
* the others are *undecided*: edges of the tile's spanning forest between parts with a marker or a face pixel. Each
  joins two trees that hold a face pixel or the root; so there are at most as many as face pixels, and at most as many
  nodes without a marker. The size of a tile's result is bounded by its perimeter.

An edge across a face belongs to the tile of its higher end. The position of an edge in the total order is a pair of
integers: the value of the higher end, and (its steps, its position in the raster, the rank of the lower end among the
neighbours of the higher). So the edges of all tiles are ordered by sorting two columns.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.regions.shared.distinct import distinct
from densa.regions.watershed import _spanning_forest_kernels as kernels
from densa.regions.watershed import _spanning_forest_tile_kernels as tile_kernels
from densa.regions.watershed.spanning_forest import SpanningForest, Terrain, grow_spanning_forest

__all__ = ["NO_LEVEL", "TileOrigin", "join_nodes", "shrink"]


class TileOrigin(NamedTuple):
    """A tile's first row and column, and the width of the raster."""

    row: int
    column: int
    raster_width: int


def shrink(
    land: Terrain, markers: NDArray[np.int32], origin: TileOrigin, fill: bool = False
) -> dict[str, NDArray[Any]]:
    """The part of a tile's watershed that depends on its surroundings.

    Args:
        land: terrain of the tile, with steps; the frame holds the pixels around it.
        markers: (h, w) number of each pixel's marker, 0: none.
        origin: of the tile.
        fill: also compute "raised".

    Returns:
        "fragments" (h, w) int32 node of each pixel, 0: none; "labels" (n,) int32 marker of the nodes from 1, 0: not
        known yet. "one", "other" (m,) int32 nodes of the undecided edges. "inner" (k,) int32 nodes at the inner ends of
        the edges across faces and "outer" (k,) int64 position (row * raster_width + column) of their outer ends.
        "altitude" (m + k,) int64 and "order" (m + k,) uint64 position of all these edges in the total order. "raised"
        (h, w) int32 or int64: the level of a pixel is the maximum of this and of the level of its node (`join_nodes`).
    """
    forest = grow_spanning_forest(land, np.pad(markers, 1).ravel(), fill)
    nodes, labels = _number_nodes(forest)
    chosen = _undecided(land, forest, int((labels == 0).sum()))
    across = tile_kernels.edges_across(
        land.values.ravel(), land.steps.ravel(), forest.parts, land.offsets, land.row_length
    )  # fmt: skip
    altitude, order = _order(land, np.concatenate([chosen, across]), origin)
    raised = {"raised": forest.raised(land.values)} if fill else {}
    return raised | {
        "fragments": forest.paint(nodes),
        "labels": labels,
        "one": nodes[forest.parts[chosen[:, 0]]],
        "other": nodes[forest.parts[chosen[:, 1]]],
        "inner": nodes[forest.parts[across[:, 0]]],
        "outer": _positions(land, across[:, 1], origin),
        "altitude": altitude,
        "order": order,
    }


def _number_nodes(forest: SpanningForest) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Node of each part (0: no marker can reach it), and label of each node: first those of 0, then one per label."""
    roots = kernels.resolve(forest.parents, np.arange(len(forest.parents), dtype=np.int32))
    is_root = roots == np.arange(len(roots))
    unknown = np.flatnonzero(is_root & (forest.kinds == kernels.OPEN))
    known = distinct(forest.labels[is_root & (forest.labels != 0)])
    nodes = np.zeros(len(roots), np.int32)
    nodes[unknown] = np.arange(1, len(unknown) + 1)
    labelled = forest.labels != 0
    nodes[labelled] = np.searchsorted(known, forest.labels[labelled]) + len(unknown) + 1
    return nodes[roots], np.concatenate([np.zeros(len(unknown), np.int32), known])


def _undecided(land: Terrain, forest: SpanningForest, n_unknown: int) -> NDArray[np.int32]:
    """(m, 2) higher and lower ends of the remaining edges of the tile's spanning forest; at most `n_unknown`."""
    chosen = np.empty((n_unknown, 2), np.int32)
    if not n_unknown:
        return chosen
    _, n_chosen = kernels.join_parts(
        land.values.ravel(),
        land.steps.ravel(),
        forest.parts,
        forest.higher,
        forest.lower,
        forest.parents.copy(),
        forest.labels.copy(),
        forest.kinds.copy(),
        kernels.OPEN,
        chosen,
    )
    return chosen[:n_chosen]


def _order(land: Terrain, edges: NDArray[np.int32], origin: TileOrigin) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """The two columns by which edges are sorted."""
    values, steps = land.values.ravel(), land.steps.ravel()
    ranks = np.empty(len(edges), np.uint64)
    tile_kernels.rank_lower_ends(values, steps, land.offsets, edges, ranks)
    higher = edges[:, 0]
    positions = _positions(land, higher, origin).astype(np.uint64)
    order = steps[higher].astype(np.uint64) << np.uint64(56) | positions << np.uint64(3) | ranks
    return values[higher].astype(np.int64), order


def _positions(land: Terrain, pixels: NDArray[np.int32], origin: TileOrigin) -> NDArray[np.int64]:
    row, column = np.divmod(pixels.astype(np.int64), land.row_length)
    positions: NDArray[np.int64] = (row - 1 + origin.row) * origin.raster_width + column - 1 + origin.column
    return positions


NO_LEVEL = np.iinfo(np.int64).min
"""Below all levels: for the nodes with a marker, whose pixels have their levels in "raised"."""


def join_nodes(
    one: NDArray[np.int64], other: NDArray[np.int64], altitude: NDArray[np.int64], order: NDArray[np.uint64], n: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Kruskal's algorithm on the nodes and edges of all tiles.

    Args:
        one, other: (m,) ends of the edges: a node from 0, or ``-label`` of a marker.
        altitude, order: (m,) position of each edge in the total order.
        n: number of nodes.

    Returns:
        (n,) label of each node, 0: no marker reaches it; (n,) int64 level at which it is flooded, NO_LEVEL: never.
    """
    parents, labels, levels = np.arange(n), np.zeros(n, np.int32), np.full(n, NO_LEVEL)
    tile_kernels.join_in_order(one, other, altitude, np.lexsort((order, altitude)), parents, labels, levels)
    return kernels.resolve(parents, labels), kernels.resolve(parents, levels)
