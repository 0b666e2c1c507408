"""Examination of a data set: every check, every finding."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from densa.datasets.layouts.find import find_layout
from densa.datasets.splits.groups import SplitRule, split_samples
from densa.doctor.checks import CHECKS
from densa.doctor.finding import Finding, in_order
from densa.doctor.subject import Record, Subject
from densa.legend import Legend
from densa.progress import Progress

__all__ = ["Diagnosis", "examine"]


@dataclass(frozen=True)
class Diagnosis:
    """What was found in a data set.

    Args:
        data: its folder.
        findings: errors first, then warnings, then notes.
        splits: number of images of each split.
    """

    data: Path
    findings: tuple[Finding, ...]
    splits: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """The diagnosis as a dictionary for JSON."""
        counts = Counter(found.severity for found in self.findings)
        return {
            "data": str(self.data),
            "sound": not (counts["error"] or counts["warning"]),
            "errors": counts["error"],
            "warnings": counts["warning"],
            "notes": counts["note"],
            "splits": self.splits,
            "findings": [found.to_json() for found in self.findings],
        }


def examine(
    data: Path | str, *, legend: Legend | Path | str | None = None, progress: Progress | None = None
) -> Diagnosis:
    """Examine a data set: all that is wrong with it, not the first alone.

    Args:
        data: its folder.
        legend: the legend or its file; None: that of the folder, or inferred.
        progress: called with (pairs read, pairs in total).

    Returns:
        The findings, each with the mend.

    Raises:
        InputError: `data` is not a folder.

    Examples:
        >>> from densa import datasets, doctor
        >>> doctor.examine(datasets.coins("coins")).findings
        ()
    """
    layout = find_layout(Path(data))
    splits = split_samples(layout.splits, SplitRule(), layout.lists)
    records = tuple(Record(name, sample) for name, samples in splits.items() for sample in samples)
    subject = Subject(Path(data), records)
    findings = [found for check in CHECKS for found in check(subject)]
    placed = (replace(found, mend=found.mend.replace("DATA", str(data))) for found in findings)
    return Diagnosis(Path(data), in_order(placed), {name: len(samples) for name, samples in splits.items()})
