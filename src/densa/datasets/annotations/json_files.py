"""JSON files of others: read with limits, and the paths in them kept inside of the data set."""

from __future__ import annotations

import json
import posixpath
from pathlib import Path
from typing import Any

from densa.errors import InputError, one_line
from densa.machine import memory_bytes

__all__ = ["LARGEST", "first_bytes", "load_json", "path_inside"]

LARGEST = 1 << 30  # bytes
_EXPANDS = 8  # times the size of a file is what its content may take in memory


def first_bytes(path: Path, n: int = 4096) -> bytes:
    """The beginning of a file, by which its kind is told; nothing where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(n)
    except OSError:
        return b""


def load_json(path: Path, most_bytes: int = LARGEST) -> Any:
    """The content of a JSON file.

    Args:
        path: the file.
        most_bytes: larger files are not read, nor those whose content the memory may not hold.

    Raises:
        InputError: it cannot be read, is no JSON, is nested too deeply or too large.
    """
    try:
        size = path.stat().st_size
        most = min(most_bytes, memory_bytes() // _EXPANDS)
        if size > most:
            raise InputError(f"{path} has {size / 2**20:.0f} MB, more than the {most / 2**20:.0f} MB that are read")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is no JSON: {one_line(error)}") from error


def path_inside(root: Path, base: Path, name: object, source: Path, *, links: bool = True) -> Path:
    """A path that a file names, which must lie in the data set.

    Args:
        root: folder of the data set.
        base: folder that the path is relative to; in `root`.
        name: with / or \\ between its parts.
        source: the file that names it, for messages.
        links: symbolic links in the data set may lead out of it.

    Raises:
        InputError: it is absolute, leaves `root`, or is no path.
    """
    text = name.replace("\\", "/") if isinstance(name, str) else ""
    place = base.relative_to(root).as_posix()
    found = posixpath.normpath(posixpath.join(place, text))
    if "\0" in text or not text.strip() or text.startswith("/") or text[1:2] == ":":
        raise InputError(f"{source} names the file {name!r}; it must be a path relative to its folder")
    out = not links and not (root / found).resolve().is_relative_to(root.resolve())
    if out or found == ".." or found.startswith("../"):
        raise InputError(f"{source} names the file {name!r}, which lies outside of {root}; copy it into the data set")
    return root / found
