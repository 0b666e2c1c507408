"""Files of JSON in data sets: read with limits, and their paths kept in the folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from densa.errors import InputError, one_line

__all__ = ["file_inside", "read_json"]

_MOST_BYTES = 1 << 30
_SMALL_BYTES = 16 << 20


def read_json(path: Path, *, most_bytes: int = _SMALL_BYTES) -> Any:
    """The content of a JSON file.

    Args:
        path: the file.
        most_bytes: larger files are not read.

    Raises:
        InputError: it cannot be read, is too large, no JSON, or nested too deep.
    """
    try:
        size = path.stat().st_size
        if size > min(most_bytes, _MOST_BYTES):
            raise InputError(f"{path} has {size / 2**20:.0f} MB, more than the {most_bytes >> 20} MB that are read")
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    except RecursionError as error:
        raise InputError(f"{path} is no JSON that densa reads: it is nested too deep") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is no JSON: {one_line(error)}") from error


def file_inside(root: Path, name: Any, source: Path) -> Path:
    """The file that a path in a file means.

    Args:
        root: folder that it is relative to, and must not leave.
        name: the path as it is written.
        source: the file that it is written in, for messages.

    Raises:
        InputError: it is no text, or leaves the folder.
    """
    if not isinstance(name, str) or not name or "\0" in name:
        raise InputError(f"{source} must name files by text, got {name!r}")
    path = root / name.replace("\\", "/")
    if not path.resolve().is_relative_to(root.resolve()):
        raise InputError(f"{source} names {name}, which is outside of {root}; move it into the folder")
    return path
