"""The corners of a raster on the ground."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.warp import transform as reproject

from densa.raster.raster import Georeference

__all__ = ["corners_on_the_ground"]


def corners_on_the_ground(place: Georeference, height: int, width: int, crs: Any) -> NDArray[np.float64] | None:
    """(4, 2) x and y of the corners, around the raster, in a reference system; None where that is not possible.

    Args:
        place: georeference of the raster.
        height: of the raster, in pixels.
        width: of the raster, in pixels.
        crs: the reference system of the result; None: that of the raster.
    """
    columns, rows = np.array([0, width, width, 0]), np.array([0, 0, height, height])
    t = place.transform
    if t is None:
        return None
    x, y = t.a * columns + t.b * rows + t.c, t.d * columns + t.e * rows + t.f
    if crs is not None and place.crs is not None and place.crs != crs:
        try:
            x, y = (np.asarray(part) for part in reproject(place.crs, crs, x, y)[:2])
        except (RasterioError, CPLE_BaseError):
            return None
    return np.stack([x, y], axis=1)
