"""Learning rate over a run: a factor of the base rate, from the share of the run that is done."""

from __future__ import annotations

import math

from densa.training.settings import Optimisation

__all__ = ["learning_rate_factor", "scheduled_rate"]


def scheduled_rate(settings: Optimisation, share: float) -> float:
    """Learning rate when a share of the run is done."""
    return settings.learning_rate * learning_rate_factor(settings, share)


def learning_rate_factor(settings: Optimisation, progress: float) -> float:
    """Factor of the base learning rate.

    A pure function of the share done: a resumed run needs no state, and a run bounded by time (`minutes`) follows
    the same curve as one bounded by steps.

    Args:
        settings: `schedule` is "constant"; "cosine": (1 + cos(pi t)) / 2 (Loshchilov and Hutter 2017, one cycle);
            "poly": (1 - t)^poly_power (Caffe; 0.9 in DeepLab); "step": times `step_factor` at each of `milestones`.
            t runs from 0 to 1 after the `warmup`, in which the factor rises linearly from 1/100 to 1.
        progress: share of the run that is done, from 0 to 1; more counts as 1.

    Examples:
        >>> from densa import training
        >>> settings = training.Optimisation(schedule="poly", poly_power=1.0, warmup=0)
        >>> [training.learning_rate_factor(settings, share) for share in (0, 0.25, 1)]
        [1.0, 0.75, 0.0]
    """
    progress = min(max(progress, 0.0), 1.0)
    warmup = settings.warmup
    if progress < warmup:
        return 0.01 + 0.99 * progress / warmup
    t = (progress - warmup) / (1 - warmup)
    if settings.schedule == "cosine":
        return (1 + math.cos(math.pi * t)) / 2
    if settings.schedule == "poly":
        return (1 - t) ** settings.poly_power
    if settings.schedule == "step":
        return settings.step_factor ** sum(t >= milestone for milestone in settings.milestones)
    return 1.0
