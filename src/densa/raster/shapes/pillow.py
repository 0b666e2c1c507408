"""Shapes drawn by Pillow, whose rule labelme's is: integers, and the outline belongs to the shape."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from densa.errors import InputError
from densa.raster.raster import Window

__all__ = ["LINE_WIDTH", "POINT_RADIUS", "bitmap", "bounds", "paint"]

LINE_WIDTH = 10
"""Of labelme's lines, in pixels."""
POINT_RADIUS = 5
"""Of labelme's points, in pixels."""
Points = Sequence[tuple[float, float]]


def bounds(kind: str, points: Points) -> tuple[int, int, int, int]:
    """Top, left, bottom and right of a shape, with a margin; see `paint`."""
    reach = 2
    if kind == "circle":
        reach += math.ceil(math.dist(*points))
    elif kind in {"point", "line", "linestrip"}:
        reach += LINE_WIDTH
    x, y = ([math.floor(point[axis]) for point in points] for axis in (0, 1))
    return min(y) - reach, min(x) - reach, max(y) + reach + 1, max(x) + reach + 1


def paint(kind: str, points: Points, window: Window) -> NDArray[np.bool_]:
    """(h, w) where a shape covers the pixels of a window.

    Args:
        kind: "polygon", "rectangle" (two corners), "circle" (its centre and a point on it), "line" or "linestrip" (10
            pixels wide) or "point" (a disc of radius 5).
        points: (x, y) = (column, row); fractions are cut off, as Pillow does.
        window: of the image.
    """
    # The columns are those of the image: Pillow's sums of fractions depend on them, not on the rows.
    shown = Image.new("L", (window.column + window.width, window.height))
    draw = ImageDraw.Draw(shown)
    if kind in {"circle", "point"}:
        (x, y), radius = points[0], math.dist(*points) if kind == "circle" else POINT_RADIUS
        draw.ellipse(_local([(x - radius, y - radius), (x + radius, y + radius)], window), outline=1, fill=1)
    elif kind == "rectangle":
        corners = [(min(part), max(part)) for part in zip(*points, strict=True)]
        draw.rectangle(_local(list(zip(*corners, strict=True)), window), outline=1, fill=1)
    elif kind in {"line", "linestrip"}:
        draw.line(_local(points, window), fill=1, width=LINE_WIDTH)
    else:
        draw.polygon(_local(points, window), outline=1, fill=1)
    return np.asarray(shown)[:, window.column :] > 0


def _local(points: Points, window: Window) -> list[tuple[int, int]]:
    return [(math.trunc(x), math.trunc(y) - window.row) for x, y in points]


def bitmap(data: bytes, most_pixels: int) -> NDArray[np.bool_]:
    """(h, w) where a PNG that holds a mask is not 0.

    Raises:
        InputError: no PNG, or it has more pixels than that.
    """
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.width * image.height > most_pixels:
                raise InputError(f"has {image.height} x {image.width} pixels, more than its image")
            return np.asarray(image.convert("L")) > 0
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"is no PNG: {error}") from error
