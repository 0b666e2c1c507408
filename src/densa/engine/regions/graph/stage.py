"""The regions of a raster of any size, their statistics and their adjacency graph, collected tile by tile.

Only counts, extremes and sums of integers are collected, so the result is the same to the last bit for any tiles.
`RegionTable.statistics` and `RegionTable.graph` convert it to what `densa.regions.region_statistics` and `region_graph`
return for the whole image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.checks import check_gaps
from densa.engine.regions.graph.table import (
    BORDERS,
    EXTREMES,
    ROWS,
    RegionTable,
    Rows,
    join_edges,
    joined,
    limits,
    narrowed,
)
from densa.engine.regions.stages.stage import Regions, Stage, Tile
from densa.engine.regions.stages.value_range import FixedPoint, RangeStage, fixed_point, needs_range, value_range
from densa.pixel_areas import PixelAreas, pixel_areas
from densa.raster import Raster, Window
from densa.raster.earth.ground import Ground, ground_of
from densa.raster.grid import Grid, inside
from densa.regions.partition import graph_kernels as kernels
from densa.regions.shared.checks import check_connectivity

if TYPE_CHECKING:
    from densa.engine.regions.stages.store import Store

__all__ = ["ALL", "MEANS", "SHAPES", "GraphStage", "RegionTable", "graph_bytes_per_pixel", "graph_of", "graph_stages"]

SHAPES = (*ROWS, *EXTREMES)  # columns of regions, not of edges
ALL = (*(name for name in SHAPES if name != "outline"), "edges", *BORDERS)
MEANS = ("n_pixels", "sums", "edges")
_STRIP_RUNS = 2**15  # runs along a row that are collected at once, an upper bound of their regions


def graph_stages(
    raster: Raster,
    name: str = "graph",
    *,
    connectivity: int = 1,
    with_image: bool = True,
    source: Regions | None = None,
    columns: tuple[str, ...] = ALL,
) -> list[Stage]:
    """`GraphStage`, after `RangeStage` where the image's type requires it."""
    ground = ground_of(raster, raster.width)
    graph = GraphStage(name, connectivity, with_image, source, ground if ground.unit == "m2" else None, columns)
    return [RangeStage(), graph] if with_image and needs_range(raster.dtype) else [graph]


def graph_bytes_per_pixel(raster: Raster, columns: tuple[str, ...] = ALL, connectivity: int = 1) -> float:
    """Memory of `GraphStage` per pixel of a block of noise, where every pixel is a region; photographs need far less.

    There are rows and borders of two tiles, one of which is being packed, in the narrowest types, and a copy of the
    longest column.
    """
    n_bands, kind = raster.n_bands, raster.dtype
    step = kind.itemsize if not needs_range(kind) else 4 if kind.kind == "f" else 8
    place = 4 if raster.height * raster.width < 2**32 else 8
    per_edge = {"edges": 8, "lengths": 1, "sides": 1, "places": place, "beyond": place, "contrasts": 4}
    widths = {
        "n_pixels": 1,
        "areas": 4,
        "sums": n_bands * step,
        "squares": n_bands * min(4 * step, 16),
        "low": n_bands * kind.itemsize,
        "high": n_bands * kind.itemsize,
        "box": 2 * place,
        "perimeter": 1,
        "outline": 4,
        "first": place,
        **{name: 2 * connectivity * width for name, width in per_edge.items()},
    }
    kept = [4.0, *(widths[name] for name in {"n_pixels", *columns})]
    block = n_bands * (kind.itemsize + (step if needs_range(kind) else 0)) + 1
    return 1.15 * (block + 12 + 2.5 * sum(kept) + max(kept))


