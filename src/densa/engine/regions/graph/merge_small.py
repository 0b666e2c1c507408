"""Merging of regions of rasters of any size: the graph is collected tile by tile, and merged as a whole by a rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densa.checks import as_count
from densa.engine.regions.graph.stage import ALL, MEANS, GraphStage, graph_bytes_per_pixel, graph_stages
from densa.engine.regions.stages.stage import RegionMethod, Stage
from densa.raster import Raster
from densa.raster.grid import Grid
from densa.regions import RegionGraph, absorb_small_regions
from densa.regions.shared.checks import check_connectivity

if TYPE_CHECKING:
    from densa.engine.regions.stages.store import Store

__all__ = ["MergeSmall", "MergeStage", "merge_stages"]

Rule = Callable[[RegionGraph], NDArray[np.int32]]
"""From a graph to the new number of each region: `partial(absorb_small_regions, min_size=20)` and its like."""


@dataclass(frozen=True)
class MergeStage(GraphStage):
    """Collects the graph of the regions so far and merges them by a rule of `densa.regions.partition.merging`.

    Leaves no table of regions. Memory of the global step, measured with three bands: 200 bytes per region for small
    regions, 500 for rules that use all columns.

    Args:
        rule: from the graph, with the columns that `columns` name, to the new number of each region.
    """

    rule: Rule | None = None
    merges = True

    def gather(self, store: Store, grid: Grid) -> None:
        """Merge the regions."""
        assert self.rule is not None
        store.save_merge(self.name, self.rule(self.collect(store, grid).graph()))


def merge_stages(
    raster: Raster, name: str, rule: Rule, *, connectivity: int = 1, columns: tuple[str, ...] = ALL
) -> list[Stage]:
    """Stages that merge the regions of the stages before.

    Args:
        raster: the image, for the values of the regions.
        name: of the stage.
        rule: from the region graph to the new number of each region.
        connectivity: 1: regions that share a pixel side are neighbours, 2: also those that share a corner.
        columns: of `RegionTable` that the rule uses.
    """
    *before, _ = graph_stages(raster, name)
    return [*before, MergeStage(name, connectivity, columns=columns, rule=rule)]


@dataclass(frozen=True)
class MergeSmall(RegionMethod):
    """A region method whose small regions are merged into their neighbours, as `densa.regions.absorb_small_regions`.

    The partition is that of ``absorb_small_regions(region_graph(image, regions), min_size)``; of a floating-point
    image, whose means are rounded to steps of `FixedPoint`, ties within a step may differ. Global step, measured: 200
    bytes per region of three bands.

    Args:
        method: what makes the regions.
        min_size: pixels; smaller regions are merged into the neighbour of nearest mean, the smallest first.
        connectivity: 1: regions that share a pixel side are neighbours, 2: also those that share a corner.

    Raises:
        InputError: `min_size` is no whole number from 1, or another connectivity.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> from densa.engine import regions
        >>> image = np.zeros((20, 30), np.uint8)
        >>> image[:, 15:] = 200
        >>> method = regions.MergeSmall(regions.Components(), min_size=400)
        >>> int(regions.segment_array(method, raster.from_array(image)).max())
        1
    """

    method: RegionMethod
    min_size: int
    connectivity: int = 1

    def __post_init__(self) -> None:
        as_count(self.min_size, "min_size")
        check_connectivity(self.connectivity)

    @property
    def name(self) -> str:
        """The name of the method."""
        return self.method.name

    def parameters(self) -> dict[str, Any]:
        """Parameters that a run which continues another must share with it."""
        small = {"min_size": int(self.min_size), "connectivity": self.connectivity}
        return {**self.method.parameters(), "merged": small}

    def stages(self, raster: Raster) -> list[Stage]:
        """Those of the method, and one or two more.

        Raises:
            InputError: an error of the method.
        """
        rule = partial(absorb_small_regions, min_size=self.min_size)
        merging = merge_stages(raster, "small", rule, connectivity=self.connectivity, columns=MEANS)
        return [*self.method.stages(raster), *merging]

    def inputs(self) -> Sequence[Path]:
        """See `RegionMethod`; those of the method."""
        return self.method.inputs()

    def expected_regions(self, raster: Raster) -> int | None:
        """See `RegionMethod`; those of the method."""
        return self.method.expected_regions(raster)

    def bytes_per_pixel(self, raster: Raster) -> float:
        """See `RegionMethod`; of the method, or of collecting the graph."""
        return max(self.method.bytes_per_pixel(raster), graph_bytes_per_pixel(raster, MEANS, self.connectivity))
