"""The axioms of region segmentation, checked on a raster of regions of any size; see `densa.regions.check`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densa.engine.regions.check.pieces import CheckStage
from densa.engine.regions.graph.stage import RegionTable, graph_bytes_per_pixel, graph_of, graph_stages
from densa.engine.regions.run import choose_tile_size, run_stages
from densa.engine.regions.stages.region_file import RegionFile
from densa.engine.regions.stages.stage import RegionMethod, Stage
from densa.engine.work.journal import WorkFolder
from densa.engine.work.settings import Work
from densa.errors import InputError
from densa.progress import Progress
from densa.raster import Raster
from densa.raster.alignment import frame_of, misplacement
from densa.raster.grid import Grid
from densa.regions import RegionStatistics, Violation
from densa.regions.partition import violations as violations
from densa.regions.shared.checks import check_connectivity

if TYPE_CHECKING:
    from densa.engine.regions.stages.store import Store

__all__ = ["Check", "Violations", "check_regions"]

Predicate = Callable[[RegionStatistics], NDArray[np.bool_]]


class Violations(tuple[Violation, ...]):
    """The first violations of every axiom, as `densa.regions.check` describes them.

    Attributes:
        counts: number of violations of each axiom that was checked; 0: it holds.
        n_regions: distinct region numbers.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> from densa.engine import regions
        >>> image = np.zeros((1, 20, 30), np.uint8)
        >>> image[..., 15:] = 200
        >>> raster.write_bands("image.tif", image)
        >>> raster.write_bands("regions.tif", np.ones((1, 20, 30), np.int32))
        >>> with raster.open("regions.tif") as numbers, raster.open("image.tif") as values:
        ...     found = regions.check_regions(numbers, values, regions.parse_predicate("range:10"))
        ...
        >>> found.n_regions, found.counts
        (1, {'a': 0, 'b': 0, 'c': 0, 'd': 1, 'e': 0})
    """

    counts: Mapping[str, int]
    n_regions: int


def check_regions(
    regions: Raster,
    image: Raster | None = None,
    predicate: Predicate | None = None,
    *,
    work: Work = Work(),
    connectivity: int = 1,
    most: int = 100,
    page: int = 0,
    image_page: int = 0,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Violations:
    """Violations of the axioms (a), (b), (d) and (e); (c) holds in any raster, where a pixel has one number.

    They are those that `densa.regions.check` finds in the whole raster. The domain of (a) is where the image is valid
    or, without an image, where the raster of regions is: with nodata 0 it then has no pixel without region. In (d) and
    (e), pixels that are not valid in the image are in no region. Means and deviations are rounded once, from exact
    sums.

    Args:
        regions: an open raster of one band of integers from 1; 0 or invalid: no region.
        image: an open image of the same size.
        predicate: P, from statistics to one truth value per entry, such as `densa.regions.range_at_most(10)`; needs an
            image. None: (d) and (e) are not checked.
        work: tiles, memory (except for tables of regions) and workers; there is nothing to resume or to overwrite.
        connectivity: 1: pixels have 4 neighbours, 2: 8; for (b) and (e).
        most: violations listed of each axiom; all are counted.
        page, image_page: of the rasters in their files; other processes open them by path and page.
        folder: for intermediate results; None: the system's folder for temporary files.
        progress: called with (pixels done, pixels in all) of all passes.

    Returns:
        The violations in the order of the axioms, and their number; empty where all axioms hold.

    Raises:
        InputError: the rasters do not fit each other, a region number is negative or beyond 2**31 - 1, or numbers have
            wide gaps and there is a predicate.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> from densa.engine import regions
        >>> image = np.zeros((1, 20, 30), np.uint8)
        >>> image[..., 15:] = 200
        >>> raster.write_bands("image.tif", image)
        >>> raster.write_bands("regions.tif", np.where(image > 0, 2, 1).astype(np.int32))
        >>> with raster.open("regions.tif") as numbers, raster.open("image.tif") as values:
        ...     found = regions.check_regions(numbers, values, regions.parse_predicate("range:10"))
        ...
        >>> len(found), found.n_regions
        (0, 2)
    """
    check_connectivity(connectivity)
    _check(regions, image, predicate, most)
    raster, raster_page = (regions, page) if image is None else (image, image_page)
    with RegionFile(regions.path, page) as source, tempfile.TemporaryDirectory(prefix="densa-", dir=folder) as place:
        method = Check(source, connectivity, image is not None, predicate is not None)
        stages = method.stages(raster)
        grid = Grid(raster.height, raster.width, choose_tile_size(method, stages, raster, work))
        work_folder = WorkFolder(Path(place) / "check", "segmentation", durable=False)
        work_folder.make()
        store = run_stages(stages, raster, work_folder, grid, work, page=raster_page, progress=progress)
        return _violations(store, grid.width, predicate, most)


def _check(regions: Raster, image: Raster | None, predicate: Predicate | None, most: int) -> None:
    if most < 0:
        raise InputError(f"most must be 0 or more, got {most}")
    if image is not None and (image.height, image.width) != (regions.height, regions.width):
        raise InputError(
            f"{regions.path} must have the size of {image.path}, {image.height} x {image.width} pixels, got "
            f"{regions.height} x {regions.width}"
        )
    if image is not None and (misplaced := misplacement(frame_of(regions), frame_of(image))):
        raise InputError(misplaced)
    if image is None and predicate is not None:
        raise InputError("a predicate needs the image's values: give the image, or leave the predicate out")


@dataclass(frozen=True)
class Check(RegionMethod):
    """The passes of the check, over the tiles of the image or, without an image, of the raster of regions.

    Args:
        source: the regions.
        connectivity: 1: pixels have 4 neighbours, 2: 8.
        of_image: the tiles are of an image, which is the domain where it is valid; else it is where `source` is.
        with_statistics: collect statistics and borders of the regions, for (d) and (e).
    """

    source: RegionFile
    connectivity: int = 1
    of_image: bool = False
    with_statistics: bool = False
    name = "check"

    def parameters(self) -> dict[str, Any]:
        """Parameters that a run which continues another must share with it."""
        return {"regions": str(self.source.path), "connectivity": self.connectivity}

    def stages(self, raster: Raster) -> list[Stage]:
        """One pass for (a) and (b), one or two for (d) and (e)."""
        stages: list[Stage] = [CheckStage(self.source, self.connectivity, self.of_image)]
        if self.with_statistics:
            stages += graph_stages(raster, connectivity=self.connectivity, source=self.source)
        return stages

    def bytes_per_pixel(self, raster: Raster) -> float:
        """Measured on noise, where every pixel is a region."""
        graph = graph_bytes_per_pixel(raster, connectivity=self.connectivity) if self.with_statistics else 0
        return max(1.15 * (58 + raster.n_bands * raster.dtype.itemsize), graph)


def _violations(store: Store, raster_width: int, predicate: Predicate | None, most: int) -> Violations:
    """The violations that the stages found."""
    table = store.table("axioms")
    counts, listed = _of_places(table, raster_width, most)
    if predicate is not None:
        more, further = _of_values(graph_of(store), raster_width, predicate, most)
        counts, listed = counts | more, listed + further
    found = Violations(listed)
    found.counts, found.n_regions = counts, len(table["regions"])
    return found


def _of_places(table: Mapping[str, NDArray[Any]], width: int, most: int) -> tuple[dict[str, int], list[Violation]]:
    """Axioms (a) to (c)."""
    listed = [
        told(int(table[name][0]), _place(table[name][1], width))
        for name, told in (("missing", violations.missing), ("beyond", violations.beyond))
        if table[name][0]
    ]
    split = np.flatnonzero(table["counts"] > 1)
    counts = {"a": len(listed), "b": len(split), "c": 0}
    del listed[most:]
    for k in split[:most]:
        region, count = int(table["regions"][k]), int(table["counts"][k])
        listed.append(violations.in_pieces(region, count, _place(table["seconds"][k], width)))
    return counts, listed


def _of_values(
    graph: RegionTable, width: int, predicate: Predicate, most: int
) -> tuple[dict[str, int], list[Violation]]:
    """Axioms (d) and (e)."""
    statistics = graph.statistics()
    failing = np.flatnonzero((statistics.n_pixels > 0) & ~predicate(statistics))
    fitting = np.concatenate([np.empty(0, np.int64), *_fitting(graph.edges, graph.lengths, statistics, predicate)])
    listed = [violations.predicate_fails(int(k), _place(graph.first[k], width)) for k in failing[:most]]
    for e in fitting[:most]:
        i, j = graph.edges[e].tolist()
        listed.append(violations.union_fits(i, j, _place(graph.places[e], width)))
    return {"d": len(failing), "e": len(fitting)}, listed


def _place(index: np.int64, width: int) -> tuple[int, int]:
    return divmod(int(index), width)


_EDGES_AT_ONCE = 2**18


def _fitting(
    edges: NDArray[np.int32], lengths: NDArray[np.int64], statistics: RegionStatistics, predicate: Predicate
) -> Iterator[NDArray[np.int64]]:
    """Edges for whose union the predicate holds."""
    for start in range(0, len(edges), _EDGES_AT_ONCE):
        part = slice(start, start + _EDGES_AT_ONCE)
        yield start + np.flatnonzero(predicate(statistics.united(edges[part], lengths[part])))
