"""An attribute of every image, from a table."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from densa.datasets.dataset import Sample
from densa.datasets.image_files import IMAGE_SUFFIXES
from densa.datasets.wording import listed
from densa.errors import InputError, one_line

__all__ = ["attributes_of"]

_IMAGE_COLUMNS = ("image", "file", "filename", "file_name", "name", "path", "image_id", "id")
_LARGEST = 1 << 28  # bytes of a table


def attributes_of(samples: Sequence[Sample], table: Path | str, column: str) -> list[str]:
    """The value of a column for each sample.

    Args:
        samples: images.
        table: a CSV file with a header; commas, semicolons or tabs between its columns. The column of the images is
            called image, file, filename, name, path or id, or else is the first; it holds names or paths of the images,
            with or without their suffix.
        column: name of the attribute's column.

    Raises:
        InputError: the table cannot be read, has no such column, lacks images or says two things of one.
    """
    header, rows = _read(Path(table))
    names = {name.strip().lower(): name for name in header}
    if column not in header and column.lower() not in names:
        raise InputError(f"{table} has no column {column!r}; it has {listed(header)}")
    wanted = column if column in header else names[column.lower()]
    key = next((names[name] for name in _IMAGE_COLUMNS if name in names), header[0])
    values: dict[str, str] = {}
    for row in rows:
        image, value = (row.get(key) or "").strip(), (row.get(wanted) or "").strip()
        if image and values.setdefault(_bare(image), value) != value:
            raise InputError(f"{table} gives two values of {wanted} for {image}: {values[_bare(image)]} and {value}")
    found = [_value(sample, values) for sample in samples]
    if missing := [sample.name for sample, value in zip(samples, found, strict=True) if not value]:
        raise InputError(
            f"{table} has no {wanted} for {len(missing)} of {len(samples)} images: {listed(missing, most=3)}; "
            f"its column {key} must name every image"
        )
    return [value for value in found if value]


def _read(table: Path) -> tuple[list[str], list[dict[str, str]]]:
    try:
        if table.stat().st_size > _LARGEST:
            raise InputError(f"table {table} has more than {_LARGEST} bytes")
        text = table.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"table {table} cannot be read: {one_line(error)}") from error
    first = text.partition("\n")[0]
    between = max(",;\t", key=first.count)
    try:
        reader = csv.DictReader(text.splitlines(), delimiter=between)
        header = [name for name in reader.fieldnames or () if name]
        rows = list(reader)
    except csv.Error as error:
        raise InputError(f"table {table} cannot be read: {one_line(error)}") from error
    if not header:
        raise InputError(f"table {table} is empty; it needs a header, and a row for each image")
    return header, rows


def _bare(name: str) -> str:
    """A path as it is looked up: with slashes and without the suffix of an image."""
    path = name.replace("\\", "/").removeprefix("./")
    suffix = Path(path).suffix
    return path.removesuffix(suffix) if suffix.lower() in IMAGE_SUFFIXES else path


def _value(sample: Sample, values: dict[str, str]) -> str | None:
    """The value of a sample: by its name, by the end of the path of its file, by the stem."""
    path = _bare(sample.image.as_posix())
    parts = path.split("/")
    ends = ["/".join(parts[k:]) for k in range(len(parts))]
    return next((values[name] for name in (sample.name, *ends) if values.get(name)), None)
