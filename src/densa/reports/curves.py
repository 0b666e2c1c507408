"""Training curves: line charts (SVG) of the `metrics.csv` of a run."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from densa.errors import InputError

__all__ = ["Chart", "Line", "line_chart", "ticks", "training_charts"]

_X_NAMES = ("step", "iteration", "epoch")
_GROUPS = {
    "Loss": ("loss",),
    "Scores": ("iou", "accuracy", "average", "f1", "kappa", "score", "pixel_error"),
    "Learning rate": ("learning_rate", "lr"),
}
_LINE_COLORS = ("#2a7de1", "#e07b39", "#2a9d8f", "#b0479b", "#8a94a0", "#c9a227")
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 420, 220, 52, 34, 12, 20
_MOST_POINTS = 300


@dataclass(frozen=True)
class Line:
    """A line of a chart: name, colour, SVG `points` and last value."""

    name: str
    color: str
    points: str
    last: str


@dataclass(frozen=True)
class Chart:
    """A line chart for the template; all coordinates are in pixels of `width` x `height`."""

    title: str
    x_title: str
    width: int
    height: int
    frame: tuple[float, float, float, float]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    lines: tuple[Line, ...]


def training_charts(path: Path) -> tuple[Chart, ...]:
    """Charts of the losses, scores and learning rate of a run, over the step or epoch.

    Args:
        path: CSV file with a header; cells may be empty. Other columns (times, for example) are ignored.

    Raises:
        InputError: the file cannot be read or is not a CSV file.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"training curves {path} cannot be read: {error}") from error
    if not rows:
        return ()
    names = [name for name in rows[0] if name]
    x_name = next((name for name in _X_NAMES if name in names), None)
    charts = []
    for title, words in _GROUPS.items():
        series = {}
        for name in names:
            parts = name.lower() if title != "Learning rate" else name.lower().split("_")
            if name == x_name or not (name.lower() in words or any(word in parts for word in words)):
                continue
            points = _points(rows, x_name, name)
            if len(points) > 1:
                series[name] = points
        if series:
            charts.append(line_chart(title, x_name or "row", series))
    return tuple(charts)


Points = list[tuple[float, float]]


def _points(rows: list[dict[str, str]], x_name: str | None, name: str) -> Points:
    points = []
    for place, row in enumerate(rows):
        x, y = (
            (float(place), _value(row.get(name)))
            if x_name is None
            else (_value(row.get(x_name)), _value(row.get(name)))
        )
        if math.isfinite(x) and math.isfinite(y):
            points.append((x, y))
    size = math.ceil(len(points) / _MOST_POINTS)
    bins = [points[i : i + size] for i in range(0, len(points), size)] if size > 1 else [[point] for point in points]
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in bins]


def _value(cell: str | None) -> float:
    try:
        return float(cell) if cell else math.nan
    except ValueError:
        return math.nan


def line_chart(title: str, x_title: str, series: dict[str, Points]) -> Chart:
    """A chart of named series of (x, y), of which at least one has a point."""
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    x_ticks, y_ticks = ticks(min(xs), max(xs)), ticks(min(ys), max(ys))
    low, high = min(*ys, y_ticks[0]), max(*ys, y_ticks[-1])
    left, right, top, bottom = _LEFT, _WIDTH - _RIGHT, _TOP, _HEIGHT - _BOTTOM

    def place_x(x: float) -> float:
        return round(left + (right - left) * (x - min(xs)) / ((max(xs) - min(xs)) or 1), 1)

    def place_y(y: float) -> float:
        return round(bottom - (bottom - top) * (y - low) / ((high - low) or 1), 1)

    lines = [
        Line(
            name=name.replace("_", " "),
            color=_LINE_COLORS[place % len(_LINE_COLORS)],
            points=" ".join(f"{place_x(x)},{place_y(y)}" for x, y in points),
            last=f"{points[-1][1]:.3g}",
        )
        for place, (name, points) in enumerate(series.items())
    ]
    return Chart(
        title=title,
        x_title=x_title,
        width=_WIDTH,
        height=_HEIGHT,
        frame=(left, top, right, bottom),
        x_ticks=tuple((place_x(x), f"{x:g}") for x in x_ticks if min(xs) <= x <= max(xs)),
        y_ticks=tuple((place_y(y), f"{y:.4g}") for y in y_ticks),
        lines=tuple(lines),
    )


def ticks(low: float, high: float) -> list[float]:
    """About four round numbers, 1, 2 or 5 times a power of ten apart, that span the range."""
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / 4))
    step = next(m * power for m in (1, 2, 5, 10) if span / (m * power) <= 5)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]
