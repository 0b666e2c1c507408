"""The regions of a raster of any size, their statistics and their adjacency graph, collected tile by tile.

All that is collected are counts, extremes and sums of whole numbers, so the result is the same to the last bit for any
tiles. `RegionTable.statistics` and `RegionTable.graph` give it the form that `densa.regions` works with: what
`region_statistics` and `region_graph` make of the whole image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.engine.grid import Grid, inside
from densa.engine.regions.region_table import BORDERS, EXTREMES, ROWS, RegionTable, Rows, join_edges, limits
from densa.engine.regions.value_range import FixedPoint, RangeStage, fixed_point, needs_range, value_range
from densa.errors import InputError
from densa.raster import Raster, Window
from densa.raster.vector_ground import Ground, ground_of
from densa.regions import _graph_kernels as kernels
from densa.regions._features import check_connectivity

if TYPE_CHECKING:
    from densa.engine.regions.stage import Regions, Stage, Tile
    from densa.engine.regions.store import Store

__all__ = ["GraphStage", "RegionTable", "graph_bytes_per_pixel", "graph_of", "graph_stages"]


def graph_stages(
    raster: Raster,
    name: str = "graph",
    *,
    connectivity: int = 1,
    with_image: bool = True,
    source: Regions | None = None,
) -> list[Stage]:
    """`GraphStage`, after `RangeStage` where the image's type asks for it."""
    ground = ground_of(raster, raster.width)
    graph = GraphStage(name, connectivity, with_image, source, ground if ground.degree else None)
    return [RangeStage(), graph] if with_image and needs_range(raster.dtype) else [graph]


def graph_bytes_per_pixel(raster: Raster) -> float:
    """Memory of `GraphStage` per pixel of a block, where a tile has fewer regions than pixels by far."""
    per_value = raster.dtype.itemsize + (4 if raster.dtype.kind == "f" else 8 if needs_range(raster.dtype) else 0)
    return 1.15 * (raster.n_bands * per_value + 1 + 12)


@dataclass(frozen=True)
class GraphStage:
    """Collects regions and borders; leaves the table `name`, which `graph_of` reads.

    Where the image is neither boolean nor of 8 or 16 bit integers, `RangeStage` must have gone before: `graph_stages`
    lists both. Pixels that are invalid in the image are in no region. Memory: `graph_bytes_per_pixel` of a
    block; of the whole twice the `RegionTable` while it is put together.

    Args:
        name: of the stage and its table.
        connectivity: 1: pixels have 4 neighbours, 2: 8; for the edges. Perimeters are always counted in pixel sides.
        with_image: collect values; without them the image is not read, and bands are none.
        source: where the regions come from, picklable; None: what the stages before have painted.
        ground: collect areas, because pixels differ in theirs.

    Raises:
        InputError: another connectivity.
    """

    name: str = "graph"
    connectivity: int = 1
    with_image: bool = True
    source: Regions | None = None
    ground: Ground | None = None

    def __post_init__(self) -> None:
        check_connectivity(self.connectivity)

    @property
    def halo(self) -> int:
        """A pixel, for the colours and the validity of neighbours."""
        return 1 if self.with_image else -1

    def compute(self, tile: Tile, store: Store) -> dict[str, NDArray[Any]]:
        """Rows of the regions of one tile and the borders between them, regions and edges in ascending order."""
        window, left = _part(tile, self.connectivity)
        regions = np.ascontiguousarray((self.source or store.regions)(window), np.int32)
        values = _values(tile, window, store) if self.with_image else NO_VALUES
        if values.valid.size and not values.valid.all():
            regions = np.where(values.valid, regions, np.int32(0))
        local = np.empty(regions.shape, np.int32)
        numbers = kernels.compact(regions, local)
        contrast_step = _contrast_step(values.fixed)
        keys, pairs = kernels.borders(
            local, numbers, left, tuple(tile.core), tile.width, self.connectivity, values.steps, values.origin,
            contrast_step,
        )  # fmt: skip
        core = tile.core
        row_area = self.ground.row_area(core.row, core.row + core.height) if self.ground else np.empty(0, np.int64)
        rows = _rows(local, left, tile, len(numbers), values, row_area)
        order, edge_order = np.argsort(numbers), np.argsort(keys)
        return {
            "numbers": numbers[order],
            **{name: column[order] if column.size else column for name, column in rows.items()},
            "keys": keys[edge_order],
            **{name: pairs[edge_order, c] for c, name in enumerate(BORDERS)},
            "offset": values.fixed.offset,
            "steps": np.array([values.fixed.step, contrast_step * values.fixed.step]),
        }

    def gather(self, store: Store, grid: Grid) -> None:
        """The table of the whole.

        Raises:
            InputError: the regions are numbered with wide gaps.
        """
        tiles = range(len(grid))
        found = [store.load(self.name, number, "numbers")["numbers"] for number in tiles]
        n_regions = max(int(numbers[-1]) for numbers in found)
        _check_gaps(n_regions, sum(map(len, found)))
        like = store.load(self.name, 0)
        rows = Rows(n_regions, like)
        for number, numbers in zip(tiles, found, strict=True):
            rows.add(numbers, store.load(self.name, number, *ROWS, *EXTREMES))

        def column(name: str) -> NDArray[np.int64]:
            return np.concatenate([store.load(self.name, number, name)[name] for number in tiles])

        edges, columns = join_edges(column("keys"), column)
        step, contrast_step = like["steps"].tolist()
        table = RegionTable(
            self.connectivity, like["offset"], step, contrast_step, **rows.finished(), edges=edges, **columns
        )
        store.save_table(self.name, table.arrays())


