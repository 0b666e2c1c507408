"""How many images a validation predicts, and how often, so that a run spends a tenth of itself on validation at most.

A run bounded by steps counts work, not time, so that the same settings give the same weights on every machine. A run
bounded by minutes measures its first validation; later ones take the same images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from densa.training.settings import Training

__all__ = ["ENOUGH", "SHARE", "ValidationShare", "share_by_work", "validation_order"]

SHARE = 0.1
"""Largest share of a run that is spent on validation."""

ENOUGH = 8
"""Images of a validation that are enough to compare weights by."""

_BACKWARD = 2  # a pixel of a training patch costs as much as this many validated ones, at least
_TIMES = (10, 5, 3, 2, 1)  # validations of a run, as many as leave enough images for each
_LEAST_PX = 1 << 14  # of a validation, which takes no time


@dataclass(frozen=True)
class ValidationShare:
    """Validations of a run.

    Attributes:
        times: validations, the last at the end of the run.
        images: images of each, the first of `validation_order`; None where the clock decides.
    """

    times: int = _TIMES[0]
    images: int | None = None


def validation_order(n_images: int, seed: int) -> list[int]:
    """Numbers of the images in the order in which they are validated; a validation takes the first of them."""
    return [int(i) for i in np.random.default_rng(seed).permutation(n_images)]


def share_by_work(
    settings: Training, n_steps: int, step_px: int, recalibration_px: int, image_px: Sequence[int]
) -> ValidationShare:
    """The validations of a run bounded by steps.

    Args:
        settings: `validate_every` decides the number of validations, where it is given.
        n_steps: optimiser steps of the run.
        step_px: pixels of the patches of a step, in all processes.
        recalibration_px: pixels of the patches that are predicted before a validation.
        image_px: pixels of the validation images, in their order.
    """
    if not image_px:
        return ValidationShare()
    work = SHARE / (1 - SHARE) * n_steps * step_px * _BACKWARD
    cumulated = np.cumsum(image_px)

    def images(times: int) -> int:
        return int(np.searchsorted(cumulated, max(work / times - recalibration_px, _LEAST_PX), side="right"))

    if settings.validate_every is not None:
        return ValidationShare(images=max(1, images(-(-n_steps // settings.validate_every))))
    enough = min(ENOUGH, len(image_px))
    found = {times: images(min(times, n_steps)) for times in _TIMES}
    times = next((times for times in _TIMES if found[times] >= enough), None)
    if times is None:  # most images, but more than one validation where that is possible
        times = next((times for times in (3, 2) if found[times]), 1)
    return ValidationShare(times, max(1, found[times]))
