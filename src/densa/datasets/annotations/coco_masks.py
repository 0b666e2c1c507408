"""Masks of COCO, as pycocotools draws them: run lengths in column order, and polygons by its rule.

The rule is `rleFrPoly` of maskApi.c (P. Dollár and T.-Y. Lin, https://github.com/cocodataset/cocoapi, BSD): the outline
is followed on a grid five times as fine, in whole steps; in the column of pixels through whose middle a step goes, what
lies below it changes sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.datasets.annotations.shapes import Box
from densa.errors import InputError
from densa.raster import Window

__all__ = ["CocoPolygons", "ColumnRuns", "counts_of", "decode_counts", "polygon_crossings"]

_FINER = 5.0


def polygon_crossings(points: NDArray[np.float64], height: int, width: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Columns and rows where an outline passes: in a column, the pixels from the row on change sides.

    Args:
        points: (n, 2) x and y of the corners.
        height, width: of the image.
    """
    fine = np.trunc(_FINER * points + 0.5).astype(np.int64)
    start, end = fine, np.roll(fine, -1, axis=0)
    apart = np.abs(end - start)
    along_x = apart[:, 0] >= apart[:, 1]
    flip = np.where(along_x, start[:, 0] > end[:, 0], start[:, 1] > end[:, 1])
    low, high = np.where(flip[:, None], end, start), np.where(flip[:, None], start, end)
    steps = np.maximum(apart[:, 0], apart[:, 1])
    edge = np.repeat(np.arange(len(fine)), steps + 1)
    d = np.arange(len(edge)) - np.repeat(np.cumsum(steps + 1) - (steps + 1), steps + 1)
    t = np.where(flip[edge], steps[edge] - d, d)
    run, rise = np.where(along_x, high[:, 0] - low[:, 0], high[:, 1] - low[:, 1]), (high - low)[:, ::-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.where(along_x, rise[:, 0], rise[:, 1]) / run
    slope[run == 0] = 0.0  # an edge of one point, of which the C code takes the NaN times 0
    other = np.where(along_x, low[:, 1], low[:, 0])
    across = np.trunc(other[edge] + slope[edge] * t + 0.5).astype(np.int64)
    u = np.where(along_x[edge], t + low[edge, 0], across)
    v = np.where(along_x[edge], across, t + low[edge, 1])
    moved = np.flatnonzero(u[1:] != u[:-1]) + 1
    left = np.where(u[moved] < u[moved - 1], u[moved], u[moved] - 1)
    x = (left + 0.5) / _FINER - 0.5
    inside = (np.floor(x) == x) & (x >= 0) & (x <= width - 1)
    y = (np.minimum(v[moved], v[moved - 1]) + 0.5) / _FINER - 0.5
    y = np.ceil(np.clip(y, 0, height))
    return x[inside].astype(np.int64), y[inside].astype(np.int64)


class CocoPolygons:
    """The union of polygons, by the rule of pycocotools.

    Args:
        polygons: (n, 2) x and y of the corners of each.
        height, width: of the image.
    """

    def __init__(self, polygons: Sequence[NDArray[np.float64]], height: int, width: int) -> None:
        self._polygons, self._size = tuple(polygons), (height, width)

    @cached_property
    def _crossings(self) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        return [polygon_crossings(points, *self._size) for points in self._polygons]

    @property
    def box(self) -> Box:
        """The rectangle that it lies in."""
        left, top = np.min([points.min(axis=0) for points in self._polygons], axis=0)
        right, bottom = np.max([points.max(axis=0) for points in self._polygons], axis=0)
        height, width = self._size
        rows, columns = (np.clip([a - 1, b + 2], 0, n) for a, b, n in ((top, bottom, height), (left, right, width)))
        return int(rows[0]), int(columns[0]), int(np.ceil(rows[1])), int(np.ceil(columns[1]))

    @property
    def area(self) -> float:
        """Area of the polygons, those that overlap counted twice."""
        return float(sum(_area(points) for points in self._polygons))

    def mask(self, window: Window) -> NDArray[np.bool_]:
        """(h, w) where it covers the pixels of a window."""
        covered = np.zeros((window.height, window.width), bool)
        for x, y in self._crossings:
            here = (x >= window.column) & (x < window.column + window.width)
            rows = np.clip(y[here] - window.row, 0, window.height)
            passed = np.zeros((window.height + 1, window.width), np.int32)
            np.add.at(passed, (rows, x[here] - window.column), 1)
            covered |= np.cumsum(passed[:-1], axis=0) % 2 == 1
        return covered


def _area(points: NDArray[np.float64]) -> float:
    x, y = points.T
    return abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2


class ColumnRuns:
    """Pixels by their run lengths in column order: those that are not covered first.

    Args:
        counts: whole numbers of 0 or more, which add up to the pixels of the image; or text of pycocotools.
        height, width: of the image.
        source: for messages.
    """

    def __init__(self, counts: NDArray[np.int64] | str, height: int, width: int, source: str = "a mask") -> None:
        self._counts, self._size, self._source = counts, (height, width), source

    @cached_property
    def _runs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First pixels of the runs that are covered, and those behind them, in column order."""
        text = self._counts
        counts = counts_of(decode_counts(text) if isinstance(text, str) else text, *self._size, self._source)
        ends = np.cumsum(counts)
        return ends[:-1:2][: len(ends[1::2])], ends[1::2]

    @property
    def box(self) -> Box:
        """The rectangle that it lies in: some whole columns."""
        starts, ends = self._runs
        height = self._size[0]
        if not len(starts):
            return 0, 0, 0, 0
        return 0, int(starts[0] // height), height, int((ends[-1] - 1) // height) + 1

    @property
    def area(self) -> float:
        """Number of pixels that are covered."""
        starts, ends = self._runs
        return float((ends - starts).sum())

    def mask(self, window: Window) -> NDArray[np.bool_]:
        """(h, w) where it covers the pixels of a window."""
        (starts, ends), height = self._runs, self._size[0]
        first, last = window.column * height, (window.column + window.width) * height
        here = (ends > first) & (starts < last)
        changes = np.zeros(last - first + 1, np.int32)
        np.add.at(changes, np.maximum(starts[here], first) - first, 1)
        np.add.at(changes, np.minimum(ends[here], last) - first, -1)
        columns = np.cumsum(changes[:-1]).reshape(window.width, height) > 0
        return columns.T[window.row : window.row + window.height]


def counts_of(counts: NDArray[np.int64], height: int, width: int, source: str) -> NDArray[np.int64]:
    """Run lengths that fill an image.

    Raises:
        InputError: negative ones, or they cover more or fewer pixels than the image has.
    """
    if (counts < 0).any():
        raise InputError(f"{source} has the run length {int(counts.min())}; they must be 0 or more")
    total = int(counts.sum())
    if total != height * width:
        kind = "longer" if total > height * width else "shorter"
        raise InputError(
            f"{source} has run lengths of {total} pixels, {kind} than its image of {height} x {width} = "
            f"{height * width}"
        )
    return counts


def decode_counts(text: str) -> NDArray[np.int64]:
    """The run lengths of a text of pycocotools: five bits a character, from the fourth on as differences.

    They are the differences to the last but one.

    Raises:
        InputError: a character that does not occur in such texts, or an end in the middle of a number.
    """
    codes = np.frombuffer(text.encode("utf-8", "replace"), np.uint8).astype(np.int64) - 48
    if len(codes) == 0 or (codes < 0).any() or (codes > 63).any() or codes[-1] & 32:
        raise InputError("a compressed mask must be text of pycocotools, got other characters or a part of one")
    last = (codes & 32) == 0
    number = np.concatenate(([0], np.cumsum(last)[:-1]))
    first = np.concatenate(([0], np.flatnonzero(last)[:-1] + 1))
    place = np.arange(len(codes)) - first[number]
    if (place > 11).any():
        raise InputError("a compressed mask must be text of pycocotools, got a number of more than 60 bits")
    values = np.zeros(int(last.sum()), np.int64)
    np.add.at(values, number, (codes & 31) << (5 * place))
    negative = last & ((codes & 16) != 0)
    values[number[negative]] -= 1 << (5 * (place[negative] + 1))
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values
