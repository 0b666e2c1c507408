"""A table beside the data: an attribute of every image, by which scores are broken down."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from densa.errors import InputError, one_line

if TYPE_CHECKING:
    from densa.metrics import Breakdown
    from densa.reports import Pair

__all__ = ["Attribute", "read_attribute"]

_KEYS = ("image", "name", "file", "filename", "stem", "id")
_MOST_VALUES = 10  # of numbers, above which they are grouped
_GROUPS = 4
_LARGEST = 64 << 20  # bytes
UNKNOWN = "(not in the table)"
EMPTY = "(empty)"


@dataclass(frozen=True)
class Attribute:
    """A column of a table.

    Attributes:
        column: its name.
        path: the table.
        values: of each image by its name without suffix.
        grouped: numbers were divided into quarters.
    """

    column: str
    path: Path
    values: dict[str, str]
    grouped: bool = False

    def of(self, name: str) -> str:
        """The value of an image; `UNKNOWN` where the table does not have it."""
        keys = (_key(name), _key(name).rpartition("/")[2])
        return next((self.values[key] for key in keys if key in self.values), UNKNOWN)

    def watched(self, pairs: Iterable[Pair], breakdown: Breakdown) -> Iterator[Pair]:
        """The pairs, each of which is added to a breakdown as it passes."""
        for pair in pairs:
            image, *corner = pair.part or (pair.name, 0, 0)
            row, column = corner
            breakdown.update(
                self.of(image), pair.target, pair.predicted, image=image, scene=pair.scene, corner=(row, column)
            )
            yield pair


def read_attribute(data: Path, column: str, table: Path | None = None) -> Attribute:
    """Read a column of a table of images.

    The images are named by the column `image`, `name`, `file`, `filename`, `stem` or `id`, or else by the first one,
    with or without folder and suffix. Numbers of more than ten different values are divided into quarters.

    Args:
        data: folder of the data set.
        column: name of the attribute.
        table: a .csv; None: the one in `data`, or in the folder above, that has the column.

    Raises:
        InputError: there is no such table or column (the message lists those that there are), several have it, or an
            image is there twice.
    """
    tables = [table] if table is not None else [*sorted(data.glob("*.csv")), *sorted(data.parent.glob("*.csv"))]
    found = [(path, *_rows(path)) for path in tables]
    having = [one for one in found if column in one[1]]
    if not having:
        seen = "; ".join(f"{path.name}: {', '.join(names)}" for path, names, _ in found[:5]) or "there is no .csv"
        raise InputError(f"by must be a column of a .csv beside the data in {data}, got {column!r}; {seen}")
    if len(having) > 1:
        both = " and ".join(str(path) for path, _, _ in having)
        raise InputError(f"{both} have the column {column!r}; name one: attributes=FILE")
    path, names, rows = having[0]
    return _attribute(path, column, names, rows)


def _attribute(path: Path, column: str, names: list[str], rows: list[list[str]]) -> Attribute:
    folded = [name.casefold() for name in names]
    key = next((folded.index(name) for name in _KEYS if name in folded and names[folded.index(name)] != column), 0)
    if names[key] == column:
        raise InputError(f"{path} must name the images in a column image, its columns: {', '.join(names)}")
    at = names.index(column)
    values: dict[str, str] = {}
    for number, row in enumerate(rows, 2):
        if len(row) != len(names):
            raise InputError(f"line {number} of {path} has {len(row)} cells, but there are {len(names)} columns")
        name = _key(row[key])
        value = row[at].strip() or EMPTY
        if values.setdefault(name, value) != value:
            raise InputError(f"{path} has {row[key]!r} twice, with {values[name]!r} and {value!r}; keep one row")
    grouped = _quarters(values)
    return Attribute(column, path, grouped or values, grouped is not None)


def _quarters(values: dict[str, str]) -> dict[str, str] | None:
    """Numbers as four ranges of about as many images; None for words and for few different numbers."""
    try:
        numbers = {name: float(value) for name, value in values.items() if value != EMPTY}
    except ValueError:
        return None
    if len(set(numbers.values())) <= _MOST_VALUES or not np.isfinite(list(numbers.values())).all():
        return None
    edges = np.unique(np.quantile(list(numbers.values()), np.linspace(0, 1, _GROUPS + 1)))
    place = {name: min(int(np.searchsorted(edges, v, side="right")), len(edges) - 1) - 1 for name, v in numbers.items()}
    words = [f"{k + 1}: {low:g} to {high:g}" for k, (low, high) in enumerate(pairwise(edges))]
    return {name: words[place[name]] if name in place else EMPTY for name in values}


def _key(name: str) -> str:
    path = PurePosixPath(name.strip().replace("\\", "/"))
    return str(path.with_suffix("")) if path.name and path.suffix.lower() in _SUFFIXES else str(path)


_SUFFIXES = {".tif", ".tiff", ".png", ".jpg", ".jpeg", ".jp2", ".bmp", ".gif", ".webp", ".img", ".vrt"}


def _rows(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        if (size := path.stat().st_size) > _LARGEST:
            raise InputError(f"{path} has {size} bytes, at most {_LARGEST} are read")
        text = path.read_text(encoding="utf-8-sig")
        separator = max(",;\t", key=text.partition("\n")[0].count)
        rows = [row for row in csv.reader(text.splitlines(), delimiter=separator) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {one_line(error)}") from error
    return ([name.strip() for name in rows[0]], rows[1:]) if rows else ([], [])
