"""Strokes drawn on an image: read from JSON, drawn as a sparse label map."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.legend import IGNORE, Legend

__all__ = ["Stroke", "Strokes", "draw_strokes", "read_strokes"]

LARGEST_FILE = 64 * 2**20  # bytes
MOST_WIDTH = 1000.0  # pixels


@dataclass(frozen=True)
class Stroke:
    """A line drawn with a round pen.

    Attributes:
        label: class index.
        width: of the pen in pixels.
        points: (x, y) = (column, row) of the corners; the centre of the first pixel is (0, 0).

    Examples:
        >>> from densa.shallow import Stroke
        >>> stroke = Stroke(label=1, width=5, points=((10, 20), (40, 20)))
        >>> len(stroke.points)
        2
    """

    label: int
    width: float
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Strokes:
    """Strokes and the legend of their class indices.

    Examples:
        >>> from densa.shallow import tissue_strokes
        >>> strokes = tissue_strokes()
        >>> strokes.legend.class_names, len(strokes.strokes)
        (('gland', 'stroma', 'lumen'), 11)
    """

    legend: Legend
    strokes: tuple[Stroke, ...]


def read_strokes(path: Path | str) -> Strokes:
    """Read a file of strokes.

    The file is JSON: `{"classes": [{"name": "cell", "color": "#f0b428"}, ...], "strokes": [{"class": "cell",
    "width": 5, "points": [[x, y], ...]}, ...]}`, with the classes as in a legend file, "class" a name or an index,
    and "width" 5 where it is missing.

    Raises:
        InputError: the file cannot be read, or is not a file of strokes.

    Examples:
        >>> from densa.shallow import read_strokes, tissue
        >>> image, file = tissue("tissue")
        >>> strokes = read_strokes(file)
        >>> strokes.legend.class_names
        ('gland', 'stroma', 'lumen')
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"strokes {path} have {path.stat().st_size} bytes, at most {LARGEST_FILE} are read")
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"strokes {path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"strokes {path} are not JSON: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("strokes"), list) or "classes" not in content:
        form = '{"classes": [{"name": "road"}, ...], "strokes": [{"class": "road", "points": [[x, y], ...]}, ...]}'
        raise InputError(f"strokes {path} must hold {form}")
    try:
        legend = Legend.from_dict({key: content[key] for key in ("classes", "ignore") if key in content})
    except InputError as error:
        raise InputError(f"strokes {path}: {error}") from error
    strokes = tuple(_stroke(entry, i, legend, path) for i, entry in enumerate(content["strokes"]))
    if not strokes:
        raise InputError(f"strokes {path} hold no stroke; draw some of every class")
    return Strokes(legend, strokes)


def draw_strokes(strokes: Strokes, height: int, width: int) -> NDArray[np.uint8]:
    """(height, width) uint8 label map of strokes, 255 elsewhere; of strokes that cross, the later one lies on top.

    A stroke covers the pixels whose centre is within half its width of the line, at least the pixels nearest to it.

    Raises:
        InputError: no stroke touches the image.

    Examples:
        >>> from densa import Legend
        >>> from densa.shallow import Stroke, Strokes, draw_strokes
        >>> stroke = Stroke(label=1, width=1, points=((1, 0), (1, 2)))
        >>> strokes = Strokes(Legend(("ground", "cell")), (stroke,))
        >>> draw_strokes(strokes, 3, 4)
        array([[255,   1, 255, 255],
               [255,   1, 255, 255],
               [255,   1, 255, 255]], dtype=uint8)
    """
    labels = np.full((height, width), IGNORE, np.uint8)
    for stroke in strokes.strokes:
        radius = max(stroke.width / 2, math.sqrt(0.5))
        points = stroke.points if len(stroke.points) > 1 else stroke.points * 2
        for start, end in itertools.pairwise(points):
            _draw(labels, start, end, radius, stroke.label)
    if (labels == IGNORE).all():
        raise InputError(f"no stroke touches the image of {height} x {width} pixels; points are [x, y] in pixels")
    return labels


def _draw(
    labels: NDArray[np.uint8], start: tuple[float, float], end: tuple[float, float], radius: float, label: int
) -> None:
    """Set the pixels within `radius` of the segment."""
    (x0, y0), (x1, y1) = start, end
    top, bottom = _span(y0, y1, radius, labels.shape[0])
    left, right = _span(x0, x1, radius, labels.shape[1])
    if top >= bottom or left >= right:
        return
    y, x = np.ogrid[top:bottom, left:right]
    dx, dy = x1 - x0, y1 - y0
    length = dx * dx + dy * dy
    along = np.clip(((x - x0) * dx + (y - y0) * dy) / length, 0, 1) if length > 0 else 0.0
    near = (x - x0 - along * dx) ** 2 + (y - y0 - along * dy) ** 2 <= radius * radius
    labels[top:bottom, left:right][near] = label


def _span(a: float, b: float, radius: float, side: int) -> tuple[int, int]:
    low, high = math.floor(min(a, b) - radius), math.ceil(max(a, b) + radius) + 1
    return max(0, min(low, side)), max(0, min(high, side))


def _stroke(entry: Any, i: int, legend: Legend, path: Path) -> Stroke:
    where = f"strokes {path}: stroke {i + 1}"
    if not isinstance(entry, dict) or not isinstance(entry.get("points"), list) or not entry["points"]:
        raise InputError(f'{where} must be {{"class": ..., "width": ..., "points": [[x, y], ...]}}')
    named = entry.get("class")
    if isinstance(named, str) and named in legend.class_names:
        label = legend.class_names.index(named)
    elif isinstance(named, int) and not isinstance(named, bool) and 0 <= named < legend.n_classes:
        label = named
    else:
        raise InputError(f"{where} has the class {named!r}; choose from {', '.join(legend.class_names)}")
    width = entry.get("width", 5)
    if not _is_number(width) or not 0 < width <= MOST_WIDTH:
        raise InputError(f"{where} has the width {width!r}; it must be above 0 and at most {MOST_WIDTH:g} pixels")
    points = entry["points"]
    if not all(isinstance(p, list) and len(p) == 2 and all(_is_number(v) for v in p) for p in points):
        raise InputError(f"{where} must have points [x, y] of finite numbers")
    return Stroke(label, float(width), tuple((float(x), float(y)) for x, y in points))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9
