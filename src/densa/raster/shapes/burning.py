"""Polygons drawn on a pixel grid, window by window, by GDAL's rule: the pixels whose centre is inside."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize

from densa.raster.raster import Window

__all__ = ["Burner"]

_MARGIN = 2  # pixels around a window within which edges are kept as they are
_MANY = 256  # corners of a polygon from which those far from the window are left out


class Burner:
    """Draws polygons over an array, each with its value; of those that overlap, the later one lies on top.

    The pixels of a window are those of the whole image: coordinates must be multiples of 2^-16.

    Args:
        polygons: (n,) polygons and multi-polygons in pixels, see `densa.raster.shapes.on_grid.thickened`.
        values: (n,) of the pixels inside.
        all_touched: draw all pixels that a polygon touches, not only those whose centre is inside.
    """

    def __init__(
        self, polygons: NDArray[np.object_], values: NDArray[np.integer[Any]], *, all_touched: bool = False
    ) -> None:
        self._parts, owner = shapely.get_parts(polygons, return_index=True)
        solid = (shapely.get_type_id(self._parts) == 3) & ~shapely.is_empty(self._parts)
        self._parts, owner = self._parts[solid], owner[solid]
        self._values, self._owners = np.asarray(values)[owner], owner
        self._sizes = shapely.get_num_coordinates(self._parts)
        self._tree = shapely.STRtree(self._parts)
        self._all_touched = all_touched

    def __len__(self) -> int:
        """Number of polygons, parts of multi-polygons counted each."""
        return len(self._parts)

    def meeting(self, window: Window) -> NDArray[np.intp]:
        """Numbers of the polygons whose box meets a window."""
        return np.unique(self._owners[self._tree.query(_box(window, 0))])

    def burn(self, out: NDArray[Any], window: Window) -> None:
        """Draw on (h, w) integers, the pixels of a window."""
        chosen = np.sort(self._tree.query(_box(window, 1)))
        if not len(chosen):
            return
        shapes = []
        for i in chosen:
            shape = self._shape(i, window)
            if shape is not None:
                shapes.append((shape, int(self._values[i])))
        if shapes:
            place = Affine.translation(window.column, window.row)
            rasterize(shapes, out=out, transform=place, all_touched=self._all_touched)

    def _shape(self, i: int, window: Window) -> dict[str, Any] | None:
        part = self._parts[i]
        rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(part)]
        if self._sizes[i] >= _MANY:
            rings = [_nearby(ring, window) for ring in rings]
            rings = [ring for ring in rings if len(ring) > 3]
        return {"type": "Polygon", "coordinates": [ring.tolist() for ring in rings]} if rings else None


def _nearby(ring: NDArray[np.float64], window: Window) -> NDArray[np.float64]:
    """A closed ring without corners that do not matter to a window.

    Where a run of corners lies beyond one side of the window, its first and last one have the same effect: the edge
    between them lies there too, and crosses as many rows, odd or even.
    """
    top, left = window.row - _MARGIN, window.column - _MARGIN
    bottom, right = window.row + window.height + _MARGIN, window.column + window.width + _MARGIN
    for axis, limit, sign in ((1, top, 1), (1, bottom, -1), (0, left, 1), (0, right, -1)):
        beyond = sign * ring[:, axis] < sign * limit
        inner = beyond.copy()  # the first and last corner, which are one, always stay
        inner[0] = inner[-1] = False
        inner[1:-1] &= beyond[:-2] & beyond[2:]
        ring = ring[~inner]
    return ring


def _box(window: Window, margin: int) -> Any:
    top, left = window.row - margin, window.column - margin
    return shapely.box(left, top, window.column + window.width + margin, window.row + window.height + margin)
