"""The global step of the watershed: edges that the tiles left undecided, and labels or levels of all their nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.regions.shared.distinct import distinct
from densa.regions.watershed.spanning_forest_tiles import NO_LEVEL, join_nodes

if TYPE_CHECKING:
    from densa.engine.regions.stages.store import Store
    from densa.raster.grid import Grid

__all__ = ["label_nodes", "level_nodes"]

_EDGES = ("labels", "one", "other", "inner", "outer", "altitude", "order")
_SIDES = ("top", "bottom", "left", "right")


class _Edges(NamedTuple):
    """Edges: their ends (a node from 0, or ``-label`` of a marker) and their rank in the total order."""

    one: NDArray[np.int64]
    other: NDArray[np.int64]
    altitude: NDArray[np.int64]
    order: NDArray[np.uint64]


def label_nodes(store: Store, stage_name: str, grid: Grid) -> None:
    """Join the nodes of all tiles; saves their labels as "numbers" and the number of regions in the table "regions".

    Memory: 40 bytes for each edge across a face that does not join two markers, and each undecided edge of a tile; 8
    for each pixel at a face, 28 for each node, 8 for each region in each tile.

    Args:
        store: holds what `spanning_forest_tiles.shrink` left of every tile, and its nodes at the "top", "bottom",
            "left" and "right".
        stage_name: the stage that made them.
        grid: of the raster.
    """
    markers = []  # of each tile: every region has one
    for number, (labels, levels) in enumerate(_joined(store, stage_name, grid)):
        store.save("numbers", number, {"numbers": labels})
        markers.append(labels[(levels == NO_LEVEL) & (labels != 0)])
    store.save_table("regions", {"count": np.array(len(distinct(np.concatenate(markers))), np.int64)})


def level_nodes(store: Store, stage_name: str, grid: Grid, name: str) -> None:
    """Join the nodes of all tiles, and save the level of the flood when it reaches them.

    Args:
        store, stage_name, grid: see `label_nodes`.
        name: of what is saved: "levels" (n + 1,) int64 of the nodes from 1, NO_LEVEL where they hold a marker, and
            "reached" (n + 1,) bool.
    """
    for number, (labels, levels) in enumerate(_joined(store, stage_name, grid)):
        store.save(name, number, {"levels": levels, "reached": labels != 0})


def _joined(store: Store, stage_name: str, grid: Grid) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int64]]]:
    """Tile by tile, label and level of each node from 1; 0 and NO_LEVEL for node 0."""
    faces = _Faces(grid)
    starts = [0]
    for number in range(len(grid)):
        tile = store.load(stage_name, number, "labels", *_SIDES)
        codes = _codes(tile["labels"], starts[-1])
        faces.add(number, {side: codes[tile[side]] for side in _SIDES})
        starts.append(starts[-1] + int((tile["labels"] == 0).sum()))
    edges = _collect(store, stage_name, grid, starts, faces)
    del faces
    found, levels = join_nodes(*edges, starts[-1])
    del edges
    for number in range(len(grid)):
        labels = store.load(stage_name, number, "labels")["labels"]
        its = slice(starts[number], starts[number + 1])
        n_known = len(labels) - (starts[number + 1] - starts[number])
        yield (
            np.concatenate([np.zeros(1, np.int32), found[its], labels[len(labels) - n_known :]]),
            np.concatenate([np.full(1, NO_LEVEL), levels[its], np.full(n_known, NO_LEVEL)]),
        )


def _codes(labels: NDArray[np.int32], start: int) -> NDArray[np.int64]:
    """Codes of the nodes of a tile in the raster; node 0 is no end of any edge."""
    unknown = labels == 0
    codes = np.where(unknown, start + np.arange(len(labels)), -labels.astype(np.int64))
    return np.concatenate([np.zeros(1, np.int64), codes])


def _collect(store: Store, stage_name: str, grid: Grid, starts: list[int], faces: _Faces) -> _Edges:
    """The edges of all tiles, without those between two markers."""
    parts = []
    for number in range(len(grid)):
        tile = store.load(stage_name, number, *_EDGES)
        codes = _codes(tile["labels"], starts[number])
        one = np.concatenate([codes[tile["one"]], codes[tile["inner"]]])
        other = np.concatenate([codes[tile["other"]], faces.at(tile["outer"])])
        kept = (one >= 0) | (other >= 0)
        parts.append(_Edges(one[kept], other[kept], tile["altitude"][kept], tile["order"][kept]))
    return _Edges(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


class _Faces:
    """The nodes at the faces of all tiles, by their position in the raster."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.rows = {side: np.empty((grid.n_rows, grid.width), np.int64) for side in ("top", "bottom")}
        self.columns = {side: np.empty((grid.n_columns, grid.height), np.int64) for side in ("left", "right")}

    def add(self, number: int, codes: dict[str, NDArray[np.int64]]) -> None:
        """Add the next tile."""
        row, column = divmod(number, self.grid.n_columns)
        core = self.grid.tile(number)[0]
        for side, faces in self.rows.items():
            faces[row, core.column : core.column + core.width] = codes[side]
        for side, faces in self.columns.items():
            faces[column, core.row : core.row + core.height] = codes[side]

    def at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The codes of pixels at faces, given by row * width + column."""
        size = self.grid.tile_size
        row, column = np.divmod(positions, self.grid.width)
        tile_row, tile_column = row // size, column // size
        is_top, is_left = row % size == 0, column % size == 0
        is_bottom = (row % size == size - 1) | (row == self.grid.height - 1)
        across = np.where(is_left, self.columns["left"][tile_column, row], self.columns["right"][tile_column, row])
        along = np.where(is_top, self.rows["top"][tile_row, column], self.rows["bottom"][tile_row, column])
        return np.where(is_top | is_bottom, along, across)
