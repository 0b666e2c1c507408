"""Mean shift on rasters of any size, bit for bit that of the whole image (after Michel, Youssefi, Grizonnet, TGRS 2015,
doi:10.1109/TGRS.2014.2330857: a step that is stable per pixel, then everything else on the graph of all regions).

A trajectory may be as long as max_iterations * spatial_radius; nearly all end within a few radii. So tiles are read
with a halo of a few radii, and only the pixels whose window left that block are computed again in larger blocks.
Joining neighbours is local; closure and removal of small regions are done on the graph of all regions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densa.checks import as_count
from densa.engine.regions.stages.stage import RegionMethod, Stage, Tile
from densa.engine.regions.stages.stitching import fragment_arrays, number_fragments
from densa.engine.regions.stages.value_range import RangeStage, value_range
from densa.errors import InputError
from densa.raster import Raster, Window
from densa.raster.grid import Block, Grid, common, inside, widened
from densa.regions.mean_shift.mode_fusion import fuse_graph
from densa.regions.mean_shift.mode_joining import (
    across_edges,
    are_alike,
    distinct_edges,
    join_alike,
    list_edges,
    moved_edges,
    steps,
    sum_modes,
)
from densa.regions.mean_shift.mode_search import Beyond, Kernel, ModeSearch
from densa.regions.mean_shift.segmentation import Color, is_luv, join_distance, largest_of_type, prepare

if TYPE_CHECKING:
    from densa.engine.regions.stages.store import Store

__all__ = ["MeanShift"]

HALO_RADII = 4  # spatial radii that are read around a tile
GROWTH = 3  # of the halo, for pixels whose window left the block
PIECE_PX = 256  # side of the pieces in which they are computed again, so that a larger halo needs no more memory


@dataclass(frozen=True)
class MeanShift(RegionMethod):
    """Mean-shift segmentation, as `densa.regions.mean_shift`.

    Memory of the global step, tiles aside: 44 + 8 * bands bytes for each region that neighbours are joined to before
    closure and removal, and 16 bytes for each pair of such regions that touch.

    Args:
        spatial_radius, range_radius, min_size: see there.
        kernel, color, lightness_rule, join_threshold, max_iterations, tolerance: see there.

    Raises:
        InputError: a radius, count or kernel out of its range.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> from densa.engine import regions
        >>> image = np.zeros((20, 30), np.uint8)
        >>> image[:, 15:] = 200
        >>> method = regions.MeanShift(3, 20)
        >>> int(regions.segment_array(method, raster.from_array(image)).max())
        2
    """

    spatial_radius: float
    range_radius: float
    min_size: int = 1
    kernel: Kernel = "uniform"
    color: Color = "auto"
    lightness_rule: bool = True
    join_threshold: float | None = None
    max_iterations: int = 100
    tolerance: float = 0.1
    name = "mean-shift"

    def __post_init__(self) -> None:
        self._search(as_luv=False)
        as_count(self.min_size, "min_size")
        join_distance(self.join_threshold, self.range_radius, False)
        if self.color != "luv":  # whose check needs a raster
            is_luv(self.color, np.dtype(np.uint8), 3)

    def parameters(self) -> dict[str, Any]:
        """Parameters that a run which continues another must share with it."""
        return {
            "spatial_radius": float(self.spatial_radius),
            "range_radius": float(self.range_radius),
            "min_size": int(self.min_size),
            "kernel": self.kernel,
            "color": self.color,
            "lightness_rule": bool(self.lightness_rule),
            "join_threshold": None if self.join_threshold is None else float(self.join_threshold),
            "max_iterations": int(self.max_iterations),
            "tolerance": float(self.tolerance),
        }

    def stages(self, raster: Raster) -> list[Stage]:
        """One pass; one more before it, for the range of values, where the image's type does not limit them.

        Raises:
            InputError: the values are neither integers nor floats, or `color` does not fit them.
        """
        if raster.dtype.kind not in "buif":
            raise InputError(f"{raster.path} must hold integers or floats, got {raster.dtype}; convert it first")
        as_luv = is_luv(self.color, raster.dtype, raster.n_bands)
        search = self._search(as_luv)
        radius = search.radius_in(raster.height, raster.width)
        modes = _ModeStage(
            search=search,
            color="luv" if as_luv else "as-is",
            join=join_distance(self.join_threshold, self.range_radius, as_luv),
            min_size=self.min_size,
            largest=largest_of_type(raster.dtype),
            halo=min(math.ceil(HALO_RADII * radius), max(raster.height, raster.width)),
        )
        return [modes] if modes.largest is not None else [RangeStage(), modes]

    def bytes_per_pixel(self, raster: Raster) -> float:
        """Measured on noise, where every pixel is a region; half as much on photographs."""
        own = raster.dtype.itemsize
        return 1.15 * max(raster.n_bands * (own + 12) + 40, raster.n_bands * (2 * own + 12) + 6)

    def _search(self, as_luv: bool) -> ModeSearch:
        bright_rule = as_luv and self.lightness_rule
        return ModeSearch(
            self.spatial_radius, self.range_radius, self.kernel, bright_rule, self.max_iterations, self.tolerance
        )


@dataclass(frozen=True)
class _ModeStage(Stage):
    search: ModeSearch
    color: Color
    join: float
    min_size: int
    largest: float | None
    halo: int
    name = "modes"
    paints = True
    merges = True

    def compute(self, tile: Tile, store: Store) -> dict[str, NDArray[Any]]:
        """Pieces of one tile whose pixels have nearly the same modes, and the sums of those."""
        area, wanted = _with_neighbours(tile)
        modes, valid = self._modes(tile, area, wanted)
        core = inside(tile.core, area)
        of_core = np.ascontiguousarray(modes[core])
        fragments, n_fragments = join_alike(of_core, np.ascontiguousarray(valid[core]), self.join)
        arrays = fragment_arrays(
            fragments, tile.core, area, tile.width, 2, lambda a, b: are_alike(modes, valid, self.join, a, b)
        )
        per_unit = self._per_unit(store, tile.height, tile.width)
        sizes, sums = sum_modes(of_core, fragments, n_fragments, per_unit)
        return {
            **arrays,
            "sizes": sizes,
            "sums": sums,
            "edges": distinct_edges(list_edges(fragments)),
        }

    def gather(self, store: Store, grid: Grid) -> None:
        """Number the pieces of the raster, and merge the regions on their graph."""
        n_regions = number_fragments(store, self.name, grid)
        sizes, sums, edges = _graph(store, self.name, grid, n_regions)
        per_unit = self._per_unit(store, grid.height, grid.width)
        table = fuse_graph(
            sizes, sums, edges, per_unit, self.search.range_radius, self.min_size, self.search.bright_rule
        )
        store.save_merge(self.name, table)

    def _per_unit(self, store: Store, height: int, width: int) -> float:
        largest = self.largest
        if largest is None:
            found = value_range(store)
            largest = max(-float(found.lows.min(initial=0)), float(found.highs.max(initial=0)))
        return steps(largest, height * width)

    def _modes(
        self, tile: Tile, area: Window, wanted: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """(h, w, bands) modes of the wanted pixels of an area, computed again in larger blocks until none is missing;
        (h, w) which of them are valid."""
        halo = self.halo
        block = tile.read(halo)
        valid = wanted & block.valid[inside(area, block.window)]
        modes = np.zeros((*valid.shape, len(block.pixels)), np.float32)
        missing = valid.copy()
        self._search_in(tile, block, area, modes, missing)
        while missing.any():
            halo *= GROWTH
            block = tile.read(halo)
            for row in range(0, area.height, PIECE_PX):
                for column in range(0, area.width, PIECE_PX):
                    piece = _around(missing, row, column)
                    if piece is not None:
                        self._search_piece(tile, block, area, piece, halo, modes, missing)
        return modes, valid

    def _search_piece(
        self,
        tile: Tile,
        block: Block,
        area: Window,
        piece: Window,
        halo: int,
        modes: NDArray[np.float32],
        missing: NDArray[np.bool_],
    ) -> None:
        """Search the missing pixels of a piece of the area, in as small a block as the halo allows."""
        window = Window(area.row + piece.row, area.column + piece.column, piece.height, piece.width)
        near = common(widened(window, halo, tile.height, tile.width), block.window)
        rows, columns = inside(near, block.window)
        cut_out = Block(block.core, near, block.pixels[:, rows, columns], block.valid[rows, columns])
        place = inside(piece, Window(0, 0, *missing.shape))
        self._search_in(tile, cut_out, window, modes[place], missing[place])

    def _search_in(
        self, tile: Tile, block: Block, area: Window, modes: NDArray[np.float32], missing: NDArray[np.bool_]
    ) -> None:
        """Find modes of missing pixels of an area in a block; pixels whose windows leave the block stay missing."""
        if not missing.any():
            return
        window, place = block.window, inside(area, block.window)
        wanted = np.zeros(block.valid.shape, np.bool_)
        wanted[place] = missing
        values, _, _ = prepare(np.ascontiguousarray(block.pixels.transpose(1, 2, 0)), block.valid, self.color)
        beyond = Beyond(
            above=window.row,
            below=tile.height - window.row - window.height,
            left=window.column,
            right=tile.width - window.column - window.width,
        )
        found, cut = self.search.modes(values, np.ascontiguousarray(block.valid), wanted, beyond)
        np.copyto(modes, found[place], where=missing[:, :, np.newaxis])
        missing &= cut[place]


def _with_neighbours(tile: Tile) -> tuple[Window, NDArray[np.bool_]]:
    """The core and the pixels joined to it across its right and lower face: their window, and (h, w) which they are."""
    core = tile.core
    area = common(widened(core, 1, tile.height, tile.width), Window(core.row, 0, tile.height - core.row, tile.width))
    wanted = np.ones((area.height, area.width), np.bool_)
    wanted[: core.height, : core.column - area.column] = False  # of the column at the left, the lowest pixel is joined
    return area, wanted


def _around(missing: NDArray[np.bool_], row: int, column: int) -> Window | None:
    """The smallest window with all missing pixels of the piece at (row, column); None where there are none."""
    piece = missing[row : row + PIECE_PX, column : column + PIECE_PX]
    rows, columns = np.flatnonzero(piece.any(axis=1)), np.flatnonzero(piece.any(axis=0))
    if not len(rows):
        return None
    height, width = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
    return Window(row + int(rows[0]), column + int(columns[0]), height, width)


def _graph(
    store: Store, stage_name: str, grid: Grid, n_regions: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Sizes, sums of modes and edges of all regions, from those of the pieces in every tile."""
    sizes = np.zeros(n_regions + 1, np.int64)
    sums = np.zeros((n_regions + 1, 0), np.int64)
    edges: list[NDArray[np.int64]] = []
    above, beside = np.zeros(grid.width, np.int32), np.zeros(0, np.int32)
    for number in range(len(grid)):
        core = grid.tile(number)[0]
        tile = store.load(stage_name, number, "sizes", "sums", "edges", "faces")
        numbers = store.load("numbers", number, "numbers")["numbers"].copy()
        if number == 0:
            sums = np.zeros((n_regions + 1, tile["sums"].shape[1]), np.int64)
        np.add.at(sizes, numbers, tile["sizes"])
        np.add.at(sums, numbers, tile["sums"])
        edges.append(moved_edges(tile["edges"].copy(), numbers))
        sides = np.cumsum((core.width, core.width, core.height))
        top, bottom, left, right = np.split(numbers[tile["faces"]], sides)
        columns = slice(core.column, core.column + core.width)
        edges.append(across_edges(above[columns], top))
        beside = np.zeros_like(left) if core.column == 0 else beside
        edges.append(across_edges(beside, left))
        above[columns], beside = bottom, right
    return sizes, sums, distinct_edges(np.concatenate(edges))
