"""All checks of a data set, in the order in which they are reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from densa.doctor.finding import Finding
from densa.doctor.pairing import check_pairing
from densa.doctor.subject import Subject

__all__ = ["CHECKS"]

CHECKS: tuple[Callable[[Subject], Iterable[Finding]], ...] = (check_pairing,)
"""Each takes what was read of a data set and yields what it finds."""
