"""Learning rate over a run: a factor of the base rate, from the share of the run that is done."""

from __future__ import annotations

import math

from densa.errors import InputError

__all__ = ["SCHEDULES", "learning_rate_factor"]

SCHEDULES = ("constant", "cosine", "poly", "step")
"""The schedules that `learning_rate_factor` knows."""


def learning_rate_factor(
    schedule: str,
    progress: float,
    *,
    warmup: float = 0.0,
    power: float = 0.9,
    milestones: tuple[float, ...] = (0.6, 0.85),
    gamma: float = 0.1,
) -> float:
    """Factor of the base learning rate.

    A pure function of the share done: a resumed run needs no state, and a run bounded by time (`minutes`) follows
    the same curve as one bounded by steps.

    Args:
        schedule: "constant"; "cosine": (1 + cos(pi t)) / 2 (Loshchilov and Hutter 2017, one cycle); "poly":
            (1 - t)^power (Caffe; 0.9 in DeepLab); "step": times `gamma` at each milestone. t runs from 0 to 1 after
            the warm-up.
        progress: share of the run that is done, from 0 to 1; more counts as 1.
        warmup: share of the run in which the factor rises linearly from 1/100 to 1.
        power: exponent of "poly".
        milestones: shares of the run where "step" falls.
        gamma: what "step" multiplies by.

    Raises:
        InputError: an unknown schedule.
    """
    if schedule not in SCHEDULES:
        raise InputError(f"schedule must be one of {', '.join(SCHEDULES)}, got {schedule!r}")
    progress = min(max(progress, 0.0), 1.0)
    if progress < warmup:
        return 0.01 + 0.99 * progress / warmup
    t = (progress - warmup) / (1 - warmup) if warmup < 1 else 1.0
    if schedule == "cosine":
        return (1 + math.cos(math.pi * t)) / 2
    if schedule == "poly":
        return (1 - t) ** power
    if schedule == "step":
        return gamma ** sum(t >= milestone for milestone in milestones)
    return 1.0
