"""Whether a file of polygons can say where they are, asked before anything is computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.warp import transform as reproject

from densa.errors import InputError
from densa.raster.raster import Raster

__all__ = ["check_place", "points_remark", "warp_command"]

_SAMPLES = 9  # places along each side of the image


def check_place(path: Path, image: Raster) -> None:
    """Refuse polygons whose place on the ground would be lost.

    Args:
        path: the file of polygons.
        image: whose place they get.

    Raises:
        InputError: a GeoJSON file, whose coordinates are longitudes and latitudes, of an image whose reference system
            has none; an image with ground control points or coefficients only, in whose grid polygons are nowhere.
    """
    place = image.georeference
    if place is None and image.is_placed:
        raise InputError(
            f"polygons of {image.path} would be in pixels: it has {_what(image)} only; warp it first:"
            f" {warp_command(image)}"
        )
    if path.suffix.lower() != ".geojson" or place is None or place.crs is None:
        return
    column, row = (
        part.ravel() for part in np.meshgrid(*(np.linspace(0, side, _SAMPLES) for side in (image.width, image.height)))
    )
    a, b, c, d, e, f = tuple(place.transform)[:6]
    try:
        found = reproject(place.crs, "EPSG:4326", a * column + b * row + c, d * column + e * row + f)
    except (RasterioError, CPLE_BaseError):
        found = [[np.inf]]
    if not np.isfinite(found).any():
        raise InputError(
            f"{path} cannot be written: the reference system of {image.path} has no way to longitudes and latitudes,"
            " which GeoJSON needs; write a .gpkg or .fgb, which keep it"
        )


def points_remark(image: Raster) -> str | None:
    """A line on an image that is placed by points or coefficients and not by a grid; None for other images."""
    if image.georeference is not None or not image.is_placed:
        return None
    return (
        f"{image.path} has {_what(image)}, no grid: rasters keep its pixels and the points; for a map on the ground"
        f" warp it first: {warp_command(image)}"
    )


def warp_command(image: Raster) -> str:
    """The command that lays an image with ground control points or coefficients on a map grid."""
    if image.ground_control[0]:
        return f"gdalwarp -tps {image.path} {image.path.stem}-warped.tif"
    return (
        f"gdalwarp -rpc -t_srs EPSG:4326 {image.path} {image.path.stem}-warped.tif (with a terrain: -to RPC_DEM=FILE)"
    )


def _what(image: Raster) -> str:
    n = len(image.ground_control[0])
    return f"{n} ground control point{'s' * (n > 1)}" if n else "rational polynomial coefficients"
