"""Segment a raster of any size into regions: run the stages of a method over its tiles, then write the files."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.engine.regions.graph.stage import SHAPES, graph_bytes_per_pixel, graph_stages
from densa.engine.regions.products.files import RegionFiles, write_products
from densa.engine.regions.stages.stage import RegionMethod, Stage, StageJob
from densa.engine.regions.stages.store import Store
from densa.engine.resources.budget import ASSEMBLY_BYTES, Cost, fitting_tile_size, limit_read_cache, scarce_memory
from densa.engine.resources.memory import resident_bytes, return_large_blocks, shown_bytes
from densa.engine.work.journal import WorkFolder, content_hash, image_identity, origin_tags
from densa.engine.work.resumable import Outcome, Task, compute_missing, run_task
from densa.engine.work.settings import Work
from densa.errors import InputError
from densa.parallel import n_threads
from densa.progress import Progress
from densa.raster import Raster, Window
from densa.raster.choice.chosen import choice_of
from densa.raster.grid import Grid
from densa.raster.writing.capacity import check_capacity

__all__ = ["choose_tile_size", "halo_of", "run_stages", "segment_array", "segment_to_file", "stages_of"]

TILE_PX = 2048
_STATISTICS = "statistics"
_TABLES_SHARE = 0.25  # of a memory budget, for data of the whole raster: faces of tiles, tables of regions


def segment_to_file(
    method: RegionMethod,
    raster: Raster,
    outputs: RegionFiles,
    work: Work = Work(),
    *,
    page: int = 0,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> int | None:
    """Segment a raster and write its regions; the files are the same to the last byte for any tiles and workers.

    Until they are complete, finished tiles are kept in the work folder `REGIONS.partial`, from which a run with
    `resume` continues.

    Args:
        method: makes the regions.
        raster: an open image.
        outputs: the files.
        work: tiles, memory and workers. `memory` chooses the tile size; the tables of all regions must fit into it,
            too.
        page: of the image in its file; other processes open it by path and page.
        progress: called with (pixels done, pixels in all) of all stages.
        tell: called with lines for the user.

    Returns:
        Number of regions; None where `resume` found the files complete.

    Raises:
        InputError: an error of the method, a file that exists, a work folder of another job, a full disk, more regions
            than the memory can hold tables of (before it begins, where their number is known).

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from densa import raster
        >>> from densa.engine import regions
        >>> raster.write_bands("image.tif", np.arange(600, dtype=np.uint8).reshape(1, 20, 30) // 128)
        >>> files = regions.RegionFiles(Path("regions.tif"), statistics=Path("regions.csv"))
        >>> with raster.open("image.tif") as image:
        ...     regions.segment_to_file(regions.Components(), image, files)
        ...
        5
    """

    def plan(begun_with: int | None) -> SegmentationTask:
        at_hand = replace(work, tile_size=work.tile_size or begun_with)
        return _plan_segmentation(method, raster, outputs, at_hand, page, progress, tell)

    inputs = [*raster.files, *method.inputs()]
    outcome, task = run_task("segmentation", outputs, work, plan, inputs=inputs)
    if outcome is Outcome.COMPLETE:
        return None
    if progress:
        progress(task.all_pixels, task.all_pixels)
    return task.n_regions


@dataclass
class SegmentationTask(Task[RegionFiles]):
    """One image, the stages of a method, the tiles and the files.

    Attributes:
        raster: the open image; `page`: of it in its file.
        files, description, tags: see `Task`.
        stages: in order.
        grid: the tiles.
        work: memory and workers.
        progress, tell: see `segment_to_file`.
        store: results of the stages, set by `compute`.
        n_regions: number of regions, set by `assemble`.
    """

    raster: Raster
    page: int
    files: RegionFiles
    description: Mapping[str, Any]
    tags: Mapping[str, str]
    stages: Sequence[Stage]
    grid: Grid
    work: Work
    progress: Progress | None
    tell: Callable[[str], None]
    store: Store = field(init=False)
    n_regions: int = 0

    @property
    def all_pixels(self) -> int:
        """Pixels of all stages, and of the assembly."""
        return (len(self.stages) + 1) * self.raster.height * self.raster.width

    def compute(self, folder: WorkFolder) -> None:
        """Run the stages that are not finished."""
        progress, total = self.progress, self.all_pixels
        self.store = run_stages(
            self.stages,
            self.raster,
            folder,
            self.grid,
            self.work,
            page=self.page,
            key=content_hash(self.description),
            tables_within=self.work.memory,
            progress=None if progress is None else (lambda done, _: progress(done, total)),
            tell=self.tell,
        )
        if progress:
            progress(total - self.raster.height * self.raster.width, total)

    def assemble(self, folder: WorkFolder, files: RegionFiles) -> None:
        """Write the files from the results of the stages."""
        write_products(self.store, self.raster, files, tags=self.tags)
        self.n_regions = self.store.count()


def _plan_segmentation(
    method: RegionMethod,
    raster: Raster,
    files: RegionFiles,
    work: Work,
    page: int,
    progress: Progress | None,
    tell: Callable[[str], None],
) -> SegmentationTask:
    check_capacity(files.each().values(), raster)
    stages = stages_of(method, raster, files)
    size = choose_tile_size(method, stages, raster, work)
    expected = method.expected_regions(raster)
    if work.memory is not None and expected is not None:
        for stage in stages:
            _check_table(stage, raster, expected, work.memory)
    what = {"name": method.name, **method.parameters()}
    image = image_identity(raster, page)
    description = {"image": image, "method": what, "tiles": {"size": size}}
    tags = origin_tags(image) | {"DENSA_METHOD": json.dumps(what, sort_keys=True)}
    grid = Grid(raster.height, raster.width, size)
    return SegmentationTask(raster, page, files, description, tags, stages, grid, work, progress, tell)


def segment_array(method: RegionMethod, raster: Raster, work: Work = Work()) -> NDArray[np.int32]:
    """(H, W) int32 regions of a raster whose regions fit in memory; 0 where there is none.

    Args:
        method: makes the regions.
        raster: an open image.
        work: tiles, memory and workers; there is nothing to resume or to overwrite.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> from densa.engine import regions
        >>> image = np.zeros((20, 30), np.uint8)
        >>> image[:, 15:] = 200
        >>> method = regions.Components()
        >>> int(regions.segment_array(method, raster.from_array(image)).max())
        2
    """
    stages = list(method.stages(raster))
    with tempfile.TemporaryDirectory(prefix="densa-") as place:
        folder = WorkFolder(Path(place) / "regions.tif", "segmentation", durable=False)
        folder.make()
        grid = Grid(raster.height, raster.width, choose_tile_size(method, stages, raster, work))
        store = run_stages(stages, raster, folder, grid, work)
        return store.regions(Window(0, 0, raster.height, raster.width))


def run_stages(
    stages: Sequence[Stage],
    raster: Raster,
    folder: WorkFolder,
    grid: Grid,
    work: Work = Work(),
    *,
    page: int = 0,
    key: str = "",
    tables_within: int | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Store:
    """Run the stages that are not finished.

    Args:
        stages: in order.
        raster: an open image.
        folder: the work folder, which exists.
        grid: the tiles.
        work: memory and workers.
        page, tell: see `segment_to_file`.
        key: identifies this segmentation.
        tables_within: bytes that tables of regions must fit into; None: not checked.
        progress: called with (pixels done, pixels in all stages).

    Returns:
        Results of the stages.

    Raises:
        InputError: an error of a stage; more regions than the memory can hold tables of.
    """
    crew, cache_bytes = work.crew, 0
    if work.memory is not None:
        cache_bytes = limit_read_cache(work.memory // max(1, work.crew.local_processes))
    known: dict[str, Stage] = {}
    for stage in stages:
        if known.setdefault(stage.name, stage) != stage:
            raise ValueError(f"two stages are called {stage.name}")
    painted = [stage.name for stage in stages if stage.paints]
    store = Store(folder, grid, painted[-1] if painted else "", [stage.name for stage in stages if stage.merges])
    cores = {number: grid.tile(number)[0] for number in range(len(grid))}
    pixels = {number: core.height * core.width for number, core in cores.items()}
    total = sum(pixels.values())
    for place, stage in enumerate(stages):
        if store.has_table(f"done{stage.name}"):
            continue
        if tables_within is not None and store.has_table("regions"):
            _check_table(stage, raster, store.count(), tables_within)
        finished = store.finished(stage.name)
        if finished:
            tell(f"{folder.output.name}, {stage.name}: {len(finished)} of {len(pixels)} tiles are finished already")
        job = StageJob(
            key=f"{key}{stage.name}",
            image=raster.absolute_path,
            page=page,
            choice=choice_of(raster),
            grid=grid,
            stage=stage,
            store=store,
            cache_bytes=cache_bytes,
            threads=_threads_of_each(crew.at_once) if crew.at_once > 1 else 0,
        )
        shifted = None if progress is None else partial(_shift, progress, place * total, len(stages) * total)
        compute_missing(crew, job, job.opened(raster), pixels, finished, partial(store.keep, stage.name), shifted)
        stage.gather(store, grid)
        store.save_table(f"done{stage.name}", {})
    return store


def _check_table(stage: Stage, raster: Raster, n_regions: int, memory: int) -> None:
    """Refuse a global step that does not fit into the memory."""
    table = stage.gather_bytes(raster, n_regions)
    needed = resident_bytes() + table
    if table and needed > memory:
        raise InputError(
            f"the tables of about {n_regions} regions take {shown_bytes(needed)}, the memory is "
            f"{shown_bytes(memory)}; give more, or ask for larger regions"
        )


def _shift(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)


def _threads_of_each(workers: int) -> int:
    return max(1, n_threads() // workers)


def stages_of(method: RegionMethod, raster: Raster, files: RegionFiles) -> list[Stage]:
    """The stages of a method, and those that the files need besides."""
    stages = list(method.stages(raster))
    if files.statistics is not None:
        stages += graph_stages(raster, _STATISTICS, columns=SHAPES)
    return stages


def halo_of(stages: Sequence[Stage]) -> int:
    """Pixels around a core that the widest stage reads."""
    return max(0, *(max(stage.halo, stage.margin) for stage in stages))


def choose_tile_size(method: RegionMethod, stages: Sequence[Stage], raster: Raster, work: Work) -> int:
    """A given tile size, or the one that computes the fewest pixels twice within the budget.

    Raises:
        InputError: the smallest tile needs more memory; the message says how much.
    """
    if method.whole:
        return max(raster.height, raster.width)
    memory = scarce_memory() if work.memory is None else work.memory
    usual = min(TILE_PX, max(raster.height, raster.width))
    if memory is None or work.tile_size is not None:
        return work.tile_size or usual
    crew = work.crew
    return_large_blocks()
    raster.read(Window(0, 0, 1, 1))  # an image that is decoded whole is in memory from here on
    halo = max(1, halo_of(stages))  # tiles share a halo of 1 at least
    statistics = any(stage.name == _STATISTICS for stage in stages)
    per_pixel = max(method.bytes_per_pixel(raster), graph_bytes_per_pixel(raster, SHAPES) if statistics else 0)
    cost = Cost(16e6, per_pixel)
    own = resident_bytes() + ASSEMBLY_BYTES + limit_read_cache(memory // max(1, crew.local_processes))
    fixed = own + resident_bytes() * crew.local_processes + _TABLES_SHARE * memory

    def grid_of(size: int) -> Grid:
        return Grid(raster.height, raster.width, size, halo)

    size, least = fitting_tile_size(
        max(raster.height, raster.width),
        1,
        grid_of,
        lambda grid: fixed + crew.at_once * cost.of(grid.largest_block()),
        memory,
        2 * crew.at_once if crew.at_once > 1 else 1,
    )
    if work.memory is None:
        return min(size or usual, usual)
    if size is None:
        raise InputError(
            f"a memory of {shown_bytes(memory)} is too small for {method.name} on {raster.path.name}; the least is "
            f"about {shown_bytes(least / (1 - _TABLES_SHARE))}"
            + (f" with {crew.at_once} workers; take fewer or give more" if crew.at_once > 1 else "")
        )
    return size
