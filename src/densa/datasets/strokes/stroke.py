"""Strokes: lines, points and polygons that label a part of an image; the rest has no label."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.legend import IGNORE, Legend

__all__ = ["DEFAULT_WIDTH", "MOST_POINTS", "MOST_WIDTH", "Point", "Stroke", "Strokes", "check_width"]

Point = tuple[float, float]
"""(x, y) = (column, row) in pixels; the centre of the first pixel is (0, 0)."""
DEFAULT_WIDTH = 5.0
"""Width in pixels of a line or point whose file gives none."""
MOST_WIDTH = 1000.0
MOST_POINTS = 10_000_000
"""Corners of all strokes of a file together."""


@dataclass(frozen=True)
class Stroke:
    """A line or a point drawn with a round pen, or a filled polygon.

    Attributes:
        label: class index; 255 erases what earlier strokes labelled.
        width: of the pen in pixels; without effect on a polygon.
        points: (x, y) = (column, row) of the corners; the centre of the first pixel is (0, 0). One point is a disk.
        shape: "line", or "polygon", whose last corner is joined to the first.
        holes: corners of the holes of a polygon.

    Examples:
        >>> from densa.datasets.strokes import Stroke
        >>> stroke = Stroke(label=1, width=5, points=((10, 20), (40, 20)))
        >>> len(stroke.points)
        2
    """

    label: int
    width: float
    points: tuple[Point, ...]
    shape: Literal["line", "polygon"] = "line"
    holes: tuple[tuple[Point, ...], ...] = ()

    @property
    def box(self) -> NDArray[np.float64]:
        """Smallest x, smallest y, largest x and largest y of the pixel centres that it can cover."""
        corners = np.array(self.points, np.float64)
        reach = 0.0 if self.shape == "polygon" else max(self.width / 2, 1.0)
        return np.concatenate([corners.min(axis=0) - reach, corners.max(axis=0) + reach])


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

    def numbered_as(self, legend: Legend, source: object) -> Self:
        """The same strokes with the class indices of another legend, matched by name.

        Raises:
            InputError: a class that is drawn is not in that legend; `source` names the file.
        """
        if legend == self.legend:
            return self
        drawn = sorted({stroke.label for stroke in self.strokes} - {IGNORE})
        names = [self.legend.class_names[label] for label in drawn]
        if unknown := [name for name in names if name not in legend.class_names]:
            raise InputError(
                f"{source} draws the class {unknown[0]!r}, which the legend does not name; it has "
                f"{', '.join(legend.class_names)}"
            )
        new = {IGNORE: IGNORE} | {
            label: legend.class_names.index(name) for label, name in zip(drawn, names, strict=True)
        }
        return replace(
            self, legend=legend, strokes=tuple(replace(stroke, label=new[stroke.label]) for stroke in self.strokes)
        )


def check_width(width: float, where: object) -> float:
    """A width in pixels.

    Raises:
        InputError: it is not above 0 and at most `MOST_WIDTH`; `where` names the stroke.
    """
    if not 0 < width <= MOST_WIDTH:
        raise InputError(f"{where} has the width {width!r}; it must be above 0 and at most {MOST_WIDTH:g} pixels")
    return float(width)
