"""Axioms (a) and (b) of a raster of regions, tile by tile: pixels without a region, and regions in several pieces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densa.engine.regions.stages.region_file import RegionFile
from densa.engine.regions.stages.stage import Stage, Tile
from densa.engine.regions.stages.stitching import label_fragments, number_fragments
from densa.raster.grid import Grid, inside, widened
from densa.regions.shared.checks import check_connectivity

if TYPE_CHECKING:
    from densa.engine.regions.stages.store import Store

__all__ = ["CheckStage"]

Column = NDArray[np.int64]


@dataclass(frozen=True)
class CheckStage(Stage):
    """Axioms (a) and (b); leaves the table "axioms".

    Memory of the global step: 40 bytes for each region, and the memory of `number_fragments`.

    Args:
        source: the regions.
        connectivity: 1: pixels have 4 neighbours, 2: 8.
        of_image: the tiles are of an image, which is the domain where it is valid; else it is where `source` is.
    """

    source: RegionFile
    connectivity: int = 1
    of_image: bool = False
    name = "axioms"

    def __post_init__(self) -> None:
        check_connectivity(self.connectivity)

    @property
    def halo(self) -> int:
        """0 with an image, of which only the validity of the core is needed."""
        return 0 if self.of_image else 1

    def compute(self, tile: Tile, store: Store) -> dict[str, NDArray[Any]]:
        """Pieces of one tile and the regions that they belong to; pixels that violate axiom (a)."""
        window = widened(tile.core, 1, tile.height, tile.width)
        own = inside(tile.core, window)
        if self.of_image:
            numbers = self.source(window)
            domain = tile.read(0).valid
        else:
            block = tile.read(1)
            numbers = self.source.numbers(block.pixels, block.valid, window)
            domain = block.valid[own]
        pieces = label_fragments(numbers, tile.core, window, tile.width, self.connectivity)
        del pieces["fragments"]  # nothing is painted
        rows, columns = np.divmod(pieces["firsts"], tile.width)
        return {
            **pieces,
            "owners": numbers[rows - window.row, columns - window.column],
            "missing": _count_and_first(domain & (numbers[own] == 0), tile),
            "beyond": _count_and_first(~domain & (numbers[own] > 0), tile),
        }

    def gather(self, store: Store, grid: Grid) -> None:
        """Counts of the raster, and the regions in several pieces."""
        number_fragments(store, self.name, grid)
        table = _split_regions(store, self.name, grid)
        for name in ("missing", "beyond"):
            counts, firsts = np.array([store.load(self.name, number, name)[name] for number in range(len(grid))]).T
            table[name] = np.array([counts.sum(), firsts.min()])
        store.save_table(self.name, table)


def _count_and_first(where: NDArray[np.bool_], tile: Tile) -> NDArray[np.int64]:
    """Number of pixels of a tile, and index of the first in the raster; the largest integer where there is none."""
    count = int(np.count_nonzero(where))
    if not count:
        return np.array([0, np.iinfo(np.int64).max])
    row, column = divmod(int(where.argmax()), tile.core.width)
    return np.array([count, (tile.core.row + row) * tile.width + tile.core.column + column])


def _split_regions(store: Store, stage_name: str, grid: Grid) -> dict[str, NDArray[Any]]:
    """All regions, ascending; number of pieces of each; first pixel of its second piece, -1 where there is none.

    The pieces of the raster come in raster order, row of tiles after row of tiles.
    """
    regions = np.empty(0, np.int32)
    counts, seconds = np.empty((2, 0), np.int64)
    begun = 0
    for row in range(grid.n_rows):
        tiles = range(row * grid.n_columns, (row + 1) * grid.n_columns)
        parts = [store.load(stage_name, number, "owners", "firsts") for number in tiles]
        pieces = np.concatenate([store.load("numbers", number)["numbers"][1:] for number in tiles])
        owners = np.concatenate([part["owners"] for part in parts])
        firsts = np.concatenate([part["firsts"] for part in parts])
        order = np.lexsort((firsts, pieces))
        order = order[pieces[order] > begun]
        new, start = np.unique(pieces[order], return_index=True)
        begun += len(new)
        order = order[start]
        found = _first_two(owners[order], firsts[order])
        regions, counts, seconds = _join_pieces((regions, counts, seconds), found)
    return {"regions": regions, "counts": counts, "seconds": seconds}


def _first_two(owners: NDArray[np.int32], firsts: Column) -> tuple[NDArray[np.int32], Column, Column, Column]:
    """Regions, number of pieces of each, first pixel of its first and second; the pieces are in raster order."""
    order = np.argsort(owners, kind="stable")
    regions, start, counts = np.unique(owners[order], return_index=True, return_counts=True)
    seconds = np.full(len(regions), -1, np.int64)
    several = counts > 1
    seconds[several] = firsts[order[start[several] + 1]]
    return regions, counts, firsts[order[start]], seconds


def _join_pieces(
    above: tuple[NDArray[np.int32], Column, Column], here: tuple[NDArray[np.int32], Column, Column, Column]
) -> tuple[NDArray[np.int32], Column, Column]:
    """Join the regions of this row of tiles to those of the rows above."""
    regions = np.union1d(above[0], here[0])
    old, new = np.searchsorted(regions, above[0]), np.searchsorted(regions, here[0])
    counts = np.zeros(len(regions), np.int64)
    seconds = np.full(len(regions), -1, np.int64)
    counts[old], seconds[old] = above[1], above[2]
    seconds[new] = np.where(counts[new] == 0, here[3], np.where(counts[new] == 1, here[2], seconds[new]))
    counts[new] += here[1]
    return regions, counts, seconds
