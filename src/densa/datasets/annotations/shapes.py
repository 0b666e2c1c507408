"""Shapes of one image, drawn over each other by windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import shapely
from numpy.typing import NDArray

from densa.datasets.class_table import REST
from densa.raster import Window
from densa.raster.grid import common
from densa.raster.shapes.burning import Burner
from densa.raster.shapes.on_grid import thickened
from densa.raster.shapes.pillow import bounds, paint

__all__ = ["Bitmap", "Box", "DrawnShapes", "Outline", "Painted", "Shape", "outline"]

Box = tuple[int, int, int, int]
"""Top, left, bottom and right of a shape, the last two behind it."""


class Shape(Protocol):
    """A shape of an image."""

    @property
    def box(self) -> Box:
        """The rectangle that it lies in."""
        ...

    def mask(self, window: Window) -> NDArray[np.bool_]:
        """(h, w) where it covers the pixels of a window."""
        ...


class Outline(NamedTuple):
    """A polygon that covers the pixels whose centre is inside; x is the column, (0, 0) the corner of the image."""

    polygon: shapely.Geometry

    @property
    def box(self) -> Box:
        """The rectangle that it lies in."""
        left, top, right, bottom = self.polygon.bounds
        return int(np.floor(top)), int(np.floor(left)), int(np.ceil(bottom)), int(np.ceil(right))

    def mask(self, window: Window) -> NDArray[np.bool_]:
        """(h, w) where it covers the pixels of a window."""
        inside = np.zeros((window.height, window.width), np.uint8)
        Burner(np.array([self.polygon], object), np.ones(1, np.uint8)).burn(inside, window)
        return inside > 0


def outline(points: NDArray[np.float64], width: float = 0.0) -> Outline | None:
    """The polygon of (n, 2) corners, made valid; of one or two a point or line, with a width. None: it is empty."""
    if len(points) > 2:
        found = shapely.make_valid(shapely.Polygon(points))
    elif len(points) == 2:
        found = shapely.LineString(points)
    else:
        found = shapely.Point(points[0])
    area = thickened(np.array([found], object), width)[0] if width else _areas(found)
    return None if area.is_empty else Outline(area)


def _areas(geometry: shapely.Geometry) -> shapely.Geometry:
    """The polygons of a geometry, without lines and points that making it valid may leave."""
    solid = [part for part in shapely.get_parts(geometry) if part.geom_type in {"Polygon", "MultiPolygon"}]
    return thickened(np.array([shapely.MultiPolygon(list(shapely.get_parts(solid)))], object), 1)[0]


class Painted(NamedTuple):
    """A shape that is drawn by Pillow, see `densa.raster.shapes.pillow.paint`."""

    kind: str
    points: tuple[tuple[float, float], ...]

    @property
    def box(self) -> Box:
        """The rectangle that it lies in."""
        return bounds(self.kind, self.points)

    def mask(self, window: Window) -> NDArray[np.bool_]:
        """(h, w) where it covers the pixels of a window."""
        return paint(self.kind, self.points, window)


class Bitmap(NamedTuple):
    """A part of an image whose pixels are given."""

    top: int
    left: int
    pixels: NDArray[np.bool_]

    @property
    def box(self) -> Box:
        """The rectangle that it lies in."""
        height, width = self.pixels.shape
        return self.top, self.left, self.top + height, self.left + width

    def mask(self, window: Window) -> NDArray[np.bool_]:
        """(h, w) where it covers the pixels of a window, which lies in its box."""
        row, column = window.row - self.top, window.column - self.left
        return self.pixels[row : row + window.height, column : column + window.width]


class DrawnShapes:
    """Shapes of one image with the numbers of their values; a `Numbered`. Of those that overlap the later one counts.

    Args:
        size: height and width of the image, or a function that finds them when they are needed.
        shapes: in the order in which they are drawn.
        numbers: of their values.
    """

    def __init__(
        self, size: tuple[int, int] | Callable[[], tuple[int, int]], shapes: Sequence[Shape], numbers: Sequence[int]
    ) -> None:
        self._given_size = size
        self._shapes, self._numbers = tuple(shapes), tuple(numbers)

    @cached_property
    def _size(self) -> tuple[int, int]:
        return self._given_size if isinstance(self._given_size, tuple) else self._given_size()

    @property
    def height(self) -> int:
        """Height of the image in pixels."""
        return self._size[0]

    @property
    def width(self) -> int:
        """Width of the image in pixels."""
        return self._size[1]

    def numbers(self, window: Window) -> NDArray[np.int32]:
        """(h, w) number of the value of each pixel of a window, `REST` where no shape covers it."""
        found: NDArray[np.int32] = np.full((window.height, window.width), REST, np.int32)
        for shape, number in zip(self._shapes, self._numbers, strict=True):
            top, left, bottom, right = shape.box
            part = common(window, Window(top, left, bottom - top, right - left))
            if part.height > 0 and part.width > 0:
                row, column = part.row - window.row, part.column - window.column
                here = found[row : row + part.height, column : column + part.width]
                here[shape.mask(part)] = number
        return found
