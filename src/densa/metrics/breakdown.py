"""Scores of parts of a set of images: one confusion matrix for each value of an attribute."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.metrics.confusion import ConfusionMatrix, Summary, VoidRule
from densa.metrics.intervals import IntervalRule, ScoreIntervals, UnitSums, score_intervals
from densa.metrics.scores import AbsentRule

__all__ = ["Breakdown", "GroupScores"]


@dataclass(frozen=True)
class GroupScores:
    """Scores of the images with one value of an attribute.

    Attributes:
        value: of the attribute.
        images: number of images.
        summary: scores of their confusion matrix.
        intervals: 95 % intervals of the scores, over the units in these images; None where they were not asked for.
    """

    value: str
    images: int
    summary: Summary
    intervals: ScoreIntervals | None

    def interval(self, name: str) -> tuple[float, float] | None:
        """The interval of a score; None where it has none."""
        found = None if self.intervals is None else self.intervals.of(name, None)
        return None if found is None else (found.low, found.high)


class Breakdown:
    """Accumulates images by a value of theirs.

    Args:
        n_classes: number of classes.
        column: name of the attribute.
        source: where its values are from.
        void, absent: rules of the scores, see `ConfusionMatrix.summary`.
        intervals: how intervals are computed; None for none.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> found = metrics.Breakdown(2, "weather")
        >>> found.update("sun", np.array([[0, 1]]), np.array([[0, 1]]), image="a")
        >>> found.update("rain", np.array([[0, 1]]), np.array([[0, 0]]), image="b")
        >>> [(group.value, group.images, group.summary.global_accuracy) for group in found.groups()]
        [('rain', 1, 0.5), ('sun', 1, 1.0)]
    """

    def __init__(
        self,
        n_classes: int,
        column: str,
        source: str = "",
        *,
        void: VoidRule = "ignore",
        absent: AbsentRule = "skip",
        intervals: IntervalRule | None = None,
    ) -> None:
        self.n_classes, self.column, self.source = n_classes, column, source
        self._void, self._absent, self._rule = void, absent, intervals
        self._parts: dict[str, tuple[ConfusionMatrix, set[str], UnitSums | None]] = {}

    def update(
        self,
        value: str,
        target: NDArray[Any],
        predicted: NDArray[Any],
        *,
        image: str,
        scene: str = "",
        corner: tuple[int, int] = (0, 0),
    ) -> None:
        """Add an image, or a window of it.

        Args:
            value: of the attribute.
            target, predicted: see `ConfusionMatrix.update`.
            image: its name.
            scene: of the image; empty: it is one of its own.
            corner: row and column of the window in the image.
        """
        if value not in self._parts:
            rule = self._rule
            units = None if rule is None else UnitSums(self.n_classes, void=self._void, rule=rule.units)
            self._parts[value] = ConfusionMatrix(self.n_classes), set(), units
        confusion, images, units = self._parts[value]
        confusion.update(target, predicted)
        images.add(image)
        if units is not None:
            units.add(target, predicted, image=image, scene=scene or image, corner=corner)

    def groups(self) -> list[GroupScores]:
        """The scores for each value, in their order."""
        found = []
        for value in sorted(self._parts):
            confusion, images, units = self._parts[value]
            summary = confusion.summary(void=self._void, absent=self._absent)
            intervals = None
            if units is not None and self._rule is not None and confusion.matrix.any():
                intervals = score_intervals(units, absent=self._absent, rule=self._rule)
            found.append(GroupScores(value, len(images), summary, intervals))
        return found


def group_json(group: GroupScores, class_names: tuple[str, ...]) -> dict[str, Any]:
    """A group for programs; None where a score is undefined."""
    s = group.summary
    intervals = {} if group.intervals is None else {"intervals": group.intervals.to_json(class_names)}
    return {
        "value": group.value,
        "images": group.images,
        "pixels": s.n_pixels,
        "mean_iou": _number(s.mean_iou),
        "global_accuracy": _number(s.global_accuracy),
        "class_average": _number(s.class_average),
        "classes": [
            {"name": name, "iou": _number(s.iou[k]), "accuracy": _number(s.accuracy[k])}
            for k, name in enumerate(class_names)
        ],
        **intervals,
    }


def _number(value: float | np.floating[Any]) -> float | None:
    return float(value) if math.isfinite(value) else None
