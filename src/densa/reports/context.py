"""Charts of a run with random patch sizes: score and number of batches of each size, from its `context.csv`."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from pathlib import Path

from densa.errors import InputError
from densa.reports.curves import Chart, line_chart

__all__ = ["context_charts", "sizes_of_run"]


def sizes_of_run(path: Path) -> dict[int, tuple[int, float]]:
    """Number of batches and mean score by patch size; the score is NaN if no batch had a labelled pixel.

    Args:
        path: the `context.csv` of a run.

    Raises:
        InputError: the file cannot be read or is not such a table.
    """
    scores: dict[int, list[float]] = defaultdict(list)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                scores[int(row["size"])].append(float(row["score"] or math.nan))
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise InputError(f"patch sizes {path} cannot be read: {error}") from error
    means = {}
    for size, values in sorted(scores.items()):
        finite = [value for value in values if math.isfinite(value)]
        means[size] = len(values), sum(finite) / len(finite) if finite else math.nan
    return means


def context_charts(path: Path) -> tuple[Chart, ...]:
    """Charts of the mean score and of the number of batches over the patch size; none if there is no such file.

    Args:
        path: the `context.csv` of a run, which exists if its patch sizes were random.

    Raises:
        InputError: as `sizes_of_run`.
    """
    if not path.is_file():
        return ()
    sizes = sizes_of_run(path)
    scored = [(float(size), score) for size, (_, score) in sizes.items() if math.isfinite(score)]
    counted = [(float(size), float(n)) for size, (n, _) in sizes.items()]
    charts = []
    for title, name, points in (("Score per patch size", "score", scored), ("Batches per patch size", "n", counted)):
        if len(points) > 1:
            charts.append(line_chart(title, "patch size (pixels)", {name: points}))
    return tuple(charts)
