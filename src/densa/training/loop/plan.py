"""When a run is validated and when it ends, and the share of it that is done."""

from __future__ import annotations

from dataclasses import dataclass, field

from densa.training.loop.checkpoints import RunState
from densa.training.loop.validation_share import ENOUGH, SHARE, ValidationShare
from densa.training.settings import Training

__all__ = ["RunPlan"]

_STEPS = 2000
_FEWEST = 3  # validations of a run bounded by minutes, where images take long


@dataclass(frozen=True)
class RunPlan:
    """Bounds of a run; the first one reached ends it.

    Args:
        settings: its length and validation; 2000 steps where neither `steps` nor `minutes` is given.
        validations: how many there are.
    """

    settings: Training
    validations: ValidationShare = field(default_factory=ValidationShare)

    @property
    def steps(self) -> int | None:
        """Optimiser steps; None where only `minutes` bounds the run."""
        given = self.settings.steps
        return _STEPS if given is None and self.settings.minutes is None else given

    def share(self, state: RunState) -> float:
        """Share of the run that is done; 1 or more at its end, which leaves time for the last validation."""
        by_steps = state.step / self.steps if self.steps else 0.0
        by_time = 0.0
        if self.settings.minutes:
            seconds = 60 * self.settings.minutes
            by_time = state.seconds / (seconds - min(state.validation_cost, SHARE * seconds))
        return max(by_steps, by_time)

    def seconds_to_validate(self, state: RunState, n_images: int) -> float | None:
        """Seconds of the first validation, by which its images and those of later ones are chosen; None: by work.

        Few images take more seconds, and leave fewer validations: one image does not tell which weights are best.

        Args:
            state: the run so far.
            n_images: that are validated already.
        """
        if self.settings.minutes is None:
            return None
        whole, times = 60 * self.settings.minutes, float(self.validations.times if n_images >= ENOUGH else _FEWEST)
        if self.share(state) >= 1:
            times = 1
        elif self.settings.validate_every is not None:
            times = max(1.0, whole / max(state.seconds, 1e-9))
        return SHARE * whole / times

    def validates(self, state: RunState) -> bool:
        """Whether a validation is due before the next step; the end of the run always has one."""
        if state.validated_at == state.step:
            return False
        if self.share(state) >= 1:
            return True
        spent = state.validation_seconds + 2 * state.validation_cost  # after one more, and the last
        if self.settings.minutes is not None and spent > SHARE * 60 * self.settings.minutes:
            return False
        if self.settings.validate_every is not None:
            return state.step % self.settings.validate_every == 0
        if self.settings.minutes is None and self.steps is not None:
            return state.step % max(1, self.steps // self.validations.times) == 0
        times = float(self.validations.times)
        if self.settings.minutes is not None and state.validation_cost:
            times = min(times, SHARE * 60 * self.settings.minutes / state.validation_cost)
        return self.share(state) * times >= state.n_validations + 1

    def stops_early(self, state: RunState) -> bool:
        """Whether `patience` validations have passed without a better score."""
        return 0 < self.settings.patience <= state.n_worse
