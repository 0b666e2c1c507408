"""Comparison of methods: accuracy and cost of each, beside published figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.legend import Legend
from densa.metrics.intervals import Interval, PairedComparison, ScoreIntervals
from densa.reports.cost import Cost
from densa.reports.evaluation import Evaluation
from densa.reports.measured_on import MeasuredOn
from densa.reports.published import PUBLISHED_COST
from densa.reports.uncertainty.learning_curve import MethodCurve

__all__ = [
    "COSTS",
    "SCORES",
    "SHARES",
    "Accuracy",
    "Comparison",
    "MethodRow",
    "SideBySide",
    "aligned",
    "percent",
    "plain",
]

SCORES = (("global_accuracy", "Global"), ("class_average", "Class avg"), ("mean_iou", "mIoU"), ("boundary_f1", "BF"))
SHARES = (("without_label", "No label"), ("without_class", "No class"))
COSTS = (
    ("forward_ms", "Forward, ms"), ("backward_ms", "Backward, ms"), ("training_mb", "Training, MB"),
    ("inference_mb", "Inference, MB"), ("activation_mb", "… without weights"), ("model_mb", "Model, MB"),
    ("parameters", "Parameters"),
)  # fmt: skip


_INTERVAL_NAMES = {"without_label": "share_without_label", "without_class": "share_without_class"}


@dataclass(frozen=True)
class Accuracy:
    """Scores from 0 to 1, NaN where undefined; per class in the order of the legend.

    `without_label` is the share of all pixels that have no label, `without_class` that of the labelled ones for which
    no class was predicted.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, reports
        >>> target = np.array([[0, 0, 1, 1]])
        >>> pair = reports.Pair("photo", target, predicted=np.array([[0, 1, 1, 1]]))
        >>> found = reports.evaluate_pairs([pair], Legend(("ground", "roof")))
        >>> reports.Accuracy.of(found).global_accuracy
        0.75
    """

    global_accuracy: float
    class_average: float
    mean_iou: float
    boundary_f1: float
    class_accuracy: tuple[float, ...]
    class_iou: tuple[float, ...]
    without_label: float = 0.0
    without_class: float = 0.0

    @classmethod
    def of(cls, evaluation: Evaluation) -> Accuracy:
        """The scores of an evaluation."""
        s = evaluation.summary
        accuracy, iou = (tuple(float(v) for v in values) for values in (s.accuracy, s.iou))
        shares = evaluation.without_label, evaluation.without_class
        return cls(s.global_accuracy, s.class_average, s.mean_iou, evaluation.boundary.value, accuracy, iou, *shares)


@dataclass(frozen=True)
class MethodRow:
    """One method of a comparison.

    Args:
        name: as requested: the name of a network, or a folder.
        network: densa's name of the network, which selects the published row; None for other models.
        accuracy: None if there was no data to measure it on.
        cost: None if it was not measured.
        training: information on its training, such as steps and minutes.
        notes: what could not be measured, and why.
        intervals: of the accuracy; None where they were not asked for.

    Examples:
        >>> from densa import reports
        >>> row = reports.MethodRow("runs/roads", "unet", training={"steps": 2000, "minutes": 20})
        >>> row.accuracy is None
        True
    """

    name: str
    network: str | None = None
    accuracy: Accuracy | None = None
    cost: Cost | None = None
    training: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    intervals: ScoreIntervals | None = None

    def interval(self, score: str, label: int | None = None) -> Interval | None:
        """The interval of a score by its name in `SCORES` or `SHARES`, or of a class's "iou" or "accuracy"."""
        return None if self.intervals is None else self.intervals.of(_INTERVAL_NAMES.get(score, score), label)


@dataclass(frozen=True)
class SideBySide:
    """An image, its mask and the prediction of each method, scaled down.

    Args:
        name: name of the image.
        image: (h, w, 3) uint8.
        target: (h, w) uint8 labels.
        predicted: one label map per method, in the order of the rows.

    Examples:
        >>> import numpy as np
        >>> from densa import reports
        >>> image, target = np.zeros((4, 6, 3), np.uint8), np.zeros((4, 6), np.uint8)
        >>> len(reports.SideBySide("photo", image, target, (target, target)).predicted)
        2
    """

    name: str
    image: NDArray[np.uint8]
    target: NDArray[np.uint8]
    predicted: tuple[NDArray[np.uint8], ...]


