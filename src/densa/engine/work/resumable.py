"""The life of a job that writes files: check, plan, begin, compute, assemble, publish.

Finished tiles are kept in a work folder beside the output, so that a job can be continued after any interruption.
"""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from enum import Enum, auto
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from densa import raster
from densa.engine.work.crew import Crew, run_tiles
from densa.engine.work.job import Job, Keep, Worker
from densa.engine.work.journal import WorkFolder
from densa.engine.work.settings import Work
from densa.engine.work.shard import Shard
from densa.errors import InputError
from densa.outputs import check_outputs
from densa.progress import Progress
from densa.raster import atomic_output
from densa.raster.atomic import sidecar

__all__ = ["JobFiles", "Outcome", "Task", "compute_missing", "run_task"]


@dataclass(frozen=True)
class JobFiles:
    """Base class of the files that one job writes: dataclasses whose first field is the main file.

    The work folder is named after the main file, which is put in place last: when it is there, all files are.
    """

    def __post_init__(self) -> None:
        for field in fields(self):
            if isinstance(value := getattr(self, field.name), str):
                object.__setattr__(self, field.name, Path(value))

    @property
    def main(self) -> Path:
        """The file that the first field names."""
        main: Path = getattr(self, fields(self)[0].name)
        return main

    def each(self) -> dict[str, Path]:
        """Product -> file, of the files that are wanted; the main file comes last."""
        main, *beside = (field.name for field in fields(self))
        files = {name: getattr(self, name) for name in (*beside, main)}
        return {name: path for name, path in files.items() if isinstance(path, Path)}

    def inside(self, folder: Path) -> Self:
        """Files of the same names in another folder."""
        moved: dict[str, Any] = {name: folder / path.name for name, path in self.each().items()}
        return replace(self, **moved)


Files = TypeVar("Files", bound=JobFiles)


class Task(ABC, Generic[Files]):
    """A job that is planned; base class of the jobs that `run_task` runs.

    Attributes:
        files: that the job writes.
        description: what a run that continues the job must share, as JSON, the tiles' size among it.
        tags: text fields of the files, which tell a file of this job from others.
    """

    files: Files
    description: Mapping[str, Any]
    tags: Mapping[str, str]

    def write_directly(self, overwrite: bool) -> bool:
        """Write the files without a work folder, where there would be nothing to resume; returns whether it did."""
        return False

    @abstractmethod
    def compute(self, folder: WorkFolder) -> None:
        """Compute the tiles that are not in the work folder."""

    def is_computed(self, folder: WorkFolder, *, thoroughly: bool) -> bool:
        """Whether all tiles are in the work folder, to which other shards write, too; `thoroughly` reads them."""
        return True

    @abstractmethod
    def assemble(self, folder: WorkFolder, files: Files) -> None:
        """Write the files from the work folder."""


T = TypeVar("T", bound=Task[Any])


class Outcome(Enum):
    """What became of a task: its files were written, were complete already, or wait for other shards."""

    WRITTEN = auto()
    COMPLETE = auto()
    WAITS = auto()


def run_task(
    kind: str,
    files: JobFiles,
    work: Work,
    plan: Callable[[int | None], T],
    shard: Shard | None = None,
    *,
    inputs: Iterable[Path] = (),
) -> tuple[Outcome, T]:
    """Run a job from the check of its files to their publication.

    Args:
        kind: what is made, as in the journal: "prediction" or "segmentation".
        files: that the job writes.
        work: `resume` continues what is in the work folder; `overwrite` replaces files that exist and, without
            `resume`, begins an unfinished work folder anew.
        plan: plans the job, given the tile size of the run that is continued; None where there is none.
        shard: compute these tiles only. The shard that finds the last tile finished writes the files.
        inputs: files that the job reads, which no output may replace.

    Returns:
        What became of the task, and the task.

    Raises:
        InputError: a file exists, or cannot be written; the work folder is in use, unfinished, damaged, or of another
            job; an error of the task.
    """
    folder = WorkFolder(files.main, kind)
    may_continue = work.resume or shard is not None
    wanted = files.each()
    check_outputs(wanted.items(), inputs, where=False)
    if not may_continue:  # planning may take long
        _check_files(wanted.values(), folder, resume=False, overwrite=work.overwrite)
    task = plan(_begun_tile_size(folder) if may_continue else None)
    if may_continue and folder.stored() is None and _is_complete(wanted, task.tags):
        folder.remove()
        return Outcome.COMPLETE, task
    _check_files(wanted.values(), folder, resume=may_continue, overwrite=work.overwrite)
    if shard is None and folder.stored() is None and task.write_directly(work.overwrite):
        return Outcome.WRITTEN, task
    if shard is not None:
        task = _join(task, plan, folder, work.overwrite)
        task.compute(folder)
        return _publish_if_last(task, folder, work.overwrite), task
    with ExitStack() as stack:
        _begin(folder, task.description, stack, work)
        try:
            task.compute(folder)
        except BaseException:
            folder.remove_if_nothing_is_finished()
            raise
        _publish(task, folder, work.overwrite)
    return Outcome.WRITTEN, task


# ------------------------------------------------------------------------------------------------------ check


