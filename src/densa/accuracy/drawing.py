"""Samples of the units of a map: stratified, simple random, systematic.

A unit is drawn by a hash of the seed and of its place: those with the smallest hashes of their stratum are the sample.
So the sample does not depend on how the map is cut into windows or on the number of threads, one pass suffices before
the size of a stratum is known, and the memory does not grow with the map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.accuracy.class_map import MOST_CODES
from densa.accuracy.units import Census, MapUnits, Tally, UnitBlock, checked, tally_of
from densa.errors import InputError
from densa.progress import Progress

__all__ = ["Design", "Drawn", "Reservoir", "draw_systematic"]

Design = Literal["stratified", "random", "systematic"]
"""How units are drawn: at random in every stratum or on the whole map, or on a square grid with a random start."""
_LAST = np.uint64(0xFFFFFFFFFFFFFFFF)
_SLACK = (8.0, 20.0)  # how many more units than wanted, in square roots of their number and besides, are looked at
_Found = tuple[
    NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]
]  # hash, place, class, stratum


@dataclass(frozen=True)
class Drawn:
    """Drawn units, in an order that is random.

    Attributes:
        rows, columns: (n,) int64 place of each in units.
        classes: (n,) code of each on the map.
        strata: (n,) code of its stratum.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    classes: NDArray[np.int64]
    strata: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)


class Reservoir:
    """The units with the smallest hashes of every stratum, or of the whole map.

    Args:
        units: of the map.
        most: units to keep of each stratum.
        seed: of the hash.
        by_stratum: False: the map is one stratum.
    """

    def __init__(self, units: MapUnits, most: int, seed: int, *, by_stratum: bool = True) -> None:
        self._units, self._most, self._by_stratum = units, most, by_stratum
        self._key = np.uint64(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])
        self._limits = np.full(MOST_CODES, _LAST, np.uint64)
        none = np.zeros(0, np.int64)
        self._kept: _Found = (np.zeros(0, np.uint64), none, none, none)

    def fill(self, progress: Progress | None = None) -> Census:
        """Read the map once; returns the numbers and areas of its units.

        Raises:
            InputError: as `take_census`.
        """
        tally = tally_of(())
        for found, part in self._units.stream(self._look, progress):
            tally.merge(part)
            self._keep(found)
        return checked(self._units, tally.census(self._units.ground))

    def _look(self, block: UnitBlock) -> tuple[_Found, Tally]:
        """The units of a window that may be among the smallest, and its tally.

        Of N units of a stratum in the window, the k smallest hashes are nearly always below (k + 8 sqrt(k) + 20) / N;
        where they are not, the window is looked through again without this limit.
        """
        tally, limits, k = tally_of((block,)), self._limits, self._most
        n_units = tally.units[1] if self._by_stratum else np.full(1, tally.units[0].sum())
        share = np.clip((k + _SLACK[0] * k**0.5 + _SLACK[1]) / np.maximum(n_units, 1), 0.0, 1.0)
        probable = limits.copy()
        below = np.flatnonzero(share < 1)
        probable[below] = np.minimum(probable[below], (share[below] * float(_LAST)).astype(np.uint64))
        found = self._smallest(block, probable, n=int((share * n_units).sum()) + 64)
        group = found[3] if self._by_stratum else np.zeros_like(found[3])
        enough = np.bincount(group, minlength=MOST_CODES) >= k
        if (~enough & (probable < limits)).any():
            found = self._smallest(block, limits, n=block.classes.size)
        return found, tally

    def _smallest(self, block: UnitBlock, limits: NDArray[np.uint64], n: int) -> _Found:
        while True:
            out = (np.empty(n, np.uint64), *np.empty((3, n), np.int64))
            place = (block.row, block.column, self._units.width)
            n_found = _candidates(block.classes, block.strata, place, self._key, self._by_stratum, limits, out)
            if n_found <= n:
                hashes, ids, classes, strata = (part[:n_found] for part in out)
                return hashes, ids, classes, strata
            n = n_found

    def _keep(self, found: _Found) -> None:
        hashes, ids, classes, strata = (np.concatenate(pair) for pair in zip(self._kept, found, strict=True))
        group = strata if self._by_stratum else np.zeros_like(strata)
        order = np.lexsort((ids, hashes, group))
        group = group[order]
        first = np.searchsorted(group, group)  # of each group
        kept = order[np.arange(len(order)) - first < self._most]
        self._kept = (hashes[kept], ids[kept], classes[kept], strata[kept])
        group = strata[kept] if self._by_stratum else np.zeros(len(kept), np.int64)
        full = np.bincount(group, minlength=MOST_CODES) >= self._most
        limits = np.zeros(MOST_CODES, np.uint64)
        np.maximum.at(limits, group, self._kept[0])
        self._limits = np.where(full, limits, _LAST)

    def draw(self, numbers: dict[int, int] | int) -> Drawn:
        """The units, in the order of their hashes.

        Args:
            numbers: of each stratum by its code, at most `most`; or of the whole map.
        """
        hashes, ids, classes, strata = self._kept
        order = np.lexsort((ids, hashes))
        if isinstance(numbers, int):
            chosen = order[:numbers]
        else:
            parts = [order[strata[order] == code][:n] for code, n in numbers.items()]
            chosen = np.sort(np.concatenate([np.argsort(order, kind="stable")[part] for part in parts]))
            chosen = order[chosen]
        rows, columns = np.divmod(ids[chosen], self._units.width)
        return Drawn(rows, columns, classes[chosen], strata[chosen])


