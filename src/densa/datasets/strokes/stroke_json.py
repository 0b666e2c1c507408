"""Strokes in densa's own JSON; `strokes.schema.json` beside this module is its JSON schema."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

from densa.datasets.strokes.stroke import DEFAULT_WIDTH, MOST_POINTS, Point, Stroke, Strokes, check_width
from densa.errors import InputError
from densa.legend import IGNORE, Legend

__all__ = ["is_stroke_json", "read_stroke_json", "stroke_schema", "write_strokes"]

LARGEST_FILE = 64 * 2**20
"""Bytes of a file that is read."""
_FORM = '{"classes": [{"name": "road"}, ...], "strokes": [{"class": "road", "points": [[x, y], ...]}, ...]}'


def stroke_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of a file of strokes.

    Examples:
        >>> from densa.datasets.strokes import stroke_schema
        >>> stroke_schema()["required"]
        ['classes', 'strokes']
    """
    text = resources.files("densa.datasets.strokes").joinpath("strokes.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def read_stroke_json(path: Path, width: float | None = None) -> Strokes:
    """Read a file of strokes in JSON; `width`: of strokes that give none.

    Raises:
        InputError: the file cannot be read, is too large, or is not a file of strokes.
    """
    content = _content(path)
    if not isinstance(content, dict) or not isinstance(content.get("strokes"), list) or "classes" not in content:
        raise InputError(f"strokes {path} must hold {_FORM}")
    try:
        legend = Legend.from_dict({key: content[key] for key in ("classes", "ignore") if key in content})
    except InputError as error:
        raise InputError(f"strokes {path}: {error}") from error
    strokes = tuple(_stroke(entry, i, legend, path, width) for i, entry in enumerate(content["strokes"]))
    if not strokes:
        raise InputError(f"strokes {path} hold no stroke; draw some of every class")
    if sum(len(stroke.points) for stroke in strokes) > MOST_POINTS:
        raise InputError(f"strokes {path} have more than {MOST_POINTS} points together; simplify them")
    return Strokes(legend, strokes)


def is_stroke_json(path: Path) -> bool | None:
    """Whether a JSON file is one of strokes, or GeoJSON, by its keys; None where it is neither or cannot be read."""
    try:
        content = _content(path)
    except InputError:
        return None
    keys = content.keys() if isinstance(content, dict) else {}
    return "strokes" in keys if {"strokes", "type"} & set(keys) else None


def write_strokes(path: Path | str, strokes: Strokes) -> None:
    """Write strokes as JSON, as `read_strokes` reads them; an existing file is replaced.

    Examples:
        >>> from densa.datasets.strokes import read_strokes, write_strokes
        >>> from densa.shallow import tissue_strokes
        >>> write_strokes("strokes.json", tissue_strokes())
        >>> read_strokes("strokes.json") == tissue_strokes()
        True
    """
    from densa.raster import atomic_output

    entries = []
    for stroke in strokes.strokes:
        named = "" if stroke.label == IGNORE else strokes.legend.class_names[stroke.label]
        entry: dict[str, Any] = {"class": named or None, "width": stroke.width, "points": [*map(list, stroke.points)]}
        if stroke.shape == "polygon":
            entry |= {"shape": "polygon", "holes": [[*map(list, hole)] for hole in stroke.holes]}
        entries.append(entry)
    content = {"classes": strokes.legend.to_dict()["classes"], "strokes": entries}
    with atomic_output(Path(path), overwrite=True) as file:
        file.write_text(json.dumps(content) + "\n", encoding="utf-8")


def _content(path: Path) -> Any:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"strokes {path} have {path.stat().st_size} bytes, at most {LARGEST_FILE} are read")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"strokes {path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"strokes {path} are not JSON: {error}") from error


def _stroke(entry: Any, i: int, legend: Legend, path: Path, width: float | None) -> Stroke:
    where = f"strokes {path}: stroke {i + 1}"
    if not isinstance(entry, dict) or not isinstance(entry.get("points"), list) or not entry["points"]:
        raise InputError(f'{where} must be {{"class": ..., "width": ..., "points": [[x, y], ...]}}')
    shape = entry.get("shape", "line")
    if shape not in ("line", "polygon"):
        raise InputError(f"{where} has the shape {shape!r}; choose from line, polygon")
    own = entry.get("width", DEFAULT_WIDTH if width is None else width)
    if not _is_number(own):
        raise InputError(f"{where} has the width {own!r}; it must be a number of pixels")
    own = check_width(own, where)
    points = _points(entry["points"], where)
    if shape == "polygon" and len(points) < 3:
        raise InputError(f"{where} is a polygon and must have 3 points or more, got {len(points)}")
    holes = entry.get("holes", [])
    if not isinstance(holes, list) or (holes and shape != "polygon"):
        raise InputError(f"{where} must have holes as lists of points, of a polygon alone")
    rings = tuple(_points(hole, where) for hole in holes)
    return Stroke(_label(entry, legend, where), own, points, shape, rings)


def _label(entry: dict[str, Any], legend: Legend, where: str) -> int:
    if "class" not in entry:
        raise InputError(f'{where} must be {{"class": ..., "width": ..., "points": [[x, y], ...]}}')
    named = entry["class"]
    if named is None:
        return IGNORE
    if isinstance(named, str) and named in legend.class_names:
        return legend.class_names.index(named)
    if isinstance(named, int) and not isinstance(named, bool) and 0 <= named < legend.n_classes:
        return named
    raise InputError(f"{where} has the class {named!r}; choose from {', '.join(legend.class_names)}")


def _points(points: Any, where: str) -> tuple[Point, ...]:
    right = isinstance(points, list) and all(
        isinstance(p, list) and len(p) == 2 and all(_is_number(v) for v in p) for p in points
    )
    if not right or not points:
        raise InputError(f"{where} must have points [x, y] of finite numbers")
    return tuple((float(x), float(y)) for x, y in points)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9
