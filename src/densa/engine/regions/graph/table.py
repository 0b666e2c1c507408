"""Table of all regions of a raster and their borders, in integers, which add up exactly."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densa.errors import InputError
from densa.regions import RegionGraph, RegionStatistics
from densa.regions.partition.graph_kernels import gather_rows, squared_deviations

__all__ = ["BORDERS", "EXTREMES", "ROWS", "RegionTable", "Rows", "join_edges", "joined", "narrowed"]

ROWS = ("n_pixels", "areas", "sums", "squares", "box", "perimeter", "outline", "first")
EXTREMES = ("low", "high")
BORDERS = ("lengths", "sides", "places", "beyond", "contrasts")

Column = Callable[[str], NDArray[np.int64]]
_CHUNK = 2**16  # rows that are converted to 64 bits at once


@dataclass(frozen=True)
class RegionTable:
    """Regions 1 to n and the borders between them; entry 0 (no region) is zero. Columns not collected are empty.

    Memory: 56 bytes per region and 24 per region and band, and twice the image's type per region and band; 48 bytes per
    edge. With three bands of 8 bits and three edges per region, 278 bytes per region.

    Attributes:
        connectivity: 1 (4 neighbours) or 2 (8 neighbours) of the edges.
        offset, step: values are ``offset + step * integer``, offset (B,).
        contrast_step: value of one unit of `contrasts`.
        n_pixels: (n + 1,) int64.
        areas: (n + 1,) int64 in units of `Ground.areas`; empty without a ground.
        sums: (n + 1, B) int64 sums of the integers.
        squares: (n + 1, B, 2) uint64 sums of their squares: high and low 64 bits.
        low, high: (n + 1, B) extreme values, in the image's type.
        box: (n + 1, 4) int64 first row, first column, last row + 1, last column + 1.
        perimeter: (n + 1,) int64 pixel sides towards other regions, region 0 and the raster's border.
        outline: (n + 1,) int64 length of these sides, see `Ground.sides`; empty without a ground, or after a merger.
        first: (n + 1,) int64 place (row * width + column) of the first pixel in raster order.
        edges: (E, 2) int32 pairs (i, j) of adjacent regions, i < j, in ascending order.
        lengths: (E,) int64 pairs of neighbouring pixels on either side.
        sides: (E,) int64 of these, the pairs that share a pixel side; with 4 neighbours all.
        places: (E,) int64 place of the first pixel of i, in raster order, that has a neighbour in j.
        beyond: (E,) int64 place of the first pixel of j that has a neighbour in i.
        contrasts: (E,) int64 sums of the distances of the two pixels' colours.
    """

    connectivity: int
    offset: NDArray[np.float64]
    step: float
    contrast_step: float
    n_pixels: NDArray[np.int64]
    areas: NDArray[np.int64]
    sums: NDArray[np.int64]
    squares: NDArray[np.uint64]
    low: NDArray[Any]
    high: NDArray[Any]
    box: NDArray[np.int64]
    perimeter: NDArray[np.int64]
    outline: NDArray[np.int64]
    first: NDArray[np.int64]
    edges: NDArray[np.int32]
    lengths: NDArray[np.int64]
    sides: NDArray[np.int64]
    places: NDArray[np.int64]
    beyond: NDArray[np.int64]
    contrasts: NDArray[np.int64]

    @property
    def n_regions(self) -> int:
        """Largest region number."""
        return len(self.n_pixels) - 1

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All attributes as arrays."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The table whose attributes are the arrays."""
        values: dict[str, Any] = {field.name: arrays[field.name] for field in fields(cls)}
        single = {"connectivity": int(values["connectivity"]), "step": float(values["step"])}
        return cls(**{**values, **single, "contrast_step": float(values["contrast_step"])})

    def statistics(self) -> RegionStatistics:
        """Statistics in the image's units, rounded once: `densa.regions.region_statistics` of the whole image.

        Means of integers of 8 and 16 bits are identical. Columns not collected are empty.
        """
        squares = np.empty(self.squares.shape[:2] if self.sums.size else (0, 0))
        if squares.size:
            squared_deviations(self.n_pixels, self.sums, self.squares, squares)
        mean = self.means()
        low, high = self.low.astype(np.float64), self.high.astype(np.float64)
        return RegionStatistics(self.n_pixels, mean, squares * self.step**2, low, high, self.box, self.perimeter)

    def means(self) -> NDArray[np.float64]:
        """(n + 1, B) mean values, of `sums`; 0 where a region has no pixels."""
        if not len(self.sums):
            return np.empty(self.sums.shape)
        mean = self.sums / np.maximum(self.n_pixels, 1)[:, None]
        mean *= self.step
        mean += self.offset
        mean[self.n_pixels == 0] = 0
        return mean

    def graph(self) -> RegionGraph:
        """The adjacency graph: `densa.regions.region_graph` of the whole image.

        Its strengths are the mean distance of neighbouring pixels' colours; every distance is rounded to a multiple of
        `contrast_step`: 2^-32 of the largest distance in 8 or 16 bits (2^-24 for one band of 8 bits), at most 2^-30
        of the largest distance in the range of other images. A strength may be off by half of that.
        """
        strengths = np.empty(0)
        if len(self.contrasts) and len(self.lengths):
            strengths = self.contrasts * self.contrast_step / np.maximum(self.lengths, 1)
        return RegionGraph(self.n_regions, self.edges, self.lengths, strengths, self.statistics())

    def merged(self, table: ArrayLike) -> RegionTable:
        """The table of the partition after a merger; exact.

        Args:
            table: (n + 1,) new number of each region, as the functions of `densa.regions.partition.merging` return it.

        Raises:
            InputError: the table is of another length, or loses a region.
        """
        new = np.asarray(table).astype(np.int64)
        if new.shape != (self.n_regions + 1,) or new[0] != 0 or new.min() < 0 or (self.n_pixels[new == 0] > 0).any():
            raise InputError(
                f"table must give each of {self.n_regions} regions a number from 1, and 0 to entry 0; "
                f"got shape {new.shape}"
            )
        n_regions = int(new.max())
        # The ground lengths of the sides that vanish are not known.
        known = {name for name, column in vars(self).items() if np.size(column)} - {"outline"}
        rows = Rows(n_regions, vars(self), known)
        rows.add(new, vars(self))
        i, j = new[self.edges[:, 0]], new[self.edges[:, 1]]
        np.subtract.at(rows.columns["perimeter"], i[i == j], 2 * self.sides[i == j])
        kept = i != j
        swapped = i > j
        columns = {name: getattr(self, name) for name in BORDERS}
        columns["places"] = np.where(swapped, self.beyond, self.places)
        columns["beyond"] = np.where(swapped, self.places, self.beyond)
        keys = np.minimum(i, j) << 32 | np.maximum(i, j)
        edges, borders = join_edges(keys[kept], lambda name: columns[name][kept])
        return RegionTable(
            self.connectivity, self.offset, self.step, self.contrast_step, **rows.finished(), edges=edges, **borders
        )


