"""Normalized cuts of the regions that another method finds in a raster of any size (Shi & Malik, PAMI 22(8), 2000)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densa.engine.regions.graph.stage import MEANS, GraphStage, RegionTable, graph_bytes_per_pixel, graph_stages
from densa.engine.regions.settings import VALUE_SCALE
from densa.engine.regions.stages.stage import RegionMethod, Stage, Tile
from densa.errors import InputError
from densa.raster import Raster
from densa.raster.grid import Grid
from densa.regions.normalized_cuts.graph import LARGEST, WeightedGraph
from densa.regions.normalized_cuts.regions import check_region_cuts, cut_region_graph, weigh_by_means

if TYPE_CHECKING:
    from densa.engine.regions.stages.store import Store

__all__ = ["NormalizedCuts"]


@dataclass(frozen=True)
class NormalizedCuts(RegionMethod):
    """`densa.regions.normalized_cuts_of_regions` of the regions of another method.

    The graph of the regions is collected tile by tile in whole numbers and cut in one piece, by a solver without
    random numbers: the segments are the same for any tile size, and those of the in-memory function (means of
    floating-point images differ by up to the range / 2^31). Global step, measured: 570 bytes per region for 8 segments
    and 29 bytes per region and further segment; a million regions take six seconds.

    Args:
        base: what makes the regions.
        n_segments: how many segments; where there are fewer regions, each is a segment. None: `max_cut` is given.
        max_cut: halve the graph, and the halves again, while a cut costs at most this.
        value_scale: distance of mean colours (integers as shares of their type's largest value) at which two
            neighbours' weight has fallen to 1/e.
        floor: least weight of two neighbours. Far below 0.001, single regions that differ from their surroundings
            become segments.
        max_segments: with `max_cut`, stop at so many.

    Raises:
        InputError: not exactly one of `n_segments` and `max_cut`; numbers that are not above 0.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> from densa.engine import regions
        >>> image = np.zeros((20, 30), np.uint8)
        >>> image[:, 15:] = 200
        >>> method = regions.NormalizedCuts(regions.Slic(12), n_segments=2)
        >>> int(regions.segment_array(method, raster.from_array(image)).max())
        2
    """

    base: RegionMethod
    n_segments: int | None = None
    max_cut: float | None = None
    value_scale: float = VALUE_SCALE
    floor: float = 0.001
    max_segments: int = 100
    name = "normalized-cuts"

    def __post_init__(self) -> None:
        check_region_cuts(self.n_segments, self.max_cut, self.value_scale, self.floor, self.max_segments)

    def parameters(self) -> dict[str, Any]:
        """Parameters of the method and its base that a run which continues another must share with it."""
        return {
            "base": {"name": self.base.name, **self.base.parameters()},
            "n_segments": self.n_segments,
            "max_cut": self.max_cut,
            "value_scale": self.value_scale,
            "floor": self.floor,
            "max_segments": self.max_segments,
        }

    def stages(self, raster: Raster) -> list[Stage]:
        """Those of the base, and one that collects the graph and cuts it.

        Raises:
            InputError: an error of the base; a base of normalized cuts.
        """
        *before, graph = graph_stages(raster, "regioncuts", columns=MEANS)
        assert isinstance(graph, GraphStage)
        of_base = self.base.stages(raster)
        if any(stage.name == graph.name for stage in of_base):
            raise InputError("segments of normalized cuts are not cut again; give another base")
        return [*of_base, *before, _CutStage(self, graph)]

    def inputs(self) -> Sequence[Path]:
        """See `RegionMethod`; those of the base."""
        return self.base.inputs()

    def expected_regions(self, raster: Raster) -> int | None:
        """See `RegionMethod`; those of the base."""
        return self.base.expected_regions(raster)

    def bytes_per_pixel(self, raster: Raster) -> float:
        """See `RegionMethod`; of the base, or of collecting the graph."""
        return max(self.base.bytes_per_pixel(raster), graph_bytes_per_pixel(raster, MEANS))


@dataclass(frozen=True)
class _CutStage(Stage):
    method: NormalizedCuts
    graph: GraphStage
    merges = True

    @property
    def name(self) -> str:
        return self.graph.name

    @property
    def halo(self) -> int:
        return self.graph.halo

    def compute(self, tile: Tile, store: Store) -> dict[str, NDArray[Any]]:
        """Rows and borders of the regions of one tile."""
        return self.graph.compute(tile, store)

    def gather_bytes(self, raster: Raster, n_regions: float) -> float:
        """Memory of the global step, measured; with `max_cut`, two vectors and the graphs of the waiting halves.

        Raises:
            InputError: regions times segments are more than 3 * 10^7.
        """
        n_segments = self.method.n_segments or 3
        if n_segments * n_regions > LARGEST:
            raise InputError(
                f"{n_segments} segments of about {n_regions:.0f} regions are too many: at most {LARGEST} in product; "
                "ask for fewer segments or larger regions"
            )
        return max(self.graph.gather_bytes(raster, n_regions), 1.15 * n_regions * (340 + 29 * n_segments))

    def gather(self, store: Store, grid: Grid) -> None:
        """Cut the graph of all regions.

        Raises:
            InputError: regions times segments are more than 3 * 10^7.
        """
        graph, present, n_regions = _weighed(self.graph.collect(store, grid), self.method)
        table = np.zeros(n_regions + 1, np.int32)
        if graph.n_nodes:
            method = self.method
            n_segments = None if method.n_segments is None else min(method.n_segments, graph.n_nodes)
            table[present] = cut_region_graph(graph, n_segments, method.max_cut, method.max_segments)
        store.save_merge(self.name, table)


def _weighed(regions: RegionTable, method: NormalizedCuts) -> tuple[WeightedGraph, NDArray[np.intp], int]:
    """The graph of the regions with pixels, their numbers, and the largest number."""
    present = np.flatnonzero(regions.n_pixels)
    means = regions.means()[present]
    means /= np.iinfo(regions.low.dtype).max if regions.low.dtype.kind in "iu" else 1
    nodes = np.cumsum(regions.n_pixels > 0, dtype=np.int32) - 1
    return weigh_by_means(means, nodes[regions.edges], method.value_scale, method.floor), present, regions.n_regions
