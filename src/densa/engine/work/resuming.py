"""Work that is continued from wherever it was stopped: taking over a work folder, and computing the tiles it lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from densa.engine.work.crew import Crew, run_tiles
from densa.engine.work.executors import Store
from densa.engine.work.files import publish
from densa.engine.work.job import Job, Worker
from densa.engine.work.journal import WorkFolder
from densa.errors import InputError

__all__ = ["begin_alone", "begun_tile_size", "compute_missing", "put_in_place"]


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


def begin_alone(
    folder: WorkFolder, description: Mapping[str, Any], stack: ExitStack, *, resume: bool, overwrite: bool
) -> None:
    """Make or take over a work folder, and lock it until `stack` is left.

    Raises:
        InputError: it is in use, unfinished without `resume`, or belongs to something else.
    """
    folder.make()
    if not stack.enter_context(folder.lock()):
        raise InputError(f"another process is working in {folder.path}; wait for it, or stop it")
    if not resume:
        if folder.stored() is not None and not overwrite:
            raise InputError(
                f"{folder.path} holds an unfinished {folder.kind} of {folder.output.name}; --resume continues it, "
                "--overwrite begins anew"
            )
        folder.clear()
    if folder.stored() is None:
        folder.clear()
        folder.begin({**description, "overwrite": overwrite})
    folder.check(description)


def compute_missing(
    crew: Crew,
    job: Job,
    worker: Worker,
    pixels: Mapping[int, int],
    finished: set[int],
    store: Store,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Compute the tiles that are not finished.

    Args:
        crew, job, worker, store: see `run_tiles`.
        pixels: of each tile that is wanted.
        finished: numbers of those that are there.
        progress: called with (pixels done, pixels in all) after every tile.
    """
    done, total = sum(pixels[n] for n in finished), sum(pixels.values())
    if progress and finished:
        progress(done, total)
    missing = [n for n in pixels if n not in finished]
    for number in run_tiles(crew, job, worker, missing, store) if missing else ():
        done += pixels[number]
        if progress:
            progress(done, total)


def put_in_place(folder: WorkFolder, built: Mapping[str, Path], final: Mapping[str, Path], *, overwrite: bool) -> None:
    """Give finished files their final names, and remove the work folder.

    Args:
        folder: may have been begun with the right to overwrite, or have put some of the files in place already.
        built, final: see `publish`.
        overwrite: files may be replaced.
    """
    stored = folder.stored() or {}
    replace = overwrite or bool(stored.get("overwrite")) or folder.publishing
    folder.mark_publishing()
    publish(built, final, overwrite=replace)
    folder.remove()
