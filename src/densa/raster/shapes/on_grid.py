"""Geometries of a reference system as polygons in the pixels of a raster."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.warp import transform_bounds

from densa.errors import InputError
from densa.raster.alignment import Converter, Frame, forward, system_name
from densa.raster.earth.ground import ground_of
from densa.raster.raster import Raster

__all__ = ["Placed", "metres_per_pixel", "near", "place_on_grid", "thickened"]

_FARTHEST = 1e9  # pixels from the corner of the image
_GRID = 2.0**16  # parts of a pixel that coordinates are rounded to, so that windows give what the whole image gives
_LEAST_RADIUS = np.sqrt(0.5)  # of a pen, in pixels: at least the pixels nearest to the line
_QUARTER = 16  # corners of a quarter of a circle


class Placed(NamedTuple):
    """Geometries in pixels: x is the column, y the row, and the corner of the first pixel is (0, 0).

    Attributes:
        geometries: (n,) shapely geometries.
        numbers: (n,) which of the given geometries they are; those far away are left out.
        n_nowhere: given geometries that have no place in the raster's reference system.
    """

    geometries: NDArray[np.object_]
    numbers: NDArray[np.intp]
    n_nowhere: int


def near(geometries: NDArray[np.object_], crs: Any, frame: Frame, *, margin: float = 0.0) -> NDArray[np.intp]:
    """Numbers of the geometries whose box meets a raster, or may: all where that cannot be told in their system.

    Args:
        geometries: (n,) shapely geometries.
        crs: their reference system; None where it is not known.
        frame: where the raster lies.
        margin: pixels around the raster that count as its own.
    """
    everything = np.arange(len(geometries))
    place = frame.georeference
    if place is None or crs is None or place.crs is None:
        return everything
    columns, rows = np.meshgrid([-margin, frame.width + margin], [-margin, frame.height + margin])
    x, y = forward(place, columns, rows)
    try:
        box = transform_bounds(place.crs, crs, x.min(), y.min(), x.max(), y.max(), densify_pts=21)
    except (RasterioError, CPLE_BaseError):
        return everything
    west, south, east, north = box
    turn = crs.is_geographic and (east < west or place.crs.is_geographic)  # across the date line, or 0..360
    if not np.isfinite(box).all() or turn:
        return everything
    bounds = shapely.bounds(geometries)
    slack = 0.01 * max(east - west, north - south)
    meets = (bounds[:, 0] <= east + slack) & (bounds[:, 2] >= west - slack)
    return np.flatnonzero(meets & (bounds[:, 1] <= north + slack) & (bounds[:, 3] >= south - slack))


def metres_per_pixel(image: Raster) -> float:
    """Side of a square with the area of a pixel in the middle of an image, in metres.

    Raises:
        InputError: the image has no reference system that tells it.
    """
    ground = ground_of(image, image.width)
    if ground.unit != "m2":
        raise InputError(f"widths in metres need an image with a reference system, {image.path} has none; give pixels")
    row = image.height // 2
    return math.sqrt(float(ground.areas(row, row + 1).values.mean()) * ground.unit_area)


def place_on_grid(geometries: NDArray[np.object_], crs: Any, frame: Frame, *, path: Path, pixels: bool) -> Placed:
    """Geometries of a vector file in the pixels of a raster.

    Vertices are transformed, edges between them stay straight, as in GDAL. An image without a georeference takes
    coordinates as columns and rows; where all rows are negative, as QGIS shows such images, their sign is changed.

    Args:
        geometries: (n,) shapely geometries.
        crs: their reference system; None where the file names none.
        frame: where the raster lies.
        path: the vector file, for messages.
        pixels: the coordinates may be pixels, where the raster has no georeference.

    Raises:
        InputError: only one of file and raster has a reference system, or the systems cannot be converted.
    """
    place = frame.georeference
    if place is None:
        if frame.is_placed:
            raise InputError(
                f"{frame.path} has ground control points only, {path} cannot be laid over it; warp it first: gdalwarp"
                f" -tps {frame.path} {frame.path.stem}-warped.tif"
            )
        if not pixels:
            raise InputError(
                f"{path} is in {system_name(crs)}, but {frame.path} has no georeference; give the image one, or shapes"
                " in pixels (a .geojson, or a layer without a reference system)"
            )
        placed = _in_pixels(geometries)
    else:
        crs = None if pixels and place.crs is None else crs
        if (crs is None) != (place.crs is None):
            without, other, system = (path, frame.path, place.crs) if crs is None else (frame.path, path, crs)
            raise InputError(
                f"{without} names no reference system, {other} is in {system_name(system)}: where it lies is not known;"
                f" assign it one (QGIS: Set Layer CRS; ogr2ogr or gdal_edit.py: -a_srs {system_name(system)})"
            )
        placed = _converted(geometries, Converter(crs, place, frame))
    with np.errstate(invalid="ignore"):
        near = (np.abs(shapely.bounds(placed)) < _FARTHEST).all(axis=1)
    return Placed(placed[near], np.flatnonzero(near), int((~near).sum()))


def _converted(geometries: NDArray[np.object_], convert: Converter) -> NDArray[np.object_]:
    """Geometries in pixels; None for those that have no place there, for which PROJ fails altogether."""

    def moved(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack(convert(xy[:, 0], xy[:, 1]), axis=1)

    try:
        return shapely.transform(geometries, moved)
    except InputError as error:
        found = np.empty(len(geometries), object)
        for i, geometry in enumerate(geometries):
            with suppress(InputError):
                found[i] = shapely.transform(geometry, moved)
        if all(geometry is None for geometry in found):
            raise error
        return found


def _in_pixels(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    bounds = shapely.bounds(geometries)
    below = len(bounds) > 0 and bool((bounds[:, 3] <= 0).all() and (bounds[:, 1] < 0).any())
    return shapely.transform(geometries, lambda xy: xy * (1, -1)) if below else geometries


def thickened(geometries: NDArray[np.object_], widths: ArrayLike) -> NDArray[np.object_]:
    """Polygons as they are; lines and points as the area of a round pen, at least the pixels nearest to them.

    Args:
        geometries: (n,) shapely geometries in pixels.
        widths: of the pen in pixels, one or (n,).

    Returns:
        (n,) polygons and multi-polygons, some of them empty, with coordinates rounded to 2^-16 pixel.
    """
    kinds = shapely.get_type_id(geometries)
    radii = np.maximum(np.broadcast_to(np.asarray(widths, np.float64), geometries.shape) / 2, _LEAST_RADIUS)
    made = geometries.copy()
    thin = np.isin(kinds, (0, 1, 2, 4, 5))
    made[thin] = shapely.buffer(geometries[thin], radii[thin], quad_segs=_QUARTER)
    mixed = kinds == 7
    for i in np.flatnonzero(mixed):
        parts = shapely.get_parts(geometries[i])
        made[i] = shapely.union_all(thickened(parts, np.full(len(parts), 2 * radii[i])))
    return shapely.transform(made, lambda xy: np.round(xy * _GRID) / _GRID)
