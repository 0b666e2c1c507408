"""Pixels on the ground: map coordinates of their corners, and their area."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.pixel_areas import PixelAreas, pixel_areas
from densa.raster.earth.ellipsoid import Ellipsoid, ellipsoid_of, metres_per_unit
from densa.raster.raster import Raster

__all__ = ["Ground", "ground_of"]

_UNITS = 2**24  # integer units in the largest pixel: integer sums do not depend on their order
_UNITS_OF_LENGTH = 2**20  # in the side of a square pixel of that size
_STEPS = (256, 64, 16, 4, 1)  # pixels between the nodes at which the area of a pixel is computed
_ACCURACY = 1e-5  # of the areas between nodes
_SAMPLES = 5  # blocks between nodes along each side of the map at which the accuracy is measured
_REACH = 1000.0  # metres, half of the distance over which derivatives are taken


@dataclass(frozen=True)
class Ground:
    """Pixel-to-map transform and the area of pixels.

    Attributes:
        crs: rasterio's coordinate reference system, None if unknown.
        transform: a, b, c, d, e, f: x = a column + b row + c, y = d column + e row + f.
        unit: unit of areas, "m2" or "px".
        unit_area: area of one integer unit of `areas`.
        width: columns of the map.
        ellipsoid: on which areas are measured; None where all pixels have one area.
        step: pixels between the nodes at which areas are computed; 0: they depend on the row alone.
    """

    crs: Any
    transform: tuple[float, ...]
    unit: str
    unit_area: float
    width: int
    ellipsoid: Ellipsoid | None = None
    step: int = 0

    @property
    def pixel_size(self) -> tuple[float, float]:
        """Width and height of a pixel in map units."""
        a, b, _, d, e, _ = self.transform
        return math.hypot(a, d), math.hypot(b, e)

    @property
    def mirrored(self) -> bool:
        """Whether a ring that is counterclockwise on the screen is clockwise in map coordinates (rows run upwards)."""
        a, b, _, d, e, _ = self.transform
        return a * e - b * d > 0

    def areas(self, begin: int, end: int) -> PixelAreas:
        """Areas of the pixels of the rows begin to end - 1, in integer units."""
        if self.ellipsoid is None:
            return pixel_areas(np.ones((end - begin, 2)), self.width)
        if not self.step:
            a, _, _, _, e, f = self.transform
            rows = self.ellipsoid.zones(f + e * np.arange(begin, end + 1)) * (abs(a) / self.unit_area)
            return pixel_areas(np.repeat(rows[:, None], 2, axis=1), self.width)
        nodes = _density(*self._derivatives(self.ellipsoid, begin, end)) / self.unit_area
        return pixel_areas(self._at(nodes, begin, np.arange(begin, end) + 0.5), self.step)

    @property
    def unit_length(self) -> float:
        """Length of one integer unit of `sides`."""
        pixel = self.unit_area * (1 if self.ellipsoid is None else _UNITS)
        return math.sqrt(pixel) / _UNITS_OF_LENGTH

    def sides(self, begin: int, end: int) -> tuple[PixelAreas, PixelAreas]:
        """Lengths of pixel sides in integer units, of those along rows and of those along columns.

        The former are at the upper borders of the rows begin to end, of each pixel; the latter in the rows begin to
        end - 1, at the left border of each column.
        """
        borders, rows = np.arange(begin, end + 1.0), np.arange(begin, end) + 0.5
        if self.ellipsoid is None:
            metres = (metres_per_unit(self.crs) or 1.0) / self.unit_length
            along, across = (
                np.full((n, 2), size * metres)
                for n, size in zip((len(borders), len(rows)), self.pixel_size, strict=True)
            )
        elif not self.step:
            a, _, _, _, e, f = self.transform
            parallel, _ = self.ellipsoid.arcs(f + e * borders)
            _, meridian = self.ellipsoid.arcs(f + e * rows)
            lengths = parallel * abs(a) / self.unit_length, meridian * abs(e) / self.unit_length
            along, across = (np.repeat(part[:, None], 2, axis=1) for part in lengths)
        else:
            nodes = (_length(part) / self.unit_length for part in self._derivatives(self.ellipsoid, begin, end))
            along, across = (self._at(part, begin, place) for part, place in zip(nodes, (borders, rows), strict=True))
        step = self.step or self.width
        return pixel_areas(along, step), pixel_areas(across, step)

    def _derivatives(
        self, ellipsoid: Ellipsoid, begin: int, end: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """`_derivatives` at the nodes around the rows begin to end - 1."""
        columns = self.step * np.arange(-(-self.width // self.step) + 1, dtype=np.float64)
        rows = self.step * np.arange(begin // self.step, end // self.step + 2, dtype=np.float64)
        return _derivatives(ellipsoid, self.transform, rows[:, None], columns)

    def _at(self, nodes: NDArray[np.float64], begin: int, rows: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Values at some rows, linear between those of the nodes."""
        nodes, place = _filled(nodes), rows / self.step - begin // self.step
        above = place.astype(np.int64)
        share = (place - above)[:, None]
        return nodes[above] * (1 - share) + nodes[above + 1] * share


