"""Learning curves of the methods of a comparison, and their chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.metrics.intervals import Interval, IntervalRule, LearningCurve, UnitSums, fit_learning_curve, resample
from densa.metrics.intervals.paired import tables_of_runs
from densa.metrics.intervals.sums import HEADLINE, scores_of
from densa.reports.curves import ticks

__all__ = ["MethodCurve", "chart_of", "learning_curve_of"]

_MEAN_IOU = HEADLINE.index("mean_iou")
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 460, 260, 46, 38, 12, 16


@dataclass(frozen=True)
class MethodCurve:
    """Mean IoU of a method over its number of training images.

    Attributes:
        method: its name.
        fractions: shares of the training images, in ascending order.
        curve: images, scores and what was fitted to them.
        intervals: of the scores; None where they were not asked for.

    Examples:
        >>> import numpy as np
        >>> from densa import reports
        >>> from densa.metrics import intervals
        >>> fitted = intervals.fit_learning_curve(np.array([5, 10, 20]), np.array([0.5, 0.6, 0.65]))
        >>> reports.MethodCurve("unet", (0.25, 0.5, 1), fitted, (None, None, None)).to_json()["images"]
        [5, 10, 20]
    """

    method: str
    fractions: tuple[float, ...]
    curve: LearningCurve
    intervals: tuple[Interval | None, ...]

    @property
    def sentence(self) -> str:
        """What more images would bring, in words."""
        return f"{self.method}: {self.curve.sentence('mean IoU')}"

    def to_json(self) -> dict[str, Any]:
        """The curve for JSON."""
        return {
            "method": self.method,
            "score": "mean_iou",
            "fractions": list(self.fractions),
            "images": self.curve.images.tolist(),
            "values": [None if np.isnan(v) else float(v) for v in self.curve.scores],
            "intervals": [None if interval is None else interval.to_json() for interval in self.intervals],
            **self.curve.to_json(),
            "text": self.sentence,
        }


def learning_curve_of(
    method: str,
    fractions: Sequence[float],
    images: Sequence[int],
    scores: Sequence[tuple[float, Interval | None]],
    units: Sequence[UnitSums],
    rule: IntervalRule | None,
) -> MethodCurve:
    """The learning curve of a method.

    Args:
        method: its name.
        fractions: shares of the training images, in ascending order.
        images: number of images of each; runs of equal numbers count once.
        scores: mean IoU of each, and its interval.
        units: sums of each on the same test images; empty without intervals.
        rule: resamples and seed; None without intervals.
    """
    kept = [i for i, n in enumerate(images) if n not in images[:i]]
    drawn: NDArray[np.float64] | None = None
    if rule is not None and units:
        runs: Mapping[str, UnitSums] = {f"{fractions[i]:g}": units[i] for i in kept}
        n_classes = units[0].n_classes
        tables = tables_of_runs(runs)
        if tables[0].number > 1:

            def statistic(sums: NDArray[np.float64]) -> NDArray[np.float64]:
                return scores_of(sums, n_classes, "skip", ())[..., [_MEAN_IOU]]

            found = [resample(table.sums, statistic, rule.resamples, seed=rule.seed).resamples for table in tables]
            drawn = np.concatenate(found, 1)
    values = np.array([scores[i][0] for i in kept])
    curve = fit_learning_curve(
        np.array([images[i] for i in kept]), values, drawn, seed=0 if rule is None else rule.seed
    )
    return MethodCurve(method, tuple(fractions[i] for i in kept), curve, tuple(scores[i][1] for i in kept))


def chart_of(found: MethodCurve) -> dict[str, Any]:
    """Coordinates of the chart, in pixels, and its ticks, for the template."""
    curve = found.curve
    fitted = curve.curve if curve.curve is not None else np.zeros((0, 4))
    ends = [
        (v, v) if interval is None else (interval.low, interval.high)
        for v, interval in zip(curve.scores, found.intervals, strict=True)
    ]
    ys = np.concatenate([np.array(ends).reshape(-1), curve.scores, fitted[:, 1:].reshape(-1)])
    ys = ys[~np.isnan(ys)]
    y_ticks = ticks(100 * float(ys.min()), 100 * float(ys.max())) if ys.size else [0.0, 100.0]
    most = float(max(curve.images.max(), fitted[-1, 0] if len(fitted) else 0))
    x_ticks = [x for x in ticks(0, most) if x <= most]
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM

    def x_of(n: float) -> float:
        return round(_LEFT + (right - _LEFT) * n / most, 1)

    def y_of(score: float) -> float:
        return round(bottom - (bottom - _TOP) * (100 * score - y_ticks[0]) / (y_ticks[-1] - y_ticks[0]), 1)

    band = [f"{x_of(row[0])},{y_of(row[2])}" for row in fitted] + [f"{x_of(r[0])},{y_of(r[3])}" for r in fitted[::-1]]
    points = [
        {"x": x_of(n), "y": y_of(v), "low": y_of(low), "high": y_of(high), "text": f"{n} images: {100 * v:.1f} %"}
        for n, v, (low, high) in zip(curve.images.tolist(), curve.scores, ends, strict=True)
        if not np.isnan(v)
    ]
    return {
        "title": found.method,
        "text": found.sentence.removeprefix(f"{found.method}: "),
        "width": _WIDTH,
        "height": _HEIGHT,
        "frame": (_LEFT, _TOP, right, bottom),
        "x_ticks": [(x_of(x), f"{x:g}") for x in x_ticks],
        "y_ticks": [(y_of(y / 100), f"{y:g}") for y in y_ticks],
        "line": " ".join(f"{x_of(row[0])},{y_of(row[1])}" for row in fitted),
        "band": " ".join(band),
        "end": x_of(float(curve.images.max())),
        "points": points,
    }