def graph_of(store: Store, name: str = "graph") -> RegionTable:
    """What `GraphStage` collected."""
    return RegionTable.of_arrays(store.table(name))


def _part(tile: Tile, connectivity: int) -> tuple[Window, int]:
    """The core with the row below and the column at its right (for 8 neighbours: both), and where the core begins."""
    core = tile.core
    left = int(connectivity == 2 and core.column > 0)
    bottom = min(core.row + core.height + 1, tile.height)
    end = min(core.column + core.width + 1, tile.width)
    return Window(core.row, core.column - left, bottom - core.row, end - core.column + left), left


class Values(NamedTuple):
    """The image of a part: a block's pixels and whole numbers, where the part lies in it, its validity."""

    pixels: NDArray[Any]
    steps: NDArray[Any]
    origin: tuple[int, int]
    valid: NDArray[np.bool_]
    fixed: FixedPoint


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
    local: NDArray[np.int32], left: int, tile: Tile, n_rows: int, values: Values, row_area: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """Columns `ROWS` of the local regions."""
    n_bands, kind = len(values.pixels), values.pixels.dtype
    least, most = limits(kind)
    rows: dict[str, NDArray[Any]] = {
        "n_pixels": np.zeros(n_rows, np.int64),
        "areas": np.zeros(n_rows if row_area.size else 0, np.int64),
        "sums": np.zeros((n_rows, n_bands), np.int64),
        "squares": np.zeros((n_rows, n_bands, 2), np.uint64),
        "low": np.full((n_rows, n_bands), most, kind),
        "high": np.full((n_rows, n_bands), least, kind),
        "box": np.zeros((n_rows, 4), np.int64),
        "perimeter": np.zeros(n_rows, np.int64),
        "first": np.full(n_rows, -1, np.int64),
    }
    rows["box"][:, :2] = np.iinfo(np.int64).max
    shapes = rows["n_pixels"], rows["areas"], rows["first"], rows["box"], rows["perimeter"]
    kernels.add_shapes(local, left, tuple(tile.core), (tile.height, tile.width), row_area, *shapes)
    if n_bands:
        sums = rows["sums"], rows["squares"], rows["low"], rows["high"]
        kernels.add_values(local, left, tuple(tile.core), values.pixels, values.steps, values.origin, *sums)
    return rows


def _contrast_step(fixed: FixedPoint) -> float:
    """A power of two of which the farthest colours are 2^32 apart at most: 2^31 pairs of pixels fit an int64."""
    return math.ldexp(1.0, fixed.bits + math.ceil(math.log2(max(1, len(fixed.offset))) / 2) - 32)


def _check_gaps(n_regions: int, n_rows: int) -> None:
    """The table has a row per number: refuse a few regions of huge numbers."""
    if n_regions > 16 * n_rows + 2**20:
        raise InputError(
            f"regions must be numbered without wide gaps, got at most {n_rows} regions and numbers up to {n_regions};"
            " number them anew (densa.regions.relabel, or connected components of the map)"
        )
