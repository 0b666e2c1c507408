"""`densa split`: folds, or train, val and test, that do not leak."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from densa.cli.common import Config, Json, print_json
from densa.cli.derived import options_from
from densa.settings import Existing
from densa.verbs.settings import SplitOptions

if TYPE_CHECKING:
    from densa.datasets import SplitFile


@options_from(SplitOptions, Existing)
def split(
    given: dict[str, Any],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of images and masks.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Split file, such as splits.json.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Divide a data set into folds, or into train, val and test, so that no part shows what another does.

    Scenes, blocks of scenes, files or attributes are not divided; images that are copies of each other or overlap stay
    together; the pixels of every class are shared out evenly. `train`, `evaluate` and `compare` take the file with
    --split-file, and --fold for one of its folds.
    """
    from densa.verbs.split import split as verb
    from densa.verbs.split import summary

    found = verb(data, output=output, **given)
    if as_json:
        print_json({**summary(found), "file": None if output is None else str(output)})
        return
    _show(found)
    if output is not None:
        print(f"wrote {output}")


def _show(found: SplitFile) -> None:
    """A row for each part, and how well the classes are balanced."""
    shares = found.facts.get("class_shares")
    classes = found.facts["classes"] if shares and len(shares) <= 8 else []
    head = ["fold" if found.folds else "part", "images" if "block_px" not in found.facts else "windows", "groups"]
    rows = [[*head, *classes]]
    for name, part in found.facts["parts"].items():
        rows.append(
            [
                name,
                str(part["images"]),
                str(part["groups"]),
                *map(_percent, part.get("class_shares", [])[: len(classes)]),
            ]
        )
    if found.facts.get("test_kept"):
        rows.append(["test", str(found.facts["test_kept"]), "", *[""] * len(classes)])
    if classes:
        rows.append(["all", "", "", *map(_percent, shares or [])])
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for name, part in found.facts["parts"].items():
        if part.get("absent_classes"):
            print(f"no pixel of {', '.join(part['absent_classes'])} in {name}")
    worst = found.facts["largest_deviation"]
    if worst is not None:
        where = f"fold {worst['part']}" if found.folds else worst["part"]
        points = 100 * worst["deviation"]
        print(f"largest deviation of a class share: {points:.2f} percentage points, of {worst['class']} in {where}")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f} %"
