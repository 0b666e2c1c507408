"""One part of a job array."""

from __future__ import annotations

import re
from dataclasses import dataclass

from densa.errors import InputError

__all__ = ["Shard"]


@dataclass(frozen=True)
class Shard:
    """Every `count`-th tile, from number `index` (0..count-1)."""

    index: int
    count: int

    @classmethod
    def of(cls, text: str | None) -> Shard | None:
        """The shard of "i/n"; None of None.

        Raises:
            InputError: no such shard.
        """
        if text is None:
            return None
        match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
        if match is None or int(match[1]) >= int(match[2]):
            raise InputError(f"shard must be i/n with i of 0..n-1, as 0/4 to 3/4, got {text!r}")
        return cls(int(match[1]), int(match[2]))

    def takes(self, number: int) -> bool:
        """Whether a tile belongs to this shard."""
        return number % self.count == self.index