@dataclass(frozen=True)
class GraphStage(Stage):
    """Collects regions and borders; leaves the table `name`, which `graph_of` reads.

    Where the image is neither boolean nor of 8 or 16 bit integers, `RangeStage` must come before: `graph_stages` lists
    both. Pixels that are invalid in the image are in no region. Memory: `graph_bytes_per_pixel` of a block; in the
    global step the `RegionTable`, and 32 bytes per edge while it is assembled.

    Args:
        name: of the stage and its table.
        connectivity: 1: pixels have 4 neighbours, 2: 8; for the edges. Perimeters are always counted in pixel sides.
        with_image: collect values; without them the image is not read, and there are no bands.
        source: of the regions, picklable; None: the stages before.
        ground: collect areas, and the lengths of outlines.
        columns: of `RegionTable` to collect, in addition to the numbers of pixels; columns of borders require "edges".
            The others stay empty.

    Raises:
        InputError: another connectivity.
    """

    name: str = "graph"
    connectivity: int = 1
    with_image: bool = True
    source: Regions | None = None
    ground: Ground | None = None
    columns: tuple[str, ...] = ALL

    def __post_init__(self) -> None:
        check_connectivity(self.connectivity)

    @property
    def halo(self) -> int:
        """1 with the image, for the colours and the validity of neighbours."""
        return 1 if self.with_image else -1

    def compute(self, tile: Tile, store: Store) -> dict[str, NDArray[Any]]:
        """Rows of the regions of one tile and the borders between them; a region or an edge may have several rows."""
        window, left = _part(tile, self.connectivity)
        regions = np.ascontiguousarray((self.source or store.regions)(window), np.int32)
        values = _values(tile, window, store) if self.with_image else NO_VALUES
        n_strips = -(-kernels.count_runs(regions) // _STRIP_RUNS)
        rows = -(-tile.core.height // max(1, n_strips))
        strips = [
            self._strip(tile, regions, left, values, top, min(top + rows, tile.core.height))
            for top in range(0, tile.core.height, rows)
        ]
        steps = np.array([values.fixed.step, _contrast_step(values.fixed) * values.fixed.step])
        return {**joined(strips), "offset": values.fixed.offset, "steps": steps}

    def _strip(
        self, tile: Tile, regions: NDArray[np.int32], left: int, values: Values, top: int, bottom: int
    ) -> dict[str, NDArray[Any]]:
        """`compute` for the rows top to bottom - 1 of the core."""
        seen = slice(top, min(bottom + 1, len(regions)))
        regions = regions[seen]
        if values.valid.size and not values.valid[seen].all():
            regions = np.where(values.valid[seen], regions, np.int32(0))
        local = np.empty(regions.shape, np.int32)
        numbers = kernels.compact(regions, local)
        core = Window(tile.core.row + top, tile.core.column, bottom - top, tile.core.width)
        values = values._replace(origin=(values.origin[0] + top, values.origin[1]))
        rows = _rows(local, left, core, tile, len(numbers), values, self.ground, "outline" in self.columns)
        found = (rows["n_pixels"] > 0) | (rows["perimeter"] > 0 if "perimeter" in self.columns else False)
        found[0] = False
        kept = np.flatnonzero(found)
        kept = kept[np.argsort(numbers[kept])]
        part = {"numbers": narrowed(numbers[kept])}
        for name, column in rows.items():
            wanted = name == "n_pixels" or name in self.columns
            column = column[kept] if wanted and len(column) else column[:0]
            part[name] = column if name in EXTREMES else narrowed(column)
        return part | self._borders(local, numbers, left, core, tile.width, values)

    def _borders(
        self,
        local: NDArray[np.int32],
        numbers: NDArray[np.int64],
        left: int,
        core: Window,
        raster_width: int,
        values: Values,
    ) -> dict[str, NDArray[Any]]:
        if "edges" not in self.columns:
            return {"edges": np.empty((0, 2), np.uint8), **{name: np.empty(0, np.uint8) for name in BORDERS}}
        keys, pairs = kernels.borders(
            local, numbers, left, tuple(core), raster_width, self.connectivity,
            values.steps if "contrasts" in self.columns else _NO_PIXELS.astype(values.steps.dtype), values.origin,
            _contrast_step(values.fixed),
        )  # fmt: skip
        order = np.argsort(keys)
        keys = keys[order]
        part = {"edges": narrowed(np.column_stack((keys >> 32, keys & 0xFFFFFFFF)))}
        for c, name in enumerate(BORDERS):
            part[name] = narrowed(pairs[order if name in self.columns else order[:0], c])
        return part

    def gather_bytes(self, raster: Raster, n_regions: float) -> float:
        """Memory of the global step, measured: rows, three edges per region, and one of their columns in 64 bits."""
        n_bands, per_extreme = raster.n_bands, raster.n_bands * raster.dtype.itemsize
        wide = {"sums": 8 * n_bands, "squares": 16 * n_bands, "box": 32} | dict.fromkeys(EXTREMES, per_extreme)
        per_region = sum(wide.get(name, 8) for name in SHAPES if name in self.columns)
        per_edge = sum(8 for name in BORDERS if name in self.columns)
        return (
            1.15 * n_regions * (1.4 * per_region + (3 * (1.4 * (8 + per_edge) + 40) if "edges" in self.columns else 0))
        )

    def gather(self, store: Store, grid: Grid) -> None:
        """Save the table of the raster.

        Raises:
            InputError: the regions are numbered with wide gaps.
        """
        store.save_table(self.name, self.collect(store, grid).arrays())

    def collect(self, store: Store, grid: Grid) -> RegionTable:
        """The table of the raster.

        Raises:
            InputError: the regions are numbered with wide gaps.
        """
        tiles = range(len(grid))
        found = [store.load(self.name, number, "numbers")["numbers"] for number in tiles]
        n_regions = max(int(numbers.max(initial=0)) for numbers in found)
        check_gaps(n_regions, sum(map(len, found)))
        rows = Rows(n_regions, store.load(self.name, 0, *SHAPES), self.columns)
        for number, numbers in zip(tiles, found, strict=True):
            rows.add(numbers, store.load(self.name, number, *SHAPES))
        del found

        def column(name: str) -> NDArray[np.int64]:
            return np.concatenate([store.load(self.name, number, name)[name].astype(np.int64) for number in tiles])

        edges = column("edges")
        edges[:, 0] <<= 32
        edges[:, 0] |= edges[:, 1]
        pairs, columns = join_edges(edges[:, 0].copy(), column, self.columns)
        scale = store.load(self.name, 0, "offset", "steps")
        step, contrast_step = scale["steps"].tolist()
        return RegionTable(
            self.connectivity, scale["offset"], step, contrast_step, **rows.finished(), edges=pairs, **columns
        )


def graph_of(store: Store, name: str = "graph") -> RegionTable:
    """The table that `GraphStage` left."""
    return RegionTable.of_arrays(store.table(name))


def _part(tile: Tile, connectivity: int) -> tuple[Window, int]:
    """The core with the row below and the columns beside it (left: for 8 neighbours only); first column of the core."""
    core = tile.core
    left = int(connectivity == 2 and core.column > 0)
    bottom = min(core.row + core.height + 1, tile.height)
    end = min(core.column + core.width + 1, tile.width)
    return Window(core.row, core.column - left, bottom - core.row, end - core.column + left), left


class Values(NamedTuple):
    """Image of a part: pixels and integers of the block around it, position of the part in the block, its validity."""

    pixels: NDArray[Any]
    steps: NDArray[Any]
    origin: tuple[int, int]
    valid: NDArray[np.bool_]
    fixed: FixedPoint


_NO_GROUND = (pixel_areas(np.zeros((0, 2)), 1),) * 3
_NO_PIXELS = np.empty((0, 0, 0), np.uint8)
NO_VALUES = Values(_NO_PIXELS, _NO_PIXELS, (0, 0), np.empty((0, 0), np.bool_), FixedPoint(np.empty(0), 1.0, 1))


def _values(tile: Tile, window: Window, store: Store) -> Values:
    block = tile.read(1)
    pixels = np.ascontiguousarray(block.pixels)
    fixed = fixed_point(pixels.dtype, len(pixels), value_range(store) if needs_range(pixels.dtype) else None)
    steps = fixed(pixels)
    origin = window.row - block.window.row, window.column - block.window.column
    valid = block.valid[inside(window, block.window)]
    return Values(steps if pixels.dtype.kind == "b" else pixels, steps, origin, valid, fixed)


def _rows(
    local: NDArray[np.int32],
    left: int,
    core: Window,
    tile: Tile,
    n_rows: int,
    values: Values,
    ground: Ground | None,
    outlined: bool,
) -> dict[str, NDArray[Any]]:
    """Columns of the local regions; first pixels and boxes are 0 where a region has no pixel in the core."""
    n_bands, kind = len(values.pixels), values.pixels.dtype
    least, most = limits(kind)
    rows: dict[str, NDArray[Any]] = {
        "n_pixels": np.zeros(n_rows, np.int64),
        "areas": np.zeros(n_rows if ground else 0, np.int64),
        "sums": np.zeros((n_rows, n_bands), np.int64),
        "squares": np.zeros((n_rows, n_bands, 2), np.uint64),
        "low": np.full((n_rows, n_bands), most, kind),
        "high": np.full((n_rows, n_bands), least, kind),
        "box": np.zeros((n_rows, 4), np.int64),
        "perimeter": np.zeros(n_rows, np.int64),
        "outline": np.zeros(n_rows if ground and outlined else 0, np.int64),
        "first": np.full(n_rows, -1, np.int64),
    }
    rows["box"][:, :2] = np.iinfo(np.int64).max
    place = _NO_GROUND if ground is None else _ground(ground, core, outlined)
    shapes = rows["n_pixels"], rows["areas"], rows["first"], rows["box"], rows["perimeter"], rows["outline"]
    kernels.add_shapes(local, left, tuple(core), (tile.height, tile.width), place, *shapes)
    if n_bands:
        sums = rows["sums"], rows["squares"], rows["low"], rows["high"]
        kernels.add_values(local, left, tuple(core), values.pixels, values.steps, values.origin, *sums)
    empty = rows["n_pixels"] == 0
    rows["box"][empty], rows["first"][empty] = 0, 0
    return rows


def _ground(ground: Ground, core: Window, outlined: bool) -> tuple[PixelAreas, PixelAreas, PixelAreas]:
    """Areas and sides of the pixels of a core."""
    begin, end = core.row, core.row + core.height
    areas = ground.areas(begin, end)
    return (areas, *ground.sides(begin, end)) if outlined else (areas, areas, areas)


def _contrast_step(fixed: FixedPoint) -> float:
    """A power of two, of which the largest distance of colours is at most 2^32: sums over 2^31 pairs fit into int64."""
    return math.ldexp(1.0, fixed.bits + math.ceil(math.log2(max(1, len(fixed.offset))) / 2) - 32)
