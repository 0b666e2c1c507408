"""What a model says of labels, in findings, tables and pictures."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from densa.doctor.doubts.label_errors import LabelDoubts
from densa.doctor.finding import Finding, finding
from densa.legend import IGNORE, Legend
from densa.raster import atomic_output
from densa.reports.html import make_folder
from densa.reports.pictures import jpeg_uri, png_uri

__all__ = ["TABLES", "findings_of_labels", "page_of_labels", "write_tables"]

TABLES = ("label_images.csv", "label_regions.csv")
_LISTED = 10
_SEEN = {None: "", True: "yes", False: "no"}


def findings_of_labels(doubts: LabelDoubts) -> Iterator[Finding]:
    """Notes on the most doubtful images, and on classes that are confused."""
    ranked = [one for one in doubts.images if one.disagreement > 0]
    if ranked:
        first = ranked[0]
        sentence = (
            f"the labels of {len(ranked)} of {len(doubts.images)} images disagree with confident predictions of "
            f"{doubts.source}; the most doubtful is {first.name} (score {first.score:.3f}, {first.disagreement:.1%} of "
            "its pixels)"
        )
        scores = [[one.name, round(one.score, 6)] for one in ranked[:_LISTED]]
        yield finding("label-doubtful", sentence, [one.image for one in ranked], ranking=scores)
    if doubts.confused:
        pairs = [f"{one.given} where the model sees {one.predicted} ({one.share:.1%})" for one in doubts.confused[:3]]
        listed = [[one.given, one.predicted, one.pixels] for one in doubts.confused[:_LISTED]]
        yield finding("label-confused", f"labels that the model confuses most: {'; '.join(pairs)}", pairs=listed)
    if seen := [one for one in doubts.images if one.seen]:
        yield finding(
            "label-seen",
            f"{doubts.source} was trained on {len(seen)} of the {len(doubts.images)} images, and repeats their labels, "
            "right or wrong",
            [one.image for one in seen],
            mend=f"densa doctor DATA --model {doubts.source} --folds 5 judges images by models that have not seen them",
        )


def write_tables(doubts: LabelDoubts, folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Write the ranks of images and regions as CSV files into a folder; returns their paths."""
    make_folder(folder)
    rows: list[tuple[Sequence[str], list[list[Any]]]] = [
        (
            ("rank", "name", "image", "score", "mean_confidence", "disagreement", "pixels", "seen"),
            [
                [one.name, one.image, *(f"{v:.6f}" for v in one[3:6]), one.pixels, _SEEN[one.seen]]
                for one in doubts.images
            ],
        ),
        (
            (
                "rank",
                "name",
                "image",
                "row",
                "column",
                "height",
                "width",
                "given",
                "predicted",
                "pixels",
                "confidence",
                "weight",
            ),
            [
                [one.name, one.image, *one.window, one.given, one.predicted, one.pixels, one.confidence, one.weight]
                for one in doubts.regions
            ],
        ),
    ]
    written = []
    for name, (head, lines) in zip(TABLES, rows, strict=True):
        with (
            atomic_output(folder / name, overwrite) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(head)
            writer.writerows([rank, *line] for rank, line in enumerate(lines, 1))
        written.append(folder / name)
    return written


def page_of_labels(doubts: LabelDoubts | None, legend: Legend | None) -> dict[str, Any] | None:
    """What the page shows: the first ranks, and pictures of the most doubtful images; None without a model."""
    if doubts is None or legend is None:
        return None
    palette = legend.palette()
    palette[IGNORE] = (0, 0, 0)
    heat = np.stack([np.linspace(250, 200, 256), np.linspace(250, 30, 256), np.linspace(250, 60, 256)], axis=1)
    score_of = {one.name: one for one in doubts.images}
    shown = [
        {
            "name": one.name,
            "score": f"{score_of[one.name].score:.3f}",
            "pictures": [
                ("Image", jpeg_uri(one.image)),
                ("Labels", png_uri(one.given, palette)),
                ("Model", png_uri(one.predicted, palette)),
                ("Doubt", png_uri(one.doubt, heat.astype(np.uint8))),
            ],
        }
        for one in doubts.shown
    ]
    return {
        "source": doubts.source,
        "n_images": len(doubts.images),
        "n_regions": len(doubts.regions),
        "images": doubts.images[:12],
        "regions": doubts.regions[:12],
        "confused": doubts.confused[:8],
        "shown": shown,
        "classes": list(zip(legend.class_names, legend.colors, strict=True)),
    }
