"""Scores of methods over the folds of a cross-validation: mean and spread."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from densa.legend import Legend
from densa.reports.comparison import SCORES, Accuracy, MethodRow, aligned

__all__ = ["CrossValidation", "FoldRow", "FoldedMethod", "Spread", "spread_of"]


class Spread(NamedTuple):
    """A score over the folds.

    Attributes:
        mean: over the folds where the score is defined; NaN where it is in none.
        spread: sample standard deviation, with n - 1; NaN for fewer than two folds.
        low, high: least and greatest.
        folds: number of folds where it is defined.
    """

    mean: float
    spread: float
    low: float
    high: float
    folds: int


def spread_of(values: Sequence[float]) -> Spread:
    """Mean and spread of a score over the folds; folds where it is undefined are left out.

    Examples:
        >>> from densa.reports.cross_validation.summary import spread_of
        >>> spread_of([0.5, 0.7, float("nan")]).mean
        0.6
    """
    known = np.array([value for value in values if math.isfinite(value)])
    if not len(known):
        return Spread(math.nan, math.nan, math.nan, math.nan, 0)
    spread = float(known.std(ddof=1)) if len(known) > 1 else math.nan
    return Spread(float(known.mean()), spread, float(known.min()), float(known.max()), len(known))


@dataclass(frozen=True)
class FoldRow:
    """A method on one fold.

    Attributes:
        fold: its number, from 0.
        images: number of images, or windows, that it was measured on.
        accuracy: its scores.
        training: information on its training.
    """

    fold: int
    images: int
    accuracy: Accuracy
    training: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class FoldedMethod:
    """A method on all folds; `measured` holds its cost, of the model of the first fold."""

    name: str
    folds: tuple[FoldRow, ...]
    measured: MethodRow | None = None

    def spread(self, score: str) -> Spread:
        """A score over the folds, by the name of a field of `Accuracy`."""
        return spread_of([getattr(row.accuracy, score) for row in self.folds])

    def class_spreads(self, score: str) -> list[Spread]:
        """The IoU ("class_iou") or accuracy ("class_accuracy") of each class over the folds."""
        return [spread_of(values) for values in zip(*(getattr(r.accuracy, score) for r in self.folds), strict=True)]


@dataclass(frozen=True)
class CrossValidation:
    """Result of a comparison over folds.

    Args:
        methods: in the requested order.
        legend: classes of the data.
        split_file: the folds.
        balance: what the split file says of the balance of classes.
        facts: settings and machine.
        page: path of the page.
    """

    methods: tuple[FoldedMethod, ...]
    legend: Legend
    split_file: Path
    balance: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)
    page: Path | None = None

    @property
    def n_folds(self) -> int:
        """Number of folds."""
        return len(self.methods[0].folds)

    def to_json(self) -> dict[str, Any]:
        """The result for JSON: scores from 0 to 1; `mean` and `spread` of each score, and a row for each fold."""
        return {
            "folds": self.n_folds,
            "split_file": str(self.split_file),
            "classes": list(self.legend.class_names),
            "methods": [self._method(method) for method in self.methods],
            "balance": dict(self.balance),
            "facts": {key: str(value) for key, value in self.facts.items()},
        }

    def _method(self, method: FoldedMethod) -> dict[str, Any]:
        found = {key: method.spread(key) for key, _ in SCORES}
        classes = {key: method.class_spreads(key) for key in ("class_iou", "class_accuracy")}
        cost = method.measured.cost if method.measured else None
        return {
            "name": method.name,
            "mean": {key: one.mean for key, one in found.items()}
            | {key: [one.mean for one in ones] for key, ones in classes.items()},
            "spread": {key: one.spread for key, one in found.items()}
            | {key: [one.spread for one in ones] for key, ones in classes.items()},
            "folds": [
                {"fold": row.fold, "images": row.images, **asdict(row.accuracy), "training": dict(row.training)}
                for row in method.folds
            ],
            "cost": asdict(cost) if cost else None,
        }

    def table(self) -> str:
        """Mean and spread of the headline scores, in per cent, as a Markdown table."""
        lines = [[f"{self.n_folds} folds", *(title for _, title in SCORES)], ["---", *("---:" for _ in SCORES)]]
        lines += [[method.name, *(shown(method.spread(key)) for key, _ in SCORES)] for method in self.methods]
        return aligned(lines)


def shown(one: Spread) -> str:
    """Mean and spread in per cent; a dash where they are undefined."""
    if not one.folds:
        return "–"
    mean = f"{100 * one.mean:.1f}"
    return mean if math.isnan(one.spread) else f"{mean} ± {100 * one.spread:.1f}"
