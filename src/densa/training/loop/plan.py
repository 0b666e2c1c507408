"""When a run validates, when it ends, and how much of it is done."""

from __future__ import annotations

from dataclasses import dataclass

from densa.errors import InputError
from densa.training.loop.checkpoints import RunState

__all__ = ["RunPlan"]

_N_VALIDATIONS = 10


@dataclass(frozen=True)
class RunPlan:
    """Bounds of a run; what ends first ends it.

    Args:
        steps: optimiser steps; 2000 where `minutes` is None too.
        minutes: wall-clock minutes, over all sittings.
        validate_every: steps between validations; None makes 10 over the run.
        patience: validations without a better score after which the run stops; 0: never.

    Raises:
        InputError: a bound that is not positive.
    """

    steps: int | None = None
    minutes: float | None = None
    validate_every: int | None = None
    patience: int = 0

    def __post_init__(self) -> None:
        if self.steps is None and self.minutes is None:
            object.__setattr__(self, "steps", 2000)
        for name in ("steps", "minutes", "validate_every"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"{name} must be more than 0, got {value}")
        if self.patience < 0:
            raise InputError(f"patience must not be negative (0: never stop early), got {self.patience}")

    def share(self, state: RunState) -> float:
        """Share of the run that is done; 1 or more at its end."""
        by_steps = state.step / self.steps if self.steps else 0.0
        by_time = state.seconds / (60 * self.minutes) if self.minutes else 0.0
        return max(by_steps, by_time)

    def validates(self, state: RunState) -> bool:
        """Whether a validation is due before the next step; the end of the run always has one."""
        if state.validated_at == state.step:
            return False
        if self.share(state) >= 1:
            return True
        if self.validate_every is not None:
            return state.step % self.validate_every == 0
        if self.minutes is None and self.steps is not None:
            return state.step % max(1, self.steps // _N_VALIDATIONS) == 0
        return self.share(state) * _N_VALIDATIONS >= state.n_validations + 1

    def stops_early(self, state: RunState) -> bool:
        """Whether the patience has run out."""
        return 0 < self.patience <= state.n_worse
