"""Points with attributes, as they come back with reference classes: GeoPackage, GeoJSON, Shapefile, FlatGeobuf, CSV."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from densa.accuracy.design import COLUMN, SampleDesign
from densa.errors import InputError, one_line
from densa.locations import without_layer
from densa.raster import Raster
from densa.raster.alignment import frame_of, system_named
from densa.raster.shapes.on_grid import place_on_grid
from densa.raster.shapes.vector_files import VECTOR_FILES, open_layer

__all__ = ["POINT_FILES", "PointTable", "read_points"]

POINT_FILES = {*VECTOR_FILES, ".csv"}
"""Suffixes of the files of points that are read."""

_LARGEST_CSV = 1 << 29  # bytes
_PLACES = (("x", "y"), ("lon", "lat"), ("longitude", "latitude"), ("column", "row"))


@dataclass(frozen=True)
class PointTable:
    """Points on the grid of a raster.

    Attributes:
        path: the file.
        columns, rows: (n,) float64 place in pixels; NaN where a point has no place in the raster's reference system.
        attributes: (n,) values by name; None or NaN where a point has none.
        design: how they were drawn; None where the file does not say it.
        n_without: features of the file without a geometry, which are left out.
    """

    path: Path
    columns: NDArray[np.float64]
    rows: NDArray[np.float64]
    attributes: dict[str, list[Any]]
    design: SampleDesign | None
    n_without: int = 0

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def ids(self) -> list[str]:
        """What the points are called in messages: their `id`, or else their number from 1."""
        given = self.attributes.get("id")
        return [str(k) if is_empty(v) else text_of(v) for k, v in enumerate(given or [None] * len(self), 1)]

    def column(self, name: str) -> list[Any]:
        """The values of an attribute.

        Raises:
            InputError: there is none of this name; the message lists those that there are.
        """
        if name not in self.attributes:
            has = ", ".join(known for known in self.attributes if known != COLUMN) or "none"
            raise InputError(f"{self.path} has no field {name!r}; its fields: {has}")
        return self.attributes[name]


def is_empty(value: Any) -> bool:
    """Whether a cell holds nothing."""
    return (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or (isinstance(value, str) and not value.strip())
    )


def text_of(value: Any) -> str:
    """A cell as text: whole numbers without a fraction."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def read_points(path: Path | str, raster: Raster) -> PointTable:
    """Read points and lay them over a raster.

    A CSV file has the coordinates `x` and `y` in the reference system of the map that was sampled, or else of the
    raster; `lon` and `lat`; or `column` and `row` in pixels.

    Args:
        path: .gpkg, .geojson, .json, .shp, .fgb or .csv; "FILE#layer=NAME" names a layer.
        raster: the map.

    Raises:
        InputError: the file is missing, damaged, too large or has no points; only one of both names a reference
            system.
    """
    file = without_layer(path)
    if file.suffix.lower() not in POINT_FILES:
        raise InputError(f"{file} must be a file of points ({', '.join(sorted(POINT_FILES))})")
    if file.suffix.lower() == ".csv":
        return _read_csv(file, raster)
    layer = open_layer(path)
    found = layer.read(layer.fields)
    if not len(found.geometries):
        raise InputError(f"{file} has no points")
    if (shapely.get_type_id(found.geometries) != 0).any():
        kinds = sorted({geometry.geom_type for geometry in found.geometries} - {"Point"})
        raise InputError(f"{file} must hold points, got {', '.join(kinds)}; take the centroids, or points inside")
    placed = place_on_grid(found.geometries, layer.crs, frame_of(raster), path=file, pixels=layer.may_be_pixels)
    columns, rows = np.full((2, len(found.geometries)), np.nan)
    columns[placed.numbers], rows[placed.numbers] = shapely.get_x(placed.geometries), shapely.get_y(placed.geometries)
    attributes = {name: list(values.tolist()) for name, values in found.columns.items()}
    return PointTable(file, columns, rows, attributes, _design(file, attributes), found.n_without)


def _read_csv(path: Path, raster: Raster) -> PointTable:
    names, table = _rows_of_csv(path)
    attributes = {name: [row[k] or None for row in table] for k, name in enumerate(names)}
    design = _design(path, attributes)
    folded = {name.strip().lower(): name for name in reversed(names)}
    pair = next((pair for pair in _PLACES if folded.keys() >= set(pair)), None)
    if pair is None:
        raise InputError(
            f"{path} must have the columns x and y, lon and lat, or column and row; its columns: {', '.join(names)}"
        )
    values = [_numbers(path, folded[name], attributes[folded[name]]) for name in pair]
    if pair == ("column", "row"):
        columns, rows = (value + 0.5 for value in values)
        return PointTable(path, columns, rows, attributes, design)
    place = raster.georeference
    crs = None if place is None else place.crs
    if crs is not None and pair != ("x", "y"):
        crs = system_named("EPSG:4326", path)
    elif crs is not None and design is not None and design.crs:
        crs = system_named(design.crs, path)
    points = shapely.points(*values)
    placed = place_on_grid(points, crs, frame_of(raster), path=path, pixels=crs is None)
    columns, rows = np.full((2, len(points)), np.nan)
    columns[placed.numbers], rows[placed.numbers] = shapely.get_x(placed.geometries), shapely.get_y(placed.geometries)
    return PointTable(path, columns, rows, attributes, design)


def _rows_of_csv(path: Path) -> tuple[list[str], list[list[str]]]:
    """Names of the columns, and the rows; separated by commas, semicolons or tabs."""
    try:
        if (size := path.stat().st_size) > _LARGEST_CSV:
            raise InputError(f"{path} has {size} bytes, at most {_LARGEST_CSV} are read; convert it to .gpkg")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {one_line(error)}") from error
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    try:
        rows = [row for row in csv.reader(text.splitlines(), delimiter=separator) if any(row)]
    except csv.Error as error:
        raise InputError(f"{path} cannot be read: {one_line(error)}") from error
    if len(rows) < 2:
        raise InputError(f"{path} has no points: it must have a line of column names and one for each point")
    names = [name.strip() for name in rows[0]]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{path} has two columns named {twice!r}; rename one")
    for number, row in enumerate(rows[1:], 2):
        if len(row) > len(names):
            raise InputError(f"line {number} of {path} has {len(row)} cells, but there are {len(names)} columns")
    return names, [row + [""] * (len(names) - len(row)) for row in rows[1:]]


def _numbers(path: Path, name: str, values: Sequence[Any]) -> NDArray[np.float64]:
    found = np.full(len(values), np.nan)
    for k, value in enumerate(values):
        try:
            found[k] = float(str(value).replace(",", "."))
        except ValueError as error:
            raise InputError(
                f"line {k + 2} of {path} must have a number in the column {name}, got {value!r}"
            ) from error
    return found


def _design(path: Path, attributes: dict[str, list[Any]]) -> SampleDesign | None:
    """The design in the points of `densa sample`; None in others.

    Raises:
        InputError: the points were drawn by `densa sample`, but their design is lost.
    """
    cells = [cell for cell in attributes.get(COLUMN, ()) if not is_empty(cell)]
    if cells and str(cells[0]).lstrip().startswith("{"):
        return SampleDesign.of_text(str(cells[0]), f"the column {COLUMN} of {path}")
    if {"stratum", "inclusion_probability"} <= set(attributes):
        raise InputError(
            f"{path} has lost the design of its sample, which `densa sample` wrote into the column {COLUMN} of one of"
            " its points; restore that point, or draw anew"
        )
    return None
