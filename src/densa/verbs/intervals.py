"""Intervals of scores in the verbs: the rule of the options, and what is told of the units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from densa.verbs.tell import tell

if TYPE_CHECKING:
    from densa.metrics.intervals import IntervalRule, ScoreIntervals
    from densa.verbs.settings import Intervals

__all__ = ["interval_rule", "tell_units"]


def interval_rule(settings: Intervals, seed: int) -> IntervalRule | None:
    """How intervals are computed by the options of a verb; None where they are not wanted.

    Raises:
        InputError: options that exclude each other.
    """
    from densa.metrics.intervals import IntervalRule, UnitRule

    rule = IntervalRule(UnitRule(settings.units, settings.unit_block), settings.resamples, seed)
    return rule if settings.intervals else None


def tell_units(intervals: ScoreIntervals) -> None:
    """Say on stderr where the units are few, and which scores have no interval."""
    for line in (intervals.table.warning, intervals.remark):
        if line is not None:
            tell(line)
