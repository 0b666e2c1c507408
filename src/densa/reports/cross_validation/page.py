"""The page and the CSV file of a cross-validation."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

from densa.raster import atomic_output
from densa.reports.comparison import COSTS, SCORES, percent, plain
from densa.reports.cross_validation.summary import CrossValidation, FoldedMethod, Spread, shown
from densa.reports.html import check_files, make_folder, page_facts, render_page

__all__ = ["check_cross_validation", "write_cross_validation"]

PAGE, TABLE = "cross_validation.html", "cross_validation.csv"
_WIDTH, _MARGIN = 320, 8  # of the strip of dots, in pixels


def check_cross_validation(folder: Path | str, *, overwrite: bool = False) -> tuple[Path, Path]:
    """Paths of the page and the table; refused where one exists and `overwrite` is false."""
    page, table = check_files(folder, (PAGE, TABLE), "cross-validation", overwrite=overwrite)
    return page, table


def write_cross_validation(found: CrossValidation, folder: Path | str, *, overwrite: bool = False) -> Path:
    """Write `cross_validation.html` (self-contained) and `cross_validation.csv`; returns the path of the page.

    The table has a row for each method and fold, and rows of the mean and the spread.
    """
    page, table = check_cross_validation(folder, overwrite=overwrite)
    html = _render(found)
    make_folder(page.parent)
    with atomic_output(table, overwrite) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, _columns(found), restval="")
        writer.writeheader()
        writer.writerows(row for method in found.methods for row in _rows(found, method))
    with atomic_output(page, overwrite) as temporary:
        temporary.write_text(html, encoding="utf-8", errors="backslashreplace")
    return page


def _columns(found: CrossValidation) -> list[str]:
    names = found.legend.class_names
    of_classes = [f"{score} {name}" for score in ("accuracy", "iou") for name in names]
    return ["name", "fold", "images", *(key for key, _ in SCORES), *of_classes, "steps", "minutes"]


def _rows(found: CrossValidation, method: FoldedMethod) -> list[dict[str, str]]:
    names = found.legend.class_names
    rows = []
    for one in method.folds:
        line = {"name": method.name, "fold": str(one.fold), "images": str(one.images)}
        line |= {key: _cell(getattr(one.accuracy, key)) for key, _ in SCORES}
        for score, values in (("accuracy", one.accuracy.class_accuracy), ("iou", one.accuracy.class_iou)):
            line |= {f"{score} {name}": _cell(value) for name, value in zip(names, values, strict=True)}
        line |= {key: str(one.training[key]) for key in ("steps", "minutes") if key in one.training}
        rows.append(line)
    for which in ("mean", "spread"):
        line = {"name": method.name, "fold": which}
        line |= {key: _cell(getattr(method.spread(key), which)) for key, _ in SCORES}
        for score in ("accuracy", "iou"):
            spreads = method.class_spreads(f"class_{score}")
            line |= {f"{score} {n}": _cell(getattr(one, which)) for n, one in zip(names, spreads, strict=True)}
        rows.append(line)
    return rows


def _render(found: CrossValidation) -> str:
    names = found.legend.class_names
    scale = _scale(found)
    methods: list[dict[str, Any]] = []
    for method in found.methods:
        spreads = [method.spread(key) for key, _ in SCORES]
        methods.append(
            {
                "name": method.name,
                "scores": [shown(one) for one in spreads],
                "classes": [shown(one) for one in method.class_spreads("class_iou")],
                "dots": _dots(method, scale),
                "folds": [
                    {
                        "fold": row.fold,
                        "images": row.images,
                        "scores": [percent(getattr(row.accuracy, key)) for key, _ in SCORES],
                        "classes": [percent(value) for value in row.accuracy.class_iou],
                    }
                    for row in method.folds
                ],
                "cost": None
                if method.measured is None or method.measured.cost is None
                else [plain(getattr(method.measured.cost, key)) for key, _ in COSTS],
            }
        )
    return render_page(
        "cross_validation.html.j2",
        {},
        n_folds=found.n_folds,
        methods=methods,
        titles=[title for _, title in SCORES],
        cost_titles=[title for _, title in COSTS],
        classes=list(zip(names, found.legend.colors, strict=True)),
        ticks=[{"x": _place(tick, scale), "text": f"{100 * tick:.0f}"} for tick in _ticks(scale)],
        width=_WIDTH,
        balance=found.balance,
        facts=page_facts({**found.facts, "split file": found.split_file}),
    )


def _dots(method: FoldedMethod, scale: tuple[float, float]) -> dict[str, Any]:
    """Places of the folds, of their mean and of the spread around it, on the strip of the mean IoU."""
    one: Spread = method.spread("mean_iou")
    values = [row.accuracy.mean_iou for row in method.folds if math.isfinite(row.accuracy.mean_iou)]
    if not values:
        return {"folds": [], "mean": None, "low": None, "high": None}
    spread = 0.0 if math.isnan(one.spread) else one.spread
    return {
        "folds": [_place(value, scale) for value in values],
        "mean": _place(one.mean, scale),
        "low": _place(max(one.mean - spread, scale[0]), scale),
        "high": _place(min(one.mean + spread, scale[1]), scale),
    }


def _scale(found: CrossValidation) -> tuple[float, float]:
    values = [row.accuracy.mean_iou for method in found.methods for row in method.folds]
    known = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = math.floor(10 * min(known)) / 10, math.ceil(10 * max(known)) / 10
    return (low, high) if high > low else (max(0.0, low - 0.1), min(1.0, high + 0.1))


def _ticks(scale: tuple[float, float]) -> list[float]:
    n = round(10 * (scale[1] - scale[0]))
    step = 1 if n <= 5 else 2 if n <= 8 else 5
    return [scale[0] + k / 10 for k in range(0, n + 1, step)]


def _place(value: float, scale: tuple[float, float]) -> float:
    return round(_MARGIN + (_WIDTH - 2 * _MARGIN) * (value - scale[0]) / (scale[1] - scale[0]), 1)


def _cell(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else ""
