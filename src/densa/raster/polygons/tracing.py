"""Borders between the regions of a label map, traced row by row in one pass.

The map is a planar graph: a node is a pixel corner where three or four pixel edges between different labels meet; an
arc is the border between two nodes, stored once for both of its sides. Later rows can change only the arcs that are
open at the lowest row so far, the frontier.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.pixel_areas import area_of_run
from densa.raster.polygons.runs import OUTSIDE
from densa.union_find import find

__all__ = [
    "ARCS",
    "BEYOND",
    "COMPONENTS",
    "HEAD",
    "HEAD_AT",
    "LEFT",
    "NODES",
    "N_POINTS",
    "PIXELS",
    "POINTS",
    "RIGHT",
    "TAIL",
    "TAIL_AT",
    "Borders",
    "cut",
    "room",
    "trace_rows",
]

# Columns of `Borders.arcs`. An arc runs from its head to its tail with the smaller label on its left, so that its
# direction is the same from either side, and two arcs that meet always join tail to head.
HEAD, TAIL, N_POINTS, LEFT, RIGHT, HEAD_AT, TAIL_AT = range(7)
# Columns of `Borders.sums`.
PIXELS, AREA, CONFIDENCE = range(3)
# Elements of `Borders.counts`.
POINTS, ARCS, NODES, COMPONENTS, N_ABOVE = range(5)
NORTH, EAST, SOUTH, WEST = range(4)
BEYOND = np.iinfo(np.int32).max


class Borders(NamedTuple):
    """The graph so far; `counts` holds the number of elements of each array in use.

    The end of an arc is at a node (4 * node + the side on which it leaves the node), open at column x of the frontier
    (-2 - x), or -1: the arc is closed, or it continues along the row that is being traced.
    """

    points: NDArray[np.int32]  # column, row, next point of the arc or -1
    arcs: NDArray[np.int32]
    nodes: NDArray[np.int32]  # arc by north, east, south, west: 2 * arc, + 1 if it is the arc's tail; -1 for none
    parent: NDArray[np.int32]  # union-find of the components; 0 stands for no component
    labels: NDArray[np.int32]  # of the components, as in runs
    sums: NDArray[np.int64]  # of the components: pixels, area units, confidence
    frontier: NDArray[np.int32]  # arc that is open downwards at each column
    above: NDArray[np.int32]  # runs of the lowest row: start, label, component
    counts: NDArray[np.int64]


def room(width: int) -> tuple[int, int, int, int]:
    """Largest number of points, arcs, nodes and components that one row, or one cut, can add."""
    return 4 * (width + 1), 2 * (width + 1), width + 1, width


@njit(nogil=True, cache=True)
def trace_rows(runs, begin, end, y, areas, borders, component, reserve):  # type: ignore[no-untyped-def]
    """Trace rows `begin` to `end` - 1 of `runs`, the first of which is row `y` of the map.

    `areas` are the `PixelAreas` of the rows; `component` is scratch space for the runs of one row. Returns the
    first row for which an array has no room, or `end`.
    """
    counts = borders.counts
    for row in range(begin, end):
        if (
            counts[POINTS] + reserve[0] > len(borders.points)
            or counts[ARCS] + reserve[1] > len(borders.arcs)
            or counts[NODES] + reserve[2] > len(borders.nodes)
            or counts[COMPONENTS] + reserve[3] > len(borders.parent)
        ):
            return row
        first, last = runs.first[row], runs.first[row + 1]
        start, label = runs.start[first:last], runs.label[first:last]
        _connect(start, label, runs.confidence[first:last], component, areas, row, borders)
        _trace(start, label, component, y + row - begin, borders)
        n = last - first
        for i in range(n):  # a loop, which compiles in a fraction of the time that slices take
            borders.above[0, i] = start[i]
            borders.above[1, i] = label[i]
            borders.above[2, i] = component[i]
        counts[N_ABOVE] = n
    return end


@njit(nogil=True, cache=True)
def _connect(start, label, confidence, component, areas, row, borders):  # type: ignore[no-untyped-def]
    """Component of each run of a row, from its neighbours above; merged components keep the lowest number."""
    above, parent, sums = borders.above, borders.parent, borders.sums
    n_above = borders.counts[N_ABOVE]
    i = 0
    for j in range(len(start)):
        component[j] = 0
        if label[j] == OUTSIDE:
            continue
        begin, end = start[j], start[j + 1]
        while i + 1 < n_above and above[0, i + 1] <= begin:
            i += 1
        mine = 0
        k = i
        while k < n_above and above[0, k] < end:
            if above[1, k] == label[j]:
                other = find(parent, above[2, k])
                if mine == 0:
                    mine = other
                elif other != mine:
                    mine, other = min(mine, other), max(mine, other)
                    parent[other] = mine
                    for k_sum in range(3):
                        sums[mine, k_sum] += sums[other, k_sum]
            k += 1
        if mine == 0:
            mine = borders.counts[COMPONENTS]
            borders.counts[COMPONENTS] += 1
            parent[mine] = mine
            borders.labels[mine] = label[j]
            for k_sum in range(3):
                sums[mine, k_sum] = 0
        component[j] = mine
        sums[mine, PIXELS] += end - begin
        sums[mine, AREA] += area_of_run(areas, row, begin, end)
        sums[mine, CONFIDENCE] += confidence[j]


@njit(nogil=True, cache=True)
def _trace(start, label, component, y, borders):  # type: ignore[no-untyped-def]
    """The corners between the lowest row and the next one, from left to right."""
    above, frontier, arcs = borders.above, borders.frontier, borders.arcs
    n_above, n = borders.counts[N_ABOVE], len(start)
    i = j = 0
    across = -1  # the arc along the edge from the last corner to this one
    while True:
        x_above = above[0, i + 1] if i + 1 < n_above else BEYOND
        x_below = start[j + 1] if j + 1 < n else BEYOND
        x = min(x_above, x_below)
        if x == BEYOND:
            return
        north, south = x_above == x, x_below == x
        nw, sw, sw_component = above[1, i], label[j], component[j]
        i += north
        j += south
        ne, se, ne_component, se_component = above[1, i], label[j], above[2, i], component[j]
        west, east = nw != sw, ne != se
        if north + south + west + east > 2:
            across = _meet(x, y, (nw, ne, se, sw), (ne_component, se_component, sw_component), across, borders)
        elif north and south:
            continue
        elif north and west:
            _join(x, y, across, frontier[x], nw < ne, borders)
            across = -1
        elif north:
            across = frontier[x]
            _extend(across, nw < ne, x, y, borders)
            arcs[across, HEAD_AT if nw < ne else TAIL_AT] = -1
        elif west:
            _extend(across, not nw < sw, x, y, borders)
            arcs[across, TAIL_AT if nw < sw else HEAD_AT] = -2 - x
            frontier[x] = across
            across = -1
        else:
            across = _begin(x, y, sw, sw_component, se, se_component, borders)
            arcs[across, HEAD_AT if sw < se else TAIL_AT] = -2 - x
            frontier[x] = across


@njit(nogil=True, cache=True)
def _point(x, y, borders):  # type: ignore[no-untyped-def]
    new = borders.counts[POINTS]
    borders.counts[POINTS] += 1
    borders.points[new, 0] = x
    borders.points[new, 1] = y
    borders.points[new, 2] = -1
    return new


@njit(nogil=True, cache=True)
def _begin(x, y, label, component, other_label, other_component, borders):  # type: ignore[no-untyped-def]
    """A new arc of one point between two regions."""
    arc = borders.counts[ARCS]
    borders.counts[ARCS] += 1
    new = borders.arcs[arc]
    new[HEAD] = new[TAIL] = _point(x, y, borders)
    new[N_POINTS] = 1
    new[LEFT] = component if label < other_label else other_component
    new[RIGHT] = other_component if label < other_label else component
    new[HEAD_AT] = new[TAIL_AT] = -1
    return arc


@njit(nogil=True, cache=True)
def _extend(arc, at_head, x, y, borders):  # type: ignore[no-untyped-def]
    """Add a point before the head or after the tail."""
    new, changed = _point(x, y, borders), borders.arcs[arc]
    if at_head:
        borders.points[new, 2] = changed[HEAD]
        changed[HEAD] = new
    else:
        borders.points[changed[TAIL], 2] = new
        changed[TAIL] = new
    changed[N_POINTS] += 1


@njit(nogil=True, cache=True)
def _join(x, y, across, down, down_by_head, borders):  # type: ignore[no-untyped-def]
    """Join the arc along the row and the one from above, which meet in (x, y); if they are the same, close it."""
    arcs = borders.arcs
    before, after = (across, down) if down_by_head else (down, across)
    _extend(before, False, x, y, borders)
    if before == after:
        arcs[before, HEAD_AT] = arcs[before, TAIL_AT] = -1
        return
    borders.points[arcs[before, TAIL], 2] = arcs[after, HEAD]
    arcs[before, TAIL] = arcs[after, TAIL]
    arcs[before, N_POINTS] += arcs[after, N_POINTS]
    at = arcs[after, TAIL_AT]
    arcs[before, TAIL_AT] = at
    arcs[after, N_POINTS] = 0
    if at >= 0:
        borders.nodes[at >> 2, at & 3] = 2 * before + 1
    elif at < -1:
        borders.frontier[-2 - at] = before


@njit(nogil=True, cache=True)
def _fasten(arc, at_head, node, side, borders):  # type: ignore[no-untyped-def]
    """Attach an end of an arc to a node."""
    borders.arcs[arc, HEAD_AT if at_head else TAIL_AT] = 4 * node + side
    borders.nodes[node, side] = 2 * arc + (0 if at_head else 1)


@njit(nogil=True, cache=True)
def _new_node(borders):  # type: ignore[no-untyped-def]
    node = borders.counts[NODES]
    borders.counts[NODES] += 1
    borders.nodes[node] = -1
    return node


@njit(nogil=True, cache=True)
def _meet(x, y, labels, components, across, borders):  # type: ignore[no-untyped-def]
    """Make a node, where arcs from above and from the left end and others begin; returns the one to the right."""
    nw, ne, se, sw = labels
    ne_component, se_component, sw_component = components
    frontier, arcs = borders.frontier, borders.arcs
    node = _new_node(borders)
    if nw != ne:
        _extend(frontier[x], nw < ne, x, y, borders)
        _fasten(frontier[x], nw < ne, node, NORTH, borders)
    if nw != sw:
        _extend(across, not nw < sw, x, y, borders)
        _fasten(across, not nw < sw, node, WEST, borders)
    if sw != se:
        arc = _begin(x, y, sw, sw_component, se, se_component, borders)
        _fasten(arc, not sw < se, node, SOUTH, borders)
        arcs[arc, HEAD_AT if sw < se else TAIL_AT] = -2 - x
        frontier[x] = arc
    if ne == se:
        return -1
    arc = _begin(x, y, ne, ne_component, se, se_component, borders)
    _fasten(arc, ne < se, node, EAST, borders)
    return arc


@njit(nogil=True, cache=True)
def _renumber(arc, end, borders):  # type: ignore[no-untyped-def]
    """Give a new number to an arc that goes down from a node, to which its head (`end` 0) or tail (1) is attached."""
    arcs = borders.arcs
    new = borders.counts[ARCS]
    borders.counts[ARCS] += 1
    arcs[new] = arcs[arc]
    arcs[arc, N_POINTS] = 0
    at = arcs[new, TAIL_AT if end else HEAD_AT]
    borders.nodes[at >> 2, at & 3] = 2 * new + end
    borders.frontier[-2 - arcs[new, HEAD_AT if end else TAIL_AT]] = new


@njit(nogil=True, cache=True)
def cut(y, borders):  # type: ignore[no-untyped-def]
    """End every open arc in a node of two arcs at the upper edge of row `y`, the lowest, and begin its continuation."""
    above, arcs, points = borders.above, borders.arcs, borders.points
    for i in range(1, borders.counts[N_ABOVE]):
        x, left, right = above[0, i], above[1, i - 1], above[1, i]
        arc, at_head = borders.frontier[x], left < right
        end = arcs[arc, HEAD if at_head else TAIL]
        if points[end, 0] != x or points[end, 1] != y:
            _extend(arc, at_head, x, y, borders)
        elif arcs[arc, TAIL_AT if at_head else HEAD_AT] >= 0 and arcs[arc, N_POINTS] == 1:
            _renumber(arc, 1 if at_head else 0, borders)  # it begins here: one of those below
            continue
        node = _new_node(borders)
        _fasten(arc, at_head, node, NORTH, borders)
        lower = _begin(x, y, left, above[2, i - 1], right, above[2, i], borders)
        _fasten(lower, not at_head, node, SOUTH, borders)
        arcs[lower, HEAD_AT if at_head else TAIL_AT] = -2 - x
        borders.frontier[x] = lower
