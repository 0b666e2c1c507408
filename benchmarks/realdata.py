"""Where the real data sets of the benchmarks lie; they belong to their owners and are not in this repository."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "DENSA_REALDATA"


def realdata(name: str, argument: Path | None = None) -> Path:
    """Folder of a data set: the argument, else `$DENSA_REALDATA/name`; ends the program politely without it."""
    folder = argument or (Path(os.environ[VARIABLE]) / name if VARIABLE in os.environ else None)
    if folder is None or not folder.is_dir():
        print(f"skipped: {folder or name} is not here; give the folder of {name}, or set {VARIABLE} to its parent")
        sys.exit(0)
    return folder
