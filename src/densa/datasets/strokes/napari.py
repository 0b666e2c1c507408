"""Shapes and points of napari, saved as CSV, as strokes."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from densa.datasets.strokes.classes import NamedStroke
from densa.datasets.strokes.stroke import DEFAULT_WIDTH, MOST_POINTS, Point, Stroke, check_width
from densa.errors import InputError
from densa.legend import IGNORE

__all__ = ["class_in_name", "read_napari"]

LARGEST_FILE = 256 * 2**20
"""Bytes of a file that is read."""
_CLASS = ("class", "label", "category", "name")
_WIDTH = ("width", "edge-width", "edge_width")
_AREAS = {"polygon", "rectangle", "ellipse"}
_LINES = {"line", "path"}
_CORNERS_OF_ELLIPSE = 64


def read_napari(path: Path, *, name: str | None = None, line_width: float | None = None) -> list[NamedStroke]:
    """The shapes of a CSV of napari (`index`, `shape-type`, `vertex-index`, `axis-0`, `axis-1`), or its points.

    `axis-0` is the row, `axis-1` the column; the centre of the first pixel is (0, 0). Polygons, rectangles and ellipses
    are filled; lines and paths have the width of a column `width` or `edge-width`. The class is in a column `class`,
    `label`, `category` or `name`, which is the same in all rows of a shape; otherwise all shapes are of one class,
    which the caller knows from the name of the file or the layer.

    Args:
        path: the file.
        name: the class where the file has no such column.
        line_width: of points, and of lines that have none, in pixels; None: 5.

    Raises:
        InputError: the file cannot be read, lacks columns, has three axes, an unknown shape or no class.
    """
    rows = _rows(path)
    columns = {title.strip().lower(): title for title in rows[0]} if rows else {}
    if "axis-0" not in columns or "axis-1" not in columns:
        raise InputError(
            f"{path} must have the columns index, shape-type, vertex-index, axis-0 and axis-1, as napari writes them; "
            f"it has {', '.join(columns) or 'no row'}"
        )
    if "axis-2" in columns:
        raise InputError(
            f"{path} holds shapes of 3 axes; densa labels images, of rows and columns: draw in a layer of 2 dimensions"
        )
    named, wide = ({word: columns[word] for word in words if word in columns} for words in (_CLASS, _WIDTH))
    class_column, width_column = next(iter(named.values()), None), next(iter(wide.values()), None)
    if class_column is None and name is None:
        raise InputError(
            f"{path} has no class: add a column class, name the file {path.stem}.CLASS.csv, or save a layer for each "
            "class as CLASS.csv in one folder and give the folder"
        )
    found = []
    for number, own in _shapes(rows, columns):
        where = f"shape {number} of {path}"
        named_own = name if class_column is None else _one(own, class_column, where)
        if not named_own:
            raise InputError(f"{where} has no class in the column {class_column}")
        width = (line_width or DEFAULT_WIDTH) if width_column is None else _number(own[0][width_column], where)
        corners = [(_number(row[columns["axis-1"]], where), _number(row[columns["axis-0"]], where)) for row in own]
        kind = own[0][columns["shape-type"]].strip().lower() if "shape-type" in columns else "points"
        found += [(named_own, stroke) for stroke in _strokes(kind, corners, check_width(width, where), where)]
    return found


def class_in_name(path: Path) -> str | None:
    """The class in the name of a file that is named IMAGE.CLASS.csv; None where there is none."""
    return path.stem.rpartition(".")[2] if "." in path.stem else None


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path} has more than {LARGEST_FILE // 2**20} MB; it is not read")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            rows = []
            for row in reader:
                if None in row:
                    raise InputError(f"{path}: line {reader.line_num} has more fields than there are columns")
                rows.append(row)
                if len(rows) > MOST_POINTS:
                    raise InputError(f"{path} has more than {MOST_POINTS} points; simplify the shapes")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no CSV: {error}") from error
    if not rows:
        raise InputError(f"{path} holds no shape; draw some of every class")
    return rows


def _shapes(
    rows: Sequence[Mapping[str, str]], columns: Mapping[str, str]
) -> Iterator[tuple[str, list[Mapping[str, str]]]]:
    """Number and rows of each shape; rows of one shape follow each other. Without shapes, each row is a point."""
    if "shape-type" not in columns:
        yield from ((str(k), [row]) for k, row in enumerate(rows))
        return
    if "index" not in columns:
        raise InputError("shapes must have a column index, which tells them apart; save the layer as napari does")
    for number, own in groupby(rows, key=lambda row: row[columns["index"]]):
        yield number, list(own)


def _strokes(kind: str, corners: list[Point], width: float, where: str) -> list[Stroke]:
    if kind == "points":
        return [Stroke(IGNORE, width, (point,)) for point in corners]
    if kind in _LINES:
        return [Stroke(IGNORE, width, tuple(corners))]
    if kind not in _AREAS:
        raise InputError(f"{where} is a {kind!r}; choose from {', '.join(sorted(_AREAS | _LINES))}")
    if kind != "polygon" and len(corners) != 4:
        raise InputError(f"{where} is a {kind} and must have 4 corners, got {len(corners)}")
    if len(corners) < 3:
        raise InputError(f"{where} is a polygon and must have 3 corners or more, got {len(corners)}")
    if kind == "ellipse":
        corners = _ellipse(corners)
    return [Stroke(IGNORE, width, tuple(corners), "polygon")]


def _ellipse(corners: list[Point]) -> list[Point]:
    """The ellipse inside a rectangle, which may be turned."""
    box = np.array(corners, np.float64)
    centre, along, across = box.mean(axis=0), (box[1] - box[0]) / 2, (box[2] - box[1]) / 2
    turn = np.linspace(0, 2 * np.pi, _CORNERS_OF_ELLIPSE, endpoint=False)[:, None]
    found = centre + np.cos(turn) * along + np.sin(turn) * across
    return [(float(x), float(y)) for x, y in found]


def _one(rows: Sequence[Mapping[str, str]], column: str, where: str) -> str:
    values = {row[column].strip() for row in rows}
    if len(values) > 1:
        raise InputError(f"{where} has several classes in the column {column}: {', '.join(sorted(values))}")
    return values.pop()


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) < 1e9:
        raise InputError(f"{where} has {text!r} where a finite number must be")
    return value