def ground_of(like: Raster | None, width: int) -> Ground:
    """The ground of a raster.

    Areas are in square metres on the ellipsoid of the reference system, at height 0, whatever the scale of the map; in
    square metres of the plane for local systems whose unit is known; and in pixels without a reference system.

    Raises:
        InputError: the transform is not invertible.
    """
    place = None if like is None else like.georeference
    if like is None or place is None:
        return Ground(None, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), "px", 1.0, width)
    transform = tuple(float(value) for value in tuple(place.transform)[:6])
    a, b, _, d, e, f = transform
    area = abs(a * e - b * d)
    if not 0 < area < math.inf:
        raise InputError(f"the transform of {like.path} is not invertible: {transform}; correct its georeference")
    ellipsoid = ellipsoid_of(place.crs)
    if ellipsoid is not None and place.crs.is_geographic and b == d == 0:
        rows = ellipsoid.zones(f + e * np.linspace(0, like.height, min(like.height, 1024) + 1))
        largest = float(rows.max()) * abs(a) * min(like.height, 1024) / like.height
        if largest > 0:
            return Ground(place.crs, transform, "m2", largest / _UNITS, width, ellipsoid)
    elif ellipsoid is not None:
        step, largest = _spacing(ellipsoid, transform, like.height, width)
        if largest > 0:
            return Ground(place.crs, transform, "m2", largest / _UNITS, width, ellipsoid, step)
    metres = metres_per_unit(place.crs)
    if metres is not None:
        return Ground(place.crs, transform, "m2", area * metres**2, width)
    return Ground(place.crs, transform, "px", 1.0, width)


def _spacing(ellipsoid: Ellipsoid, transform: tuple[float, ...], height: int, width: int) -> tuple[int, float]:
    """The largest spacing of nodes that is accurate enough, and the largest area of a pixel that was seen."""
    largest = 0.0
    for step in _STEPS:
        rows, columns = (np.linspace(0, max(side - step, 0), _SAMPLES) for side in (height, width))
        found = [
            _derivatives(ellipsoid, transform, rows[:, None] + step * y, columns + step * x)
            for y, x in ((0, 0), (0, 1), (1, 0), (1, 1), (0.5, 0.5))
        ]
        # Lengths as well: in an equal-area projection the areas alone would not show how much they vary.
        sizes = np.array([(_density(*pair), _length(pair[0]), _length(pair[1])) for pair in found])
        sizes = sizes[:, :, np.isfinite(sizes).all(axis=(0, 1))]
        if not sizes.size:
            continue
        largest = float(sizes[:, 0].max())
        if np.abs(sizes[:4].mean(axis=0) / sizes[4] - 1).max() < _ACCURACY:
            return step, largest
    return _STEPS[-1], largest


def _derivatives(
    ellipsoid: Ellipsoid, transform: tuple[float, ...], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(..., 3) metres on the ground from pixel to pixel, along a row and along a column, at places of the map."""
    a, b, c, d, e, f = transform
    metres = ellipsoid.semi_major * math.pi / 180 if ellipsoid.crs.is_geographic else metres_per_unit(ellipsoid.crs)
    along, across = _REACH / (math.hypot(a, d) * (metres or 1.0)), _REACH / (math.hypot(b, e) * (metres or 1.0))
    row, column = (np.array(part) for part in np.broadcast_arrays(rows, columns))
    shifts = ((0, along), (0, -along), (across, 0), (-across, 0))
    y, x = (np.stack([part + shift[k] for shift in shifts]) for k, part in enumerate((row, column)))
    right, left, below, above = np.moveaxis(ellipsoid.positions(a * x + b * y + c, d * x + e * y + f), 0, -1)
    with np.errstate(invalid="ignore"):
        return (right - left) / (2 * along), (below - above) / (2 * across)


def _density(along: NDArray[np.float64], across: NDArray[np.float64]) -> NDArray[np.float64]:
    """Square metres of a pixel; NaN where the map does not reach the Earth."""
    with np.errstate(invalid="ignore"):
        return _length(np.cross(along, across))


def _length(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres; NaN where the map does not reach the Earth."""
    found = np.sqrt((vectors**2).sum(axis=-1))
    return np.where(np.isfinite(found), found, np.nan)


def _filled(densities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Densities where those that are not known are taken from the nearest column, or are 0."""
    for row in densities:
        known = np.isfinite(row)
        if not known.all():
            row[~known] = np.interp(np.flatnonzero(~known), np.flatnonzero(known), row[known]) if known.any() else 0
    return densities
