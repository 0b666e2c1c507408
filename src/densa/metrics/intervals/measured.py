"""The scores of an evaluation with their intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.metrics.further import FurtherMeasures
from densa.metrics.intervals.bootstrap import LEVEL, Interval, intervals_of, resample
from densa.metrics.intervals.sums import HEADLINE, PER_CLASS, Columns, Number, numbers_of, scores_of, sizes_of
from densa.metrics.intervals.units import UnitRule, UnitSums, UnitTable
from densa.metrics.scores import AbsentRule

__all__ = ["BY_DEFAULT", "IntervalRule", "ScoreIntervals", "score_intervals"]

UNDEFINED_RULE = (
    "a resample in which a score is undefined, such as one without the class, does not count for this score; means "
    "over classes follow the rule for absent classes in each resample; a score defined in one unit only has no interval"
)


@dataclass(frozen=True)
class IntervalRule:
    """How intervals are computed.

    Args:
        units: what the independent units are.
        resamples: number of bootstrap resamples, 100 or more.
        seed: decides them.

    Raises:
        InputError: too few resamples.

    Examples:
        >>> from densa.metrics import intervals
        >>> intervals.IntervalRule(resamples=2000).units.kind
        'auto'
    """

    units: UnitRule = field(default_factory=UnitRule)
    resamples: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.resamples < 100:
            raise InputError(f"resamples must be 100 or more, got {self.resamples}")


BY_DEFAULT = IntervalRule()
"""Units by the images, 10 000 resamples, seed 0."""


@dataclass(frozen=True)
class ScoreIntervals:
    """Intervals of all scores of an evaluation.

    Attributes:
        table: sums of the units.
        intervals: of each score, None where there is none.
        rule: how they were computed.

    Examples:
        >>> import numpy as np
        >>> from densa.metrics import intervals
        >>> sums = intervals.UnitSums(2)
        >>> for name, right in (("a", 1), ("b", 0), ("c", 1)):
        ...     sums.add(np.array([[0, 1]]), np.array([[0, right]]), image=name)
        ...
        >>> found = intervals.score_intervals(sums)
        >>> print(found.of("global_accuracy"), "over", found.table.text)
        0.5000 to 1.0000 over 3 images
    """

    table: UnitTable
    intervals: Mapping[Number, Interval | None]
    rule: IntervalRule

    def of(self, name: str, label: int | None = None) -> Interval | None:
        """The interval of a score of all classes together, or of one class; None where there is none."""
        return self.intervals.get((name, label))

    @property
    def text(self) -> str:
        """How the intervals were computed, in words."""
        if self.table.number < 2:
            return "no interval: " + ("no unit has pixels that count" if not self.table.number else self.table.text)
        return (
            f"95 % intervals: bootstrap over {self.table.text}, {self.rule.resamples} resamples, seed {self.rule.seed}"
        )

    @property
    def remark(self) -> str | None:
        """Which scores have no interval although the others do; None where all have."""
        if self.table.number < 2:
            return None
        if self.table.kind == "block":
            return "the boundary F1 and the further measures are of whole images and have no interval over blocks"
        return None

    def to_json(self, class_names: Sequence[str]) -> dict[str, Any]:
        """The content of `intervals` in `metrics.json`."""

        def shown(name: str, label: int | None = None) -> dict[str, Any] | None:
            found = self.of(name, label)
            return None if found is None else found.to_json()

        table = self.table
        known = {*HEADLINE, *PER_CLASS}
        further = [name for name, label in self.intervals if label is None and name not in known]
        return {
            "level": LEVEL,
            "unit": {
                "kind": table.kind,
                "number": table.number,
                "side_px": table.side,
                "error_range_px": table.reach,
                "scenes": table.n_scenes,
                "text": table.text,
            },
            "resamples": self.rule.resamples,
            "seed": self.rule.seed,
            "rule": UNDEFINED_RULE,
            "warnings": [line for line in (table.warning, self.remark) if line],
            **{name: shown(name) for name in HEADLINE},
            **({"measures": {name: shown(name) for name in further}} if further else {}),
            "classes": [
                {"name": name, **{score: shown(score, k) for score in PER_CLASS}} for k, name in enumerate(class_names)
            ],
        }


def score_intervals(
    sums: UnitSums,
    *,
    absent: AbsentRule = "skip",
    rule: IntervalRule = BY_DEFAULT,
    further: FurtherMeasures | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ScoreIntervals:
    """The intervals of all scores of an evaluation.

    Args:
        sums: of the units.
        absent: rule for classes that do not occur, see `ConfusionMatrix.summary`; it holds in each resample.
        rule: how intervals are computed.
        further: measures whose sums were added to those of the units; they get intervals, too.
        progress: called with (resamples done, resamples in all).

    Returns:
        An interval for each score that is defined in two units or more.

    Examples:
        >>> import numpy as np
        >>> from densa.metrics import intervals
        >>> sums = intervals.UnitSums(2)
        >>> for name in ("a", "b"):
        ...     sums.add(np.array([[0, 1]]), np.array([[0, 0]]), image=name)
        ...
        >>> found = intervals.score_intervals(sums, rule=intervals.IntervalRule(resamples=1000))
        >>> found.of("iou", 1).units
        2
    """
    table = sums.table()
    n, numbers = table.n_classes, numbers_of(table.n_classes)
    width, first_f1 = Columns(n).width, len(HEADLINE) + PER_CLASS.index("f1") * n
    if further is not None:
        keys = further.values_of(table.sums[:1, width:], np.zeros((1, n)))
        numbers += [(key, None) for key in keys]

    def statistic(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        found = scores_of(drawn, n, absent)
        if further is None:
            return found
        more = further.values_of(drawn[..., width:], found[..., first_f1 : first_f1 + n])
        return np.concatenate([found, np.stack(list(more.values()), -1)], -1) if more else found

    sizes = sizes_of(table.sums, n)
    sizes = np.concatenate([sizes, np.ones((len(sizes), len(numbers) - sizes.shape[1]))], 1)
    if table.number < 2:
        return ScoreIntervals(table, dict.fromkeys(numbers), rule)
    found = resample(
        table.sums,
        statistic,
        rule.resamples,
        sizes=sizes,
        neighbours=table.neighbours,
        seed=rule.seed,
        progress=progress,
    )
    return ScoreIntervals(table, dict(zip(numbers, intervals_of(found), strict=True)), rule)