def _check_files(files: Collection[Path], folder: WorkFolder, *, resume: bool, overwrite: bool) -> None:
    """No file is in the way, and their folder is there."""
    may_replace = overwrite or (resume and folder.stored() is not None and _may_replace(folder))
    for path in files:
        if not path.parent.is_dir():
            raise InputError(f"{path} cannot be written: there is no folder {path.parent}")
        if path.exists() and not may_replace:
            raise InputError(f"{path} exists; choose another output or give overwrite=True")


def _is_complete(files: Mapping[str, Path], tags: Mapping[str, str]) -> bool:
    """Whether the files are there, and the rasters among them were made of the same image with the same settings."""
    *_, main = files.values()
    for path in files.values():
        if not path.exists():
            return False
        if path.suffix.lower() not in (".tif", ".tiff", ".png"):
            continue
        try:
            with raster.open(path) as made:
                # A picture beside the main file has no fields; the main file is put in place last.
                fields_of = made.metadata if path == main else {**tags, **made.metadata}
                if any(fields_of.get(field) != value for field, value in tags.items()):
                    return False
        except InputError:
            return False
    return True


def _begun_tile_size(folder: WorkFolder) -> int | None:
    """Tile size that a work folder was begun with; None where there is none."""
    stored = folder.stored()
    if stored is None:
        return None
    tiles = stored.get("tiles")
    size = tiles.get("size") if isinstance(tiles, dict) else None
    if not isinstance(size, int) or not 1 <= size <= 2**24:
        raise InputError(f"the journal in {folder.path} is damaged: it names no tile size; remove the folder")
    return size


# ------------------------------------------------------------------------------------------------------ begin


def _begin(folder: WorkFolder, description: Mapping[str, Any], stack: ExitStack, work: Work) -> None:
    """Make or take over a work folder, and lock it until `stack` is left."""
    folder.make()
    if not stack.enter_context(folder.lock()):
        raise InputError(f"another process is working in {folder.path}; wait for it, or stop it")
    if not work.resume:
        if folder.stored() is not None and not work.overwrite:
            raise InputError(
                f"{folder.path} holds an unfinished {folder.kind} of {folder.output.name}; resume=True continues it, "
                "overwrite=True begins anew"
            )
        folder.clear()
    if folder.stored() is None:
        folder.clear()
        folder.begin({**description, "overwrite": work.overwrite})
    folder.check(description)


def _join(task: T, plan: Callable[[int | None], T], folder: WorkFolder, overwrite: bool) -> T:
    """Take part in a work folder that other processes may have begun, at the same moment even."""
    if folder.stored() is None:
        folder.begin({**task.description, "overwrite": overwrite})
    size = _begun_tile_size(folder)
    if size != task.description["tiles"]["size"]:
        task = plan(size)
    folder.check(task.description)
    return task


# ---------------------------------------------------------------------------------------------------- compute


def compute_missing(
    crew: Crew,
    job: Job,
    worker: Worker,
    pixels: Mapping[int, int],
    finished: Collection[int],
    keep: Keep,
    progress: Progress | None,
) -> None:
    """Compute the tiles that are not finished.

    Args:
        crew, job, worker, keep: see `run_tiles`.
        pixels: of each tile that is wanted.
        finished: numbers of the tiles that are there.
        progress: called with (pixels done, pixels in all) after every tile.
    """
    done, total = sum(pixels[n] for n in finished), sum(pixels.values())
    if progress and finished:
        progress(done, total)
    missing = [n for n in pixels if n not in finished]
    for number in run_tiles(crew, job, worker, missing, keep) if missing else ():
        done += pixels[number]
        if progress:
            progress(done, total)


# ------------------------------------------------------------------------------------------ assemble, publish


def _publish_if_last(task: Task[Any], folder: WorkFolder, overwrite: bool) -> Outcome:
    """Publish the files, if all shards are done and no other process is writing them."""
    if not task.is_computed(folder, thoroughly=False):
        there = folder.output.exists() and not folder.path.exists()
        return Outcome.COMPLETE if there else Outcome.WAITS
    with folder.lock() as mine:
        if not mine or folder.stored() is None or not task.is_computed(folder, thoroughly=True):
            return Outcome.WAITS
        _publish(task, folder, overwrite)
        return Outcome.WRITTEN


def _publish(task: Task[Any], folder: WorkFolder, overwrite: bool) -> None:
    """Assemble the files, give them their final names, and remove the work folder."""
    built = task.files.inside(folder.assembly())
    task.assemble(folder, built)
    replace_files = overwrite or _may_replace(folder)
    folder.mark_publishing()
    _rename(built.each(), task.files.each(), overwrite=replace_files)
    folder.remove()


def _may_replace(folder: WorkFolder) -> bool:
    """Whether the run was begun with `overwrite`, or has put some of the files in place already."""
    return bool((folder.stored() or {}).get("overwrite")) or folder.publishing


def _rename(built: Mapping[str, Path], final: Mapping[str, Path], *, overwrite: bool) -> None:
    """Give finished files their final names, in the order of `final`: what others wait for comes last.

    A product may lie on another file system than the work folder: it is copied then.
    """
    for name, path in final.items():
        with atomic_output(path, overwrite) as temporary:
            shutil.move(built[name], temporary)
            if sidecar(built[name]).exists():
                shutil.move(sidecar(built[name]), sidecar(temporary))
