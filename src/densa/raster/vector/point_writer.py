"""Files of points with attributes: GeoPackage, FlatGeobuf, GeoJSON and CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from densa.errors import InputError
from densa.raster.atomic import atomic_output, check_suffix
from densa.raster.gdal import gdal_errors
from densa.raster.raster import Georeference
from densa.raster.vector.files import GeoJsonFile, PolygonTable, require_pyogrio, vector_errors

__all__ = ["POINT_SUFFIXES", "check_points", "write_points"]

POINT_SUFFIXES = {".gpkg", ".fgb", ".geojson", ".csv"}
_DRIVERS = {".gpkg": "GPKG", ".fgb": "FlatGeobuf"}


def check_points(path: Path | str) -> None:
    """Refuse a file that points cannot be written to, before anything is computed.

    Raises:
        InputError: another suffix, or pyogrio is missing, which .gpkg and .fgb need.
    """
    path = Path(path)
    check_suffix(path, POINT_SUFFIXES)
    if path.suffix.lower() in _DRIVERS:
        try:
            require_pyogrio(path)
        except InputError as error:
            raise InputError(f"{error} or .csv") from error


def write_points(
    path: Path | str,
    columns: ArrayLike,
    rows: ArrayLike,
    attributes: Mapping[str, Sequence[Any]],
    *,
    like: Georeference | None = None,
    overwrite: bool = False,
) -> None:
    """Write points of a raster.

    Args:
        path: .gpkg, .fgb, .geojson (longitude and latitude on WGS 84, pixels without a georeference) or .csv, which
            gets the columns `x` and `y` behind the first attribute.
        columns, rows: (n,) places in pixels; (0, 0) is the corner of the first pixel.
        attributes: (n,) integers, floats or strings by name; None where a point has none.
        like: georeference of the raster.
        overwrite: replace an existing file.

    Raises:
        InputError: as `check_points`, the file exists, or cannot be written.
    """
    path = Path(path)
    check_points(path)
    crs = None if like is None else like.crs
    x, y = np.asarray(columns, np.float64), np.asarray(rows, np.float64)
    if like is not None:
        a, b, c, d, e, f = tuple(like.transform)[:6]
        x, y = a * x + b * y + c, d * x + e * y + f
    with gdal_errors(path, "written"), atomic_output(path, overwrite) as temporary:
        if path.suffix.lower() == ".csv":
            _write_csv(temporary, x, y, attributes)
            return
        table = PolygonTable(
            shapely.to_wkb(shapely.points(x, y)), {name: _array(values) for name, values in attributes.items()}
        )
        if path.suffix.lower() == ".geojson":
            with GeoJsonFile(temporary, path.stem, crs) as file:
                file.write(table)
        else:
            _write_by_gdal(temporary, path, table, crs)


def _write_by_gdal(temporary: Path, path: Path, table: PolygonTable, crs: Any) -> None:
    import pyogrio

    with vector_errors(path):
        pyogrio.raw.write(
            str(temporary),
            table.geometries,
            list(table.columns.values()),
            list(table.columns),
            layer=path.stem,
            driver=_DRIVERS[path.suffix.lower()],
            geometry_type="Point",
            crs=None if crs is None else crs.to_wkt(),
        )


def _write_csv(
    path: Path, x: NDArray[np.float64], y: NDArray[np.float64], attributes: Mapping[str, Sequence[Any]]
) -> None:
    first, *rest = attributes
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([first, "x", "y", *rest])
        others = zip(*(attributes[name] for name in rest), strict=True)
        for begin, place_x, place_y, values in zip(attributes[first], x.tolist(), y.tolist(), others, strict=True):
            writer.writerow([begin, repr(place_x), repr(place_y), *("" if v is None else v for v in values)])


def _array(values: Sequence[Any]) -> NDArray[Any]:
    """A column as the files store it: int64, float64, or strings and None."""
    found = np.asarray(values)
    if found.dtype.kind in "iu":
        return found.astype(np.int64)
    if found.dtype.kind == "f":
        return found
    strings = np.empty(len(values), object)
    strings[:] = [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
    return strings