class Rows:
    """Columns `ROWS` and `EXTREMES` to which rows of regions are added.

    Args:
        n_regions: rows, without entry 0.
        like: columns of the same bands, and extremes of the same types.
        wanted: names of columns; the others stay empty, except the numbers of pixels.
    """

    def __init__(self, n_regions: int, like: Mapping[str, NDArray[Any]], wanted: Collection[str]) -> None:
        self.columns = {}
        for name in ROWS + EXTREMES:
            here = name == "n_pixels" or (name in wanted and (name not in ("areas", "outline") or like[name].size > 0))
            kind = like[name].dtype if name in EXTREMES else np.uint64 if name == "squares" else np.int64
            self.columns[name] = np.zeros((n_regions + 1 if here else 0, *like[name].shape[1:]), kind)
        least, most = limits(like["low"].dtype)
        self.columns["low"][:], self.columns["high"][:] = most, least

    def add(self, numbers: NDArray[np.integer[Any]], part: Mapping[str, NDArray[Any]]) -> None:
        """Add row k of `part`, whose integers may be narrower, to row numbers[k]."""
        for begin in range(0, len(numbers), _CHUNK):
            rows = slice(begin, begin + _CHUNK)
            table = numbers[rows].astype(np.int64)
            columns = {name: part[name][rows].astype(self.columns[name].dtype, copy=False) for name in ROWS}
            gather_rows(table, tuple(columns.values()), tuple(self.columns[name] for name in ROWS))
            filled = columns["n_pixels"] > 0
            for name, extreme in zip(EXTREMES, (np.minimum, np.maximum), strict=True):
                if len(self.columns[name]):
                    extreme.at(self.columns[name], table[filled], part[name][rows][filled])

    def finished(self) -> dict[str, NDArray[Any]]:
        """The columns; zeros where a region has no pixels."""
        for name in EXTREMES:
            if len(self.columns[name]):
                self.columns[name][self.columns["n_pixels"] == 0] = 0
            if self.columns[name].dtype.kind == "f":
                self.columns[name] += 0.0  # makes -0.0 to 0.0: which of them is kept would depend on the order
        self.columns["perimeter"][:1] = self.columns["outline"][:1] = 0
        return self.columns


def narrowed(values: NDArray[Any]) -> NDArray[Any]:
    """Integers in the narrowest type that holds them all; other values as they are."""
    if not values.size or values.dtype.kind not in "iu":
        return values
    least, most = int(values.min()), int(values.max())
    for kind in (np.uint8, np.uint16, np.uint32) if least >= 0 else (np.int8, np.int16, np.int32):
        if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max:
            return values.astype(kind)
    return values


def joined(parts: Sequence[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Columns of the parts, concatenated; empties the parts one by one, to save memory."""
    return {name: np.concatenate([part.pop(name) for part in parts]) for name in list(parts[0])}


def limits(kind: np.dtype[Any]) -> tuple[Any, Any]:
    """Least and greatest value of a type."""
    bounds = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
    return bounds.min, bounds.max


def join_edges(
    keys: NDArray[np.int64], column: Column, wanted: Collection[str] = BORDERS
) -> tuple[NDArray[np.int32], dict[str, NDArray[Any]]]:
    """Edges in ascending order; those of one key are joined.

    Args:
        keys: (e,) ``i << 32 | j``.
        column: returns a column of `BORDERS`, (e,); called for one after the other.
        wanted: names of columns; the others stay empty.

    Returns:
        (E, 2) edges and the columns, (E,) each: minima of places, sums of the others.
    """
    order = np.empty(0, np.int64)
    if set(wanted) & set(BORDERS):
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
    else:
        keys.sort(kind="stable")
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    keys = keys[starts]
    edges = np.empty((len(keys), 2), np.int32)
    edges[:, 0], edges[:, 1] = keys >> 32, keys & 0xFFFFFFFF
    columns: dict[str, NDArray[Any]] = {}
    for name in BORDERS:
        reduce = np.minimum if name in ("places", "beyond") else np.add
        values = column(name)[order] if name in wanted else np.empty(0, np.int64)
        columns[name] = reduce.reduceat(values, starts) if len(starts) and len(values) else values
    return edges, columns
