"""The folder of a run: whether it may be used, and how a new run takes the place of an old one.

With `overwrite`, the old run moves to `replaced-run` inside the folder when the new one has all it needs to begin, and
is removed when the new one has saved a model. Where the new run fails with neither a model nor a checkpoint, the old
one comes back.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from densa.errors import InputError

__all__ = ["CHECKPOINT", "REPLACED", "begins_again", "begun", "check_run_folder", "forget_replaced"]

CHECKPOINT = Path("checkpoints") / "last.safetensors"
"""The checkpoint in a run folder."""

REPLACED = "replaced-run"
"""Where the run that is replaced lies until the new one has a model."""

_HALF_MOVED = f"{REPLACED}.partial"
# The configuration first: a folder whose run was half moved away by a killed process has none to resume.
_OWN_FILES = (
    "config.yaml", "model.json", "model.safetensors", "metrics.csv", "context.csv", "split.json", "checkpoints",
    "tensorboard",
)  # fmt: skip


def begins_again(folder: Path, *, say: bool) -> bool:
    """Whether a run that is to be resumed was stopped before its first checkpoint, so that it begins again."""
    if (folder / CHECKPOINT).exists() or (folder / "model.json").exists() or not (folder / "config.yaml").exists():
        return False
    if say:
        print(f"densa: the run in {folder} was stopped before its first checkpoint; it begins again", file=sys.stderr)
    return True


def check_run_folder(folder: Path, *, overwrite: bool, resumable: bool = True) -> None:
    """Refuse a folder in which no new run can begin; a folder never holds two. Nothing is changed.

    Args:
        folder: of the run.
        overwrite: a run in it may be replaced.
        resumable: whether resuming is offered.

    Raises:
        InputError: it is a file, or holds a run.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"the run folder {folder} is a file; choose another output")
    found = _found(folder, (*_OWN_FILES, REPLACED, _HALF_MOVED))
    if found and not overwrite:
        give = "give resume=True or overwrite=True" if resumable else "give overwrite=True"
        raise InputError(f"{folder} holds a run already ({found[0].name}); choose another, or {give}")


@contextmanager
def begun(folder: Path) -> Iterator[None]:
    """The folder of a new run; the run that was in it comes back where this one fails with nothing to use or resume.

    Raises:
        InputError: the folder cannot be made.
    """
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the run folder {folder} cannot be made: {error.strerror}") from error
    try:
        _move_away(folder)
        yield
    except BaseException:
        if (folder / REPLACED).exists() and not (folder / CHECKPOINT).exists() and not (folder / "model.json").exists():
            _remove(_found(folder))
            _bring_back(folder)
        if made and not any(folder.iterdir()):
            folder.rmdir()
        raise


def forget_replaced(folder: Path) -> None:
    """Remove the run that was replaced: the new one has a model."""
    _remove(_found(folder, (REPLACED,)))


def _found(folder: Path, names: tuple[str, ...] = _OWN_FILES) -> list[Path]:
    return [path for path in (folder / name for name in names) if path.exists()]


def _move_away(folder: Path) -> None:
    if (folder / REPLACED).exists():  # the run since then has no model
        _remove(_found(folder))
        return
    _bring_back(folder)
    old = _found(folder)
    if old:
        half = folder / _HALF_MOVED
        try:
            half.mkdir()
            for path in old:
                path.rename(half / path.name)
            half.rename(folder / REPLACED)
        except BaseException:
            _bring_back(folder)
            raise


def _bring_back(folder: Path) -> None:
    for place in _found(folder, (REPLACED, _HALF_MOVED)):
        for path in reversed(_found(place)):  # the configuration last
            path.rename(folder / path.name)
        _remove([place])


def _remove(paths: list[Path]) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
