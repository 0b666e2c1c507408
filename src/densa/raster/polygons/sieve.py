"""Label maps without small regions, from runs of rows; no decision depends on rows that are still to come.

The rule is that of a minimum spanning forest (Kruskal): the borders between original regions are processed by
decreasing length, and the two sides of a border are merged if either is too small. The outcome at a border depends on
longer borders only, so it is known once theirs is; a region that later rows could change leaves all regions undecided
that depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.pixel_areas import PixelAreas, area_of_run
from densa.raster.polygons.runs import OUTSIDE, Runs
from densa.union_find import find

__all__ = ["Sieve"]

_RUNS = 2**17  # new runs after which regions are decided again
_UNDECIDED = OUTSIDE


class _Regions(NamedTuple):
    """Connected regions of the rows in memory; number 0 stands for no region."""

    parent: NDArray[np.int32]
    label: NDArray[np.int32]
    area: NDArray[np.int64]
    decided: NDArray[np.int32]  # final class of a small region, _UNDECIDED until it is known


class _Borders(NamedTuple):
    """Pieces of border: the regions on both sides (-1 - c: all large ones of class c), length, first pixel edge."""

    one: NDArray[np.int32]
    other: NDArray[np.int32]
    length: NDArray[np.int64]
    place: NDArray[np.int64]


class Sieve:
    """Merges regions smaller than `min_area`: takes runs and returns them, some rows later, with final labels.

    Args:
        width: columns of the map.
        min_area: least area of a region, in the unit of `areas`.
        areas: areas of the pixels of the rows begin to end - 1.
    """

    def __init__(self, width: int, min_area: float, areas: Callable[[int, int], PixelAreas]) -> None:
        self._width, self._min_area, self._areas = width, float(min_area), areas
        self._row = 0
        self._held: list[tuple[Runs, NDArray[np.int32]]] = []
        self._n_runs, self._wait_for = 0, _RUNS
        self._regions = _Regions(
            np.zeros(1, np.int32), np.full(1, OUTSIDE, np.int32), np.zeros(1, np.int64), np.zeros(1, np.int32)
        )
        self._borders = _Borders._make(np.empty(0, t) for t in (np.int32, np.int32, np.int64, np.int64))
        self._new_borders: list[_Borders] = []

    def push(self, runs: Runs) -> Iterator[Runs]:
        """Take rows; returns the rows whose labels are final."""
        above = self._last_row()
        regions = _with_room(self._regions, len(runs.start))
        component = np.empty(len(runs.start), np.int32)
        found = _Borders._make(np.empty(3 * len(runs.start) + len(above[0]), f.dtype) for f in self._borders)
        areas = self._areas(self._row, self._row + len(runs.first) - 1)
        n = len(self._regions.parent)
        n, n_found = _scan(runs, above, areas, self._row, self._width, self._min_area, regions, n, component, found)
        self._regions = _Regions._make(field[:n] for field in regions)
        self._new_borders.append(_Borders._make(field[:n_found].copy() for field in found))
        self._row += len(runs.first) - 1
        self._held.append((runs, component))
        self._n_runs += len(runs.start)
        if self._n_runs < self._wait_for:
            return iter(())
        return self._decide(last=False)

    def finish(self) -> Iterator[Runs]:
        """The remaining rows."""
        return self._decide(last=True)

    def _last_row(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
        if not self._held:
            return np.full(1, -1, np.int32), np.full(1, OUTSIDE, np.int32), np.zeros(1, np.int32)
        runs, component = self._held[-1]
        begin = runs.first[-2]
        return runs.start[begin:], runs.label[begin:], component[begin:]

    def _decide(self, last: bool) -> Iterator[Runs]:
        """Decide the regions that can be decided; return the rows that are final and remove their regions."""
        if not self._held:
            return iter(())
        regions = self._regions
        _flatten(regions.parent)
        open_ = np.zeros(len(regions.parent), np.bool_)
        if not last:
            open_[regions.parent[self._last_row()[2]]] = True
        self._borders = _summed([self._borders, *self._new_borders], regions, self._min_area)
        self._new_borders = []
        order = np.lexsort((self._borders.place, -self._borders.length))
        _merge(self._borders, order, regions, open_, self._min_area)
        final = np.where(regions.area >= self._min_area, regions.label, regions.decided)[regions.parent]
        known = final != _UNDECIDED
        known[0] = True
        released = self._release(final, known, last)
        self._forget()
        self._n_runs = sum(len(runs.start) for runs, _ in self._held)
        self._wait_for = 2 * self._n_runs + _RUNS
        return iter(released)

    def _release(self, final: NDArray[np.int32], known: NDArray[np.bool_], last: bool) -> list[Runs]:
        """Rows from the top until one holds an undecided region; the lowest row is kept for the next ones."""
        released: list[Runs] = []
        while self._held:
            runs, component = self._held[0]
            keep_last = len(self._held) == 1 and not last
            n_rows = len(runs.first) - 1 - keep_last
            undecided = np.flatnonzero(~known[component])
            if len(undecided):
                n_rows = min(n_rows, int(np.searchsorted(runs.first, undecided[0], side="right")) - 1)
            if n_rows > 0:
                released.append(_relabelled(runs, component, final, n_rows))
            if n_rows == len(runs.first) - 1:
                self._held.pop(0)
                continue
            cut = runs.first[n_rows]
            rest = Runs._make([runs.first[n_rows:] - cut, *(field[cut:].copy() for field in runs[1:])])
            self._held[0] = rest, component[cut:].copy()
            break
        return released

    def _forget(self) -> None:
        """Renumber the regions of the rows in memory and of their borders."""
        regions, borders = self._regions, self._borders
        used = np.zeros(len(regions.parent), np.bool_)
        used[0] = True
        for _, component in self._held:
            component[:] = regions.parent[component]
            used[component] = True
        ends = np.concatenate([borders.one, borders.other[borders.other >= 0]])
        used[ends] = True
        number = np.cumsum(used, dtype=np.int32) - np.int32(1)
        for _, component in self._held:
            component[:] = number[component]
        other = np.where(borders.other >= 0, number[np.maximum(borders.other, 0)], borders.other)
        self._borders = _Borders(number[borders.one], other.astype(np.int32), *borders[2:])
        fields = (field[used] for field in regions[1:])
        self._regions = _Regions._make([np.arange(int(used.sum()), dtype=np.int32), *fields])


def _with_room(regions: _Regions, extra: int) -> _Regions:
    return _Regions._make(np.concatenate([field, np.empty(extra, field.dtype)]) for field in regions)


def _relabelled(runs: Runs, component: NDArray[np.int32], final: NDArray[np.int32], n_rows: int) -> Runs:
    """The first rows with their final labels; neighbouring runs of the same label become one."""
    n = int(runs.first[n_rows])
    label = final[component[:n]]
    label[component[:n] == 0] = OUTSIDE
    begins = np.ones(n, np.bool_)
    begins[1:] = label[1:] != label[:-1]
    begins[runs.first[:n_rows]] = True
    kept = np.flatnonzero(begins)
    first = np.concatenate([np.zeros(1, np.int64), np.cumsum(begins)])[runs.first[: n_rows + 1]]
    return Runs(first, runs.start[kept], label[kept], np.add.reduceat(runs.confidence[:n], kept))


def _summed(parts: list[_Borders], regions: _Regions, min_area: float) -> _Borders:
    """One entry for each pair of neighbours, except pairs of which both are large or decided."""
    one, other, length, place = (np.concatenate(field) for field in zip(*parts, strict=True))
    large = regions.area >= min_area
    settled = large | (regions.decided != _UNDECIDED)
    one = regions.parent[one]
    by_class = other < 0
    other = np.where(by_class, other, regions.parent[np.maximum(other, 0)])
    needed = ~(settled[one] & (by_class | settled[np.maximum(other, 0)]))
    one, other, length, place, by_class = (a[needed] for a in (one, other, length, place, by_class))
    swapped = ~by_class & large[one]  # the large one second, where its class replaces it
    one, other = np.where(swapped, other, one), np.where(swapped, one, other)
    to_class = ~by_class & large[np.maximum(other, 0)]
    labels = -1 - regions.label[np.maximum(other, 0)]
    other = np.where(to_class, labels, other)
    in_order = (other < 0) | (one < other)
    one, other = np.where(in_order, one, other), np.where(in_order, other, one)
    order = np.lexsort((other, one))
    one, other, length, place = one[order], other[order], length[order], place[order]
    if not len(one):
        return _Borders(one.astype(np.int32), other.astype(np.int32), length, place)
    first = np.flatnonzero(np.concatenate([[True], (one[1:] != one[:-1]) | (other[1:] != other[:-1])]))
    return _Borders(
        one[first].astype(np.int32),
        other[first].astype(np.int32),
        np.add.reduceat(length, first),
        np.minimum.reduceat(place, first),
    )


@njit(nogil=True, cache=True)
def _flatten(parent):  # type: ignore[no-untyped-def]
    for i in range(len(parent)):
        parent[i] = find(parent, i)


@njit(nogil=True, cache=True)
def _scan(runs, above, areas, y, width, min_area, regions, n, component, found):  # type: ignore[no-untyped-def]
    """Regions of the runs and borders between them; returns the number of regions and of borders."""
    start, label, mine = above
    n_found = 0
    for row in range(len(runs.first) - 1):
        first, last = runs.first[row], runs.first[row + 1]
        above = (start, label, mine)
        start, label, mine = runs.start[first:last], runs.label[first:last], component[first:last]
        n = _connect(start, label, mine, above, areas, row, regions, n)
        n_found = _note_row(start, label, mine, above, y + row, width, min_area, regions, found, n_found)
    return n, n_found


@njit(nogil=True, cache=True)
def _connect(start, label, component, above, areas, row, regions, n):  # type: ignore[no-untyped-def]
    above_start, above_label, above_component = above
    i, parent = 0, regions.parent
    for j in range(len(start)):
        component[j] = 0
        if label[j] == OUTSIDE:
            continue
        begin, end = start[j], start[j + 1]
        while i + 1 < len(above_start) and above_start[i + 1] <= begin:
            i += 1
        mine, k = 0, i
        while k < len(above_start) and above_start[k] < end:
            if above_label[k] == label[j]:
                other = find(parent, above_component[k])
                if mine == 0:
                    mine = other
                elif other != mine:
                    mine, other = min(mine, other), max(mine, other)
                    parent[other] = mine
                    regions.area[mine] += regions.area[other]
            k += 1
        if mine == 0:
            mine = n
            parent[n] = n
            regions.label[n], regions.area[n], regions.decided[n] = label[j], 0, _UNDECIDED
            n += 1
        component[j] = mine
        regions.area[mine] += area_of_run(areas, row, begin, end)
    return n


@njit(nogil=True, cache=True)
def _note(one, other, length, place, min_area, regions, found, n_found):  # type: ignore[no-untyped-def]
    """Record a piece of border unless both of its sides are large already."""
    one, other = find(regions.parent, one), find(regions.parent, other)
    if regions.area[one] >= min_area and regions.area[other] >= min_area:
        return n_found
    found.one[n_found], found.other[n_found] = one, other
    found.length[n_found], found.place[n_found] = length, place
    return n_found + 1


@njit(nogil=True, cache=True)
def _note_row(start, label, component, above, y, width, min_area, regions, found, n_found):  # type: ignore[no-untyped-def]
    """Borders within a row and with the row above; edges are numbered row by row, those above a row before its own."""
    above_start, above_label, above_component = above
    i = 0
    for j in range(len(start)):
        if label[j] == OUTSIDE:
            continue
        begin, end = start[j], start[j + 1]
        if label[j - 1] != OUTSIDE:
            place = (2 * np.int64(y) + 1) * (width + 1) + begin
            n_found = _note(component[j - 1], component[j], 1, place, min_area, regions, found, n_found)
        while i + 1 < len(above_start) and above_start[i + 1] <= begin:
            i += 1
        k = i
        while k < len(above_start) and above_start[k] < end:
            if above_label[k] != label[j] and above_label[k] != OUTSIDE:
                left, right = max(begin, above_start[k]), min(end, above_start[k + 1])
                place = 2 * np.int64(y) * (width + 1) + left
                n_found = _note(
                    above_component[k], component[j], right - left, place, min_area, regions, found, n_found
                )
            k += 1
    return n_found


@njit(nogil=True, cache=True)
def _merge(borders, order, regions, open_, min_area):  # type: ignore[no-untyped-def]
    """Kruskal's rule, as far as regions and borders are known; fills `decided`.

    A group is unsure when a later row could change its outcome, and so is every group with which it might merge.
    """
    n = len(regions.parent)
    group = np.arange(n).astype(np.int32)
    area = regions.area.copy()
    largest = np.arange(n).astype(np.int32)
    becomes = np.where(area >= min_area, regions.label, regions.decided)
    unsure = open_ & (becomes == _UNDECIDED)
    growing = unsure.copy()
    for e in range(len(order)):
        one, other = borders.one[e], borders.other[e]
        if other >= 0 and (growing[one] or growing[other]):  # its length is not final
            unsure[one] = unsure[other] = True
    for e in order:
        one, other = find(group, borders.one[e]), borders.other[e]
        if other < 0:
            if becomes[one] == _UNDECIDED and not unsure[one]:
                becomes[one] = -1 - other
            continue
        other = find(group, other)
        if one == other:
            continue
        if becomes[one] != _UNDECIDED:
            one, other = other, one
        if becomes[one] != _UNDECIDED:
            continue
        if becomes[other] != _UNDECIDED:
            if not unsure[one]:
                becomes[one] = becomes[other]
        elif unsure[one] or unsure[other]:
            unsure[one] = unsure[other] = True
        else:
            one, other = min(one, other), max(one, other)
            group[other] = one
            first, second = largest[one], largest[other]
            a, b = regions.area[first], regions.area[second]
            if b > a or (b == a and second < first):
                largest[one] = second
            area[one] += area[other]
            if area[one] >= min_area:
                becomes[one] = regions.label[largest[one]]
    for i in range(1, n):
        if regions.parent[i] != i:
            continue
        mine = find(group, i)
        if becomes[mine] != _UNDECIDED:
            regions.decided[i] = becomes[mine]
        elif not unsure[mine]:  # it has no neighbours, so it stays too small
            regions.decided[i] = regions.label[largest[mine]]
