"""Layers of the synthetic scene, from the ground up; each lists its shapes, see `scene.shapes`.

`plan` holds the places of blocks and roads, see `scene.plan`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.datasets.scene.materials import first_of
from densa.datasets.scene.plan import (
    EMPTY,
    MAJOR,
    RURAL,
    URBAN,
    direction,
    dryness,
    ends_of,
    forest,
    inside,
    lot_of,
    make_plan,
    road_of,
)
from densa.datasets.scene.shapes import (
    NEUTRAL,
    add_disc,
    add_quad,
    add_rectangle,
    add_shadow,
    paint,
    shape_list,
    uniform,
)

__all__ = ["render"]

_GRID_PX = 16  # the fields of water and forest are computed at every 16th pixel
_MOST_SHAPES = 256  # of a block in one list; the most are the cars and shadows of a car park, some 130

_GRASS, _N_GRASS = first_of("grass")
_CROP, _N_CROPS = first_of("crop")
_YARD, _N_YARDS = first_of("yard")
_WATER = first_of("water")[0]
_FOREST, _N_FORESTS = first_of("forest")
_TREE, _N_TREES = first_of("tree")
_PAINT = first_of("paint")[0]
_PAVED = first_of("paved")[0]
_ROOF, _N_ROOFS = first_of("roof")
_FLAT, _N_FLATS = first_of("flat")
_CAR, _N_CARS = first_of("car")


@njit(cache=True, nogil=True)
def render(
    top: int,
    left: int,
    seed: int,
    materials: Any,
    textures: NDArray[np.int8],
    noise: NDArray[np.int8],
    image: NDArray[np.uint8],
    labels: NDArray[np.uint8],
) -> None:
    """Fill (bands, h, w) `image` and (h, w) `labels` with the scene's pixels from (`top`, `left`) on."""
    height, width = labels.shape
    material = np.full((height, width), _GRASS, np.uint8)
    shade = np.full((height, width), NEUTRAL, np.uint8)
    piece = (material, shade, top, left)
    plan = make_plan(top, left, height, width, seed)
    shapes = shape_list(_MOST_SHAPES * plan[3].size)
    ragged = textures[2]
    _add_parcels(shapes, plan, seed)
    paint(shapes, piece, ragged)
    _paint_nature(piece, seed, textures[3])
    _add_roads(shapes, plan, seed)
    _add_cars(shapes, plan, seed)
    paint(shapes, piece, ragged)
    for shadows in (True, False):
        _add_trees(shapes, plan, seed, shadows)
        _add_buildings(shapes, plan, seed, shadows)
        paint(shapes, piece, ragged)
    _color(piece, seed, materials, textures, noise, image, labels)


@njit(cache=True, nogil=True)
def _add_parcels(shapes: Any, plan: Any, seed: int) -> None:
    i0, j0, nodes, kinds = plan
    for a in range(kinds.shape[0]):
        for b in range(kinds.shape[1]):
            if kinds[a, b] == EMPTY:
                continue
            i, j = i0 + a, j0 + b
            if kinds[a, b] == URBAN:
                chance = uniform(i, j, seed + 30)
                value = _YARD + int(_N_YARDS * chance / 0.25) if chance < 0.25 else _GRASS + int(_N_GRASS * chance)
                _add_block(shapes, nodes, a, b, 0.0, 1.0, value)
                continue
            if uniform(i >> 1, j >> 1, seed + 31) < 0.5:  # one field over four blocks
                i, j = i >> 1, j >> 1
            cut = 0.2 + 0.6 * uniform(i, j, seed + 32)
            first = _CROP + int(_N_CROPS * uniform(i, j, seed + 33))
            second = _CROP + int(_N_CROPS * uniform(i, j, seed + 34))
            _add_block(shapes, nodes, a, b, 0.0, cut, first)
            _add_block(shapes, nodes, a, b, cut, 1.0, second if uniform(i, j, seed + 35) < 0.6 else first)


@njit(cache=True, nogil=True)
def _add_block(shapes: Any, nodes: Any, a: int, b: int, start: float, stop: float, value: int) -> None:
    corners = (
        inside(nodes, a, b, start, 0.0),
        inside(nodes, a, b, stop, 0.0),
        inside(nodes, a, b, stop, 1.0),
        inside(nodes, a, b, start, 1.0),
    )
    add_quad(shapes, corners, value, NEUTRAL)