def draw_systematic(
    units: MapUnits, census: Census, total: int, seed: int, progress: Progress | None = None
) -> tuple[Drawn, float]:
    """Units on a square grid with a random start, about as many as wished, and the probability of each.

    The rows and columns of the grid are `step` apart, a number with a fraction, so that every unit has the probability
    1 / step**2.

    Args:
        units: of the map.
        census: of the map.
        total: wished number of units; that found differs a little.
        seed: of the start.
        progress: called with (pixels done, pixels in all).

    Raises:
        InputError: the grid meets no unit of the population.
    """
    n_units = int(census.class_units.sum())
    step = max(1.0, (n_units / total) ** 0.5)
    rng = np.random.default_rng(seed)
    rows, columns = (_grid(side, step, float(rng.random()) * step) for side in (units.height, units.width))

    def take(block: UnitBlock) -> tuple[NDArray[np.int64], ...]:
        height, width = block.classes.shape
        r = rows[(rows >= block.row) & (rows < block.row + height)]
        c = columns[(columns >= block.column) & (columns < block.column + width)]
        places = np.ix_(r - block.row, c - block.column)
        inside = block.classes[places] >= 0
        at_row, at_column = np.nonzero(inside)
        codes = (part[places][inside].astype(np.int64) for part in (block.classes, block.strata))
        return r[at_row], c[at_column], *codes

    parts = list(units.stream(take, progress))
    found = [np.concatenate(part) for part in zip(*parts, strict=True)]
    if not len(found[0]):
        raise InputError(f"no unit of the map lies on the grid of {total} points; give a larger total or another seed")
    order = np.lexsort((found[1], found[0]))
    order = order[rng.permutation(len(order))]
    return Drawn(*(part[order] for part in found)), 1 / step**2


def _grid(side: int, step: float, start: float) -> NDArray[np.int64]:
    places = np.floor(start + step * np.arange(int(side / step) + 2)).astype(np.int64)
    return np.unique(places[places < side])


@njit(nogil=True, cache=True)
def _candidates(classes, strata, place, key, by_stratum, limits, out):  # type: ignore[no-untyped-def]
    """Units whose hash is not above the limit of their stratum, as many as fit; returns their number."""
    row0, column0, n_columns = place
    hashes, ids, out_classes, out_strata = out
    n = 0
    for row in range(classes.shape[0]):
        for column in range(classes.shape[1]):
            code = classes[row, column]
            if code < 0:
                continue
            number = (row0 + row) * n_columns + column0 + column
            value = _mixed(_mixed(np.uint64(number) + key) ^ key)
            stratum = strata[row, column]
            if value <= limits[stratum if by_stratum else 0]:
                if n < hashes.size:
                    hashes[n], ids[n], out_classes[n], out_strata[n] = value, number, code, stratum
                n += 1
    return n


@njit(nogil=True, cache=True)
def _mixed(x):  # type: ignore[no-untyped-def]
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
