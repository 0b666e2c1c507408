"""Pairs of files: masks that are missing, of no image, or several of one."""

from __future__ import annotations

from collections.abc import Iterator

from densa.doctor.finding import Finding, finding
from densa.doctor.subject import Subject

__all__ = ["check_pairing"]


def check_pairing(subject: Subject) -> Iterator[Finding]:
    """Images without a mask."""
    missing = [record.sample.image for record in subject.records if record.sample.mask is None]
    if missing:
        yield finding("mask-missing", f"{len(missing)} images have no mask", missing)
