"""Polygons of class maps or region maps of any size, from strips of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.pixel_areas import PixelAreas, pixel_areas
from densa.raster.polygons.rings import compact, finished_rings
from densa.raster.polygons.runs import OUTSIDE, LabelArray, Runs, decode_labels, encode
from densa.raster.polygons.sieve import Sieve
from densa.raster.polygons.simplify import simplify_arcs
from densa.raster.polygons.tracing import ARCS, POINTS, Borders, cut, room, trace_rows

__all__ = ["Polygon", "PolygonBatch", "Polygoniser", "polygonise"]

_CHUNK = 2**21  # pixels that are encoded at once
_POINTS = 2**18  # points that finished polygons may hold before they are passed on
_BAND = 512  # rows within which borders are simplified
_MAX_WIDTH = 2**28


@dataclass(frozen=True)
class Polygon:
    """Pixels of one label that are connected by their edges.

    Attributes:
        label: class index or region number.
        n_pixels: number of pixels.
        mean_probability: mean of the confidence, divided by 255; None if no confidence was given.
        rings: (k, 2) columns and rows of the corners, the first not repeated: the exterior, counterclockwise on the
            screen, then the holes, clockwise.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> (polygon,) = raster.polygonise(np.zeros((2, 3), np.uint8), np.full((2, 3), 255, np.uint8))
        >>> polygon.label, polygon.n_pixels, polygon.mean_probability
        (0, 6, 1.0)
        >>> polygon.rings[0].tolist()
        [[0, 0], [0, 2], [3, 2], [3, 0]]
    """

    label: int
    n_pixels: int
    mean_probability: float | None
    rings: tuple[NDArray[np.int32], ...]


class PolygonBatch(NamedTuple):
    """Polygons that were finished together; polygon i has the rings ring_first[i] to ring_first[i + 1] - 1.

    Ring r has the corners corner_first[r] to corner_first[r + 1] - 1, (n, 2) columns and rows, the first not repeated.
    The exterior comes first, counterclockwise on the screen, then the holes, clockwise.
    """

    labels: LabelArray
    n_pixels: NDArray[np.int64]
    areas: NDArray[np.int64]  # in integer units, see `Polygoniser`
    confidence: NDArray[np.int64]  # sum over the pixels
    ring_first: NDArray[np.int64]
    corner_first: NDArray[np.int64]
    corners: NDArray[np.int32]


def polygonise(
    labels: LabelArray,
    confidence: NDArray[np.uint8] | None = None,
    *,
    min_area: float = 0,
    simplify: float = 0,
) -> Iterator[Polygon]:
    """Polygons of a class map or a region map in memory.

    Args:
        labels: (H, W) uint8 class indices, 255 for no class; or int32 region numbers from 1, 0 for no region.
        confidence: (H, W) uint8 probability of the label, times 255.
        min_area: least area in pixels; smaller regions are merged, see `Polygoniser`.
        simplify: tolerance in pixels, see `Polygoniser`.

    Raises:
        InputError: another shape or type, or a negative number.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> labels = np.array([[0, 0, 1, 1], [0, 0, 0, 1]], np.uint8)
        >>> [(polygon.label, polygon.n_pixels) for polygon in raster.polygonise(labels)]
        [(0, 5), (1, 3)]
    """
    if labels.ndim != 2:
        raise InputError(f"labels must be (H, W), got the shape {labels.shape}")
    if labels.dtype not in (np.uint8, np.int32):
        raise InputError(f"labels must be uint8 classes or int32 region numbers, got {labels.dtype}")
    found: list[PolygonBatch] = []
    regions = labels.dtype == np.int32
    polygoniser = Polygoniser(labels.shape[1], found.append, regions=regions, min_area=min_area, simplify=simplify)
    polygoniser.write(labels, confidence)
    polygoniser.finish()
    for batch in found:
        yield from _polygons(batch, confidence is not None)


def _polygons(batch: PolygonBatch, with_confidence: bool) -> Iterator[Polygon]:
    bounds = batch.corner_first.tolist()
    rings = [batch.corners[begin:end] for begin, end in pairwise(bounds)]
    for i, label in enumerate(batch.labels):
        mean = float(batch.confidence[i] / (255 * batch.n_pixels[i])) if with_confidence else None
        mine = tuple(rings[batch.ring_first[i] : batch.ring_first[i + 1]])
        yield Polygon(int(label), int(batch.n_pixels[i]), mean, mine)


class Polygoniser:
    """Polygons of a class map or a region map that is given in strips of whole rows, from top to bottom.

    Polygons are connected by edges (4-connectivity). A numbered region in several pieces, even if they touch at
    corners, gives a polygon with its number for each piece. Polygons are not cut at strips: neither they nor their
    order depends on the height of the strips. The memory grows with the open polygons and their borders only.

    Regions smaller than `min_area` are merged. The borders between two regions are processed by decreasing length (of
    equally long ones first the one that begins uppermost, then leftmost); all regions of one class that are large
    enough count as one neighbour. The two sides of a border are merged if either is still smaller than `min_area` at
    that moment. The result has the class of the side that was large, otherwise of its largest original region (of equal
    ones the uppermost, then leftmost). So a small region goes to the class with which it shares the longest border,
    no valid pixel is lost, and no region that has a neighbour remains too small.

    `simplify` thins out every border once, for both of its sides, by the Douglas-Peucker algorithm ("Algorithms for the
    reduction of the number of points...", Cartographica 10, 1973): no omitted corner is farther than the tolerance
    from the line that replaces it. Corners where three regions meet, and where a border crosses every 512th row, are
    kept; a line is drawn only where no corner of the map lies between it and the stretch that it replaces (after de
    Berg, van Kreveld and Schirra, "Topologically correct subdivision simplification using the bandwidth criterion",
    Cartography and GIS 25, 1998), so borders neither cross nor touch.

    Args:
        width: columns of the map.
        sink: called with each `PolygonBatch` once the finished polygons hold as many corners as the open ones.
        regions: the map has int32 region numbers instead of uint8 classes.
        min_area: least area of a polygon, in the unit of `areas` (pixels by default); 0 keeps all. Classes only.
        simplify: tolerance in the unit of `pixel_size`; 0 keeps every corner.
        pixel_size: width and height of a pixel.
        areas: areas of the pixels of the rows begin to end - 1, in integer units; 1 by default.

    Raises:
        InputError: width below 1 or above 2^28, a negative area or tolerance, a pixel size that is not positive, or
            `min_area` for regions.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> batches = []
        >>> polygoniser = raster.Polygoniser(4, batches.append)
        >>> polygoniser.write(np.array([[0, 0, 1, 1]], np.uint8))
        >>> polygoniser.write(np.array([[0, 0, 0, 1]], np.uint8))
        >>> polygoniser.finish()
        >>> [(batch.labels.tolist(), batch.n_pixels.tolist()) for batch in batches]
        [([0, 1], [5, 3])]
    """

    def __init__(
        self,
        width: int,
        sink: Callable[[PolygonBatch], Any],
        *,
        regions: bool = False,
        min_area: float = 0,
        simplify: float = 0,
        pixel_size: tuple[float, float] = (1.0, 1.0),
        areas: Callable[[int, int], PixelAreas] | None = None,
    ) -> None:
        if not 1 <= width <= _MAX_WIDTH:
            raise InputError(f"width must be in 1..{_MAX_WIDTH}, got {width}")
        for name, value in (("min_area", min_area), ("simplify", simplify)):
            if not 0 <= value < np.inf:
                raise InputError(f"{name} must be at least 0, got {value}")
        if not min(pixel_size) > 0:
            raise InputError(f"pixel_size must be above 0, got {pixel_size}")
        if regions and min_area > 0:
            raise InputError(
                f"min_area must be 0 for numbered regions, since it merges classes only, got {min_area};"
                " merge small regions in the map itself"
            )
        self.width = width
        self._dtype = np.dtype(np.int32 if regions else np.uint8)
        simplify = min(simplify, _MAX_WIDTH * min(pixel_size))  # a larger tolerance changes nothing
        areas = areas or partial(_ones, width)
        self._sieve = Sieve(width, min_area, areas) if min_area > 0 else None
        self._tracer = _Tracer(width, self._dtype, sink, areas, simplify, pixel_size)
        self._with_confidence: bool | None = None
        self._finished = False

    def write(self, labels: LabelArray, confidence: NDArray[np.uint8] | None = None) -> None:
        """Take the next rows.

        Args:
            labels: (h, width) uint8 class indices, 255 for no class; or, if `regions` was set, int32 region numbers
                from 1 to 2^31 - 1, 0 for no region.
            confidence: (h, width) uint8 probability of the label, times 255; for all strips or for none.

        Raises:
            InputError: another shape or type, a negative number, confidence for some strips only, or rows after
                `finish`.
        """
        self._check(labels, confidence)
        chunk = max(1, _CHUNK // self.width)
        for top in range(0, len(labels), chunk):
            rows = slice(top, top + chunk)
            part = None if confidence is None else np.ascontiguousarray(confidence[rows])
            self._push(encode(np.ascontiguousarray(labels[rows]), part))

    def finish(self) -> None:
        """Close the map after its last row; the remaining polygons go to the sink."""
        if self._finished:
            return
        self._finished = True
        if self._sieve is not None:
            for runs in self._sieve.finish():
                self._tracer.push(runs)
        self._tracer.finish()

    def _push(self, runs: Runs) -> None:
        if self._sieve is None:
            self._tracer.push(runs)
            return
        for sieved in self._sieve.push(runs):
            self._tracer.push(sieved)

    def _check(self, labels: LabelArray, confidence: NDArray[np.uint8] | None) -> None:
        if self._finished:
            raise InputError("write was called after finish; begin another Polygoniser")
        for name, array, dtype in (("labels", labels, self._dtype), ("confidence", confidence, np.uint8)):
            if array is None:
                continue
            if array.dtype != dtype:
                raise InputError(f"{name} must be {np.dtype(dtype)}, got {array.dtype}")
            if array.ndim != 2 or array.shape[1] != self.width:
                raise InputError(f"{name} must be (rows, {self.width}), got the shape {array.shape}")
        if confidence is not None and confidence.shape != labels.shape:
            raise InputError(f"confidence must have the shape {labels.shape} of the labels, got {confidence.shape}")
        if self._dtype == np.int32 and labels.size and labels.min() < 0:
            raise InputError(f"regions must be numbered from 1, with 0 for no region, got {labels.min()}")
        given = confidence is not None
        if self._with_confidence not in (None, given):
            raise InputError("confidence must be given for all strips or for none")
        self._with_confidence = given


def _ones(width: int, begin: int, end: int) -> PixelAreas:
    return pixel_areas(np.ones((end - begin, 2)), width)


class _Tracer:
    """Traces runs of rows, thins out borders, and passes finished polygons to the sink."""

    def __init__(
        self,
        width: int,
        dtype: np.dtype[Any],
        sink: Callable[[PolygonBatch], Any],
        areas: Callable[[int, int], PixelAreas],
        tolerance: float,
        pixel_size: tuple[float, float],
    ) -> None:
        self._dtype, self._sink, self._areas = dtype, sink, areas
        self._tolerance = float(tolerance)  # always float: kernels are compiled for each type
        self._pixel_size = float(pixel_size[0]), float(pixel_size[1])
        self._reserve = room(width)
        points, arcs, nodes, components = (max(4 * n, _POINTS) for n in self._reserve)
        self._spare = points, arcs, nodes, components
        self._component = np.empty(width + 2, np.int32)
        self._row = 0
        self._band_arc = 0  # first arc of the current band
        self._borders = self._empty(width)
        self._full_at = len(self._borders.points) // 2

    def _empty(self, width: int) -> Borders:
        points, arcs, nodes, components = self._spare
        borders = Borders(
            np.empty((points, 3), np.int32),
            np.empty((arcs, 7), np.int32),
            np.empty((nodes, 4), np.int32),
            np.zeros(components, np.int32),
            np.full(components, OUTSIDE, np.int32),
            np.zeros((components, 3), np.int64),
            np.empty(width + 1, np.int32),
            np.empty((3, width + 2), np.int32),
            np.array([0, 0, 0, 1, 1], np.int64),
        )
        borders.above[:, 0] = -1, OUTSIDE, 0  # the row above the map
        return borders

    def push(self, runs: Runs) -> None:
        """Trace some rows."""
        n_rows = len(runs.first) - 1
        areas = self._areas(self._row, self._row + n_rows)
        done = 0
        while done < n_rows:
            until = n_rows
            if self._tolerance > 0:  # a band ends once the corners above row 512, 1024, ... are traced
                until = min(n_rows, done + 1 + -self._row % _BAND)
            begun = done
            done = trace_rows(runs, done, until, self._row, areas, self._borders, self._component, self._reserve)
            self._row += done - begun
            if self._tolerance > 0 and done == until and self._row > 1 and (self._row - 1) % _BAND == 0:
                self._end_band()
            elif done < until:
                self._make_room()

    def finish(self) -> None:
        """Close the map with an empty row below it."""
        zero = np.zeros(1, np.int64)
        below = Runs(np.array([0, 1]), np.full(1, -1, np.int32), np.full(1, OUTSIDE, np.int32), zero)
        nothing = pixel_areas(np.zeros((1, 2)), 1)
        while not trace_rows(below, 0, 1, self._row, nothing, self._borders, self._component, self._reserve):
            self._make_room()
        if self._tolerance > 0:
            self._simplify()
        self._collect()

    def _make_room(self) -> None:
        if self._tolerance > 0:  # finished polygons are passed on between bands only
            self._borders = _grown(self._borders)
        else:
            self._collect()

    def _end_band(self) -> None:
        used = self._borders.counts
        sizes = [len(array) for array in self._borders[:3]]
        if any(used[k] + self._reserve[k] > sizes[k] for k in range(3)):
            self._borders = _grown(self._borders)
        end = int(self._borders.counts[ARCS])
        cut(self._row - 1, self._borders)
        self._simplify(end)
        n_begun = int(self._borders.counts[ARCS]) - end
        if self._borders.counts[POINTS] > self._full_at:
            self._collect()
        self._band_arc = int(self._borders.counts[ARCS]) - n_begun

    def _simplify(self, end: int | None = None) -> None:
        end = int(self._borders.counts[ARCS]) if end is None else end
        simplify_arcs(self._borders, self._band_arc, end, self._tolerance, self._pixel_size)

    def _collect(self) -> None:
        batch = self._take_finished()
        self._borders = compact(self._borders, self._spare)  # before the sink, which needs memory too
        self._full_at = len(self._borders.points) // 2
        if len(batch.labels):
            self._sink(batch)

    def _take_finished(self) -> PolygonBatch:
        rings = finished_rings(self._borders, straighten=self._tolerance == 0)
        labels = decode_labels(self._borders.labels[rings.component], self._dtype)
        sums = self._borders.sums[rings.component]
        return PolygonBatch._make([labels, *np.ascontiguousarray(sums.T), *rings[1:]])


def _grown(borders: Borders) -> Borders:
    """The same borders in arrays half as large again."""
    larger = [np.concatenate([array, np.empty_like(array[: len(array) // 2 + 1])]) for array in borders[:6]]
    return Borders._make([*larger, borders.frontier, borders.above, borders.counts])
