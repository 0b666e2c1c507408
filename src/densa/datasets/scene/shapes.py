"""Drawing of the synthetic scene: hashed noise, and shapes painted into a piece of it.

Layers list their shapes, and one loop paints them in that order: drawing in a single place compiles faster. A list is
`(rows, count)`: (n, 11) numbers (what, material, shade, then what the shape needs) and how many there are.

A piece is `(material, shade, top, left)`: two (h, w) uint8 arrays whose first pixel is at (`top`, `left`) of the scene.
Every pixel depends on its centre and on numbers of the scene only, so pieces of any size agree. Points are (x, y),
columns first, since they are geometry, not indices.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = [
    "NEUTRAL",
    "add_disc",
    "add_quad",
    "add_rectangle",
    "add_shadow",
    "paint",
    "shape_list",
    "uniform",
    "value_noise",
]

_MASK = 0xFFFFFFFF
NEUTRAL = 128
"""Shade of a surface that has the brightness of its material."""
SHADOW = 70
"""Shade of a surface in a shadow."""
_QUAD, _DISC = 0, 1


@njit(cache=True, nogil=True)
def _hashed(i: int, j: int, salt: int) -> int:
    """32 mixed bits of a place (a multiplicative hash with two xor-shift rounds)."""
    h = (i * 0x9E3779B1 + j * 0x85EBCA77 + salt * 0xC2B2AE3D) & _MASK
    h ^= h >> 15
    h = (h * 0x2C1B3C6D) & _MASK
    h ^= h >> 12
    h = (h * 0x297A2D39) & _MASK
    return h ^ (h >> 15)


@njit(cache=True, nogil=True)
def uniform(i: int, j: int, salt: int) -> float:
    """A number in [0, 1) for a place of the lattice."""
    return _hashed(i, j, salt) / 4294967296.0


@njit(cache=True, nogil=True)
def value_noise(x: float, y: float, salt: int) -> float:
    """Smooth noise in [-1, 1] with features of size 1."""
    i, j = math.floor(x), math.floor(y)
    fx, fy = x - i, y - j
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    upper = uniform(i, j, salt) * (1 - fx) + uniform(i + 1, j, salt) * fx
    lower = uniform(i, j + 1, salt) * (1 - fx) + uniform(i + 1, j + 1, salt) * fx
    return 2 * (upper * (1 - fy) + lower * fy) - 1


@njit(cache=True, nogil=True)
def shape_list(n: int) -> Any:
    """An empty list with room for `n` shapes."""
    return np.empty((n, 11)), np.zeros(1, np.int64)


@njit(cache=True, nogil=True)
def add_quad(shapes: Any, corners: Any, value: int, shade: int) -> None:
    """A convex quadrilateral, (x, y) four times; see `paint` for `value` and `shade`."""
    rows, count = shapes
    row = rows[count[0]]
    count[0] += 1
    row[0], row[1], row[2] = _QUAD, value, shade
    for k in range(4):
        row[3 + 2 * k], row[4 + 2 * k] = corners[k]


@njit(cache=True, nogil=True)
def add_rectangle(
    shapes: Any, x: float, y: float, along: Any, half_length: float, half_width: float, value: int, shade: int
) -> None:
    """A rectangle around (x, y) whose long side has the unit direction `along`."""
    ax, ay = along[0] * half_length, along[1] * half_length
    bx, by = -along[1] * half_width, along[0] * half_width
    first, second = (x - ax - bx, y - ay - by), (x + ax - bx, y + ay - by)
    third, fourth = (x + ax + bx, y + ay + by), (x - ax + bx, y - ay + by)
    add_quad(shapes, (first, second, third, fourth), value, shade)


@njit(cache=True, nogil=True)
def add_shadow(
    shapes: Any, x: float, y: float, along: Any, half_length: float, half_width: float, height: float
) -> None:
    """Shadow of a block of that height, the sun in the north-west: the rectangle moved in steps towards south-east."""
    n_steps = 1 + int(height / 3)
    for step in range(1, n_steps + 1):
        shift = height * step / n_steps
        add_rectangle(shapes, x + 0.8 * shift, y + 0.6 * shift, along, half_length, half_width, -1, SHADOW)


@njit(cache=True, nogil=True)
def add_disc(shapes: Any, x: float, y: float, radius: float, value: int, rough: float, relief: float) -> None:
    """A disc, its outline ragged by the share `rough` of the radius; it is brighter towards the sun by `relief`."""
    rows, count = shapes
    row = rows[count[0]]
    count[0] += 1
    row[0], row[1], row[2] = _DISC, value, SHADOW
    row[3], row[4], row[5], row[6], row[7] = x, y, radius, rough, relief


@njit(cache=True, nogil=True)
def paint(shapes: Any, piece: Any, ragged: NDArray[np.int8]) -> None:
    """Paint the listed shapes and empty the list.

    A shape sets material and shade of its pixels. A value below 0 leaves the material, and darkens pixels to the shade
    unless they are darker already.
    """
    rows, count = shapes
    for n in range(count[0]):
        if rows[n, 0] == _QUAD:
            _paint_quad(rows[n], piece)
        else:
            _paint_disc(rows[n], piece, ragged)
    count[0] = 0


@njit(cache=True, nogil=True)
def _paint_quad(row: NDArray[np.float64], piece: Any) -> None:
    material, shades, top, left = piece
    height, width = material.shape
    value, shade, ys = int(row[1]), int(row[2]), row[4::2]
    first, last = max(0, math.ceil(ys.min() - 0.5) - top), min(height, math.ceil(ys.max() - 0.5) - top)
    for r in range(first, last):
        y = top + r + 0.5
        start, stop = 1e30, -1e30
        for k in range(4):
            ax, ay = row[3 + 2 * k], row[4 + 2 * k]
            bx, by = row[3 + 2 * (k + 1 & 3)], row[4 + 2 * (k + 1 & 3)]
            if ay > by:  # the same arithmetic for both neighbours of an edge: no gap between them
                ax, ay, bx, by = bx, by, ax, ay
            if ay <= y < by:
                x = ax + (bx - ax) * ((y - ay) / (by - ay))
                start, stop = min(start, x), max(stop, x)
        if stop < start:
            continue
        begin, end = max(0, math.ceil(start - 0.5) - left), min(width, math.ceil(stop - 0.5) - left)
        for column in range(begin, end):
            if value >= 0:
                material[r, column] = value
                shades[r, column] = shade
            else:
                shades[r, column] = min(shades[r, column], shade)


@njit(cache=True, nogil=True)
def _paint_disc(row: NDArray[np.float64], piece: Any, ragged: NDArray[np.int8]) -> None:
    material, shades, top, left = piece
    height, width = material.shape
    value, x, y, radius, rough, relief = int(row[1]), row[3], row[4], row[5], row[6], row[7]
    side, reach = ragged.shape[0] - 1, 1.4 * radius
    first, last = max(0, math.ceil(y - reach - 0.5) - top), min(height, math.ceil(y + reach - 0.5) - top)
    begin, end = max(0, math.ceil(x - reach - 0.5) - left), min(width, math.ceil(x + reach - 0.5) - left)
    for r in range(first, last):
        dy = top + r + 0.5 - y
        for column in range(begin, end):
            dx = left + column + 0.5 - x
            edge = 1 + rough * ragged[(top + r) & side, (left + column) & side] / 128
            if dx * dx + dy * dy >= radius * radius * edge:
                continue
            if value < 0:
                shades[r, column] = min(shades[r, column], SHADOW)
            else:
                material[r, column] = value
                shades[r, column] = int(NEUTRAL - relief * (0.8 * dx + 0.6 * dy) / radius)
