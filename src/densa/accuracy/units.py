"""Sampling units of a map, pixels or square blocks: their class, stratum and area, window by window."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.accuracy.class_map import MOST_CODES, NONE, ClassMap
from densa.errors import InputError
from densa.machine import n_processors
from densa.pixel_areas import PixelAreas, area_of_run
from densa.progress import Progress
from densa.raster import Window
from densa.raster.alignment import Onto, frame_of, lies_on, onto
from densa.raster.earth.ground import Ground, ground_of

__all__ = ["Census", "MapUnits", "Tally", "UnitBlock", "checked", "over", "read_over", "take_census", "tally_of"]

T = TypeVar("T")

_ROWS, _COLUMNS = 512, 8192  # of a window; a multiple of the tiles of most files
LARGEST_BLOCK = 4096
"""Longest side of a block in pixels."""


class UnitBlock(NamedTuple):
    """The units of a window, as (h, w) arrays.

    Attributes:
        row, column: of the first unit, in units.
        classes: int32 code of each on the map, the most frequent one of a block; `NONE` outside the population.
        strata: int32 code of its stratum.
        areas: of the pixels of these rows.
        unit_areas: (h, w) int64 area of each block; None where units are pixels.
        first: column of the first pixel.
    """

    row: int
    column: int
    classes: NDArray[np.int32]
    strata: NDArray[np.int32]
    areas: PixelAreas
    unit_areas: NDArray[np.int64] | None
    first: int


class MapUnits:
    """The units of a map.

    Args:
        class_map: the map.
        block: side of a unit in pixels; 1: each pixel is one. Blocks at the right and lower border may be smaller.
        strata: a raster of strata; None: the classes of the map are strata. It is read on the grid of the map.

    Attributes:
        height, width: number of rows and columns of units.
        ground: places and areas of the map's pixels.

    Raises:
        InputError: strata that do not lie on the map, or a block that is larger than the map.
    """

    def __init__(self, class_map: ClassMap, *, block: int = 1, strata: ClassMap | None = None) -> None:
        raster = class_map.raster
        if not 1 <= block <= min(LARGEST_BLOCK, max(raster.height, raster.width)):
            raise InputError(f"block must be from 1 to {LARGEST_BLOCK} pixels and not larger than the map, got {block}")
        self.class_map, self.block, self.strata = class_map, block, strata
        self.height, self.width = -(-raster.height // block), -(-raster.width // block)
        self.ground: Ground = ground_of(raster, raster.width)
        self._strata_onto = None if strata is None else over(strata, class_map)

    def windows(self) -> list[Window]:
        """Windows of the map that hold whole blocks."""
        rows, columns = (max(1, side // self.block) * self.block for side in (_ROWS, _COLUMNS))
        raster = self.class_map.raster
        return [
            Window(row, column, min(rows, raster.height - row), min(columns, raster.width - column))
            for row in range(0, raster.height, rows)
            for column in range(0, raster.width, columns)
        ]

    def read(self, window: Window) -> UnitBlock:
        """The units of a window that begins at a unit and holds whole ones."""
        classes = self.class_map.read(window)
        strata = classes
        if self.strata is not None:
            strata = read_over(self.strata, self._strata_onto, window)
            classes[strata == NONE] = NONE
            strata = np.where(classes == NONE, np.int32(NONE), strata)
        areas = self.ground.areas(window.row, window.row + window.height)
        place = window.row // self.block, window.column // self.block
        if self.block == 1:
            return UnitBlock(*place, classes, strata, areas, None, window.column)
        shape = -(-window.height // self.block), -(-window.width // self.block)
        unit_areas = np.zeros(shape, np.int64)
        _areas_of_units(classes, areas, window.column, self.block, unit_areas)
        majority = _majority(classes, self.block)
        of_strata = majority if self.strata is None else _majority(strata, self.block)
        return UnitBlock(*place, majority, of_strata, areas, unit_areas, window.column)

    def window_of(self, row: int, column: int) -> Window:
        """The pixels of a unit."""
        raster, side = self.class_map.raster, self.block
        top, left = row * side, column * side
        return Window(top, left, min(side, raster.height - top), min(side, raster.width - left))

    def pixel_areas(self, window: Window) -> NDArray[np.float64]:
        """(h, w) area of every pixel of a window, in the unit of the ground."""
        every = np.zeros((window.height, window.width), np.int32)
        found = np.zeros(every.shape, np.int64)
        _areas_of_units(every, self.ground.areas(window.row, window.row + window.height), window.column, 1, found)
        return found.astype(np.float64) * self.ground.unit_area

    def stream(self, take: Callable[[UnitBlock], T], progress: Progress | None = None) -> Iterator[T]:
        """What a function finds in the units of each window, in order; windows are read in threads, a few at a time."""
        windows, threads = self.windows(), n_processors()
        done, total = 0, self.class_map.raster.height * self.class_map.raster.width

        def work(window: Window) -> T:
            return take(self.read(window))

        with ThreadPoolExecutor(threads) as pool:
            waiting: deque[tuple[Window, Future[T]]] = deque()
            rest = iter(windows)
            try:
                for window in rest:
                    waiting.append((window, pool.submit(work, window)))
                    if len(waiting) > threads:
                        break
                while waiting:
                    window, future = waiting.popleft()
                    found = future.result()
                    if (following := next(rest, None)) is not None:
                        waiting.append((following, pool.submit(work, following)))
                    yield found
                    done += window.height * window.width
                    if progress:
                        progress(done, total)
            finally:
                for _, future in waiting:
                    future.cancel()


def over(other: ClassMap, class_map: ClassMap) -> Onto | None:
    """How one map is read on the grid of another; None where it lies on it.

    Raises:
        InputError: only one of them is georeferenced and their sizes differ, or they cannot be laid over each other.
    """
    frames = frame_of(other.raster), frame_of(class_map.raster)
    found = onto(*frames)
    if found is None and not lies_on(*frames):
        sizes = " and ".join(f"{frame.height} x {frame.width}" for frame in frames)
        raise InputError(
            f"{other.path} and {class_map.path} must have one size where one has no georeference, got {sizes} pixels"
        )
    return found


def read_over(other: ClassMap, reader: Onto | None, window: Window) -> NDArray[np.int32]:
    """(h, w) codes of a map in a window of the grid of another, see `over`."""
    if reader is None:
        return other.read(window)
    return reader.read(other.read, NONE, window)


@dataclass(frozen=True)
class Census:
    """Numbers of units and areas over a whole map, by code; arrays of `MOST_CODES`.

    Attributes:
        class_units, class_areas: by code of the map.
        stratum_units, stratum_areas: by code of the strata.
        none: units outside the population: no class, or no stratum.
        unit_area: area of an integer unit of the areas, in `unit`.
        unit: "m2" or "px".
    """

    class_units: NDArray[np.int64]
    class_areas: NDArray[np.int64]
    stratum_units: NDArray[np.int64]
    stratum_areas: NDArray[np.int64]
    none: int
    unit_area: float
    unit: str

    def codes(self, *, strata: bool = False) -> list[int]:
        """The codes that occur, of the map or of the strata."""
        return [int(code) for code in np.flatnonzero(self.stratum_units if strata else self.class_units)]


class Tally:
    """Adds up the units of windows."""

    def __init__(self) -> None:
        self.units, self.areas = np.zeros((2, MOST_CODES), np.int64), np.zeros((2, MOST_CODES), np.int64)
        self.none = 0

    def add(self, block: UnitBlock) -> None:
        """Add the units of a window."""
        same, none = block.classes is block.strata, 0
        for k, codes in enumerate((block.classes,) if same else (block.classes, block.strata)):
            if block.unit_areas is None:
                none = _add_pixels(codes, block.areas, block.first, self.units[k], self.areas[k])
            else:
                none = _add_units(codes, block.unit_areas, self.units[k], self.areas[k])
        self.none += none
        if same:
            self.units[1], self.areas[1] = self.units[0].copy(), self.areas[0].copy()

    def merge(self, other: Tally) -> None:
        """Add the units of another."""
        self.units += other.units
        self.areas += other.areas
        self.none += other.none

    def census(self, ground: Ground) -> Census:
        """What was counted."""
        return Census(
            self.units[0],
            self.areas[0],
            self.units[1],
            self.areas[1],
            self.none,
            ground.unit_area,
            ground.unit,
        )


def tally_of(blocks: Iterable[UnitBlock]) -> Tally:
    """Numbers and areas of the units of some windows."""
    tally = Tally()
    for block in blocks:
        tally.add(block)
    return tally


def take_census(units: MapUnits, progress: Progress | None = None) -> Census:
    """Count the units of each class and stratum, and their areas, in one pass; the sums are of integers.

    Raises:
        InputError: the file is no map of classes, or has no class at all.
    """
    tally = Tally()
    for part in units.stream(lambda block: tally_of((block,)), progress):
        tally.merge(part)
    return checked(units, tally.census(units.ground))


def checked(units: MapUnits, census: Census) -> Census:
    """The census of a map of classes.

    Raises:
        InputError: there are too many classes, or none.
    """
    units.class_map.check_classes(len(census.codes()))
    if units.strata is not None:
        units.strata.check_classes(len(census.codes(strata=True)))
    return census


@njit(nogil=True, cache=True)
def _add_pixels(codes, areas, first, units, sums):  # type: ignore[no-untyped-def]
    """As `_add_units` where units are pixels: runs of one code at a time; `first`: column of the window in the map."""
    none = 0
    height, width = codes.shape
    for row in range(height):
        begin = 0
        while begin < width:
            code, end = codes[row, begin], begin + 1
            while end < width and codes[row, end] == code:
                end += 1
            if code < 0:
                none += end - begin
            else:
                units[code] += end - begin
                sums[code] += area_of_run(areas, row, first + begin, first + end)
            begin = end
    return none


@njit(nogil=True, cache=True)
def _add_units(codes, areas, units, sums):  # type: ignore[no-untyped-def]
    """Add the units and areas of each code; returns the number of units without one."""
    none = 0
    for row in range(codes.shape[0]):
        for column in range(codes.shape[1]):
            code = codes[row, column]
            if code < 0:
                none += 1
            else:
                units[code] += 1
                sums[code] += areas[row, column]
    return none


@njit(nogil=True, cache=True)
def _areas_of_units(classes, areas, first, block, out):  # type: ignore[no-untyped-def]
    """Areas of the pixels with a class in each unit; `first`: column of the window in the map."""
    height, width = classes.shape
    for row in range(height):
        for column in range(width):
            if classes[row, column] >= 0:
                at = first + column
                out[row // block, column // block] += area_of_run(areas, row, at, at + 1)


def _majority(codes: NDArray[np.int32], block: int) -> NDArray[np.int32]:
    """Most frequent code of each block, `NONE` where it has none."""
    found = np.full((-(-codes.shape[0] // block), -(-codes.shape[1] // block)), NONE, np.int32)
    _fill_majority(codes, block, np.zeros(MOST_CODES, np.int64), found)
    return found


@njit(nogil=True, cache=True)
def _fill_majority(codes, block, counts, out):  # type: ignore[no-untyped-def]
    """Most frequent code of each block, the lowest of equals; `counts` is 0 before and after."""
    height, width = codes.shape
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            best = -1
            for row in range(i * block, min((i + 1) * block, height)):
                for column in range(j * block, min((j + 1) * block, width)):
                    code = codes[row, column]
                    if code >= 0:
                        counts[code] += 1
            for row in range(i * block, min((i + 1) * block, height)):
                for column in range(j * block, min((j + 1) * block, width)):
                    code = codes[row, column]
                    if code >= 0 and counts[code]:
                        n = counts[code]
                        if best < 0 or n > counts[best] or (n == counts[best] and code < best):
                            best = code
            out[i, j] = best
            for row in range(i * block, min((i + 1) * block, height)):
                for column in range(j * block, min((j + 1) * block, width)):
                    if codes[row, column] >= 0:
                        counts[codes[row, column]] = 0
