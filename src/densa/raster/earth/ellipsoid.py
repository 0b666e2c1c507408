"""The figure of the Earth behind a coordinate reference system: positions and areas on its ellipsoid."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.warp import transform as reproject

__all__ = ["Ellipsoid", "ellipsoid_of", "metres_per_unit"]

_WRAPPERS = ("source_crs", "base_crs")  # of bound and of projected or derived systems


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid of revolution, and the longitudes and latitudes on it that a reference system is based on.

    Attributes:
        semi_major: in metres.
        eccentricity_squared: 0 for a sphere.
        crs: the reference system of map coordinates.
        geographic: the system of longitudes and latitudes of the same datum.
    """

    semi_major: float
    eccentricity_squared: float
    crs: Any
    geographic: Any

    def positions(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """(3, ...) metres from the centre of the Earth of map points; infinite where they are not on the Earth."""
        longitude, latitude = x, y
        if self.crs != self.geographic:
            try:
                found = reproject(self.crs, self.geographic, x.ravel(), y.ravel())
            except (RasterioError, CPLE_BaseError):
                return np.full((3, *x.shape), np.inf)
            longitude, latitude = (np.asarray(values).reshape(x.shape) for values in found)
        with np.errstate(invalid="ignore"):
            longitude, latitude = (self._radian * values for values in (longitude, latitude))
            normal = self.semi_major / np.sqrt(1 - self.eccentricity_squared * np.sin(latitude) ** 2)
            axis = normal * np.cos(latitude)
            height = (1 - self.eccentricity_squared) * normal * np.sin(latitude)
            return np.stack([axis * np.cos(longitude), axis * np.sin(longitude), height])

    def zones(self, latitudes: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Area between each two successive latitudes, in square metres for one unit of longitude.

        The closed form of the zone of an ellipsoid (Snyder, "Map projections: a working manual", 1987, equation 3-12);
        there is nothing beyond the poles.
        """
        phi = np.clip(self._radian * latitudes, -math.pi / 2, math.pi / 2)
        e, sine = math.sqrt(self.eccentricity_squared), np.sin(phi)
        q = sine / (1 - self.eccentricity_squared * sine**2) + (np.arctanh(e * sine) / e if e else sine)
        return np.abs(np.diff(q)) * self._radian * self.semi_major**2 * (1 - self.eccentricity_squared) / 2

    def arcs(self, latitudes: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Metres in one unit of longitude, along the parallel, and in one unit of latitude, along the meridian."""
        phi = np.clip(self._radian * latitudes, -math.pi / 2, math.pi / 2)
        root = 1 - self.eccentricity_squared * np.sin(phi) ** 2
        scale = self._radian * self.semi_major
        return scale * np.cos(phi) / np.sqrt(root), scale * (1 - self.eccentricity_squared) / root**1.5

    @property
    def _radian(self) -> float:
        return float(self.geographic.units_factor[1])


def ellipsoid_of(crs: Any) -> Ellipsoid | None:
    """The ellipsoid of a geographic or a projected system; None for local ones and those that cannot be read."""
    about = _description(crs)
    while about is not None and about.get("type") != "GeographicCRS":
        if about.get("type") == "CompoundCRS":
            about = about["components"][0]
        else:
            about = next((about[key] for key in _WRAPPERS if key in about), None)
    figure = None if about is None else (about.get("datum") or about.get("datum_ensemble") or {}).get("ellipsoid")
    if about is None or figure is None:
        return None
    try:
        geographic = crs if crs.is_geographic else CRS.from_user_input(json.dumps(about))
        radius = _number(figure.get("semi_major_axis", figure.get("radius")))
        if "semi_minor_axis" in figure:
            squared = 1 - (_number(figure["semi_minor_axis"]) / radius) ** 2
        else:
            flattening = 1 / _number(figure["inverse_flattening"]) if figure.get("inverse_flattening") else 0.0
            squared = flattening * (2 - flattening)
        return Ellipsoid(radius, squared, crs, geographic)
    except (RasterioError, CPLE_BaseError, TypeError, ValueError, ZeroDivisionError):
        return None


def metres_per_unit(crs: Any) -> float | None:
    """Metres in a unit of a plane map, projected or local; None where the unit is not known."""
    about = _description(crs)
    while about is not None and "coordinate_system" not in about:
        about = about["components"][0] if about.get("type") == "CompoundCRS" else about.get("source_crs")
    axes = [] if about is None else about["coordinate_system"].get("axis", [])
    unit = axes[0].get("unit") if axes else None
    if unit == "metre":
        return 1.0
    if isinstance(unit, dict) and unit.get("type") == "LinearUnit":
        return float(unit["conversion_factor"])
    return None


def _description(crs: Any) -> dict[str, Any] | None:
    try:
        return crs.to_dict(projjson=True) if crs is not None else None
    except (RasterioError, CPLE_BaseError, ValueError):
        return None


def _number(value: Any) -> float:
    """A number of metres, with or without its unit."""
    if not isinstance(value, dict):
        return float(value)
    unit = value.get("unit", "metre")
    return float(value["value"]) * (1.0 if unit == "metre" else float(unit["conversion_factor"]))
