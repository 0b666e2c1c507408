"""What the checks of the doctor look at: the pairs of a data set and what was read of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from densa.datasets import Sample
from densa.legend import Legend

__all__ = ["Record", "Subject"]


@dataclass(frozen=True)
class Record:
    """What was read of one pair; small, so that those of many thousand pairs fit into memory.

    Args:
        split: "train", "val" or "test".
        sample: the files.
    """

    split: str
    sample: Sample


@dataclass(frozen=True)
class Subject:
    """A data set under examination.

    Args:
        root: its folder.
        records: its pairs, split by split.
        legend: names and codes of its classes; None where they could not be told.
        own_splits: folders or lists of the data set state its splits; otherwise densa drew them.
    """

    root: Path
    records: tuple[Record, ...]
    legend: Legend | None = None
    own_splits: bool = False
    problems: tuple[str, ...] = field(default=())

    def splits(self) -> Iterator[tuple[str, list[Record]]]:
        """The names of the splits with their records."""
        for name in dict.fromkeys(record.split for record in self.records):
            yield name, [record for record in self.records if record.split == name]
