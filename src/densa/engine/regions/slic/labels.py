"""The labels of SLIC in one tile: which centre wins each pixel, and small pieces merged into their neighbours.

On noise every pixel is a piece of its own before small pieces are merged, and needs twelve times the memory of a pixel
of a photograph; so pieces are merged in strips of the tile, whose number depends on that of the pieces: one for a
photograph.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.engine.regions.slic.centers import Plan, load_centers, part_of
from densa.engine.regions.stages.stage import Stage, Tile
from densa.engine.regions.stages.stitching import label_fragments, number_fragments
from densa.raster import Window
from densa.raster.grid import Grid, inside
from densa.regions.slic.cells import CellGrid, Cells
from densa.regions.slic.parts import candidates, labels_of, most_pieces
from densa.regions.slic.small_pieces import Sides, absorb_in_window
from densa.regions.slic.superpixels import smallest_size
from densa.union_find import number_sets, unite

if TYPE_CHECKING:
    from densa.engine.regions.stages.store import Store

__all__ = ["MARGIN", "LabelStage", "fitting_strips", "join_strips", "merged_bytes"]

MARGIN = 4  # cells around a core in which pieces are merged: a piece and its neighbour reach two cells each
_STRIP_MARGIN = MARGIN - 1  # the margin of strips; a strip that it leaves undecided is computed again
_RUN_BYTES, _PIECE_BYTES = 8, 113  # of a run of equal labels and of a piece, while small pieces are merged
_BLOCK_BYTES = 10  # least bytes per pixel of a block while pieces are merged
_STRIP_BYTES = 14e6  # that a strip of the smallest tile may need


class _Chosen(NamedTuple):
    """Nearest of the nine candidate centres of each pixel of a rectangle of cells.

    Attributes:
        cells: the rectangle.
        around: the cells whose centres were known.
        won: (h, w) number of the nearest candidate.
        mask: (h, w) valid pixels; None: all.
    """

    cells: Cells
    around: Cells
    won: NDArray[np.uint8]
    mask: NDArray[np.bool_] | None

    def labels(self, grid: CellGrid, cells: Cells) -> NDArray[np.int32]:
        """(h, w) nearest centres of the pixels of some rows of these cells."""
        top, bottom = (grid.rows(cells) - grid.rows(self.cells)[0])[[0, -1]]
        mask = None if self.mask is None else self.mask[top:bottom]
        return labels_of(self.won[top:bottom], mask, grid, self.around, cells)


@dataclass(frozen=True)
class LabelStage(Stage):
    """Labels of the pixels, and small pieces merged into their neighbours."""

    plan: Plan
    before: str
    reach: int  # largest halo of all stages, for which the tile size was chosen
    halo: int
    name = "slic"
    paints = True

    def compute(self, tile: Tile, store: Store) -> dict[str, NDArray[Any]]:
        """Regions of one tile, in pieces."""
        chosen = self._chosen(tile, tile.core, MARGIN, store)
        strips = self._strips(tile, chosen, store)
        margin = MARGIN if len(strips) == 1 else _STRIP_MARGIN
        return join_strips([self._pieces(tile, strip, chosen, margin, store) for strip in strips])

    def _cells(self, strip: Window, tile: Tile, margin: int) -> tuple[Window, Cells]:
        """The pixels of a strip and those they may be joined to; the cells that these touch, with a margin of cells."""
        height, width = min(strip.height + 1, tile.height - strip.row), min(strip.width + 1, tile.width - strip.column)
        wanted = Window(strip.row, strip.column, height, width)
        return wanted, self.plan.grid.around(self.plan.grid.touching(*wanted), margin)

    def _chosen(self, tile: Tile, strip: Window, margin: int, store: Store) -> _Chosen:
        """Nearest centres of the pixels of a strip and of a margin of cells."""
        plan, grid = self.plan, self.plan.grid
        _, cells = self._cells(strip, tile, margin)
        window, around = plan.window(cells), grid.around(cells, 1)
        block = tile.read((margin + 1) * plan.side)
        if not block.valid[inside(window, block.window)].any():
            shape = window.height, window.width
            return _Chosen(cells, around, np.zeros(shape, np.uint8), np.zeros(shape, np.bool_))
        metric = plan.metric(store)
        part = part_of(block, window, metric)
        won = candidates(part, grid, metric, load_centers(store, self.before, grid, around), cells)
        return _Chosen(cells, around, won, part.mask)

    def _strips(self, tile: Tile, chosen: _Chosen, store: Store) -> list[Window]:
        """The strips of the core in which small pieces are merged, one after the other."""
        grid = self.plan.grid
        runs, begun = most_pieces(chosen.won, chosen.mask, grid, chosen.cells)
        height, width = chosen.won.shape
        before = np.zeros(height + 1)
        np.cumsum(4 * width + _RUN_BYTES * runs + _PIECE_BYTES * begun, out=before[1:])

        def bytes_of(strip: Window) -> float:
            margin = MARGIN if strip == tile.core else _STRIP_MARGIN
            rows = grid.rows(self._cells(strip, tile, margin)[1]) - grid.rows(chosen.cells)[0]
            return float(before[rows[-1]] - before[rows[0]])

        largest = Grid(grid.height, grid.width, store.grid.tile_size, self.reach).largest_block()
        left = _BLOCK_BYTES * max(0, largest - height * width)
        return fitting_strips(
            tile.core, self.plan.side, bytes_of, max(_STRIP_BYTES, merged_bytes(self.plan.side) * largest + left)
        )

    def _pieces(self, tile: Tile, strip: Window, chosen: _Chosen, margin: int, store: Store) -> dict[str, NDArray[Any]]:
        """Regions of a strip, in pieces."""
        plan = self.plan
        n_pixels = int(store.table(self.before)["n_valid"])
        smallest = smallest_size(plan.min_size_factor, plan.n_superpixels, n_pixels)
        while True:
            wanted, cells = self._cells(strip, tile, margin)
            cells = cells._replace(left=chosen.cells.left, right=chosen.cells.right)
            window = plan.window(cells)
            labels = chosen.labels(plan.grid, cells)
            if absorb_in_window(labels, smallest, _open_sides(cells, plan.grid), inside(wanted, window), labels):
                return label_fragments(labels, strip, window, tile.width, 1)
            del labels
            margin = 2 * margin if margin >= MARGIN else MARGIN
            if margin > MARGIN:
                chosen = self._chosen(tile, strip, margin, store)

    def gather(self, store: Store, grid: Grid) -> None:
        """Superpixels of the raster."""
        number_fragments(store, self.name, grid)


def merged_bytes(side: int) -> float:
    """Bytes per pixel of the largest block that a strip may take while its small pieces are merged.

    On noise the whole block needs 99. The lowest strip has the height of nine cells, so on a block of width u it needs
    99 * 9 * side * u bytes: for every u no more than b * u**2 + `_STRIP_BYTES` with b = side**2 / 70.
    """
    return min(99, max(9, side**2 / 70))


def _open_sides(cells: Cells, grid: CellGrid) -> Sides:
    return Sides(cells.top > 0, cells.bottom < grid.n_rows, cells.left > 0, cells.right < grid.n_columns)


# ------------------------------------------------------------------------------------------------------ strips


def fitting_strips(core: Window, least: int, bytes_of: Callable[[Window], float], allowed: float) -> list[Window]:
    """The fewest strips of equal height that need no more memory than allowed, or strips of the least height.

    Args:
        core: of the tile.
        least: least height of a strip.
        bytes_of: memory of a strip.
        allowed: bytes.
    """
    n, most = 1, max(1, core.height // least)
    while True:
        edges = [core.row + k * core.height // n for k in range(n + 1)]
        strips = [Window(top, core.column, bottom - top, core.width) for top, bottom in pairwise(edges)]
        if n == most or all(bytes_of(strip) <= allowed for strip in strips):
            return strips
        n = min(n + 1 + n // 4, most)


def join_strips(strips: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Join the results of `stitching.fragment_arrays` for strips to that for their tile; empties the list."""
    if len(strips) == 1:
        return strips.pop()
    counts = [len(strip["firsts"]) for strip in strips]
    offsets = np.cumsum([0, *counts])
    parents = np.arange(offsets[-1], dtype=np.int32)
    for k, (above, below) in enumerate(pairwise(strips)):
        seam = above["down"][:, 1]
        one, other = above["fragments"][-1][seam], below["fragments"][0][seam]
        _join(parents, one - 1 + offsets[k], other - 1 + offsets[k + 1])
    numbers = np.empty(len(parents), np.int32)
    number_sets(parents, numbers)
    begins = parents == np.arange(len(parents))  # a set's first piece is its root
    firsts = np.concatenate([strip["firsts"] for strip in strips])[begins]
    right = np.concatenate([strip["right"] for strip in strips])
    down = strips[-1]["down"]
    fragments = np.empty((len(right), len(down)), np.int32)
    bottom = len(right)
    while strips:
        part = strips.pop()["fragments"]
        own = np.concatenate([np.zeros(1, np.int32), numbers[offsets[len(strips)] : offsets[len(strips) + 1]]])
        np.take(own, part, out=fragments[bottom - len(part) : bottom])
        bottom -= len(part)
    faces = np.concatenate((fragments[0], fragments[-1], fragments[:, 0], fragments[:, -1]))
    return {"fragments": fragments, "faces": faces, "firsts": firsts, "right": right, "down": down}


@njit(nogil=True, cache=True)
def _join(parents, one, other):  # type: ignore[no-untyped-def]
    for i in range(one.size):
        unite(parents, one[i], other[i])