@njit(cache=True, nogil=True)
def _paint_nature(piece: Any, seed: int, ragged: NDArray[np.int8]) -> None:
    """Water and forest: fields known at every 16th pixel, linear between; squares far from a border are filled."""
    material, _, top, left = piece
    height, width = material.shape
    y0, x0 = top // _GRID_PX, left // _GRID_PX
    n, m = (top + height - 1) // _GRID_PX - y0 + 2, (left + width - 1) // _GRID_PX - x0 + 2
    dry, wood = np.empty((n, m)), np.empty((n, m))
    for r in range(n):
        for c in range(m):
            x, y = float((x0 + c) * _GRID_PX), float((y0 + r) * _GRID_PX)
            dry[r, c], wood[r, c] = dryness(x, y, seed), forest(x, y, seed)
    for r in range(n - 1):
        rows = (max(top, (y0 + r) * _GRID_PX), min(top + height, (y0 + r + 1) * _GRID_PX))
        for c in range(m - 1):
            if wood[r : r + 2, c : c + 2].max() < -0.16 and dry[r : r + 2, c : c + 2].min() > 0:
                continue
            columns = (max(left, (x0 + c) * _GRID_PX), min(left + width, (x0 + c + 1) * _GRID_PX))
            kind = _FOREST + int(_N_FORESTS * uniform((x0 + c) >> 6, (y0 + r) >> 6, seed + 40))
            _paint_square(piece, rows, columns, dry[r : r + 2, c : c + 2], wood[r : r + 2, c : c + 2], ragged, kind)


@njit(cache=True, nogil=True)
def _paint_square(piece: Any, rows: Any, columns: Any, dry: Any, wood: Any, ragged: Any, kind: int) -> None:
    material, _, top, left = piece
    side = ragged.shape[0] - 1
    for y in range(rows[0], rows[1]):
        v = (y % _GRID_PX) / _GRID_PX
        dry_left, dry_right = dry[0, 0] * (1 - v) + dry[1, 0] * v, dry[0, 1] * (1 - v) + dry[1, 1] * v
        wood_left, wood_right = wood[0, 0] * (1 - v) + wood[1, 0] * v, wood[0, 1] * (1 - v) + wood[1, 1] * v
        for x in range(columns[0], columns[1]):
            u = (x % _GRID_PX) / _GRID_PX
            if dry_left * (1 - u) + dry_right * u < 0:
                material[y - top, x - left] = _WATER
            elif wood_left * (1 - u) + wood_right * u + ragged[y & side, x & side] / 800 > 0:
                material[y - top, x - left] = kind


@njit(cache=True, nogil=True)
def _add_roads(shapes: Any, plan: Any, seed: int) -> None:
    """Minor roads below major ones; rounded ends join the pieces."""
    nodes, kinds = plan[2], plan[3]
    for major in (False, True):
        for painted in range(2 if major else 1):
            for a in range(1, kinds.shape[0]):
                for b in range(1, kinds.shape[1]):
                    for axis in range(2):
                        value, half = road_of(plan, a, b, axis, seed)
                        if kinds[a, b] == EMPTY or value < 0 or (value == MAJOR) != major:
                            continue
                        ax, ay, bx, by = ends_of(nodes, a, b, axis)
                        along = direction(ax, ay, bx, by)
                        length = math.sqrt((bx - ax) * (bx - ax) + (by - ay) * (by - ay))
                        if painted:
                            for dash in range(5):
                                t = (dash + 0.5) / 5
                                x, y = ax + (bx - ax) * t, ay + (by - ay) * t
                                add_rectangle(shapes, x, y, along, length / 20, 0.9, _PAINT, NEUTRAL)
                            continue
                        add_rectangle(shapes, (ax + bx) / 2, (ay + by) / 2, along, length / 2, half, value, NEUTRAL)
                        add_disc(shapes, ax, ay, half, value, 0.0, 0.0)
                        add_disc(shapes, bx, by, half, value, 0.0, 0.0)


@njit(cache=True, nogil=True)
def _add_car(shapes: Any, x: float, y: float, along: Any, chance: float) -> None:
    value = _CAR + int(_N_CARS * chance)
    add_shadow(shapes, x, y, along, 7.0, 3.0, 3.0)
    add_rectangle(shapes, x, y, along, 7.0, 3.0, value, NEUTRAL)
    add_rectangle(shapes, x + 2 * along[0], y + 2 * along[1], along, 1.2, 2.6, value, 80)


