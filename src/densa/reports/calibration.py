"""Calibration in a report: counts of stored probabilities, a table for the console, and a diagram for the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa import raster
from densa.errors import InputError
from densa.legend import IGNORE, Legend
from densa.metrics import CalibrationCounts, CalibrationSummary
from densa.metrics.intervals import Interval
from densa.raster import Raster, Window

__all__ = ["calibration_lines", "calibration_section", "class_bands", "counts_of_raster"]

_STRIP_PX = 1 << 22  # pixels that are read at a time
_NOT_MEASURED = (
    "calibration: not measured, there are no probabilities on the grid of every mask (`densa predict --probabilities` "
    "writes them beside the label maps)"
)


def counts_of_raster(
    path: Path, legend: Legend, target: NDArray[np.uint8], predicted: NDArray[np.uint8]
) -> CalibrationCounts:
    """Calibration counts of the probabilities in a raster, a band per class; pixels without data are left out.

    Args:
        path: floats of 0..1 or uint8 of 0..255, read by strips. Bands named as the classes may be in any order.
        legend: the classes.
        target, predicted: (H, W) classes, 255 where there is none.

    Raises:
        InputError: another size than the target's, another number of bands than of classes, or values that are no
            probabilities.
    """
    counts = CalibrationCounts(legend.n_classes)
    with raster.open(path) as image:
        if (image.height, image.width) != target.shape:
            raise InputError(
                f"{path} must have the size of its mask, {target.shape[0]} x {target.shape[1]} pixels, got "
                f"{image.height} x {image.width}"
            )
        bands = class_bands(image, legend)
        rows = max(1, _STRIP_PX // image.width)
        for row in range(0, image.height, rows):
            strip = slice(row, min(row + rows, image.height))
            window = Window(row, 0, strip.stop - row, image.width)
            values, valid = image.read(window=window, bands=bands)
            try:
                counts.update(values, target[strip], np.where(valid, predicted[strip], np.uint8(IGNORE)))
            except InputError as error:
                raise InputError(f"{path}: {error}") from error
    return counts


def class_bands(image: Raster, legend: Legend) -> list[int]:
    """Numbers, from 1, of the bands of an image that hold the probabilities of the classes, in their order.

    Raises:
        InputError: another number of bands than of classes.
    """
    if image.n_bands != legend.n_classes:
        raise InputError(
            f"{image.path} must have a band of probabilities for each of the {legend.n_classes} classes, got "
            f"{image.n_bands} bands"
        )
    names = [band.name for band in image.bands]
    if len(set(names)) == len(names) and set(names) == set(legend.class_names):
        return [names.index(name) + 1 for name in legend.class_names]
    return list(range(1, image.n_bands + 1))


def calibration_lines(
    found: CalibrationSummary | None, intervals: Mapping[str, Interval | None] | None = None
) -> Iterator[str]:
    """Lines for the console: errors and scores, then pixels, confidence and accuracy by the confidence."""
    if found is None:
        yield _NOT_MEASURED
        return
    shown = {name: f" ({one})" for name, one in (intervals or {}).items() if one is not None}
    yield (
        f"calibration: ECE {found.ece:.4f}{shown.get('ece', '')} ({found.n_bins} bins; adaptive "
        f"{found.ece_adaptive:.4f}), class-wise ECE {found.class_wise_ece:.4f}, "
        f"Brier score {found.brier:.4f}{shown.get('brier', '')}, NLL {found.nll:.4f}{shown.get('nll', '')}, "
        f"area under risk-coverage {found.aurc:.4f}; mean confidence {found.confidence:.4f}, right {found.accuracy:.4f}"
    )
    yield "confidence     pixels  mean confidence   right"
    for row in found.table:
        if row.n_pixels:
            span = f"{100 * row.low:.0f} to {100 * row.high:.0f} %"
            yield (
                f"{span:<12} {_percent(row.n_pixels / found.n_pixels):>8} {_percent(row.confidence):>16} "
                f"{_percent(row.accuracy):>7}"
            )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


_SIDE, _LEFT, _TOP, _BOTTOM = 300, 46, 10, 44  # of the diagram, in pixels


def calibration_section(
    found: CalibrationSummary | None, intervals: Mapping[str, Interval | None] | None = None
) -> dict[str, Any] | None:
    """What the page shows of the calibration: scores with their rules, the table, and the diagram's coordinates."""
    if found is None:
        return None
    n = found.n_bins
    titles = {"ece": "ECE", "brier": "Brier score", "nll": "NLL"}
    shown = {titles[name]: f" ({one})" for name, one in (intervals or {}).items() if one is not None}
    numbers = [
        ("ECE", found.ece, f"Mean gap between confidence and accuracy over {n} bins of equal width; "
                           f"{found.ece_adaptive:.4f} over bins of equal numbers, {found.mce:.4f} at most."),
        ("Class-wise ECE", found.class_wise_ece, "The same of the probability of every class; mean over all classes; "
                                                 f"{found.class_wise_ece_adaptive:.4f} over bins of equal numbers."),
        ("Brier score", found.brier, f"0 to 2: reliability {found.brier_reliability:.4f} - resolution "
                                     f"{found.brier_resolution:.4f} + uncertainty {found.brier_uncertainty:.4f}, and "
                                     f"{found.brier_within_bins:.4f} within the bins."),
        ("NLL", found.nll, "Mean negative logarithm of the probability of the target."),
        ("Area under risk-coverage", found.aurc, "Mean share of wrong pixels among the most confident ones, over all "
                                                 f"coverages; {found.excess_aurc:.4f} above a perfect ranking."),
    ]  # fmt: skip
    return {
        "numbers": [
            {"name": name, "value": f"{value:.4f}{shown.get(name, '')}", "rule": rule} for name, value, rule in numbers
        ],
        "pixels": found.n_pixels,
        "rows": [(row, row.n_pixels / found.n_pixels) for row in found.table if row.n_pixels],
        "chart": _diagram(found),
        "risks": found.risks,
    }


def _diagram(found: CalibrationSummary) -> dict[str, Any]:
    """Bars of the accuracy over the confidence, with the mean confidence; coordinates in pixels."""
    right, bottom = _LEFT + _SIDE, _TOP + _SIDE
    bars = []
    for row in found.table:
        if row.n_pixels:
            x, width = _LEFT + _SIDE * row.low, _SIDE * (row.high - row.low)
            top = bottom - _SIDE * row.accuracy
            bars.append(
                {
                    "x": round(x + 1, 1),
                    "width": round(width - 2, 1),
                    "y": round(top, 1),
                    "height": round(bottom - top, 1),
                    "right": round(x + width - 1, 1),
                    "level": round(bottom - _SIDE * row.confidence, 1),
                    "title": f"{row.n_pixels} pixels: confidence {row.confidence:.3f}, right {row.accuracy:.3f}",
                }
            )
    ticks = [(k / 5, round(_LEFT + _SIDE * k / 5, 1), round(bottom - _SIDE * k / 5, 1)) for k in range(6)]
    return {
        "width": right + 12,
        "height": bottom + _BOTTOM,
        "frame": (_LEFT, _TOP, right, bottom),
        "bars": bars,
        "ticks": ticks,
    }
