"""The centres of SLIC over the tiles of a raster: rounds of assignment and update, shared among stages.

Every tile computes the centres of the cells that begin in its core. A round carries information two cells in each
direction, so the halo grows with the rounds of a stage. Several stages share the rounds and pass on their centres:
reading an image several times costs less than the wide halos of a single stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densa.engine.regions.stages.stage import Stage, Tile
from densa.engine.regions.stages.value_range import value_range
from densa.raster import Window
from densa.raster.grid import Block, Grid, inside
from densa.regions.slic.cells import CellGrid, Cells
from densa.regions.slic.metric import Metric, make_metric, to_planes, used_compactness
from densa.regions.slic.parts import Centers, Part, move_centers, no_centers, seed_centers

if TYPE_CHECKING:
    from densa.engine.regions.stages.store import Store

__all__ = ["CenterStage", "Plan", "load_centers", "part_of", "shared_rounds"]

_HALO = 320  # largest halo of a stage in pixels, unless a single round needs more


def shared_rounds(n_rounds: int, side: int) -> list[range]:
    """The rounds of each stage: up to as many as `_HALO` allows, evenly; at least one stage, for the seeds."""
    most = max(1, (_HALO // side - 1) // 2)
    n_stages = max(1, -(-n_rounds // most))
    ends = [k * n_rounds // n_stages for k in range(n_stages + 1)]
    return [range(start, stop) for start, stop in pairwise(ends)]


@dataclass(frozen=True)
class Plan:
    """Parameters of SLIC of one raster, which all stages share."""

    grid: CellGrid
    n_superpixels: int
    compactness: float | None
    adaptive: bool
    lab: bool
    min_size_factor: float
    dtype: np.dtype[Any]

    @property
    def side(self) -> int:
        """Longest side of a cell in pixels."""
        return max(self.grid.largest_cell)

    def metric(self, store: Store) -> Metric:
        """Fixed-point colours, the same in every tile."""
        found = None if self.lab else value_range(store)
        ranges = None if found is None else (found.lows, found.highs)
        compactness = used_compactness(self.compactness, self.dtype, ranges)
        return make_metric(self.grid, compactness, self.adaptive, ranges)

    def window(self, cells: Cells, border: int = 0) -> Window:
        """The pixels of cells, and `border` pixels around them."""
        rows, columns = self.grid.rows(cells), self.grid.columns(cells)
        top, left = max(int(rows[0]) - border, 0), max(int(columns[0]) - border, 0)
        bottom = min(int(rows[-1]) + border, self.grid.height)
        right = min(int(columns[-1]) + border, self.grid.width)
        return Window(top, left, bottom - top, right - left)


def part_of(block: Block, window: Window, metric: Metric) -> Part:
    """A window of a block in fixed point."""
    rows, columns = inside(window, block.window)
    valid = block.valid[rows, columns]
    mask = None if valid.all() else np.ascontiguousarray(valid)
    image = np.moveaxis(block.pixels[:, rows, columns], 0, -1)
    return Part(to_planes(image, mask, metric), mask, window.row, window.column)


@dataclass(frozen=True)
class CenterStage(Stage):
    """Rounds `first` to `stop` of the centres; the first stage places them."""

    plan: Plan
    first: int
    stop: int
    before: str  # the stage that leaves the centres of the previous round; "" for none
    name: str
    halo: int

    def compute(self, tile: Tile, store: Store) -> dict[str, NDArray[Any]]:
        """Centres of the cells that begin in the core."""
        grid = self.plan.grid
        block = tile.read(self.halo)
        wanted = grid.beginning(*tile.core)
        n_valid = np.count_nonzero(block.valid[inside(tile.core, block.window)])
        if min(wanted.shape) > 0:
            centers = self._centers(block, wanted, self.plan.metric(store), store)
        else:
            centers = no_centers(wanted, len(block.pixels))
        i0, i1, j0, j1 = wanted.within(centers.cells)
        arrays = {name: array[..., i0:i1, j0:j1] for name, array in centers._asdict().items() if name != "cells"}
        return {**arrays, "n_valid": np.array(n_valid, np.int64)}

    def _centers(self, block: Block, wanted: Cells, metric: Metric, store: Store) -> Centers:
        grid, rounds = self.plan.grid, range(self.first, self.stop)
        held = grid.around(wanted, 2 * len(rounds))
        window = self.plan.window(held, 1)
        if not block.valid[inside(window, block.window)].any():
            return no_centers(held, len(block.pixels))
        part = part_of(block, window, metric)
        centers = load_centers(store, self.before, grid, held) if self.before else None
        centers = centers or seed_centers(part, grid, metric, held)
        move_centers(part, grid, metric, centers, rounds, wanted)
        return centers

    def gather(self, store: Store, grid: Grid) -> None:
        """Number of valid pixels of the raster."""
        counts = [store.load(self.name, number, "n_valid")["n_valid"] for number in range(len(grid))]
        store.save_table(self.name, {"n_valid": np.array(np.sum(counts), np.int64)})


def load_centers(store: Store, stage: str, grid: CellGrid, cells: Cells) -> Centers:
    """Centres of cells, from all tiles that have some of them."""
    rows, columns = grid.rows(cells), grid.columns(cells)
    begins = Window(int(rows[0]), int(columns[0]), int(rows[-2] - rows[0]) + 1, int(columns[-2] - columns[0]) + 1)
    found: Centers | None = None
    for number, _ in store.grid.tiles_in(begins):
        own = grid.beginning(*store.grid.tile(number)[0])
        common = own.common(cells)
        if min(common.shape) <= 0:
            continue
        arrays = store.load(stage, number)
        found = found or no_centers(cells, len(arrays["colors"]))
        i0, i1, j0, j1 = common.within(cells)
        k0, k1, l0, l1 = common.within(own)
        for name, array in found._asdict().items():
            if name != "cells":
                array[..., i0:i1, j0:j1] = arrays[name][..., k0:k1, l0:l1]
    assert found is not None, "every cell begins in a tile"
    return found
