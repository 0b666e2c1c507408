"""Borders with fewer corners: the Douglas-Peucker algorithm, restricted so that no corner changes sides.

Every border of a band of rows is thinned out independently. A stretch of it is replaced by a straight line only if no
other corner, of this or any other border, lies on the line or between the line and the stretch. Two lines that replace
two stretches then cannot cross: they would have to cross twice, around a corner of one of them, and straight lines do
not. A border that could collapse onto another one with the same ends keeps its farthest corner.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.raster.polygons.tracing import HEAD, HEAD_AT, N_POINTS, TAIL, TAIL_AT, Borders

__all__ = ["simplify_arcs"]


class _Corners(NamedTuple):
    """All corners of a band, border by border, and sorted by row and column."""

    first: NDArray[np.int64]  # of each border
    places: NDArray[np.int32]  # (n, 2) column, row
    row_first: NDArray[np.int64]  # where each row begins in the following
    column: NDArray[np.int32]
    corner: NDArray[np.int64]  # into `places`
    top: int


def simplify_arcs(borders: Borders, begin: int, end: int, tolerance: float, pixel_size: tuple[float, float]) -> None:
    """Thin out the arcs `begin` to `end` - 1: all arcs of a band of rows, each of them complete."""
    arcs = borders.arcs[begin:end]
    first = np.zeros(len(arcs) + 1, np.int64)
    np.cumsum(arcs[:, N_POINTS], out=first[1:])
    if first[-1] == 0:
        return
    places = np.empty((int(first[-1]), 2), np.int32)
    _lay_out(borders.points, arcs, first, places)
    order = np.lexsort((places[:, 0], places[:, 1]))
    top, bottom = int(places[order[0], 1]), int(places[order[-1], 1])
    row_first = np.searchsorted(places[order, 1], np.arange(top, bottom + 2)).astype(np.int64)
    corners = _Corners(first, places, row_first, places[order, 0], order, top)
    kept = np.zeros(len(places), np.bool_)
    rings = arcs[:, TAIL_AT] < 0
    flat = np.zeros(len(arcs), np.bool_)
    _find_flat(corners, tolerance, pixel_size[0], pixel_size[1], flat)
    _thin_out(corners, rings, _may_collapse(arcs, flat, corners), tolerance, pixel_size[0], pixel_size[1], kept)
    _write_back(borders.points, arcs, first, places, kept)


def _may_collapse(arcs: NDArray[np.int32], flat: NDArray[np.bool_], corners: _Corners) -> NDArray[np.bool_]:
    """Which of the flat arcs share both ends with another flat arc.

    Also those with both ends on the upper edge of the band, since an arc of the band above may have the same ends.
    """
    ends = np.sort(np.where(flat[:, None], arcs[:, [HEAD_AT, TAIL_AT]] >> 2, -1), axis=1)
    _, place, count = np.unique(
        ends[:, 0].astype(np.int64) << 32 | (ends[:, 1].astype(np.int64) & 0xFFFFFFFF),
        return_inverse=True,
        return_counts=True,
    )
    alike = count[place] > 1
    last = len(corners.places) - 1
    head = corners.places[np.minimum(corners.first[:-1], last), 1]
    tail = corners.places[np.maximum(corners.first[1:] - 1, 0), 1]
    return flat & (alike | ((head == corners.top) & (tail == corners.top)))


@njit(nogil=True, cache=True)
def _lay_out(points, arcs, first, places):  # type: ignore[no-untyped-def]
    """Corners of each arc in its direction; a ring of one arc begins at its uppermost, then leftmost corner."""
    for arc in range(len(arcs)):
        n = arcs[arc, N_POINTS]
        mine = places[first[arc] : first[arc + 1]]
        point = arcs[arc, HEAD]
        for k in range(n):
            mine[k, 0] = points[point, 0]
            mine[k, 1] = points[point, 1]
            point = points[point, 2]
        if n and arcs[arc, TAIL_AT] < 0:
            top = 0
            for k in range(1, n):
                if mine[k, 1] < mine[top, 1] or (mine[k, 1] == mine[top, 1] and mine[k, 0] < mine[top, 0]):
                    top = k
            rolled = mine.copy()
            mine[: n - top] = rolled[top:]
            mine[n - top :] = rolled[:top]


@njit(nogil=True, cache=True)
def _write_back(points, arcs, first, places, kept):  # type: ignore[no-untyped-def]
    for arc in range(len(arcs)):
        if first[arc] == first[arc + 1]:
            continue
        n, last, point = 0, -1, arcs[arc, HEAD]
        for k in range(first[arc], first[arc + 1]):
            if kept[k]:
                points[point, 0] = places[k, 0]
                points[point, 1] = places[k, 1]
                last, point = point, points[point, 2]
                n += 1
        points[last, 2] = -1
        arcs[arc, TAIL] = last
        arcs[arc, N_POINTS] = n


@njit(nogil=True, cache=True)
def _find_flat(corners, tolerance, pixel_width, pixel_height, flat):  # type: ignore[no-untyped-def]
    """Find the arcs that lie within the tolerance of the line between their ends."""
    for arc in range(len(flat)):
        chain = corners.places[corners.first[arc] : corners.first[arc + 1]]
        if len(chain) > 0:
            _, distance = _farthest(chain, 0, len(chain) - 1, (pixel_width, pixel_height))
            flat[arc] = distance <= tolerance


@njit(nogil=True, cache=True)
def _thin_out(corners, rings, keep_bent, tolerance, pixel_width, pixel_height, kept):  # type: ignore[no-untyped-def]
    scale = (pixel_width, pixel_height)
    stack = np.empty((64, 3), np.int64)
    for arc in range(len(corners.first) - 1):
        begin, end = corners.first[arc], corners.first[arc + 1]
        n = end - begin
        if n == 0:
            continue
        chain = np.empty((n + 1, 2), np.int64)  # a ring ends with its first corner
        chain[:n] = corners.places[begin:end]
        chain[n] = chain[0]
        is_loop = n > 2 and chain[0, 0] == chain[n - 1, 0] and chain[0, 1] == chain[n - 1, 1]
        is_ring = rings[arc]
        last = n if is_ring else n - 1
        keep = np.zeros(n + 1, np.bool_)
        keep[0] = keep[last] = True
        size = 1
        stack[0] = 0, last, 1 if keep_bent[arc] else 0
        if is_ring or is_loop:
            apex, _ = _farthest(chain, 0, last, scale)
            keep[apex] = True
            stack[0] = 0, apex, 1
            stack[1] = apex, last, 1
            size = 2
        while size > 0:
            size -= 1
            i, j, bent = stack[size]
            if j - i < 2:
                continue
            apex, distance = _farthest(chain, i, j, scale)
            if bent == 0 and distance <= tolerance and _is_free(chain, i, j, corners, begin, end, tolerance, scale):
                continue
            keep[apex] = True
            if size + 2 > len(stack):
                larger = np.empty((2 * len(stack), 3), np.int64)
                larger[: len(stack)] = stack
                stack = larger
            stack[size] = i, apex, 0
            stack[size + 1] = apex, j, 0
            size += 2
        kept[begin:end] = keep[:n]


@njit(nogil=True, cache=True)
def _farthest(chain, i, j, scale):  # type: ignore[no-untyped-def]
    """The corner between i and j that is farthest from the line between them, and its distance."""
    ax, ay = chain[i, 0] * scale[0], chain[i, 1] * scale[1]
    dx, dy = chain[j, 0] * scale[0] - ax, chain[j, 1] * scale[1] - ay
    square = dx * dx + dy * dy
    apex, greatest = i + 1, -1.0
    for k in range(i + 1, j):
        px, py = chain[k, 0] * scale[0] - ax, chain[k, 1] * scale[1] - ay
        share = min(max((px * dx + py * dy) / square, 0.0), 1.0) if square > 0 else 0.0
        px -= share * dx
        py -= share * dy
        distance = px * px + py * py
        if distance > greatest:
            apex, greatest = k, distance
    return apex, np.sqrt(max(greatest, 0.0))


@njit(nogil=True, cache=True)
def _is_free(chain, i, j, corners, begin, end, tolerance, scale):  # type: ignore[no-untyped-def]
    """Whether no other corner lies on the line from i to j, or between it and the chain."""
    ax, ay, bx, by = chain[i, 0], chain[i, 1], chain[j, 0], chain[j, 1]
    low, high = ay, ay
    for k in range(i, j + 1):
        low, high = min(low, chain[k, 1]), max(high, chain[k, 1])
    beside, above = tolerance / scale[0], tolerance / scale[1]
    for y in range(low, high + 1):
        left, right = min(ax, bx), max(ax, bx)
        if ay != by:  # the part of the line that is near this row
            slope = (bx - ax) / (by - ay)
            one = ax + slope * (min(max(y - above, min(ay, by)), max(ay, by)) - ay)
            two = ax + slope * (min(max(y + above, min(ay, by)), max(ay, by)) - ay)
            left, right = np.int64(np.floor(min(one, two))), np.int64(np.ceil(max(one, two)))
        left, right = left - np.int64(np.ceil(beside)), right + np.int64(np.ceil(beside))
        row = y - corners.top
        place = corners.row_first[row]
        stop = corners.row_first[row + 1]
        place += np.searchsorted(corners.column[place:stop], left)
        while place < stop and corners.column[place] <= right:
            x, index = np.int64(corners.column[place]), corners.corner[place]
            place += 1
            if begin + i <= index <= begin + j or (x == ax and y == ay) or (x == bx and y == by):
                continue
            if _between(chain, i, j, x, y):
                return False
    return True


@njit(nogil=True, cache=True)
def _between(chain, i, j, x, y):  # type: ignore[no-untyped-def]
    """Whether (x, y) lies on the line from i to j, or inside the ring that the line and the chain enclose."""
    ax, ay, bx, by = chain[i, 0], chain[i, 1], chain[j, 0], chain[j, 1]
    side = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
    if side == 0 and min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by):
        return True
    inside = (ay > y) != (by > y) and (side > 0) == (by > ay)
    for k in range(i, j):
        if (chain[k, 1] > y) != (chain[k + 1, 1] > y) and chain[k, 0] > x:
            inside = not inside
    return inside
