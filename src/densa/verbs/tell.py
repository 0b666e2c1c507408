"""Lines for people on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["kept_work", "tell"]


def tell(line: str) -> None:
    """A line for people on stderr."""
    print(f"densa: {line}", file=sys.stderr)


@contextmanager
def kept_work(output: Path) -> Iterator[None]:
    """Where the work is interrupted, say that what is finished of it is kept."""
    try:
        yield
    except KeyboardInterrupt:
        if output.with_name(output.name + ".partial").exists():
            tell(f"the finished tiles of {output.name} are kept; --resume continues")
        raise
