"""Comparison of methods: accuracy and cost of each as a page and a CSV file, with published figures."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.legend import IGNORE, Legend
from densa.raster import atomic_output
from densa.reports.cost import Cost
from densa.reports.evaluation import Evaluation
from densa.reports.html import check_files, make_folder, page_facts, render_page
from densa.reports.measured_on import MeasuredOn
from densa.reports.pictures import jpeg_uri, png_uri
from densa.reports.published import (
    CAMVID_NOTE,
    COST_NOTE,
    PUBLISHED_ACCURACY,
    PUBLISHED_COST,
    camvid_order,
)

__all__ = ["Accuracy", "Comparison", "MethodRow", "SideBySide", "check_comparison", "write_comparison"]

PAGE, TABLE = "comparison.html", "comparison.csv"
_SCORES = (("global_accuracy", "Global"), ("class_average", "Class avg"), ("mean_iou", "mIoU"), ("boundary_f1", "BF"))
_SHARES = (("without_label", "No label"), ("without_class", "No class"))
_COSTS = (
    ("forward_ms", "Forward, ms"), ("backward_ms", "Backward, ms"), ("training_mb", "Training, MB"),
    ("inference_mb", "Inference, MB"), ("activation_mb", "… without weights"), ("model_mb", "Model, MB"),
    ("parameters", "Parameters"),
)  # fmt: skip


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

    def to_json(self) -> dict[str, Any]:
        """The result for JSON: scores from 0 to 1, milliseconds and megabytes."""
        return {
            "measured_on": None if self.measured_on is None else self.measured_on.to_json(),
            "classes": list(self.legend.class_names) if self.legend else None,
            "methods": [
                {
                    "name": row.name,
                    "network": row.network,
                    "accuracy": asdict(row.accuracy) if row.accuracy else None,
                    "cost": asdict(row.cost) if row.cost else None,
                    "training": dict(row.training),
                    "notes": list(row.notes),
                    "published_cost": PUBLISHED_COST[row.network]._asdict() if row.network in PUBLISHED_COST else None,
                }
                for row in self.rows
            ],
            "facts": {key: str(value) for key, value in self.facts.items()},
        }

    def cost_table(self) -> str:
        """The costs as a Markdown table, each published row below the measured one."""
        header = ["", *(title for _, title in _COSTS)]
        lines = [header, ["---", *("---:" for _ in _COSTS)]]
        for row in self.rows:
            if row.cost is None:
                continue
            lines.append([row.name, *(_plain(getattr(row.cost, key)) for key, _ in _COSTS)])
            if row.network in PUBLISHED_COST:
                printed = PUBLISHED_COST[row.network]
                lines.append([f"printed: {printed.name}", *(_plain(getattr(printed, key, None)) for key, _ in _COSTS)])
        return _aligned(lines)

    def accuracy_table(self) -> str:
        """The headline scores, and the shares of pixels without a class, in per cent, as a Markdown table."""
        label = "" if self.measured_on is None else self.measured_on.label.removesuffix(": ")
        columns = (*_SCORES, *_SHARES)
        lines = [[label, *(title for _, title in columns)], ["---", *("---:" for _ in columns)]]
        lines += [
            [row.name, *(_percent(getattr(row.accuracy, key)) for key, _ in columns)]
            for row in self.rows
            if row.accuracy
        ]
        return _aligned(lines)


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
        csv.writer(stream).writerows(_csv_rows(comparison))
    with atomic_output(page, overwrite) as temporary:
        temporary.write_text(html, encoding="utf-8", errors="backslashreplace")
    return page


def _csv_rows(comparison: Comparison) -> list[list[str]]:
    """Measured rows, then published ones, distinguished by the column "source"; scores from 0 to 1."""
    names = comparison.legend.class_names if comparison.legend else ()
    costs = [f.name for f in fields(Cost)]
    header = ["source", "name", *(key for key, _ in _SCORES)]
    header += [f"accuracy {name}" for name in names] + [f"iou {name}" for name in names] + costs
    header += [key for key, _ in _SHARES]
    rows = [header]
    trained = comparison.measured_on is not None and comparison.measured_on.trained_on
    source = "measured on training images" if trained else "measured"
    for row in comparison.rows:
        a, n = row.accuracy, len(names)
        scores = [getattr(a, key) if a else None for key, _ in _SCORES]
        per_class = [*a.class_accuracy, *a.class_iou] if a else [None] * (2 * n)
        found = [getattr(row.cost, key) if row.cost else None for key in costs]
        shares = [getattr(a, key) if a else None for key, _ in _SHARES]
        rows.append([source, row.name, *map(_cell, [*scores, *per_class, *found, *shares])])
    for printed in _printed_scores(comparison):
        rows.append(["published", printed["name"], *map(_cell, printed["shares"]), *[""] * (len(costs) + len(_SHARES))])
    for cost_row in PUBLISHED_COST.values():
        blank = [""] * (len(header) - 2 - len(costs) - len(_SHARES))
        figures = [_cell(getattr(cost_row, key, None)) for key in costs]
        rows.append(["published", cost_row.name, *blank, *figures, *[""] * len(_SHARES)])
    return rows


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
        scores = [getattr(printed, key) for key, _ in _SCORES]
        shares = [None if v is None else v / 100 for v in [*scores, *accuracy, *[None] * len(order)]]
        rows.append({"name": printed.name, "shares": shares})
    return rows


def render_comparison(comparison: Comparison) -> str:
    """The page as HTML without external resources."""
    return render_page(
        "comparison.html.j2",
        {"percent": _percent},
        measured_on=comparison.measured_on,
        facts=page_facts(comparison.facts),
        accuracy=_accuracy_page(comparison),
        cost=_cost_page(comparison.rows),
        views=_views(comparison),
        rows=comparison.rows,
        swatches=_swatches(comparison.legend),
        camvid_note=CAMVID_NOTE,
        cost_note=COST_NOTE,
    )


def _accuracy_page(comparison: Comparison) -> dict[str, Any] | None:
    """Headline and class columns: measured rows, with the best of each column marked, then published ones."""
    if comparison.legend is None or not any(row.accuracy for row in comparison.rows):
        return None
    names = comparison.legend.class_names
    order = camvid_order(names) or tuple(range(len(names)))
    printed = [
        {"name": row["name"], "scores": row["shares"][:4], "classes": [row["shares"][4 + k] for k in order]}
        for row in _printed_scores(comparison)
    ]
    tables = {}
    for kind in ("class_accuracy", "class_iou"):
        ours = [
            {
                "name": row.name,
                "scores": [getattr(row.accuracy, key) for key, _ in _SCORES],
                "classes": [getattr(row.accuracy, kind)[k] for k in order],
                "shares": [getattr(row.accuracy, key) for key, _ in _SHARES],
            }
            for row in comparison.rows
            if row.accuracy
        ]
        columns = zip(*([*row["scores"], *row["classes"]] for row in ours), strict=True)
        best = [max((v for v in column if math.isfinite(v)), default=math.nan) for column in columns]
        tables[kind] = {"ours": ours, "best": best if len(ours) > 1 else [math.nan] * len(best)}
    return {
        "titles": [title for _, title in _SCORES],
        "share_titles": [title for _, title in _SHARES],
        "classes": [(names[k], comparison.legend.colors[k]) for k in order],
        "tables": tables,
        "printed": printed,
    }


def _cost_page(rows: Sequence[MethodRow]) -> dict[str, Any] | None:
    """For each method the measured figures, each with a bar relative to the largest, and the published row."""
    measured = [row for row in rows if row.cost is not None]
    if not measured:
        return None
    most = {key: max((getattr(row.cost, key) or 0 for row in measured), default=0) for key, _ in _COSTS}
    least = {
        key: min((getattr(row.cost, key) for row in measured if getattr(row.cost, key) is not None), default=None)
        for key, _ in _COSTS
    }
    lines = []
    for row in measured:
        cells = []
        for key, _ in _COSTS:
            value = getattr(row.cost, key)
            share = 0.0 if value is None or not most[key] else value / most[key]
            best = len(measured) > 1 and value is not None and value == least[key]
            cells.append({"text": _plain(value), "share": share, "best": best})
        printed = PUBLISHED_COST.get(row.network or "")
        texts = None if printed is None else [_plain(getattr(printed, key, None)) for key, _ in _COSTS]
        lines.append({"name": row.name, "cells": cells, "printed": printed and printed.name, "printed_cells": texts})
    return {"titles": [title for _, title in _COSTS], "lines": lines}


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


def _percent(value: float | None) -> str:
    return f"{100 * value:.1f}" if value is not None and math.isfinite(value) else "–"


def _plain(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    if value >= 10_000:
        return f"{value:,.0f}".replace(",", "\u202f")
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _cell(value: float | None) -> str:
    return (
        "" if value is None or not math.isfinite(value) else f"{value:.6g}" if isinstance(value, float) else str(value)
    )


def _aligned(lines: list[list[str]]) -> str:
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
