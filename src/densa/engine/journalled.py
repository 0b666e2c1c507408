"""A prediction that is continued from wherever it was stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

from densa.engine.assemble import Writers, publish, write_tiles
from densa.engine.executors import run_processes, run_serial, run_threads
from densa.engine.journal import WorkFolder
from densa.engine.shard import Shard
from densa.engine.task import Crew, Task
from densa.errors import InputError

__all__ = ["begun_tile_size", "predict_journalled", "run_tiles"]


def begun_tile_size(folder: WorkFolder) -> int | None:
    """Tile size that a work folder was begun with; None where there is none.

    Raises:
        InputError: its journal is damaged.
    """
    stored = folder.stored()
    if stored is None:
        return None
    tiles = stored.get("tiles")
    size = tiles.get("size") if isinstance(tiles, dict) else None
    if not isinstance(size, int) or not 1 <= size <= 2**24:
        raise InputError(f"the journal in {folder.path} is damaged: it names no tile size; remove the folder")
    return size


def predict_journalled(
    task: Task,
    plan: Callable[[int | None], Task],
    folder: WorkFolder,
    crew: Crew,
    shard: Shard | None,
    *,
    resume: bool,
    overwrite: bool,
    progress: Callable[[int, int], None] | None,
    tell: Callable[[str], None],
) -> bool:
    """Compute the missing tiles of a work folder, then write the outputs; see `predict_to_file`."""
    with ExitStack() as stack:
        if shard is None:
            _begin_alone(task, folder, resume, overwrite, stack)
        else:
            task = _join(task, plan, folder, overwrite)
        _compute(task, folder, crew, shard, progress, tell)
        if shard is None:
            _assemble(task, folder, overwrite)
            return True
    return _assemble_if_last(task, folder, overwrite)


def run_tiles(task: Task, crew: Crew, numbers: list[int], store: Callable[[int, bytes], None]) -> Iterator[int]:
    """Compute tiles by whoever is to; gives the numbers of those that are kept."""
    if crew.dask is not None:
        from densa.engine.dask_executor import run_dask

        return run_dask(task.job, numbers, store, crew.dask)
    if crew.local_processes:
        return run_processes(task.job, numbers, store, crew.workers)
    opened = task.job.opened(task.segmenter, task.raster)
    if crew.workers > 1:
        return run_threads(task.job, opened, numbers, store, crew.workers)
    return run_serial(task.job, opened, numbers, store)


def _begin_alone(task: Task, folder: WorkFolder, resume: bool, overwrite: bool, stack: ExitStack) -> None:
    """Make or take over the work folder, and lock it until `stack` is left."""
    folder.make()
    if not stack.enter_context(folder.lock()):
        raise InputError(f"another process is working in {folder.path}; wait for it, or stop it")
    if not resume:
        if folder.stored() is not None and not overwrite:
            raise InputError(
                f"{folder.path} holds an unfinished prediction of {folder.output.name}; --resume continues it, "
                "--overwrite begins anew"
            )
        folder.clear()
    if folder.stored() is None:
        folder.clear()
        folder.begin({**task.description, "overwrite": overwrite})
    folder.check(task.description)


def _join(task: Task, plan: Callable[[int | None], Task], folder: WorkFolder, overwrite: bool) -> Task:
    """Take part in a work folder that other processes may have begun, at the same moment even."""
    if folder.stored() is None:
        folder.begin({**task.description, "overwrite": overwrite})
    size = begun_tile_size(folder)
    if size != task.grid.tile_size:
        task = plan(size)
    folder.check(task.description)
    return task


def _compute(
    task: Task,
    folder: WorkFolder,
    crew: Crew,
    shard: Shard | None,
    progress: Callable[[int, int], None] | None,
    tell: Callable[[str], None],
) -> None:
    wanted = [n for n in range(len(task.grid)) if shard is None or shard.takes(n)]
    finished = folder.finished({n: task.shape(n) for n in wanted})
    pixels = {n: task.shape(n)[1] * task.shape(n)[2] for n in wanted}
    done, total = sum(pixels[n] for n in finished), sum(pixels.values())
    if finished:
        tell(f"{folder.output.name}: {len(finished)} of {len(wanted)} tiles are finished already")
    if progress and finished:
        progress(done, total)
    missing = [n for n in wanted if n not in finished]
    for number in run_tiles(task, crew, missing, folder.store) if missing else ():
        done += pixels[number]
        if progress:
            progress(done, total)


def _assemble_if_last(task: Task, folder: WorkFolder, overwrite: bool) -> bool:
    """The outputs, if all shards are done and no other process is writing them."""
    if not all(folder.has(n) for n in range(len(task.grid))):
        return task.outputs.labels.exists() and not folder.path.exists()
    with folder.lock() as mine:
        if not mine or folder.stored() is None:
            return False
        shapes = {n: task.shape(n) for n in range(len(task.grid))}
        if len(folder.finished(shapes)) < len(shapes):
            return False
        _assemble(task, folder, overwrite)
        return True


def _assemble(task: Task, folder: WorkFolder, overwrite: bool) -> None:
    """Stream the tiles into the outputs, put those in place, and remove the work folder."""
    products, legend = task.job.products, task.segmenter.legend
    built = task.outputs.inside(folder.assembly())
    with Writers(built, products, task.raster, legend, tags=task.tags) as writers:
        write_tiles(task.grid, products, folder.load, writers)
    stored = folder.stored() or {}
    replace = overwrite or bool(stored.get("overwrite")) or folder.publishing
    folder.mark_publishing()
    publish(built, task.outputs, overwrite=replace)
    folder.remove()
