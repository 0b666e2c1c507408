"""Plan of the synthetic scene: the places of water, forest, roads, towns and fields.

A lattice of blocks, some 160 pixels wide, turned by the angle of the 3-4-5 triangle (its sine and cosine are the same
on every machine) and bent by smooth noise. Its lines are roads, its cells are fields or lots.

`plan` is `(i0, j0, nodes, kinds)`: the first block near a window, the points (x, y) of node (i, j) at
`nodes[i - i0, j - j0]`, and the kind of each block.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.datasets.scene.materials import first_of
from densa.datasets.scene.shapes import uniform, value_noise

__all__ = [
    "EMPTY",
    "MAJOR",
    "MINOR",
    "RURAL",
    "URBAN",
    "direction",
    "dryness",
    "ends_of",
    "forest",
    "inside",
    "lot_of",
    "make_plan",
    "road_of",
]

BLOCK_PX = 160.0
_COS, _SIN = 0.8, 0.6
_BEND = 0.6 * BLOCK_PX
_MARGIN = 2  # blocks that may reach into a window from outside: they bend by 0.85 of a block, shadows fall 0.2
EMPTY, RURAL, URBAN = 0, 1, 2
"""Kinds of blocks; empty ones are too far from the window to be drawn."""

MAJOR = first_of("major")[0]
MINOR, N_MINORS = first_of("minor")


@njit(cache=True, nogil=True)
def make_plan(top: int, left: int, height: int, width: int, seed: int) -> Any:
    """First block (i0, j0) near the window, nodes (n, m, 2) of the lattice there, kind (n - 1, m - 1) of each block."""
    xs = np.array([left, left + width, left, left + width]) / BLOCK_PX
    ys = np.array([top, top, top + height, top + height]) / BLOCK_PX
    i, j = _COS * xs + _SIN * ys, _COS * ys - _SIN * xs
    i0, j0 = math.floor(i.min()) - _MARGIN, math.floor(j.min()) - _MARGIN
    n, m = math.floor(i.max()) + _MARGIN + 2 - i0, math.floor(j.max()) + _MARGIN + 2 - j0
    nodes = np.empty((n, m, 2))
    for a in range(n):
        for b in range(m):
            u, v = i0 + a, j0 + b
            x, y = BLOCK_PX * (_COS * u - _SIN * v), BLOCK_PX * (_SIN * u + _COS * v)
            nodes[a, b, 0] = x + _BEND * value_noise(u / 5, v / 5, seed + 1)
            nodes[a, b, 1] = y + _BEND * value_noise(u / 5, v / 5, seed + 2)
    kinds = np.zeros((n - 1, m - 1), np.uint8)
    for a in range(n - 1):
        for b in range(m - 1):
            x, y = inside(nodes, a, b, 0.5, 0.5)
            far = 1.6 * BLOCK_PX
            if not (left - far < x < left + width + far and top - far < y < top + height + far):
                continue
            density = value_noise((i0 + a) / 11, (j0 + b) / 11, seed + 3)
            density += 0.4 * value_noise((i0 + a) / 3, (j0 + b) / 3, seed + 4)
            dry = dryness(x, y, seed) > 0.12 and forest(x, y, seed) < 0.08
            kinds[a, b] = URBAN if density > -0.05 and dry else RURAL
    return i0, j0, nodes, kinds


@njit(cache=True, nogil=True)
def inside(nodes: NDArray[np.float64], a: int, b: int, u: float, v: float) -> tuple[float, float]:
    """Point of block (a, b) at the shares (u, v) of its sides."""
    x = (nodes[a, b, 0] * (1 - u) + nodes[a + 1, b, 0] * u) * (1 - v)
    x += (nodes[a, b + 1, 0] * (1 - u) + nodes[a + 1, b + 1, 0] * u) * v
    y = (nodes[a, b, 1] * (1 - u) + nodes[a + 1, b, 1] * u) * (1 - v)
    y += (nodes[a, b + 1, 1] * (1 - u) + nodes[a + 1, b + 1, 1] * u) * v
    return x, y


@njit(cache=True, nogil=True)
def direction(ax: float, ay: float, bx: float, by: float) -> tuple[float, float]:
    """Unit vector from (ax, ay) to (bx, by), two different points."""
    length = math.sqrt((bx - ax) * (bx - ax) + (by - ay) * (by - ay))
    return (bx - ax) / length, (by - ay) / length


@njit(cache=True, nogil=True)
def dryness(x: float, y: float, seed: int) -> float:
    """Negative where there is water: lakes, and rivers along the zeros of a smooth field."""
    lake = value_noise(x / 2600, y / 2600, seed + 10) + 0.5 * value_noise(x / 800, y / 800, seed + 11)
    lake += 0.2 * value_noise(x / 250, y / 250, seed + 12) + 0.08 * value_noise(x / 70, y / 70, seed + 13)
    river = value_noise(x / 3500, y / 3500, seed + 14) + 0.3 * value_noise(x / 900, y / 900, seed + 15)
    river += 0.03 * value_noise(x / 120, y / 120, seed + 16)
    return min(lake + 0.72, 3 * (abs(river) - 0.035))


@njit(cache=True, nogil=True)
def forest(x: float, y: float, seed: int) -> float:
    """Positive in forests."""
    field = value_noise(x / 1400, y / 1400, seed + 20) + 0.5 * value_noise(x / 420, y / 420, seed + 21)
    return field + 0.3 * value_noise(x / 130, y / 130, seed + 22) - 0.48


@njit(cache=True, nogil=True)
def lot_of(i: int, j: int, seed: int) -> int:
    """Use of an urban block: 0 houses, 1 terraced houses, 2 a hall, 3 a park, 4 a car park."""
    chance = uniform(i, j, seed + 300)
    return 0 if chance < 0.52 else 1 if chance < 0.72 else 2 if chance < 0.84 else 3 if chance < 0.93 else 4


@njit(cache=True, nogil=True)
def road_of(plan: Any, a: int, b: int, axis: int, seed: int) -> tuple[int, float]:
    """Material (negative: none) and half width of the road from node (a, b) along axis 0 (i) or 1 (j)."""
    i0, j0, _, kinds = plan
    i, j = i0 + a, j0 + b
    line = j if axis == 0 else i
    if line % 4 == 0:
        return MAJOR, 11.0 + 3 * uniform(line, axis, seed + 50)
    here = kinds[a, b] == URBAN
    beside = kinds[a, b - 1] == URBAN if axis == 0 else kinds[a - 1, b] == URBAN
    if (here and beside) or ((here or beside) and uniform(i, j, seed + 51 + axis) < 0.7):
        return MINOR + int(N_MINORS * uniform(line, axis, seed + 53)), 6.5 + 2 * uniform(line, axis, seed + 54)
    return -1, 0.0


@njit(cache=True, nogil=True)
def ends_of(nodes: Any, a: int, b: int, axis: int) -> tuple[float, float, float, float]:
    """Points (x, y, x, y) of the nodes at both ends of the road from node (a, b) along axis 0 (i) or 1 (j)."""
    c, d = (a + 1, b) if axis == 0 else (a, b + 1)
    return nodes[a, b, 0], nodes[a, b, 1], nodes[c, d, 0], nodes[c, d, 1]
