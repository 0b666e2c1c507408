"""All checks of a data set, in the order in which they are reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from densa.doctor.finding import Finding
from densa.doctor.images import check_images
from densa.doctor.labels import check_classes, check_codings, check_copies
from densa.doctor.leaks import check_leaks
from densa.doctor.legends import check_legends
from densa.doctor.overlays import check_overlays
from densa.doctor.pairing import check_pairing
from densa.doctor.subject import Subject
from densa.doctor.unreadable import check_files

__all__ = ["CHECKS"]

CHECKS: tuple[Callable[[Subject], Iterable[Finding]], ...] = (
    check_pairing,
    check_files,
    check_legends,
    check_codings,
    check_images,
    check_overlays,
    check_copies,
    check_classes,
    check_leaks,
)
"""Each takes what was read of a data set and yields what it finds."""
