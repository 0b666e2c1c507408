"""Paired differences of runs and their ranks, as text and on the page."""

from __future__ import annotations

from typing import Any

from densa.metrics.intervals import PairedComparison

__all__ = ["TITLES", "difference_lines", "difference_page", "rank_text"]

TITLES = {
    "mean_iou": "mean IoU",
    "global_accuracy": "global accuracy",
    "class_average": "class average",
    "boundary_f1": "boundary F1",
}
"""The scores whose differences are shown, and their names; all of them are in the JSON."""


def rank_text(rank: tuple[int, int]) -> str:
    """A rank, or the first and the last one that are possible."""
    low, high = rank
    return f"{low}" if low == high else f"{low} to {high}"


def difference_lines(paired: PairedComparison) -> list[str]:
    """The differences of each pair of runs and the ranks, a line each."""
    lines = []
    for first, second in paired.differences:
        found = [(title, paired.of(first, second, name)) for name, title in TITLES.items()]
        scores = "; ".join(f"{title} {difference}" for title, difference in found if difference is not None)
        lines.append(f"{paired.runs[second]} less {paired.runs[first]}: {scores or 'undefined'}")
    ranks = [f"{run} {rank_text(rank)}" for run, rank in zip(paired.runs, paired.ranks("mean_iou"), strict=True)]
    best = paired.best("mean_iou")
    verdict = "none differs from all others" if best is None else f"{paired.runs[best]} differs from all others"
    return [*lines, f"rank by mean IoU: {', '.join(ranks)}; {verdict}", paired.text]


def difference_page(paired: PairedComparison) -> dict[str, Any]:
    """The table of differences for the template, in per cent, and that of ranks."""
    rows = []
    for first, second in paired.differences:
        cells = []
        for name in TITLES:
            found = paired.of(first, second, name)
            if found is None:
                cells.append({"value": "–", "range": "", "p": "", "differs": False})
                continue
            ends = found.interval
            cells.append(
                {
                    "value": f"{100 * found.value:+.1f}",
                    "range": "" if ends is None else f"{100 * ends.low:+.1f} to {100 * ends.high:+.1f}",
                    "p": "p < 0.001" if found.p_holm < 0.001 else f"p {found.p_holm:.3f}",
                    "differs": found.is_significant,
                }
            )
        rows.append({"first": paired.runs[first], "second": paired.runs[second], "cells": cells})
    ranks = [[rank_text(rank) for rank in paired.ranks(name)] for name in TITLES]
    return {
        "titles": [title[0].upper() + title[1:] for title in TITLES.values()],
        "rows": rows,
        "ranks": [(run, [column[i] for column in ranks]) for i, run in enumerate(paired.runs)],
        "text": paired.text,
        "warning": paired.table.warning,
    }