@njit(cache=True, nogil=True)
def _add_cars(shapes: Any, plan: Any, seed: int) -> None:
    i0, j0, nodes, kinds = plan
    for a in range(1, kinds.shape[0]):
        for b in range(1, kinds.shape[1]):
            for axis in range(2):
                value, half = road_of(plan, a, b, axis, seed)
                if kinds[a, b] == EMPTY or value < 0:
                    continue
                ax, ay, bx, by = ends_of(nodes, a, b, axis)
                along = direction(ax, ay, bx, by)
                for k in range(3):
                    salt = seed + 60 + 4 * (3 * axis + k)
                    if uniform(i0 + a, j0 + b, salt) > 0.35:
                        continue
                    t = 0.1 + 0.8 * uniform(i0 + a, j0 + b, salt + 1)
                    aside = half * (0.5 if uniform(i0 + a, j0 + b, salt + 2) < 0.5 else -0.5)
                    x, y = ax + (bx - ax) * t - along[1] * aside, ay + (by - ay) * t + along[0] * aside
                    _add_car(shapes, x, y, along, uniform(i0 + a, j0 + b, salt + 3))


@njit(cache=True, nogil=True)
def _add_trees(shapes: Any, plan: Any, seed: int, shadows: bool) -> None:
    """Trees in gardens and along the borders of fields."""
    i0, j0, nodes, kinds = plan
    for a in range(kinds.shape[0]):
        for b in range(kinds.shape[1]):
            if kinds[a, b] == EMPTY:
                continue
            i, j = i0 + a, j0 + b
            urban = kinds[a, b] == URBAN
            park = urban and lot_of(i, j, seed) == 3
            for k in range(24 if park else 9 if urban else 6):
                salt = seed + 100 + 5 * k
                if uniform(i, j, salt) > (0.8 if park else 0.55):
                    continue
                u, v = uniform(i, j, salt + 1), uniform(i, j, salt + 2)
                edge = 0.1 if urban else 0.02
                u, v = (u if park or k & 1 else edge), (v if park or not k & 1 else edge)
                x, y = inside(nodes, a, b, 0.06 + 0.88 * u, 0.06 + 0.88 * v)
                size = uniform(i, j, salt + 3)
                radius = 4.5 + 9.5 * size * size
                if dryness(x, y, seed) < 0.03:
                    continue
                if shadows:
                    add_disc(shapes, x + 0.7 * radius, y + 0.55 * radius, radius, -1, 0.8, 0.0)
                else:
                    value = _TREE + int(_N_TREES * uniform(i, j, salt + 4))
                    add_disc(shapes, x, y, radius, value, 0.8, 34.0)


@njit(cache=True, nogil=True)
def _add_buildings(shapes: Any, plan: Any, seed: int, shadows: bool) -> None:
    i0, j0, nodes, kinds = plan
    for a in range(kinds.shape[0]):
        for b in range(kinds.shape[1]):
            i, j = i0 + a, j0 + b
            if kinds[a, b] != URBAN and (kinds[a, b] == EMPTY or uniform(i, j, seed + 301) > 0.06):
                continue
            lot = lot_of(i, j, seed) if kinds[a, b] == URBAN else 0
            ax, ay = inside(nodes, a, b, 0.0, 0.5)
            bx, by = inside(nodes, a, b, 1.0, 0.5)
            along = direction(ax, ay, bx, by)
            if kinds[a, b] == RURAL and dryness(nodes[a, b, 0], nodes[a, b, 1], seed) < 0.6:
                continue
            if lot == 0:
                for k in range(6):
                    _add_house(shapes, nodes, a, b, i, j, k, along, seed, shadows)
            elif lot == 1:
                for k in range(2):
                    x, y = inside(nodes, a, b, 0.5, 0.28 + 0.44 * k)
                    half = 38 + 14 * uniform(i, j, seed + 310 + k)
                    _add_building(
                        shapes, x, y, along, half, 11.0 + 3 * uniform(i, j, seed + 312), i, j, k, seed, shadows
                    )
            elif lot == 2:
                x, y = inside(nodes, a, b, 0.5, 0.5)
                half = 30 + 16 * uniform(i, j, seed + 313)
                _add_building(shapes, x, y, along, half, 22 + 14 * uniform(i, j, seed + 314), i, j, 7, seed, shadows)
            elif lot == 4:
                _add_car_park(shapes, nodes, a, b, i, j, along, seed, shadows)


