"""SLIC of rasters of any size, equal to `densa.regions.slic` to the last pixel.

Centres first: every tile finds the centres of the cells that begin in its core, with as many cells around as its rounds
carry (two each way per round); where cells are large, the rounds are shared among stages that hand on their centres.
Then the labels: with all centres known, one cell around decides which centre wins a pixel. Only the merging of small
pieces reaches further, by as much as the image has small pieces side by side; where a tile's own margin leaves a pixel
of it in doubt, the tile is done again with twice the margin.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densa.engine.block import Block
from densa.engine.grid import Grid, inside
from densa.engine.regions.components import label_fragments
from densa.engine.regions.stitching import MAX_REGIONS, number_fragments
from densa.engine.regions.value_range import RangeStage, value_range
from densa.errors import InputError
from densa.raster import Raster, Window
from densa.regions._features import MAX_BANDS
from densa.regions._small_pieces import Sides, absorb_in_window
from densa.regions.slic import check_image_parameters, check_parameters, smallest_size
from densa.regions.slic_blocks import (
    Centers,
    Part,
    candidates,
    labels_of,
    move_centers,
    no_centers,
    seed_centers,
)
from densa.regions.slic_cells import CellGrid, Cells, cell_grid
from densa.regions.slic_metric import Metric, make_metric, to_planes

if TYPE_CHECKING:
    from densa.engine.regions.stage import Stage, Tile
    from densa.engine.regions.store import Store

__all__ = ["Slic"]

_SIZE = 400  # pixels of a superpixel, unless told
_HALO = 512  # pixels that the rounds of one stage may carry, where they carry no more than one round must
_MARGIN = 4  # cells around a core within which pieces are merged: a piece and its neighbour reach two further each


@dataclass(frozen=True)
class Slic:
    """SLIC superpixels, as `densa.regions.slic` of the whole raster with connected regions.

    Invalid pixels are in no region.

    Args:
        n_superpixels: wanted count; None: as many as `superpixel_size` asks for.
        compactness, n_iterations, adaptive, lab, min_size_factor: see `densa.regions.slic`.
        superpixel_size: wanted pixels of a superpixel, in place of a count; 1 or more.

    Raises:
        InputError: a parameter is outside its range.
    """

    n_superpixels: int | None = None
    compactness: float = 10.0
    n_iterations: int = 10
    adaptive: bool = False
    lab: bool | None = None
    min_size_factor: float = 0.25
    superpixel_size: float | None = None

    def __post_init__(self) -> None:
        check_parameters(self.compactness, self.n_iterations, self.adaptive, self.min_size_factor)
        if self.n_superpixels is not None and self.superpixel_size is not None:
            raise InputError("give either n_superpixels or superpixel_size, not both")
        if self.n_superpixels is not None and self.n_superpixels < 1:
            raise InputError(f"n_superpixels must be 1 or more, got {self.n_superpixels}")
        if self.superpixel_size is not None and not 1 <= self.superpixel_size < math.inf:
            raise InputError(f"superpixel_size must be 1 pixel or more, and finite, got {self.superpixel_size}")

    @property
    def name(self) -> str:
        """As on the command line."""
        return "slic"

    def parameters(self) -> dict[str, Any]:
        """What a run that is continued must share."""
        return asdict(self)

    def stages(self, raster: Raster) -> list[Stage]:
        """The range of values (not for CIELAB), rounds of the centres, and the labels.

        Raises:
            InputError: the raster is no image, or has too few pixels or too many for so many superpixels.
        """
        plan = self._plan(raster)
        found: list[Stage] = [] if plan.lab else [RangeStage()]
        before = ""
        for k, rounds in enumerate(_shares(self.n_iterations - 1, plan.side)):
            halo = (2 * len(rounds) + 1) * plan.side
            found.append(_CenterStage(plan, rounds.start, rounds.stop, before, f"centers{k}", halo))
            before = f"centers{k}"
        return [*found, _LabelStage(plan, before, halo=(_MARGIN + 1) * plan.side)]

    def bytes_per_pixel(self, raster: Raster) -> float:
        """Measured on noise, where every pixel is a piece of its own (photographs: a fifth), and with small cells."""
        grid, n_bands = self._plan(raster).grid, raster.n_bands
        per_cell = 40 * (4 + n_bands) * grid.n_rows * grid.n_columns / (grid.height * grid.width)
        return 1.15 * (n_bands * raster.dtype.itemsize + 1 + max(99, 2 * n_bands + 16 + per_cell))

    def _plan(self, raster: Raster) -> _Plan:
        height, width = raster.height, raster.width
        if raster.dtype.kind not in "buif" or raster.n_bands > MAX_BANDS:
            raise InputError(
                f"SLIC takes up to {MAX_BANDS} bands of integers or real numbers, {raster.path} has {raster.n_bands} "
                f"of {raster.dtype}"
            )
        wanted = self.n_superpixels or max(1, round(height * width / (self.superpixel_size or _SIZE)))
        if wanted > MAX_REGIONS:
            raise InputError(
                f"{wanted} superpixels are wanted of {height} x {width} pixels, at most {MAX_REGIONS} can be numbered;"
                " take larger ones, or parts of the raster"
            )
        check_image_parameters(height, width, raster.n_bands, raster.dtype, wanted, self.lab)
        lab = self.lab if self.lab is not None else raster.dtype == np.uint8 and raster.n_bands == 3
        grid = cell_grid(height, width, wanted)
        return _Plan(grid, wanted, self.compactness, self.adaptive, bool(lab), self.min_size_factor)


def _shares(n_rounds: int, side: int) -> list[range]:
    """The rounds of each stage: as many as `_HALO` allows, shared evenly; one stage at least, for the seeds."""
    most = max(1, (_HALO // side - 1) // 2)
    n_stages = max(1, -(-n_rounds // most))
    ends = [k * n_rounds // n_stages for k in range(n_stages + 1)]
    return [range(start, stop) for start, stop in pairwise(ends)]


@dataclass(frozen=True)
class _Plan:
    """What all stages share: SLIC of one raster."""

    grid: CellGrid
    n_superpixels: int
    compactness: float
    adaptive: bool
    lab: bool
    min_size_factor: float

    @property
    def side(self) -> int:
        """Longest side of a cell in pixels."""
        return max(self.grid.largest_cell)

    def metric(self, store: Store) -> Metric:
        """Fixed-point colours, the same in every tile."""
        if self.lab:
            return make_metric(self.grid, self.compactness, self.adaptive, None)
        found = value_range(store)
        return make_metric(self.grid, self.compactness, self.adaptive, (found.lows, found.highs))

    def window(self, cells: Cells, border: int = 0) -> Window:
        """The pixels of cells and so many around."""
        rows, columns = self.grid.rows(cells), self.grid.columns(cells)
        top, left = max(int(rows[0]) - border, 0), max(int(columns[0]) - border, 0)
        bottom = min(int(rows[-1]) + border, self.grid.height)
        right = min(int(columns[-1]) + border, self.grid.width)
        return Window(top, left, bottom - top, right - left)


def _part(block: Block, window: Window, metric: Metric) -> Part:
    """A window of a block in fixed point."""
    rows, columns = inside(window, block.window)
    valid = block.valid[rows, columns]
    mask = np.empty((0, 0), np.bool_) if valid.all() else np.ascontiguousarray(valid)
    image = np.moveaxis(block.pixels[:, rows, columns], 0, -1)
    return Part(to_planes(image, mask, metric), mask, window.row, window.column)


@dataclass(frozen=True)
class _CenterStage:
    """Rounds `first` to `stop` of the centres; the first stage places them."""

    plan: _Plan
    first: int
    stop: int
    before: str  # the stage that leaves the centres of the round before; "" for none
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
        part = _part(block, window, metric)
        centers = _load_centers(store, self.before, grid, held) if self.before else None
        centers = centers or seed_centers(part, grid, metric, held)
        move_centers(part, grid, metric, centers, rounds, wanted)
        return centers

    def gather(self, store: Store, grid: Grid) -> None:
        """Number of valid pixels of the raster."""
        counts = [store.load(self.name, number, "n_valid")["n_valid"] for number in range(len(grid))]
        store.save_table(self.name, {"n_valid": np.array(np.sum(counts), np.int64)})


def _load_centers(store: Store, stage: str, grid: CellGrid, cells: Cells) -> Centers:
    """Centres of cells, from all tiles that left some of them."""
    rows, columns = grid.rows(cells), grid.columns(cells)
    size = store.grid.tile_size
    found: Centers | None = None
    for tile_row in range(rows[0] // size, rows[-2] // size + 1):
        for tile_column in range(columns[0] // size, columns[-2] // size + 1):
            number = tile_row * store.grid.n_columns + tile_column
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


@dataclass(frozen=True)
class _LabelStage:
    """Labels of the pixels, and small pieces merged into their neighbours."""

    plan: _Plan
    before: str
    name: str = "slic"
    halo: int = 0
    paints: bool = True

    def compute(self, tile: Tile, store: Store) -> dict[str, NDArray[Any]]:
        """Regions of one tile, in pieces."""
        plan, core = self.plan, tile.core
        metric = plan.metric(store)
        n_pixels = int(store.table(self.before)["n_valid"])
        smallest = smallest_size(plan.min_size_factor, plan.n_superpixels, n_pixels)
        # the core, and the pixels that its own may be joined to
        height, width = min(core.height + 1, tile.height - core.row), min(core.width + 1, tile.width - core.column)
        wanted = Window(core.row, core.column, height, width)
        margin = _MARGIN
        while True:
            cells = plan.grid.around(plan.grid.touching(*wanted), margin)
            window = plan.window(cells)
            labels = self._labels(tile.read((margin + 1) * plan.side), cells, window, metric, store)
            if absorb_in_window(labels, smallest, _open_sides(cells, plan.grid), inside(wanted, window), labels):
                return label_fragments(labels, core, window, tile.width, 1)
            margin *= 2

    def _labels(self, block: Block, cells: Cells, window: Window, metric: Metric, store: Store) -> NDArray[np.int32]:
        """(h, w) centres that the pixels of the cells chose."""
        if not block.valid[inside(window, block.window)].any():
            return np.zeros((window.height, window.width), np.int32)
        grid = self.plan.grid
        part = _part(block, window, metric)
        centers = _load_centers(store, self.before, grid, grid.around(cells, 1))
        won = candidates(part, grid, metric, centers, cells)
        mask = part.mask
        del part, block  # before the labels take their place
        return labels_of(won, mask, grid, centers.cells, cells)

    def gather(self, store: Store, grid: Grid) -> None:
        """Superpixels of the raster."""
        number_fragments(store, self.name, grid)


def _open_sides(cells: Cells, grid: CellGrid) -> Sides:
    return Sides(cells.top > 0, cells.bottom < grid.n_rows, cells.left > 0, cells.right < grid.n_columns)