@dataclass(frozen=True)
class Comparison:
    """Result of a comparison.

    Args:
        rows: the methods, in the requested order.
        legend: classes of the data; None if only cost was measured.
        facts: settings and machine.
        views: pictures.
        page: path of the page.
        measured_on: the images that the accuracy is of; None if only cost was measured.
        paired: differences between the methods on the same images; None where there are none.
        curves: learning curves of the methods.

    Examples:
        >>> from densa import reports
        >>> rows = (reports.MethodRow("unet", cost=reports.Cost(forward_ms=12.5, parameters=7760)),)
        >>> found = reports.Comparison(rows, facts={"machine": "a laptop"})
        >>> found.to_json()["methods"][0]["name"]
        'unet'
    """

    rows: tuple[MethodRow, ...]
    legend: Legend | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    views: tuple[SideBySide, ...] = ()
    page: Path | None = None
    measured_on: MeasuredOn | None = None
    paired: PairedComparison | None = None
    curves: tuple[MethodCurve, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The result for JSON: scores from 0 to 1, milliseconds and megabytes."""
        names = self.legend.class_names if self.legend else ()
        return {
            "measured_on": None if self.measured_on is None else self.measured_on.to_json(),
            "classes": list(self.legend.class_names) if self.legend else None,
            "methods": [
                {
                    "name": row.name,
                    "network": row.network,
                    "accuracy": asdict(row.accuracy) if row.accuracy else None,
                    "intervals": row.intervals.to_json(names) if row.intervals else None,
                    "cost": asdict(row.cost) if row.cost else None,
                    "training": dict(row.training),
                    "notes": list(row.notes),
                    "published_cost": PUBLISHED_COST[row.network]._asdict() if row.network in PUBLISHED_COST else None,
                }
                for row in self.rows
            ],
            "paired": self.paired.to_json(names) if self.paired else None,
            "learning_curves": [curve.to_json() for curve in self.curves],
            "facts": {key: str(value) for key, value in self.facts.items()},
        }

    def cost_table(self) -> str:
        """The costs as a Markdown table, each published row below the measured one."""
        header = ["", *(title for _, title in COSTS)]
        lines = [header, ["---", *("---:" for _ in COSTS)]]
        for row in self.rows:
            if row.cost is None:
                continue
            lines.append([row.name, *(plain(getattr(row.cost, key)) for key, _ in COSTS)])
            if row.network in PUBLISHED_COST:
                printed = PUBLISHED_COST[row.network]
                lines.append([f"printed: {printed.name}", *(plain(getattr(printed, key, None)) for key, _ in COSTS)])
        return aligned(lines)

    def accuracy_table(self) -> str:
        """The headline scores and the shares of pixels without a class, in per cent, as a Markdown table.

        Intervals stand in brackets.
        """
        label = "" if self.measured_on is None else self.measured_on.label.removesuffix(": ")
        columns = (*SCORES, *SHARES)
        lines = [[label, *(title for _, title in columns)], ["---", *("---:" for _ in columns)]]
        lines += [
            [row.name, *(percent(getattr(row.accuracy, key)) + bracketed(row.interval(key)) for key, _ in columns)]
            for row in self.rows
            if row.accuracy
        ]
        return aligned(lines)


def percent(value: float | None) -> str:
    """A share in per cent; a dash where it is undefined."""
    return f"{100 * value:.1f}" if value is not None and math.isfinite(value) else "–"


def bracketed(interval: Interval | None) -> str:
    """The ends of an interval in per cent, in brackets; empty where there is none."""
    return "" if interval is None else f" ({100 * interval.low:.1f} to {100 * interval.high:.1f})"


def plain(value: float | None) -> str:
    """A figure of three digits; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    if value >= 10_000:
        return f"{value:,.0f}".replace(",", "\u202f")
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def aligned(lines: list[list[str]]) -> str:
    """A Markdown table with columns of equal width; the second line has the rules."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    texts = []
    for line in lines:
        cells = [
            cell.replace("---", "-" * (widths[i] - (cell.endswith(":")))) if cell.startswith("---") else
            cell.ljust(widths[i]) if i == 0 else cell.rjust(widths[i])
            for i, cell in enumerate(line)
        ]  # fmt: skip
        texts.append(f"| {' | '.join(cells)} |")
    return "\n".join(texts)
