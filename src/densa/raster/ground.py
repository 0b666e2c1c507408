"""Pixels on the ground: map coordinates of their corners, and their area."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.raster.raster import Raster

__all__ = ["Ground", "ground_of"]

_SEMI_MAJOR, _ECCENTRICITY_SQUARED = 6378137.0, 0.0066943799901413165  # WGS 84
_STEPS = 2**24  # integer units in the largest pixel of a geographic map: integer sums do not depend on their order


@dataclass(frozen=True)
class Ground:
    """Pixel-to-map transform and the area of pixels.

    Attributes:
        crs: rasterio's coordinate reference system, None if unknown.
        transform: a, b, c, d, e, f: x = a column + b row + c, y = d column + e row + f.
        unit: unit of areas, "m2" or "px".
        unit_area: area of one integer unit of `row_area`.
        degree: radians per map unit where the area of pixels depends on their latitude, otherwise 0.
        width: columns of the map.
    """

    crs: Any
    transform: tuple[float, ...]
    unit: str
    unit_area: float
    degree: float
    width: int

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

    def row_area(self, begin: int, end: int) -> NDArray[np.int64]:
        """Area of a pixel in each of the rows begin to end - 1, in integer units, at the middle column."""
        if not self.degree:
            return np.ones(end - begin, np.int64)
        *_, d, e, f = self.transform
        latitude = self.degree * (f + d * self.width / 2 + e * (np.arange(begin, end) + 0.5))
        share = np.maximum(np.cos(latitude), 0) / (1 - _ECCENTRICITY_SQUARED * np.sin(latitude) ** 2) ** 2
        return np.rint(share * (1 - _ECCENTRICITY_SQUARED) ** 2 * _STEPS).astype(np.int64)


def ground_of(like: Raster | None, width: int) -> Ground:
    """The ground of a raster.

    Areas are in square metres of the map for projected rasters (converted from the map's linear unit, not corrected for
    the projection's distortion), in square metres on the ellipsoid of WGS 84 at the latitude of the pixel's centre for
    geographic ones, and in pixels without a reference system or with one of unknown unit.

    Raises:
        InputError: the transform is not invertible.
    """
    place = None if like is None else like.georeference
    if like is None or place is None:
        return Ground(None, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), "px", 1.0, 0.0, width)
    transform = tuple(float(value) for value in tuple(place.transform)[:6])
    area = abs(transform[0] * transform[4] - transform[1] * transform[3])
    if not 0 < area < math.inf:
        raise InputError(f"the transform of {like.path} is not invertible: {transform}; correct its georeference")
    if place.crs is not None and place.crs.is_geographic:
        degree = float(place.crs.units_factor[1])
        # Radius of the meridian times that of the parallel: a^2 (1 - e^2) cos / (1 - e^2 sin^2)^2 <= a^2 / (1 - e^2).
        largest = area * degree**2 * _SEMI_MAJOR**2 / (1 - _ECCENTRICITY_SQUARED)
        return Ground(place.crs, transform, "m2", largest / _STEPS, degree, width)
    if place.crs is not None and place.crs.is_projected:
        metres = float(place.crs.linear_units_factor[1])
        return Ground(place.crs, transform, "m2", area * metres**2, 0.0, width)
    return Ground(place.crs, transform, "px", 1.0, 0.0, width)
