"""A prediction that is continued from wherever it was stopped."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from densa.engine.prediction.plan import Task
from densa.engine.prediction.writers import Writers, write_tiles
from densa.engine.work.crew import Crew
from densa.engine.work.journal import WorkFolder
from densa.engine.work.resuming import begin_alone, begun_tile_size, compute_missing, put_in_place
from densa.engine.work.shard import Shard

__all__ = ["predict_journalled"]


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
            begin_alone(folder, task.description, stack, resume=resume, overwrite=overwrite)
        else:
            task = _join(task, plan, folder, overwrite)
        _compute(task, folder, crew, shard, progress, tell)
        if shard is None:
            _assemble(task, folder, overwrite)
            return True
    return _assemble_if_last(task, folder, overwrite)


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
    if finished:
        tell(f"{folder.output.name}: {len(finished)} of {len(wanted)} tiles are finished already")
    worker = task.job.opened(task.segmenter, task.raster)
    pixels = {n: task.shape(n)[1] * task.shape(n)[2] for n in wanted}
    compute_missing(crew, task.job, worker, pixels, finished, folder.store, progress)


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
    put_in_place(folder, built.each(), task.outputs.each(), overwrite=overwrite)
