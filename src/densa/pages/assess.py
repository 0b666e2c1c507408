"""Accuracy of a map and areas of its classes, from points: `densa evaluate MAP POINTS`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from densa.errors import InputError
from densa.locations import location, without_layer
from densa.outputs import check_outputs

if TYPE_CHECKING:
    from densa.accuracy import Estimate, MapAssessment
    from densa.progress import Progress

__all__ = ["assess_and_write", "assessment_lines", "is_assessment"]

_FIELD = "ref"  # of the points, which `densa sample` leaves empty
_POINTS = {".gpkg", ".geojson", ".json", ".shp", ".fgb", ".csv"}


def is_assessment(data: Path | str) -> bool:
    """Whether DATA is a file of points, by its suffix."""
    file = without_layer(data)
    return file.suffix.lower() in _POINTS and not file.is_dir()


def assess_and_write(
    path: Path | str,
    points: Path | str,
    output: Path | str | None = None,
    *,
    class_field: str | None = None,
    reference: Path | None = None,
    strata: Path | None = None,
    legend: Path | None = None,
    by: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> tuple[MapAssessment, Path | None]:
    """Estimate accuracy and areas, and write `metrics.json` and `report.html` where a folder is given.

    Args:
        path: the map.
        points: the file of points.
        output: folder of the report; None writes nothing.
        class_field: field of the points that holds the reference class; None: `ref`.
        reference, strata, by: see `densa.accuracy.assess_map`.
        legend: file of the legend.
        overwrite: replace the report.
        progress: called with (pixels done, pixels in all).

    Returns:
        The estimates, and the path of the page.

    Raises:
        InputError: as `densa.accuracy.assess_map`, or an output that exists.
    """
    from densa.accuracy import assess_map
    from densa.legend import Legend
    from densa.pages.map_accuracy import write_map_report
    from densa.reports import check_output

    path = location(path)
    if isinstance(path, Path) and path.is_dir():
        raise InputError(f"with points, predictions must be a map, a raster of classes, got the folder {path}")
    if output is not None:
        written = check_output(output, overwrite=overwrite)
        read = [path, without_layer(points), reference, strata, legend]
        check_outputs([(one.name, one) for one in written], [one for one in read if one is not None])
    found = assess_map(
        path,
        points,
        class_field=class_field or _FIELD,
        reference=reference,
        strata=strata,
        legend=None if legend is None else Legend.from_file(legend),
        by=by,
        progress=progress,
    )
    page = None if output is None else write_map_report(found, output, overwrite=overwrite)
    return found, page


def assessment_lines(found: MapAssessment) -> list[str]:
    """The numbers as text, every one with its 95 % interval."""
    accuracy = found.accuracy
    unit, factor = ("px", 1.0) if found.design.unit == "px" else ("ha", 1e-4)
    n = int(accuracy.points.sum())
    what = "points" if found.design.block == 1 else f"blocks of {found.design.block} pixels"
    lines = [
        f"overall accuracy {_share(accuracy.overall)} (95 %) from {n} {what}, {found.estimator}",
        f"{'class':<20}  {'user’s accuracy':>19}  {'producer’s accuracy':>19}  {'area (' + unit + ')':>27}"
        f"  {'on the map (' + unit + ')':>16}",
    ]
    for k, name in enumerate(accuracy.class_names):
        share = accuracy.areas[k]
        area = f"{_number(accuracy.area * factor * share.value)} ± {_number(accuracy.area * factor * share.half_width)}"
        lines.append(
            f"{name:<20}  {_share(accuracy.users[k]):>19}  {_share(accuracy.producers[k]):>19}  {area:>27}"
            f"  {_number(found.mapped_areas[k] * factor):>16}"
        )
    for one in found.domains:
        lines.append(
            f"{found.by} {one.value}: overall accuracy {_share(one.accuracy)} from {one.points} points,"
            f" {_share(one.share)} of the area"
        )
    return lines


def _share(estimate: Estimate) -> str:
    if not math.isfinite(estimate.value):
        return "undefined"
    if not math.isfinite(estimate.standard_error):
        return f"{estimate.value:.4f} ± unknown"
    return f"{estimate.value:.4f} ± {estimate.half_width:.4f}"


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "unknown"
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= 100 else f"{value:.4g}"
