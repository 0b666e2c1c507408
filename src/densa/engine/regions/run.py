"""Segment a raster of any size into regions: the stages of a method over its tiles, journalled, then the files."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densa.engine.regions.graph.stage import SHAPES, graph_bytes_per_pixel, graph_stages
from densa.engine.regions.products.files import RegionOutputs, write_products
from densa.engine.regions.stages.stage import RegionMethod, Stage, expected_regions, gather_bytes
from densa.engine.regions.stages.stage_job import StageJob
from densa.engine.regions.stages.store import Store
from densa.engine.resources.budget import Cost, fitting_tile_size, limit_read_cache
from densa.engine.resources.memory import resident_bytes, return_large_blocks, shown_bytes
from densa.engine.tiles.grid import Grid
from densa.engine.work.crew import Crew
from densa.engine.work.files import check_files, is_complete
from densa.engine.work.identity import content_hash, image_identity, origin_tags
from densa.engine.work.journal import WorkFolder
from densa.engine.work.resuming import begin_alone, begun_tile_size, compute_missing, put_in_place
from densa.errors import InputError
from densa.raster import Raster, Window

__all__ = [
    "choose_tile_size",
    "default_tile_size",
    "halo_of",
    "run_stages",
    "segment_array",
    "segment_to_file",
    "stages_of",
]

Progress = Callable[[int, int], None]

TILE_PX = 2048
_STATISTICS = "statistics"
_ASSEMBLY_BYTES = 200_000_000  # copying a finished raster to a Cloud-Optimized GeoTIFF
_TABLES_SHARE = 0.25  # of a memory budget, kept for what is known of the whole: faces of tiles, tables of regions


def segment_to_file(
    method: RegionMethod,
    raster: Raster,
    outputs: RegionOutputs,
    *,
    page: int = 0,
    tile_size: int | None = None,
    memory: int | None = None,
    crew: Crew | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> int | None:
    """Segment a raster and write its regions; the files are the same to the last byte for any tiling and any workers.

    Until they are complete, what is finished waits in the work folder `REGIONS.partial`, which `resume` continues.

    Args:
        method: what makes the regions.
        raster: an open image.
        outputs: the files.
        page: of the image in its file; other processes open it by path and page.
        tile_size: side of the tiles in pixels; None chooses.
        memory: bytes that may be resident at once in all processes of this machine; chooses the tile size. What a
            method knows of all regions at once must find room, too.
        crew: who computes.
        resume: continue from the work folder, where there is one.
        overwrite: replace files that exist; without `resume`, an unfinished work folder too.
        progress: called with (pixels done, pixels in all) of all stages.
        tell: gets lines for the user.

    Returns:
        Number of regions; None where `resume` found the files complete.

    Raises:
        InputError: what the method refuses, an output that exists, a work folder of something else, a full disk, more
            regions than the memory can hold tables of (before it begins, where their number is known).
    """
    crew = crew or Crew()
    folder = WorkFolder(outputs.regions, "segmentation")
    if not resume:
        check_files(outputs.each().values(), folder, resume=False, overwrite=overwrite)
    stages = stages_of(method, raster, outputs)
    begun_with = begun_tile_size(folder) if resume else None
    size = choose_tile_size(method, stages, raster, tile_size or begun_with, memory, crew)
    expected = expected_regions(method, raster)
    if memory is not None and expected is not None:
        for stage in stages:
            _check_table(stage, raster, expected, memory)
    grid = Grid(raster.height, raster.width, size)
    what = {"name": method.name, **method.parameters()}
    image = image_identity(raster, page)
    description = {"image": image, "method": what, "tiles": {"size": size}}
    tags = origin_tags(image) | {"DENSA_METHOD": json.dumps(what, sort_keys=True)}
    if resume and folder.stored() is None and is_complete(outputs.each(), tags):
        folder.remove()
        return None
    check_files(outputs.each().values(), folder, resume=resume, overwrite=overwrite)
    cache = 0 if memory is None else limit_read_cache(memory // max(1, crew.local_processes))
    with ExitStack() as stack:
        begin_alone(folder, description, stack, resume=resume, overwrite=overwrite)
        pixels = raster.height * raster.width
        total = (len(stages) + 1) * pixels
        store = run_stages(
            stages, raster, folder, grid, page=page, crew=crew, key=content_hash(description), memory=memory,
            cache_bytes=cache,
            progress=None if progress is None else (lambda done, _: progress(done, total)), tell=tell,
        )  # fmt: skip
        if progress:
            progress(len(stages) * pixels, total)
        built = outputs.inside(folder.assembly())
        write_products(store, raster, built, tags=tags)
        count = store.count()
        put_in_place(folder, built.each(), outputs.each(), overwrite=overwrite)
    if progress:
        progress(total, total)
    return count


def segment_array(
    method: RegionMethod, raster: Raster, *, tile_size: int | None = None, crew: Crew | None = None
) -> NDArray[np.int32]:
    """(H, W) int32 regions of a raster whose regions fit in memory; 0 where there is none."""
    with tempfile.TemporaryDirectory(prefix="densa-") as place:
        folder = WorkFolder(Path(place) / "regions.tif", "segmentation", durable=False)
        folder.make()
        grid = Grid(raster.height, raster.width, tile_size or default_tile_size(raster))
        store = run_stages(method.stages(raster), raster, folder, grid, crew=crew)
        return store.regions(Window(0, 0, raster.height, raster.width))


def run_stages(
    stages: Sequence[Stage],
    raster: Raster,
    folder: WorkFolder,
    grid: Grid,
    *,
    page: int = 0,
    crew: Crew | None = None,
    key: str = "",
    memory: int | None = None,
    cache_bytes: int = 0,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Store:
    """Run the stages that are not finished.

    Args:
        stages: in order.
        raster: an open image.
        folder: the work folder, which is there.
        grid: the tiles.
        page, crew, tell: see `segment_to_file`.
        key: tells this segmentation from others.
        memory: that tables of regions must find room in.
        cache_bytes: that GDAL may keep in each process.
        progress: called with (pixels done, pixels in all stages).

    Returns:
        What the stages left.

    Raises:
        InputError: what a stage refuses; more regions than the memory can hold tables of.
    """
    crew = _safe(crew or Crew())
    parallel = crew.local_processes or crew.threads
    known: dict[str, Stage] = {}
    for stage in stages:
        if known.setdefault(stage.name, stage) != stage:
            raise ValueError(f"two stages are called {stage.name}")
    painted = [stage.name for stage in stages if getattr(stage, "paints", False)]
    merging = [stage.name for stage in stages if getattr(stage, "merges", False)]
    store = Store(folder, grid, painted[-1] if painted else "", merging)
    cores = {number: grid.tile(number)[0] for number in range(len(grid))}
    pixels = {number: core.height * core.width for number, core in cores.items()}
    total = sum(pixels.values())
    for place, stage in enumerate(stages):
        if store.has_table(f"done{stage.name}"):
            continue
        if memory is not None and store.has_table("regions"):
            _check_table(stage, raster, store.count(), memory)
        finished = store.finished(stage.name)
        if finished:
            tell(f"{folder.output.name}, {stage.name}: {len(finished)} of {len(pixels)} tiles are finished already")
        job = StageJob(
            key=f"{key}{stage.name}",
            image=raster.path.absolute(),
            page=page,
            grid=grid,
            stage=stage,
            store=store,
            cache_bytes=cache_bytes,
            threads=_threads_of_each(parallel) if parallel > 1 else 0,
        )
        before = place * total
        shifted = None if progress is None else partial(_shift, progress, before, len(stages) * total)
        compute_missing(crew, job, job.opened(raster), pixels, finished, partial(store.keep, stage.name), shifted)
        stage.gather(store, grid)
        store.save_table(f"done{stage.name}", {})
    return store


def _check_table(stage: Stage, raster: Raster, n_regions: int, memory: int) -> None:
    """Refuse a global step that has no room."""
    table = gather_bytes(stage, raster, n_regions)
    needed = resident_bytes() + table
    if table and needed > memory:
        raise InputError(
            f"what is known of about {n_regions} regions takes {shown_bytes(needed)}, the memory is "
            f"{shown_bytes(memory)}; give more, or ask for larger regions"
        )


def default_tile_size(raster: Raster) -> int:
    """Side of a tile in pixels: the whole raster where it is small."""
    return min(TILE_PX, max(raster.height, raster.width))


def _shift(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)


def _safe(crew: Crew) -> Crew:
    """Processes in place of threads where Numba has only the pool that several threads may not enter at once."""
    if crew.threads == 1:
        return crew
    for pool in ("omppool", "tbbpool"):
        with suppress(ImportError):  # the module is always there, the library that it needs may not be
            import_module(f"numba.np.ufunc.{pool}")
            return crew
    return Crew(crew.workers, "processes")


def _threads_of_each(workers: int) -> int:
    import numba

    return max(1, numba.get_num_threads() // workers)


def stages_of(method: RegionMethod, raster: Raster, outputs: RegionOutputs) -> list[Stage]:
    """The stages of a method, and what the files ask for beside."""
    stages = list(method.stages(raster))
    if outputs.statistics is not None:
        stages += graph_stages(raster, _STATISTICS, columns=SHAPES)
    return stages


def halo_of(stages: Sequence[Stage]) -> int:
    """Pixels around a core that the widest stage takes in."""
    return max(0, *(max(stage.halo, getattr(stage, "margin", 0)) for stage in stages))


def choose_tile_size(
    method: RegionMethod,
    stages: Sequence[Stage],
    raster: Raster,
    tile_size: int | None,
    memory: int | None,
    crew: Crew,
) -> int:
    """A given tile size, or the one that computes the fewest pixels twice within the budget."""
    if getattr(method, "whole", False):
        return max(raster.height, raster.width)
    if memory is None or tile_size is not None:
        return tile_size or default_tile_size(raster)
    crew = _safe(crew)
    return_large_blocks()
    raster.read(Window(0, 0, 1, 1))  # what is decoded whole, is so from here on
    n_processes = max(1, crew.local_processes)
    parallel = crew.local_processes or crew.threads
    halo = max(1, halo_of(stages))  # what tiles have in common costs something in any case
    statistics = any(stage.name == _STATISTICS for stage in stages)
    per_pixel = max(method.bytes_per_pixel(raster), graph_bytes_per_pixel(raster, SHAPES) if statistics else 0)
    cost = Cost(16e6, per_pixel)
    own = resident_bytes() + _ASSEMBLY_BYTES + limit_read_cache(memory // n_processes)
    fixed = own + (resident_bytes() * n_processes if crew.local_processes else 0) + _TABLES_SHARE * memory

    def grid_of(size: int) -> Grid:
        return Grid(raster.height, raster.width, size, halo)

    size, least = fitting_tile_size(
        max(raster.height, raster.width),
        1,
        grid_of,
        lambda grid: fixed + parallel * cost.of(grid.largest_block()),
        memory,
        2 * parallel if parallel > 1 else 1,
    )
    if size is None:
        raise InputError(
            f"a memory of {shown_bytes(memory)} is too small for {method.name} on {raster.path.name}; the least is "
            f"about {shown_bytes(least / (1 - _TABLES_SHARE))}"
            + (f" with {parallel} workers; take fewer or give more" if parallel > 1 else "")
        )
    return size
