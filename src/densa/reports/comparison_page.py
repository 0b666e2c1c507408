"""The page and the CSV file of a comparison."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from densa.legend import IGNORE, Legend
from densa.raster import atomic_output
from densa.reports.comparison import COSTS, SCORES, SHARES, Comparison, MethodRow, bracketed, percent, plain
from densa.reports.cost import Cost
from densa.reports.html import check_files, make_folder, page_facts, render_page
from densa.reports.pictures import jpeg_uri, png_uri
from densa.reports.published import CAMVID_NOTE, COST_NOTE, PUBLISHED_ACCURACY, PUBLISHED_COST, camvid_order
from densa.reports.uncertainty.differences import difference_page
from densa.reports.uncertainty.learning_curve import chart_of

__all__ = ["check_comparison", "render_comparison", "write_comparison"]

PAGE, TABLE = "comparison.html", "comparison.csv"


def check_comparison(folder: Path | str, *, overwrite: bool = False) -> tuple[Path, Path]:
    """Paths of the page and the table that `write_comparison` writes into a folder.

    Raises:
        InputError: one of them exists and `overwrite` is false, or the folder is a file.

    Examples:
        >>> from densa import reports
        >>> [path.name for path in reports.check_comparison("side-by-side")]
        ['comparison.html', 'comparison.csv']
    """
    page, table = check_files(folder, (PAGE, TABLE), "comparison", overwrite=overwrite)
    return page, table


def write_comparison(comparison: Comparison, folder: Path | str, *, overwrite: bool = False) -> Path:
    """Write `comparison.html` (self-contained) and `comparison.csv` into a folder, which is created if missing.

    Returns:
        Path of the page.

    Raises:
        InputError: as `check_comparison`, or a file cannot be written.

    Examples:
        >>> from densa import reports
        >>> rows = (reports.MethodRow("unet", cost=reports.Cost(forward_ms=12.5, parameters=7760)),)
        >>> page = reports.write_comparison(reports.Comparison(rows), "side-by-side")
        >>> sorted(path.name for path in page.parent.iterdir())
        ['comparison.csv', 'comparison.html']
    """
    page, table = check_comparison(folder, overwrite=overwrite)
    html = render_comparison(comparison)
    make_folder(page.parent)
    with atomic_output(table, overwrite) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        columns, rows = _csv_rows(comparison)
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    with atomic_output(page, overwrite) as temporary:
        temporary.write_text(html, encoding="utf-8", errors="backslashreplace")
    return page


def _csv_rows(comparison: Comparison) -> tuple[list[str], list[dict[str, str]]]:
    """Columns; and measured rows, then published ones, told apart by the column "source"; scores from 0 to 1."""
    names = comparison.legend.class_names if comparison.legend else ()
    scores = [key for key, _ in SCORES] + [f"{score} {name}" for score in ("accuracy", "iou") for name in names]
    costs, shares = [f.name for f in fields(Cost)], [key for key, _ in SHARES]
    trained = comparison.measured_on is not None and comparison.measured_on.trained_on
    rows = []
    for row in comparison.rows:
        line = {"source": "measured on training images" if trained else "measured", "name": row.name}
        if a := row.accuracy:
            values = [*(getattr(a, key) for key, _ in SCORES), *a.class_accuracy, *a.class_iou]
            line |= dict(zip(scores, map(_cell, values), strict=False))
            line |= {key: _cell(getattr(a, key)) for key in shares}
            for key, _ in SCORES:
                if ends := row.interval(key):
                    line |= {f"{key} low": _cell(ends.low), f"{key} high": _cell(ends.high)}
        if row.cost:
            line |= {key: _cell(getattr(row.cost, key)) for key in costs}
        rows.append(line)
    for printed in _printed_scores(comparison):
        line = {"source": "published", "name": printed["name"]}
        rows.append(line | dict(zip(scores, map(_cell, printed["shares"]), strict=True)))
    for cost in PUBLISHED_COST.values():
        line = {"source": "published", "name": cost.name}
        rows.append(line | {key: _cell(getattr(cost, key, None)) for key in costs})
    limits = [f"{key} {end}" for key, _ in SCORES for end in ("low", "high")]
    return ["source", "name", *scores, *costs, *limits, *shares], rows


def _printed_scores(comparison: Comparison) -> list[dict[str, Any]]:
    """The paper's CamVid rows in the order of the legend's classes; empty for other classes."""
    order = camvid_order(comparison.legend.class_names) if comparison.legend else None
    if order is None:
        return []
    rows = []
    for printed in PUBLISHED_ACCURACY:
        accuracy: list[float | None] = [None] * len(order)
        for place, value in zip(order, printed.per_class or [None] * len(order), strict=True):
            accuracy[place] = value
        scores = [getattr(printed, key) for key, _ in SCORES]
        shares = [None if v is None else v / 100 for v in [*scores, *accuracy, *[None] * len(order)]]
        rows.append({"name": printed.name, "shares": shares})
    return rows


def render_comparison(comparison: Comparison, title: str = "Comparison") -> str:
    """The page as HTML without external resources."""
    return render_page(
        "comparison.html.j2",
        {"percent": percent},
        title=title,
        measured_on=comparison.measured_on,
        facts=page_facts(comparison.facts),
        accuracy=_accuracy_page(comparison),
        paired=None if comparison.paired is None else difference_page(comparison.paired),
        curves=[chart_of(curve) for curve in comparison.curves],
        cost=_cost_page(comparison.rows),
        views=_views(comparison),
        rows=comparison.rows,
        swatches=_swatches(comparison.legend),
        camvid_note=CAMVID_NOTE,
        cost_note=COST_NOTE,
    )


def _accuracy_page(comparison: Comparison) -> dict[str, Any] | None:
    """Headline and class columns: measured rows, then published ones.

    The best of a column is marked where it differs from all others, see `PairedComparison.best`.
    """
    if comparison.legend is None or not any(row.accuracy for row in comparison.rows):
        return None
    names = comparison.legend.class_names
    order = camvid_order(names) or tuple(range(len(names)))
    printed = [
        {"name": row["name"], "scores": row["shares"][:4], "classes": [row["shares"][4 + k] for k in order]}
        for row in _printed_scores(comparison)
    ]
    tables = {kind: _accuracy_rows(comparison, kind, order) for kind in ("accuracy", "iou")}
    texts = {row.intervals.text for row in comparison.rows if row.intervals}
    return {
        "titles": [title for _, title in SCORES],
        "share_titles": [title for _, title in SHARES],
        "classes": [(names[k], comparison.legend.colors[k]) for k in order],
        "tables": tables,
        "printed": printed,
        "units": texts.pop() if len(texts) == 1 else "95 % intervals: bootstrap, see below" if texts else None,
    }


def _accuracy_rows(comparison: Comparison, kind: str, order: Sequence[int]) -> list[dict[str, Any]]:
    """For each method the headline scores, then those of the classes, "accuracy" or "iou", then the shares."""
    rows, paired = [row for row in comparison.rows if row.accuracy], comparison.paired
    columns = [(key, None) for key, _ in SCORES] + [(kind, k) for k in order]
    places = [None if paired is None else paired.best(key, label) for key, label in columns]
    best = [None if place is None or paired is None else paired.runs[place] for place in places]
    lines = []
    for row in rows:
        cells = []
        for (key, label), winner in zip(columns, best, strict=True):
            value = getattr(row.accuracy, key) if label is None else getattr(row.accuracy, f"class_{key}")[label]
            ends = bracketed(row.interval(key, label)).strip(" ()")
            cells.append({"value": value, "range": ends, "best": winner == row.name})
        shares = [getattr(row.accuracy, key) for key, _ in SHARES]
        lines.append({"name": row.name, "cells": cells, "shares": shares})
    return lines


def _cost_page(rows: Sequence[MethodRow]) -> dict[str, Any] | None:
    """For each method the measured figures, each with a bar relative to the largest, and the published row."""
    measured = [row for row in rows if row.cost is not None]
    if not measured:
        return None
    most = {key: max((getattr(row.cost, key) or 0 for row in measured), default=0) for key, _ in COSTS}
    least = {
        key: min((getattr(row.cost, key) for row in measured if getattr(row.cost, key) is not None), default=None)
        for key, _ in COSTS
    }
    lines = []
    for row in measured:
        cells = []
        for key, _ in COSTS:
            value = getattr(row.cost, key)
            share = 0.0 if value is None or not most[key] else value / most[key]
            best = len(measured) > 1 and value is not None and value == least[key]
            cells.append({"text": plain(value), "share": share, "best": best})
        printed = PUBLISHED_COST.get(row.network or "")
        texts = None if printed is None else [plain(getattr(printed, key, None)) for key, _ in COSTS]
        lines.append({"name": row.name, "cells": cells, "printed": printed and printed.name, "printed_cells": texts})
    return {"titles": [title for _, title in COSTS], "lines": lines}


def _views(comparison: Comparison) -> list[dict[str, Any]]:
    if comparison.legend is None:
        return []
    palette = comparison.legend.palette()
    palette[IGNORE] = (0, 0, 0)
    names = [row.name for row in comparison.rows if row.accuracy]
    return [
        {
            "name": view.name,
            "pictures": [
                ("Image", jpeg_uri(view.image)),
                ("Target", png_uri(view.target, palette)),
                *((name, png_uri(map_, palette)) for name, map_ in zip(names, view.predicted, strict=True)),
            ],
        }
        for view in comparison.views
    ]


def _swatches(legend: Legend | None) -> list[tuple[str, Any]]:
    return [] if legend is None else list(zip(legend.class_names, legend.colors, strict=True))


def _cell(value: float | None) -> str:
    return (
        "" if value is None or not math.isfinite(value) else f"{value:.6g}" if isinstance(value, float) else str(value)
    )
