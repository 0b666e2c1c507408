"""What `densa predict` takes from the model's own record: its CRF, its best patch sizes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from densa.errors import InputError

if TYPE_CHECKING:
    from densa.crf import DenseCrf

__all__ = ["best_sizes", "chosen_crf"]


def best_sizes(run: Path, count: int) -> list[int]:
    """The patch sizes that training scored best, by the model's record."""
    from densa import methods
    from densa.training import recorded_sizes

    return recorded_sizes(methods.describe_run(run)["training"], count)


def chosen_crf(run: Path, stored: bool, name: str | None) -> DenseCrf | None:
    """The CRF that was asked for."""
    if not stored and name is None:
        return None
    from densa.crf import PUBLISHED
    from densa.segmenter import stored_crf

    known = ", ".join(PUBLISHED)
    if name is not None:
        if stored:
            raise InputError(
                "--crf takes the model's own parameters, --crf-parameters published ones; give one of them"
            )
        if name not in PUBLISHED:
            raise InputError(f"--crf-parameters must be one of {known}, got {name!r}")
        return PUBLISHED[name]
    if (found := stored_crf(run)) is None:
        raise InputError(
            f"{run} has no CRF of its own: none was tuned (densa train --tune-crf), or none helped; leave --crf "
            f"out, or name published parameters with --crf-parameters: {known}"
        )
    return found
