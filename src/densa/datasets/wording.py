"""Lists in messages."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["counted", "listed"]


def listed(items: Sequence[object], between: str = ", ", most: int = 10) -> str:
    """The first items and, where there are more than `most`, the number of all."""
    more = f"{between}... ({len(items)} in all)" if len(items) > most else ""
    return between.join(map(str, items[:most])) + more


def counted(n: int, what: str) -> str:
    """1 mask, 2 masks."""
    return f"{n} {what}{'s' * (n != 1)}"
