"""When a run is validated and when it ends, and the share of it that is done."""

from __future__ import annotations

from dataclasses import dataclass

from densa.training.loop.checkpoints import RunState
from densa.training.settings import Training

__all__ = ["RunPlan"]

_N_VALIDATIONS = 10
_STEPS = 2000


@dataclass(frozen=True)
class RunPlan:
    """Bounds of a run; the first one reached ends it.

    Args:
        settings: its length and validation; 2000 steps where neither `steps` nor `minutes` is given.
    """

    settings: Training

    @property
    def steps(self) -> int | None:
        """Optimiser steps; None where only `minutes` bounds the run."""
        given = self.settings.steps
        return _STEPS if given is None and self.settings.minutes is None else given

    def share(self, state: RunState) -> float:
        """Share of the run that is done; 1 or more at its end."""
        by_steps = state.step / self.steps if self.steps else 0.0
        by_time = state.seconds / (60 * self.settings.minutes) if self.settings.minutes else 0.0
        return max(by_steps, by_time)

    def validates(self, state: RunState) -> bool:
        """Whether a validation is due before the next step; the end of the run always has one."""
        if state.validated_at == state.step:
            return False
        if self.share(state) >= 1:
            return True
        if self.settings.validate_every is not None:
            return state.step % self.settings.validate_every == 0
        if self.settings.minutes is None and self.steps is not None:
            return state.step % max(1, self.steps // _N_VALIDATIONS) == 0
        return self.share(state) * _N_VALIDATIONS >= state.n_validations + 1

    def stops_early(self, state: RunState) -> bool:
        """Whether `patience` validations have passed without a better score."""
        return 0 < self.settings.patience <= state.n_worse
