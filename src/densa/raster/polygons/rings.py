"""Rings of the regions that later rows cannot change, and removal of the borders that are no longer needed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.raster.polygons.tracing import (
    ARCS,
    COMPONENTS,
    HEAD,
    HEAD_AT,
    LEFT,
    N_ABOVE,
    N_POINTS,
    NODES,
    POINTS,
    RIGHT,
    TAIL,
    TAIL_AT,
    Borders,
)
from densa.union_find import find

__all__ = ["Rings", "compact", "finished_rings"]


class Rings(NamedTuple):
    """Closed regions and their rings, without the repeated last corner.

    The rings of region i are ring_first[i] to ring_first[i + 1] - 1, the exterior first; the corners of ring r are
    corner_first[r] to corner_first[r + 1] - 1. The interior is on the left on the screen: exteriors run
    counterclockwise, holes clockwise; each begins at its uppermost, then leftmost corner.
    """

    component: NDArray[np.int32]
    ring_first: NDArray[np.int64]
    corner_first: NDArray[np.int64]
    corners: NDArray[np.int32]  # (n, 2) column, row


def finished_rings(borders: Borders, straighten: bool) -> Rings:
    """Rings of every component that does not touch the lowest row.

    `straighten` omits the corners on straight stretches, where borders of other regions end.
    """
    open_ = np.zeros(int(borders.counts[COMPONENTS]), np.bool_)
    _settle(borders, open_)
    n_arcs = int(borders.counts[ARCS])
    component = np.empty(2 * n_arcs, np.int32)
    start = np.empty(2 * n_arcs, np.int32)
    size = np.empty(2 * n_arcs, np.int64)
    n = _walk(borders, open_, np.zeros(2 * n_arcs, np.bool_), component, start, size)
    component, start, size = component[:n], start[:n], size[:n]
    corners = np.empty((int(size.sum()), 2), np.int32)
    keys = np.empty((n, 3), np.int64)  # 1 for a hole, row and column of the first corner
    offset = np.zeros(n + 1, np.int64)
    np.cumsum(size, out=offset[1:])
    _draw(borders, start, offset, straighten, corners, size, keys)
    order = np.lexsort((keys[:, 2], keys[:, 1], keys[:, 0], component))
    corner_first = np.zeros(n + 1, np.int64)
    np.cumsum(size[order], out=corner_first[1:])
    sorted_corners = np.empty((int(corner_first[-1]), 2), np.int32)
    _gather(corners, offset, order, corner_first, sorted_corners)
    numbers, n_rings = np.unique(component, return_counts=True)
    ring_first = np.concatenate([np.zeros(1, np.int64), np.cumsum(n_rings)])
    return Rings(numbers.astype(np.int32), ring_first, corner_first, sorted_corners)


@njit(nogil=True, cache=True)
def _settle(borders, open_):  # type: ignore[no-untyped-def]
    """Replace every component by its root; find those that the next row may continue."""
    for arc in range(borders.counts[ARCS]):
        borders.arcs[arc, LEFT] = find(borders.parent, borders.arcs[arc, LEFT])
        borders.arcs[arc, RIGHT] = find(borders.parent, borders.arcs[arc, RIGHT])
    for i in range(borders.counts[N_ABOVE]):
        borders.above[2, i] = find(borders.parent, borders.above[2, i])
        open_[borders.above[2, i]] = True
    open_[0] = True  # the outside never becomes a polygon


@njit(nogil=True, cache=True)
def _region(half, arcs):  # type: ignore[no-untyped-def]
    """Component to the left of a half arc: an arc followed from its head (2 * arc) or from its tail (2 * arc + 1)."""
    return arcs[half >> 1, RIGHT if half & 1 else LEFT]


@njit(nogil=True, cache=True)
def _following(half, borders):  # type: ignore[no-untyped-def]
    """The half arc that continues the border of the region to the left.

    The nearest arc clockwise bounds the same pixel. Where the region has two pixels that touch at this corner only, the
    ring continues around the other one: no ring touches itself, a hole touches its exterior instead.
    """
    arcs, nodes = borders.arcs, borders.nodes
    at = arcs[half >> 1, HEAD_AT if half & 1 else TAIL_AT]
    if at < 0:
        return half  # a ring of one arc
    node, side = nodes[at >> 2], at & 3
    if node[0] >= 0 and node[1] >= 0 and node[2] >= 0 and node[3] >= 0:
        opposite = node[(side + 3) & 3]
        if _region(opposite, arcs) == _region(half, arcs):
            return opposite
    for turn in range(1, 4):
        if node[(side + turn) & 3] >= 0:
            return node[(side + turn) & 3]
    return -1


@njit(nogil=True, cache=True)
def _walk(borders, open_, visited, component, start, size):  # type: ignore[no-untyped-def]
    """Component, first half arc and number of points of every ring of the closed components; returns their number."""
    n = 0
    for first in range(2 * borders.counts[ARCS]):
        if visited[first] or borders.arcs[first >> 1, N_POINTS] == 0:
            continue
        region = _region(first, borders.arcs)
        if open_[region]:
            continue
        component[n], start[n], size[n] = region, first, 0
        half = first
        while not visited[half]:
            visited[half] = True
            alone = borders.arcs[half >> 1, TAIL_AT] < 0
            size[n] += borders.arcs[half >> 1, N_POINTS] - (0 if alone else 1)
            half = _following(half, borders)
        n += 1
    return n


@njit(nogil=True, cache=True)
def _draw(borders, start, offset, straighten, corners, size, keys):  # type: ignore[no-untyped-def]
    """Corners of each ring at its offset, beginning at the uppermost; `size` becomes the number of corners kept."""
    for ring in range(len(start)):
        mine = corners[offset[ring] : offset[ring + 1]]
        n, half = 0, start[ring]
        while n < len(mine):
            arc = borders.arcs[half >> 1]
            step = arc[N_POINTS] - (0 if arc[TAIL_AT] < 0 else 1)
            point = arc[HEAD]
            for k in range(arc[N_POINTS]):  # the last point of an arc is the first one of the next
                place = arc[N_POINTS] - 1 - k if half & 1 else k
                if place < step:
                    mine[n + place, 0] = borders.points[point, 0]
                    mine[n + place, 1] = borders.points[point, 1]
                point = borders.points[point, 2]
            n += step
            half = _following(half, borders)
        if straighten:
            n = _straighten(mine)
        size[ring] = n
        keys[ring, 0] = _roll_to_top(mine[:n])
        keys[ring, 1] = mine[0, 1]
        keys[ring, 2] = mine[0, 0]


@njit(nogil=True, cache=True)
def _straighten(ring):  # type: ignore[no-untyped-def]
    """Remove the points between two others of their row or column; returns the number of points kept."""
    n = len(ring)
    first_x, first_y = ring[0]
    before_x, before_y = ring[n - 1]
    kept = 0
    for i in range(n):
        x, y = ring[i]
        after_x, after_y = (ring[i + 1, 0], ring[i + 1, 1]) if i + 1 < n else (first_x, first_y)
        turns = not ((before_x == x and x == after_x) or (before_y == y and y == after_y))
        before_x, before_y = x, y
        if turns:
            ring[kept, 0] = x
            ring[kept, 1] = y
            kept += 1
    return kept


@njit(nogil=True, cache=True)
def _roll_to_top(ring):  # type: ignore[no-untyped-def]
    """Begin the ring at its uppermost, then leftmost point; returns whether it is a hole."""
    n, top, twice_area = len(ring), 0, 0
    for i in range(n):
        k = i + 1 if i + 1 < n else 0
        twice_area += np.int64(ring[i, 0]) * ring[k, 1] - np.int64(ring[k, 0]) * ring[i, 1]
        if ring[i, 1] < ring[top, 1] or (ring[i, 1] == ring[top, 1] and ring[i, 0] < ring[top, 0]):
            top = i
    if top > 0:
        rolled = np.empty_like(ring)
        rolled[: n - top] = ring[top:]
        rolled[n - top :] = ring[:top]
        ring[:] = rolled
    return twice_area > 0  # rows count downwards: counterclockwise on the screen is negative


@njit(nogil=True, cache=True)
def _gather(corners, offset, order, corner_first, out):  # type: ignore[no-untyped-def]
    for place in range(len(order)):
        n = corner_first[place + 1] - corner_first[place]
        begin = offset[order[place]]
        out[corner_first[place] : corner_first[place + 1]] = corners[begin : begin + n]


def compact(borders: Borders, room: tuple[int, int, int, int], growth: float = 2.0) -> Borders:
    """The borders that open components still need, renumbered into new arrays with `room` to spare.

    Called after `finished_rings` has taken the closed components.
    """
    open_ = np.zeros(int(borders.counts[COMPONENTS]), np.bool_)
    _settle(borders, open_)
    live = np.zeros(5, np.int64)
    _count_live(borders, open_, live)
    size = [int(growth * n) + extra for n, extra in zip(live[:4], room, strict=True)]
    fresh = Borders(
        np.empty((size[POINTS], 3), np.int32),
        np.empty((size[ARCS], 7), np.int32),
        np.empty((size[NODES], 4), np.int32),
        np.empty(size[COMPONENTS], np.int32),
        np.empty(size[COMPONENTS], np.int32),
        np.empty((size[COMPONENTS], 3), np.int64),
        borders.frontier,
        borders.above,
        np.zeros(5, np.int64),
    )
    _move(borders, open_, fresh, np.full(int(borders.counts[NODES]), -1, np.int32))
    return fresh


@njit(nogil=True, cache=True)
def _is_live(arc, open_, arcs):  # type: ignore[no-untyped-def]
    left, right = arcs[arc, LEFT], arcs[arc, RIGHT]
    return arcs[arc, N_POINTS] > 0 and ((left > 0 and open_[left]) or (right > 0 and open_[right]))


@njit(nogil=True, cache=True)
def _count_live(borders, open_, live):  # type: ignore[no-untyped-def]
    arcs = borders.arcs
    for arc in range(borders.counts[ARCS]):
        if _is_live(arc, open_, arcs):
            live[POINTS] += arcs[arc, N_POINTS]
            live[ARCS] += 1
            live[NODES] += 2
    live[NODES] = min(live[NODES], borders.counts[NODES])
    live[COMPONENTS] = open_.sum()


@njit(nogil=True, cache=True)
def _move(old, open_, new, node_number):  # type: ignore[no-untyped-def]
    number = np.zeros(old.counts[COMPONENTS], np.int32)
    for component in range(old.counts[COMPONENTS]):
        if open_[component]:
            n = new.counts[COMPONENTS]
            new.counts[COMPONENTS] += 1
            number[component] = new.parent[n] = n
            new.labels[n] = old.labels[component]
            new.sums[n] = old.sums[component]
    n_above = new.counts[N_ABOVE] = old.counts[N_ABOVE]
    for i in range(n_above):
        new.above[2, i] = number[new.above[2, i]]
    for arc in range(old.counts[ARCS]):
        if _is_live(arc, open_, old.arcs):
            moved = new.counts[ARCS]
            new.counts[ARCS] += 1
            new.arcs[moved] = old.arcs[arc]
            new.arcs[moved, LEFT] = number[old.arcs[arc, LEFT]]
            new.arcs[moved, RIGHT] = number[old.arcs[arc, RIGHT]]
            _move_points(moved, old, new)
            _move_end(moved, HEAD_AT, 2 * moved, node_number, new)
            _move_end(moved, TAIL_AT, 2 * moved + 1, node_number, new)


@njit(nogil=True, cache=True)
def _move_points(arc, old, new):  # type: ignore[no-untyped-def]
    """Copy the points of an arc, one after the other."""
    point, place = new.arcs[arc, HEAD], new.counts[POINTS]
    new.arcs[arc, HEAD] = place
    while point >= 0:
        new.points[place, 0] = old.points[point, 0]
        new.points[place, 1] = old.points[point, 1]
        new.points[place, 2] = place + 1
        place += 1
        point = old.points[point, 2]
    new.points[place - 1, 2] = -1
    new.arcs[arc, TAIL] = place - 1
    new.counts[POINTS] = place


@njit(nogil=True, cache=True)
def _move_end(arc, end, half, node_number, new):  # type: ignore[no-untyped-def]
    at = new.arcs[arc, end]
    if at >= 0:
        node = node_number[at >> 2]
        if node < 0:
            node = node_number[at >> 2] = new.counts[NODES]
            new.counts[NODES] += 1
            new.nodes[node] = -1
        new.arcs[arc, end] = 4 * node + (at & 3)
        new.nodes[node, at & 3] = half
    elif at < -1:
        new.frontier[-2 - at] = arc
