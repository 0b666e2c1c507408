"""Strokes drawn as a label map, whole or by windows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Set
from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from densa.datasets.strokes.stroke import Point, Stroke, Strokes
from densa.errors import InputError
from densa.legend import IGNORE
from densa.raster import Window
from densa.raster.shapes.burning import Burner
from densa.raster.shapes.on_grid import thickened

__all__ = ["StrokeLabels", "draw_strokes"]


class StrokeLabels:
    """The label map of an image that is drawn by strokes: a `LabelSource`, which draws the windows that are read.

    A line covers the pixels whose centre is within half its width of it, at least the pixels nearest to it; a polygon
    those whose centre is inside. Of strokes that cross, the later one lies on top. Other pixels have no label.

    Args:
        strokes: what is drawn.
        height, width: of the image in pixels.

    Examples:
        >>> from densa import Legend, raster
        >>> from densa.datasets.strokes import Stroke, StrokeLabels
        >>> labels = StrokeLabels((Stroke(1, 1, ((1, 0), (1, 9))),), 1000, 1000)
        >>> labels.read(raster.Window(8, 0, 3, 3))
        array([[255,   1, 255],
               [255,   1, 255],
               [255, 255, 255]], dtype=uint8)
    """

    def __init__(self, strokes: Iterable[Stroke], height: int, width: int) -> None:
        self.strokes, self.height, self.width = tuple(strokes), height, width
        self._boxes = np.array([stroke.box for stroke in self.strokes]).reshape(-1, 4)
        self._burners = {k: _burner(stroke) for k, stroke in enumerate(self.strokes) if stroke.shape == "polygon"}

    def read(self, window: Window) -> NDArray[np.uint8]:
        """(h, w) uint8 class of each pixel of a window; 255 where it has no label."""
        labels = np.full((window.height, window.width), IGNORE, np.uint8)
        for k in self.near(window):
            if k in self._burners:
                self._burners[k].burn(labels, window)
            else:
                _draw(labels, self.strokes[k], window)
        return labels

    def near(self, window: Window) -> list[int]:
        """Numbers of the strokes whose box reaches into a window, in the order in which they are drawn."""
        left, top, right, bottom = self._boxes.T
        reaches = (right >= window.column) & (left < window.column + window.width)
        reaches &= (bottom >= window.row) & (top < window.row + window.height)
        return [int(k) for k in np.flatnonzero(reaches)]

    def classes_of_pieces(self) -> NDArray[np.int64]:
        """(n,) class of each stroke; 255 where it erases, or is outside of the image."""
        inside = set(self.near(Window(0, 0, self.height, self.width)))
        return np.array([s.label if k in inside else IGNORE for k, s in enumerate(self.strokes)], np.int64)

    def without_pieces(self, pieces: Set[int]) -> StrokeLabels:
        """The same drawing, where some strokes erase what lies below them in place of labelling it."""
        kept = (replace(s, label=IGNORE) if k in pieces else s for k, s in enumerate(self.strokes))
        return StrokeLabels(kept, self.height, self.width)

    def outside(self) -> int:
        """Number of the strokes that no pixel of the image is near."""
        return len(self.strokes) - len(self.near(Window(0, 0, self.height, self.width)))


def draw_strokes(strokes: Strokes, height: int, width: int) -> NDArray[np.uint8]:
    """(height, width) uint8 label map of strokes, 255 elsewhere; of strokes that cross, the later one lies on top.

    A stroke covers the pixels whose centre is within half its width of the line, at least the pixels nearest to it; a
    polygon those whose centre is inside. `StrokeLabels` draws windows of large images.

    Raises:
        InputError: no stroke touches the image.

    Examples:
        >>> from densa import Legend
        >>> from densa.datasets.strokes import Stroke, Strokes, draw_strokes
        >>> stroke = Stroke(label=1, width=1, points=((1, 0), (1, 2)))
        >>> strokes = Strokes(Legend(("ground", "cell")), (stroke,))
        >>> draw_strokes(strokes, 3, 4)
        array([[255,   1, 255, 255],
               [255,   1, 255, 255],
               [255,   1, 255, 255]], dtype=uint8)
    """
    labels = StrokeLabels(strokes.strokes, height, width).read(Window(0, 0, height, width))
    if (labels == IGNORE).all():
        raise InputError(f"no stroke touches the image of {height} x {width} pixels; points are [x, y] in pixels")
    return labels


def _draw(labels: NDArray[np.uint8], stroke: Stroke, window: Window) -> None:
    """Set the pixels of a window that a line covers."""
    origin = np.array([window.column, window.row], np.float64)
    radius = max(stroke.width / 2, math.sqrt(0.5))
    points: tuple[Point, ...] = stroke.points if len(stroke.points) > 1 else stroke.points * 2
    corners = np.array(points, np.float64) - origin
    low, high = np.minimum(corners[:-1], corners[1:]) - radius, np.maximum(corners[:-1], corners[1:]) + radius
    reaches = ((high >= 0) & (low < [window.width, window.height])).all(axis=1)
    for k in np.flatnonzero(reaches):
        _draw_segment(labels, corners[k], corners[k + 1], radius, stroke.label)


def _draw_segment(
    labels: NDArray[np.uint8], start: NDArray[np.float64], end: NDArray[np.float64], radius: float, label: int
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


def _burner(stroke: Stroke) -> Burner:
    """Draws a polygon; where its rings cross, what an odd number of them surrounds is inside."""
    rings = [np.array(ring, np.float64) + 0.5 for ring in (stroke.points, *stroke.holes)]  # corners, not centres
    area = shapely.make_valid(shapely.Polygon(rings[0], [ring for ring in rings[1:] if len(ring) > 2]))
    return Burner(thickened(np.array([area], object), 0.0), np.array([stroke.label]))


def _span(a: float, b: float, radius: float, side: int) -> tuple[int, int]:
    low, high = math.floor(min(a, b) - radius), math.ceil(max(a, b) + radius) + 1
    return max(0, min(low, side)), max(0, min(high, side))
