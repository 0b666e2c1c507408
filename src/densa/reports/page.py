"""Report of an evaluation: `metrics.json` and a self-contained page."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.legend import IGNORE, Color, Legend
from densa.metrics.intervals.sums import PER_CLASS
from densa.raster import atomic_output
from densa.reports.calibration import calibration_section
from densa.reports.context import context_charts
from densa.reports.curves import training_charts
from densa.reports.evaluation import Evaluation, View
from densa.reports.html import check_files, make_folder, page_facts, render_page
from densa.reports.pictures import ERROR_COLORS, OUTCOME_COLORS, error_map, jpeg_uri, outcome_map, png_uri

__all__ = ["write_report"]

_MOST_MATRIX_CLASSES = 30  # a larger confusion matrix is not legible
_MOST_LISTED_IMAGES = 500
_MOST_BLOCKS, _MOST_BLOCK_PICTURES = 20, 8
_BLOCK_STEPS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.7)
BLOCK_COLORS = {
    "0 %": "#eef2f0",
    "to 5 %": "#fde0c5",
    "to 10 %": "#facba6",
    "to 20 %": "#f59e72",
    "to 40 %": "#eb7f54",
    "to 70 %": "#d1495b",
    "over 70 %": "#7a1238",
    "not counted": "#8a94a0",
}
"""Colours of the error rates of blocks, in order."""
_VOID_COLORS = ((245, 245, 245), (138, 148, 160), (0, 0, 0), (255, 0, 255))


def write_report(
    evaluation: Evaluation,
    folder: Path | str,
    *,
    title: str = "Evaluation",
    model: str | None = None,
    data: str | None = None,
    seed: int | None = None,
    provenance: Mapping[str, object] | None = None,
    curves: Path | None = None,
    figures: Mapping[str, NDArray[np.uint8]] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write `metrics.json` and `report.html` into a folder, which is created if missing.

    Args:
        evaluation: numbers and pictures.
        folder: output folder; other files in it are not touched.
        title: heading of the page.
        model: name of the model.
        data: name of the reference data.
        seed: seed of the training.
        provenance: further information on the origin of the numbers; densa's version and the date are added.
        curves: `metrics.csv` of the training run, drawn on the page, as is a `context.csv` beside it.
        figures: further pictures for the page, (h, w, 3) uint8 by caption.
        overwrite: replace the two files if they exist.

    Returns:
        Path of the page.

    Raises:
        InputError: a file exists and `overwrite` is false, a file cannot be written, or `curves` is not a CSV file.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, reports
        >>> target = np.array([[0, 0, 1, 1]])
        >>> pair = reports.Pair("photo", target, predicted=np.array([[0, 1, 1, 1]]))
        >>> found = reports.evaluate_pairs([pair], Legend(("ground", "roof")))
        >>> page = reports.write_report(found, "report", title="Roofs")
        >>> sorted(path.name for path in page.parent.iterdir())
        ['metrics.json', 'report.html']
    """
    page, numbers = check_output(folder, overwrite=overwrite)
    facts = {"model": model, "data": data, "seed": seed, **(provenance or {})}
    html = render(evaluation, title=title, facts=facts, curves=curves, figures=figures)
    make_folder(page.parent)
    with atomic_output(numbers, overwrite) as temporary:
        text = json.dumps(evaluation.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
        text = re.sub(r"\[[\d\s,]+\]", lambda row: re.sub(r"\s+", " ", row[0]), text)  # a row of counts on one line
        temporary.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    with atomic_output(page, overwrite) as temporary:
        temporary.write_text(html, encoding="utf-8", errors="backslashreplace")
    return page


def check_output(folder: Path | str, *, overwrite: bool = False) -> tuple[Path, Path]:
    """Paths of the two files that `write_report` writes into a folder.

    Raises:
        InputError: one of them exists and `overwrite` is false, or the folder is a file.

    Examples:
        >>> from densa import reports
        >>> [path.name for path in reports.check_output("report")]
        ['report.html', 'metrics.json']
    """
    page, numbers = check_files(folder, ("report.html", "metrics.json"), "report", overwrite=overwrite)
    return page, numbers


def render(
    evaluation: Evaluation,
    *,
    title: str = "Evaluation",
    facts: Mapping[str, object] | None = None,
    curves: Path | None = None,
    figures: Mapping[str, NDArray[np.uint8]] | None = None,
) -> str:
    """The page as HTML without external resources; see `write_report`."""
    legend = evaluation.legend
    return render_page(
        "report.html.j2",
        {
            "percent": _percent,
            "sentence": _sentence,
            "count": lambda n: f"{int(n):,}".replace(",", "\u202f"),
        },
        title=title,
        facts=page_facts(facts or {}),
        figures=[(caption, jpeg_uri(picture)) for caption, picture in (figures or {}).items()],
        evaluation=evaluation,
        classes=list(zip(legend.class_names, legend.colors, strict=True)),
        void_color=_void_color(legend),
        headline=_headline(evaluation),
        table=_class_table(evaluation),
        matrix=_heat_table(evaluation) if legend.n_classes <= _MOST_MATRIX_CLASSES else None,
        confusions=_confusions(evaluation),
        calibration=calibration_section(evaluation.calibration, evaluation.calibration_intervals),
        views=[_view(evaluation, view) for view in evaluation.worst],
        shown=sorted({k for view in evaluation.worst for k in view.classes}),
        error_blocks=_error_blocks(evaluation),
        listed=evaluation.images[:_MOST_LISTED_IMAGES],
        error_colors=ERROR_COLORS,
        outcome_colors=OUTCOME_COLORS,
        probability_colors=_probability_palette()[[0, 64, 128, 191, 255]].tolist(),
        charts=() if curves is None else training_charts(curves) + context_charts(curves.with_name("context.csv")),
    )


def _error_blocks(evaluation: Evaluation) -> dict[str, Any] | None:
    """Pictures of the images with the worst blocks, and the worst blocks."""
    blocks = evaluation.error_blocks
    if blocks is None:
        return None
    worst = blocks.worst(_MOST_BLOCKS)
    names = list(dict.fromkeys(one.image for one in worst))[:_MOST_BLOCK_PICTURES]
    pictures = []
    for name in names:
        rates = blocks.images[name].rates
        with np.errstate(invalid="ignore"):
            steps = np.searchsorted(_BLOCK_STEPS, rates, side="left")
        colors = np.where(np.isnan(rates), len(BLOCK_COLORS) - 1, steps)
        pictures.append((name, png_uri(colors.astype(np.uint8), BLOCK_COLORS)))
    return {"pictures": pictures, "worst": worst, "colors": BLOCK_COLORS}


def _void_color(legend: Legend) -> Color:
    """A plain colour that differs clearly from all of the legend's, or else the one that differs most."""
    known = np.array(legend.colors, np.float64)
    distance = {color: float(np.abs(known - color).sum(1).min()) for color in _VOID_COLORS}
    return next((color for color, far in distance.items() if far >= 120), max(distance, key=lambda c: distance[c]))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %" if math.isfinite(value) else "–"


def _range(evaluation: Evaluation, name: str, label: int | None = None) -> str:
    """The 95 % interval of a score, in per cent; empty where it has none."""
    found = None if evaluation.intervals is None else evaluation.intervals.of(name, label)
    if found is None:
        return ""
    scale, digits = (1, 3) if name == "kappa" else (100, 1)
    return f"{scale * found.low:.{digits}f} to {scale * found.high:.{digits}f}"


def _headline(evaluation: Evaluation) -> list[dict[str, str]]:
    """Name, value, interval and rule of each headline score."""
    s, boundary, n = evaluation.summary, evaluation.boundary, evaluation.legend.n_classes
    n_iou, n_accuracy = int((~np.isnan(s.iou)).sum()), int((~np.isnan(s.accuracy)).sum())
    if s.absent == "skip":
        over_iou = f"over the {n_iou} of {n} classes that occur in target or prediction"
        over_accuracy = f"over the {n_accuracy} of {n} classes that occur in the target"
    else:
        over_iou = over_accuracy = f"over all {n} classes, those that do not occur count as 0"
    void = "void pixels left out" if s.void == "ignore" else "classes predicted on void are false positives"
    recall_void = "void pixels left out" if s.void == "ignore" else "the void rule does not touch it"
    border_void = "void cut out of both maps" if s.void == "ignore" else "void counts as a label of its own"
    scored = "target" if boundary.presence == "target" else "target or prediction"
    kappa = f"{s.kappa:.3f}" if math.isfinite(s.kappa) else "–"
    cards = [
        ("mean_iou", "Mean IoU", _percent(s.mean_iou), f"Mean {over_iou}; {void}."),
        ("class_average", "Class average", _percent(s.class_average),
         f"Mean accuracy (recall) {over_accuracy}; {recall_void}."),
        ("global_accuracy", "Global accuracy", _percent(s.global_accuracy), f"Share of right pixels; {void}."),
        ("boundary_f1", "Boundary F1", _percent(boundary.value),
         f"Within {100 * boundary.tolerance:g} % of the diagonal; mean over the classes in each image's "
         f"{scored}, then over {boundary.n_images} images; {border_void}."),
        ("frequency_weighted_iou", "Frequency-weighted IoU", _percent(s.frequency_weighted_iou),
         f"IoU weighted with the pixels of each class in the target; {void}."),
        ("kappa", "Cohen's kappa", kappa, f"Agreement beyond chance, at most 1; {void}."),
        ("quantity_disagreement", "Quantity disagreement", _percent(s.quantity_disagreement),
         f"Share of pixels that are wrong since the classes have other amounts (Pontius, Millones 2011); {void}."),
        ("allocation_disagreement", "Allocation disagreement", _percent(s.allocation_disagreement),
         f"Share of pixels that are wrong since the classes are at other places; {void}."),
        ("share_without_label", "Without a label", _percent(evaluation.without_label),
         "Share of all pixels that have no class in the mask."),
        ("share_without_class", "Without a class", _percent(evaluation.without_class),
         "Share of the labelled pixels for which no class was predicted; they count as wrong."),
    ]  # fmt: skip
    return [
        {"name": title, "value": value, "range": _range(evaluation, name), "rule": rule}
        for name, title, value, rule in cards
    ]


def _class_table(evaluation: Evaluation) -> list[dict[str, Any]]:
    s, borders = evaluation.summary, evaluation.boundary.per_class
    pixels = evaluation.confusion.matrix.sum(1)
    total = max(int(pixels.sum()), 1)
    return [
        {
            "name": name,
            "color": evaluation.legend.colors[k],
            "scores": (s.iou[k], s.accuracy[k], s.precision[k], s.f1[k], borders[k]),
            "ranges": [_range(evaluation, score, k) for score in PER_CLASS],
            "pixels": int(pixels[k]),
            "share": pixels[k] / total,
        }
        for k, name in enumerate(evaluation.legend.class_names)
    ]


def _heat_table(evaluation: Evaluation) -> dict[str, Any]:
    """Rows of (count, share of the row), and whether there is a column for "no class" and a row for void."""
    confusion = evaluation.confusion
    with_none = bool(confusion.matrix[:, -1].any())
    with_void = evaluation.summary.void == "false-positive"
    counts = confusion.counts if with_void else confusion.matrix
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    n_columns = confusion.n_classes + with_none
    rows = [
        list(zip(c[:n_columns].tolist(), r[:n_columns].tolist(), strict=True))
        for c, r in zip(counts, shares, strict=True)
    ]
    return {"rows": rows, "with_none": with_none, "with_void": with_void}


def _confusions(evaluation: Evaluation, most: int = 8) -> list[dict[str, Any]]:
    """The most frequent mistakes: pixels of one class that were predicted as another."""
    matrix = evaluation.confusion.matrix
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    names = (*evaluation.legend.class_names, "no class")
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    found = [divmod(int(place), matrix.shape[1]) for place in order]
    return [
        {
            "target": names[i],
            "predicted": names[j],
            "pixels": int(wrong[i, j]),
            "share": wrong[i, j] / matrix[i].sum(),
            "share_of_all": wrong[i, j] / matrix.sum(),
        }
        for i, j in found
        if wrong[i, j]
    ]


def _view(evaluation: Evaluation, view: View) -> dict[str, Any]:
    """Pictures of one image as data URIs."""
    void = evaluation.summary.void
    palette = evaluation.legend.palette()
    palette[IGNORE] = _void_color(evaluation.legend)
    pictures = [] if view.image is None else [("Image", jpeg_uri(view.image))]
    pictures += [
        ("Target", png_uri(view.target, palette)),
        ("Predicted", png_uri(view.predicted, palette)),
        ("Errors", png_uri(error_map(view.target, view.predicted, void), ERROR_COLORS)),
    ]
    classes = []
    target, predicted = view.target[::2, ::2], view.predicted[::2, ::2]  # smaller, since there are many
    for k in view.classes:
        outcome = png_uri(outcome_map(target, predicted, k, void), OUTCOME_COLORS)
        relevance = view.probabilities.get(k)
        classes.append(
            {
                "index": k,
                "name": evaluation.legend.class_names[k],
                "outcome": outcome,
                "relevance": None
                if relevance is None
                else png_uri(_coarse(relevance[::2, ::2]), _probability_palette()),
            }
        )
    return {"score": view.score, "pictures": pictures, "classes": classes}


def _coarse(relevance: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Quantised to 32 steps of 0..255, which look the same and make the picture much smaller."""
    return (relevance // 8) * np.uint8(255 // 31)


def _probability_palette() -> NDArray[np.uint8]:
    from matplotlib import colormaps

    return colormaps["viridis"](np.arange(256), bytes=True)[:, :3]
