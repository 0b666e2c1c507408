"""Polygons as well-known binary (OGC 06-103r4, section 8.2.3), the input of all vector formats.

Written directly from the corners: geometry objects would take ten times the memory for a region of noise, which has a
million holes.
"""

from __future__ import annotations

import sys

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.raster.earth.ground import Ground
from densa.raster.polygons.polygoniser import PolygonBatch

__all__ = ["well_known_binary"]

_BYTE_ORDER = 1 if sys.byteorder == "little" else 0
_POLYGON = 3  # code of this geometry type


def well_known_binary(batch: PolygonBatch, ground: Ground) -> NDArray[np.object_]:
    """(n,) bytes objects, one per polygon: map coordinates, exteriors counterclockwise in them, rings closed."""
    rings = np.zeros(len(batch.corner_first), np.int64)  # offset of each ring, without the headers of the polygons
    np.cumsum(4 + 16 * (np.diff(batch.corner_first) + 1), out=rings[1:])
    first = rings[batch.ring_first] + 9 * np.arange(len(batch.ring_first))
    data = np.empty(int(first[-1]), np.uint8)
    _fill(batch.ring_first, batch.corner_first, batch.corners, ground.transform, ground.mirrored, first, data)
    found = np.empty(len(first) - 1, object)
    bounds = first.tolist()
    for i in range(len(found)):
        found[i] = data[bounds[i] : bounds[i + 1]].tobytes()
    return found


@njit(nogil=True, cache=True)
def _fill(ring_first, corner_first, corners, transform, backwards, first, out):  # type: ignore[no-untyped-def]
    a, b, c, d, e, f = transform
    number, place = np.empty(1, np.uint32), np.empty(2, np.float64)
    for polygon in range(len(first) - 1):
        at = first[polygon]
        out[at] = _BYTE_ORDER
        number[0] = _POLYGON
        at = _put(number, out, at + 1)
        number[0] = ring_first[polygon + 1] - ring_first[polygon]
        at = _put(number, out, at)
        for ring in range(ring_first[polygon], ring_first[polygon + 1]):
            begin, n = corner_first[ring], corner_first[ring + 1] - corner_first[ring]
            number[0] = n + 1
            at = _put(number, out, at)
            for k in range(n + 1):  # the first corner is repeated
                corner = begin + (n - k if backwards else k) % n
                column, row = corners[corner, 0], corners[corner, 1]
                place[0] = a * column + b * row + c
                place[1] = d * column + e * row + f
                at = _put(place, out, at)


@njit(nogil=True, cache=True)
def _put(values, out, at):  # type: ignore[no-untyped-def]
    """Copy the bytes of an array; returns the offset behind them."""
    given = values.view(np.uint8)
    for k in range(len(given)):
        out[at + k] = given[k]
    return at + len(given)
