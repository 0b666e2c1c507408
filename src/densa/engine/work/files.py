"""The files of one run: whether they may be made, whether they are there, and putting them in place."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from densa import raster
from densa.engine.work.journal import WorkFolder
from densa.errors import InputError
from densa.raster import atomic_output
from densa.raster.atomic import sidecar

__all__ = ["check_files", "is_complete", "publish"]


def check_files(files: Collection[Path], folder: WorkFolder, *, resume: bool, overwrite: bool) -> None:
    """Before anything is computed: no file is in the way, and their folder is there.

    Args:
        files: that one run makes, the last first named by its work folder.
        folder: the work folder.
        resume: the work folder is continued, which may have been begun with `overwrite`.
        overwrite: files may be replaced.

    Raises:
        InputError: says which file is in the way.
    """
    stored = folder.stored() if resume else None
    may_replace = overwrite or (stored is not None and (bool(stored.get("overwrite")) or folder.publishing))
    for path in files:
        if not path.parent.is_dir():
            raise InputError(f"{path} cannot be written: there is no folder {path.parent}")
        if path.exists() and not may_replace:
            raise InputError(f"{path} exists; choose another output or give --overwrite")
    if len(set(files)) < len(files):
        raise InputError(f"{folder.output} is named for two products; give each a name of its own")


def is_complete(files: Mapping[str, Path], tags: Mapping[str, str]) -> bool:
    """Whether the files are there, and the rasters among them were made of the same with the same settings."""
    for path in files.values():
        if not path.exists():
            return False
        if path.suffix.lower() not in (".tif", ".tiff", ".png"):
            continue
        try:
            with raster.open(path) as made:
                if any(made.metadata.get(field) != value for field, value in tags.items()):
                    return False
        except InputError:
            return False
    return True


def publish(built: Mapping[str, Path], final: Mapping[str, Path], *, overwrite: bool) -> None:
    """Rename finished files to their final names, in the order of `final`: what others wait for comes last."""
    for name, path in final.items():
        with atomic_output(path, overwrite) as temporary:
            os.replace(built[name], temporary)
            if sidecar(built[name]).exists():
                os.replace(sidecar(built[name]), sidecar(temporary))
