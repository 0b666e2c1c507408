"""Messages on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["kept_work", "tell"]


def tell(line: str) -> None:
    """Print one line on stderr."""
    print(f"densa: {line}", file=sys.stderr)


@contextmanager
def kept_work(output: Path) -> Iterator[None]:
    """Add to a KeyboardInterrupt a note on what is kept and how to continue; the command line prints it."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if output.with_name(output.name + ".partial").exists():
            stop.add_note(f"the finished tiles of {output.name} are kept; resume=True continues")
        else:
            stop.add_note(f"no tile of {output.name} was finished; resume=True begins with it")
        raise