@njit(cache=True, nogil=True)
def _add_house(
    shapes: Any, nodes: Any, a: int, b: int, i: int, j: int, k: int, along: Any, seed: int, shadows: bool
) -> None:
    """House k of six: three along the block, two across; one in six lots is empty, some houses have a wing."""
    salt = seed + 320 + 8 * k
    if uniform(i, j, salt) < 0.16:
        return
    u = 0.22 + 0.28 * (k % 3) + 0.04 * (uniform(i, j, salt + 1) - 0.5)
    v = 0.28 + 0.44 * (k // 3) + 0.08 * (uniform(i, j, salt + 2) - 0.5)
    x, y = inside(nodes, a, b, u, v)
    if uniform(i, j, salt + 3) < 0.5:
        along = (-along[1], along[0])
    half_length = 13 + 5 * uniform(i, j, salt + 4)
    half_width = 8.5 + 4 * uniform(i, j, salt + 5)
    if uniform(i, j, salt + 6) < 0.3:
        wing = (x - 6 * along[1], y + 6 * along[0])
        across = (-along[1], along[0])
        _add_building(shapes, wing[0], wing[1], across, half_width + 5, 6.0, i, j, k, seed, shadows)
    _add_building(shapes, x, y, along, half_length, half_width, i, j, k, seed, shadows)


@njit(cache=True, nogil=True)
def _add_building(
    shapes: Any,
    x: float,
    y: float,
    along: Any,
    half_length: float,
    half_width: float,
    i: int,
    j: int,
    k: int,
    seed: int,
    shadows: bool,
) -> None:
    """Gabled roof, its sides lit differently, or a flat one with a rim; large buildings are flat."""
    salt = seed + 400 + 4 * k
    height = 7 + 8 * uniform(i, j, salt)
    if shadows:
        add_shadow(shapes, x, y, along, half_length, half_width, height)
        return
    if half_width > 16 or uniform(i, j, salt + 1) < 0.2:
        value = _FLAT + int(_N_FLATS * uniform(i, j, salt + 2))
        add_rectangle(shapes, x, y, along, half_length, half_width, value, NEUTRAL + 24)
        add_rectangle(shapes, x, y, along, half_length - 1.5, half_width - 1.5, value, NEUTRAL)
        for n in range(int(half_width / 9)):
            t = (uniform(i, j, salt + 500 + n) - 0.5) * half_length
            add_rectangle(shapes, x + along[0] * t, y + along[1] * t, along, 3.0, 2.0, value, 84)
        return
    value = _ROOF + int(_N_ROOFS * uniform(i, j, salt + 2))
    lit = 24 * (0.8 * along[1] - 0.6 * along[0])  # how much one side faces the sun
    sx, sy = -along[1] * half_width / 2, along[0] * half_width / 2
    add_rectangle(shapes, x + sx, y + sy, along, half_length, half_width / 2, value, int(NEUTRAL + lit))
    add_rectangle(shapes, x - sx, y - sy, along, half_length, half_width / 2, value, int(NEUTRAL - lit))


@njit(cache=True, nogil=True)
def _add_car_park(
    shapes: Any, nodes: Any, a: int, b: int, i: int, j: int, along: Any, seed: int, shadows: bool
) -> None:
    if shadows:
        corners = (
            inside(nodes, a, b, 0.12, 0.12),
            inside(nodes, a, b, 0.88, 0.12),
            inside(nodes, a, b, 0.88, 0.88),
            inside(nodes, a, b, 0.12, 0.88),
        )
        add_quad(shapes, corners, _PAVED, NEUTRAL)
        return
    across = (-along[1], along[0])
    for k in range(24):
        salt = seed + 600 + 2 * k
        if uniform(i, j, salt) < 0.6:
            x, y = inside(nodes, a, b, 0.2 + 0.6 * (k % 8) / 7, 0.22 + 0.28 * (k // 8))
            _add_car(shapes, x, y, across, uniform(i, j, salt + 1))


@njit(cache=True, nogil=True)
def _color(
    piece: Any, seed: int, materials: Any, textures: Any, noise: Any, image: NDArray[np.uint8], labels: Any
) -> None:
    """Colours from material, shade, texture and the sensor's noise; 0 is reserved for nodata."""
    material, shade, top, left = piece
    classes, colors, kinds, strengths = materials
    height, width = material.shape
    side, n_bands = textures.shape[1] - 1, image.shape[0]
    relief = np.empty(width, np.int32)
    for row in range(height):
        y = top + row
        ground, light = material[row], shade[row]
        for column in range(width):
            m = ground[column]
            labels[row, column] = classes[m]
            relief[column] = textures[kinds[m], y & side, np.uint64((left + column) & side)] * strengths[m] >> 1
        for band in range(n_bands):
            start = int(65536 * uniform(y, band, seed + 900)) + left
            shown = image[band, row]
            for column in range(width):
                value = colors[ground[column], band] + relief[column]
                value = (value * light[column] >> 13) + noise[np.uint64((start + column) & 65535)]
                shown[column] = min(255, max(1, value))
