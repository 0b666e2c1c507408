"""Report of the accuracy of a map: `metrics.json` and a self-contained page."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from densa.accuracy import Estimate, MapAssessment
from densa.raster import atomic_output
from densa.reports import check_output
from densa.reports.html import make_folder, page_facts, render_page

__all__ = ["write_map_report"]

_MOST_MATRIX_CLASSES = 30  # a larger matrix is not legible


def write_map_report(
    assessment: MapAssessment, folder: Path | str, *, title: str = "Map accuracy", overwrite: bool = False
) -> Path:
    """Write `metrics.json` and `report.html` into a folder, which is created if missing.

    Args:
        assessment: the estimates.
        folder: output folder; other files in it are not touched.
        title: heading of the page.
        overwrite: replace the two files if they exist.

    Returns:
        Path of the page.

    Raises:
        InputError: a file exists and `overwrite` is false, or cannot be written.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, accuracy, pages, raster
        >>> raster.write_label_map("map.tif", np.array([[0] * 8, [1] * 8], np.uint8), Legend(("field", "road")))
        >>> from pathlib import Path
        >>> _ = Path("points.csv").write_text("column,row,ref\\n0,0,field\\n5,0,field\\n2,1,road\\n7,1,field\\n")
        >>> page = pages.write_map_report(accuracy.assess_map("map.tif", "points.csv"), "report")
        >>> sorted(path.name for path in page.parent.iterdir())
        ['metrics.json', 'report.html']
    """
    page, numbers = check_output(folder, overwrite=overwrite)
    html = render_map_page(assessment, title=title)
    make_folder(page.parent)
    with atomic_output(numbers, overwrite) as temporary:
        text = json.dumps(assessment.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    with atomic_output(page, overwrite) as temporary:
        temporary.write_text(html, encoding="utf-8", errors="backslashreplace")
    return page


def render_map_page(assessment: MapAssessment, *, title: str = "Map accuracy") -> str:
    """The page as HTML without external resources."""
    found = assessment.accuracy
    unit, factor = ("px", 1.0) if assessment.design.unit == "px" else ("ha", 1e-4)
    facts = {
        "map": assessment.map,
        "points": assessment.points,
        "reference classes": assessment.reference,
        "design": assessment.design.design,
        "sampled from": assessment.design.map or None,
        "unit": "pixel" if assessment.design.block == 1 else f"block of {assessment.design.block} pixels",
        "estimator": assessment.estimator,
        "intervals": "estimate ± 1.96 standard errors, within 0 and 1",
    }
    return render_page(
        "map_accuracy.html.j2",
        {"share": _percent, "count": _count, "pm": _interval},
        package="densa.pages",
        title=title,
        facts=page_facts(facts),
        found=found,
        assessment=assessment,
        n_points=int(found.points.sum()),
        unit=unit,
        rows=[_row(assessment, k, factor) for k in range(len(found.class_names))],
        matrix=_matrix(assessment) if len(found.class_names) <= _MOST_MATRIX_CLASSES else None,
        disagreement=assessment.to_json(),
        strata=[
            {"name": one.name, "units": one.units, "area": one.area * factor, "points": int(n)}
            for one, n in zip(found.strata, found.points, strict=True)
        ],
    )


def _row(assessment: MapAssessment, k: int, factor: float) -> dict[str, Any]:
    """A class: its accuracies, and its area with the bar of its interval in per cent of the widest."""
    found = assessment.accuracy
    share = found.areas[k]
    highest = max([one.high for one in found.areas if math.isfinite(one.high)] + [one.value for one in found.areas])
    highest = highest or 1.0
    low, high = (share.low, share.high) if math.isfinite(share.half_width) else (share.value, share.value)
    return {
        "name": found.class_names[k],
        "users": found.users[k],
        "producers": found.producers[k],
        "area": found.area * factor * share.value,
        "half": found.area * factor * share.half_width,
        "share": share,
        "mapped": assessment.mapped_areas[k] * factor,
        "bar": [100 * value / highest for value in (low, high - low, share.value)],
        "counted": 100 * assessment.mapped_areas[k] / max(float(assessment.mapped_areas.sum()), 1e-300) / highest,
    }


def _matrix(assessment: MapAssessment) -> list[list[tuple[float, float, float]]]:
    """(share of the area, share of its row, number of points) of each cell, rows by class of the map."""
    found = assessment.accuracy
    rows = found.matrix / np.maximum(found.matrix.sum(1, keepdims=True), 1e-300)
    return [
        list(zip(*(values.tolist() for values in parts), strict=True))
        for parts in zip(found.matrix, rows, found.counts, strict=True)
    ]


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %" if math.isfinite(value) else "–"


def _interval(estimate: Estimate) -> str:
    if not math.isfinite(estimate.value):
        return "–"
    half = f"{100 * estimate.half_width:.1f}" if math.isfinite(estimate.half_width) else "?"
    return f"{100 * estimate.value:.1f} ± {half} %"


def _count(value: float) -> str:
    if not math.isfinite(value):
        return "?"
    return f"{value:,.0f}".replace(",", "\u202f") if abs(value) >= 100 or float(value).is_integer() else f"{value:.3g}"
