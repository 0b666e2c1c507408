"""Vector files in: geometries and attributes of GeoPackage, GeoJSON, Shapefile and FlatGeobuf."""

from __future__ import annotations

import json
import sqlite3
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError

from densa.errors import InputError, one_line
from densa.machine import memory_bytes
from densa.raster.gdal import gdal_errors

__all__ = ["VECTOR_FILES", "Features", "Layer", "open_layer"]

VECTOR_FILES = {".gpkg", ".geojson", ".json", ".shp", ".fgb"}
"""Suffixes of the vector files that are read."""

LARGEST_GEOJSON = 1 << 29  # bytes
_MARKS = {".gpkg": b"SQLite format 3\0", ".shp": b"\0\0\x27\x0a", ".fgb": b"fgb\x03"}
_KINDS = {".gpkg": "GeoPackage", ".shp": "Shapefile", ".fgb": "FlatGeobuf"}
_LAYER = "#layer="
_FARTHEST = 1e12  # no coordinate on the Earth is beyond it, in any unit


@dataclass(frozen=True)
class Features:
    """The features of a layer that have a geometry.

    Attributes:
        geometries: (n,) shapely geometries in two dimensions, valid and not empty.
        columns: (n,) values of each attribute that was asked for, by name; None or NaN where a feature has none.
        n_without: features that were left out: no geometry, an empty one, one that cannot be read or whose coordinates
            are not finite, or nowhere on the Earth.
        n_mended: polygons that crossed themselves and were made valid.
    """

    geometries: NDArray[np.object_]
    columns: dict[str, NDArray[Any]]
    n_without: int = 0
    n_mended: int = 0


@dataclass(frozen=True)
class Layer:
    """A layer of a vector file.

    Attributes:
        path: of the file.
        name: of the layer.
        crs: its reference system, a `rasterio.crs.CRS`; None where the file names none.
        fields: names of its attributes.
        may_be_pixels: coordinates of an image without georeference are columns and rows: the file names no reference
            system, or is a GeoJSON file, which has none but longitudes and latitudes.
    """

    path: Path
    name: str
    crs: CRS | None
    fields: tuple[str, ...]
    may_be_pixels: bool
    _load: Callable[[Sequence[str]], tuple[NDArray[np.object_], dict[str, NDArray[Any]]]]

    def read(self, fields: Sequence[str] = ()) -> Features:
        """Read the features, in the order of the file, with some of their attributes.

        Raises:
            InputError: the layer has no such attribute (the message lists those that it has), or cannot be read.
        """
        if missing := [name for name in fields if name not in self.fields]:
            has = ", ".join(self.fields) or "none"
            raise InputError(f"{self.path} has no field {missing[0]!r}; its fields: {has}")
        geometries, columns = self._load(list(dict.fromkeys(fields)))
        return _sound(geometries, columns)


def open_layer(path: Path | str) -> Layer:
    """Open a layer of a vector file.

    Args:
        path: a .gpkg, .shp, .fgb, .geojson or .json; "FILE#layer=NAME" names the layer of a file with several.

    Raises:
        InputError: the file is missing, damaged, too large or of another kind; it has several layers and none is named;
            pyogrio, which all formats but GeoJSON need, is not installed.
    """
    text, mark, layer = str(path).partition(_LAYER)
    file = Path(text)
    if not file.is_file():
        raise InputError(f"{file} cannot be read: there is no such file")
    suffix = file.suffix.lower()
    if suffix not in VECTOR_FILES:
        raise InputError(f"{file} must be a vector file ({', '.join(sorted(VECTOR_FILES))})")
    if suffix in {".geojson", ".json"}:
        if mark:
            raise InputError(f"{file} is GeoJSON, which has no layers; leave out {mark}{layer}")
        return _open_geojson(file)
    return _open_by_gdal(file, layer or None)


def _open_geojson(path: Path) -> Layer:
    try:
        if (size := path.stat().st_size) > LARGEST_GEOJSON:
            raise InputError(f"{path} has {size} bytes, at most {LARGEST_GEOJSON} are read; convert it to .gpkg")
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except RecursionError as error:
        raise InputError(f"{path} is no GeoJSON: it is nested too deeply") from error
    except ValueError as error:
        raise InputError(f"{path} is no GeoJSON: {one_line(error)}") from error
    found = content.get("features") if isinstance(content, dict) else None
    if isinstance(content, dict) and content.get("type") == "Feature":
        found = [content]
    if not isinstance(found, list) or not all(isinstance(feature, dict) for feature in found):
        raise InputError(f'{path} is no GeoJSON: it must be {{"type": "FeatureCollection", "features": [...]}}')
    rows = [properties if isinstance(properties := f.get("properties"), dict) else {} for f in found]
    fields = tuple(dict.fromkeys(str(name) for row in rows for name in row))
    named = _named_system(path, content)
    crs = CRS.from_epsg(4326) if named is None else named

    def load(wanted: Sequence[str]) -> tuple[NDArray[np.object_], dict[str, NDArray[Any]]]:
        texts = np.array([json.dumps(feature.get("geometry")) for feature in found], object)
        with np.errstate(all="ignore"):
            geometries = shapely.from_geojson(texts, on_invalid="ignore") if len(texts) else texts
        columns = {}
        for name in wanted:
            columns[name] = np.empty(len(rows), object)
            columns[name][:] = [row.get(name) for row in rows]
        return geometries, columns

    return Layer(path, path.stem, crs, fields, named is None, load)


def _named_system(path: Path, content: dict[str, Any]) -> CRS | None:
    """The reference system that GeoJSON of before 2016 may name; None where it names none."""
    named = content.get("crs")
    properties = named.get("properties") if isinstance(named, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str):
        return None
    if name.upper().endswith("CRS84"):
        return CRS.from_epsg(4326)
    try:
        return CRS.from_user_input(name)
    except CRSError as error:
        raise InputError(f"{path} names the reference system {name!r}, which is not known") from error


def _open_by_gdal(path: Path, wanted: str | None) -> Layer:
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        head = file.read(16)
    if not head.startswith(_MARKS[suffix]):
        raise InputError(f"{path} is no {_KINDS[suffix]}" + ("" if head else ": it is empty (0 bytes)"))
    if (size := path.stat().st_size) > memory_bytes() // 4:
        raise InputError(f"{path} has {size / 2**30:.1f} GiB, too much for the memory; cut out the part of the rasters")
    try:
        import pyogrio
    except ImportError as error:
        raise InputError(
            f"{path}: reading {suffix} files needs pyogrio, which is not installed; pip install 'densa[vector]', or"
            " convert it to .geojson"
        ) from error
    with _read_errors(path):
        layers = [str(name) for name, kind in pyogrio.list_layers(str(path)) if kind is not None]
        layer = _chosen(path, layers, wanted)
        info = pyogrio.read_info(str(path), layer=layer)
        crs = _system(info["crs"])

    def load(columns: Sequence[str]) -> tuple[NDArray[np.object_], dict[str, NDArray[Any]]]:
        with _read_errors(path):
            meta, _, binary, values = pyogrio.raw.read(str(path), layer=layer, columns=list(columns), force_2d=True)
            geometries = shapely.from_wkb(binary, on_invalid="ignore")
        by_name = dict(zip((str(name) for name in meta["fields"]), values, strict=True))
        return geometries, {name: by_name[name] for name in columns}

    return Layer(path, layer, crs, tuple(str(name) for name in info["fields"]), crs is None, load)


def _chosen(path: Path, layers: Sequence[str], wanted: str | None) -> str:
    """The layer to read; the only one where none is named."""
    if wanted is not None and wanted not in layers:
        raise InputError(f"{path} has no layer {wanted!r}; its layers: {', '.join(layers) or 'none'}")
    if wanted is None and len(layers) != 1:
        has = f"has {len(layers)} layers ({', '.join(layers[:10])}); name one: {path}{_LAYER}NAME" if layers else ""
        raise InputError(f"{path} {has or 'has no layer with geometries'}")
    return layers[0] if wanted is None else wanted


def _system(text: str | None) -> CRS | None:
    """A reference system; None for systems of the plane that stand for none, as GeoPackage's "undefined"."""
    if not text:
        return None
    try:
        crs = CRS.from_user_input(text)
    except CRSError:
        return None
    return crs if crs.is_geographic or crs.is_projected else None


@contextmanager
def _read_errors(path: Path) -> Iterator[None]:
    """Turn exceptions of pyogrio into an `InputError` that names the file."""
    with warnings.catch_warnings(), gdal_errors(path):
        warnings.simplefilter("ignore")
        try:
            yield
        except (RuntimeError, sqlite3.Error, AttributeError, TypeError, UnicodeError) as error:
            raise OSError(f"{error}") from error


def _sound(geometries: NDArray[np.object_], columns: dict[str, NDArray[Any]]) -> Features:
    """The features with a geometry, polygons made valid."""
    geometries = shapely.force_2d(geometries)
    kept = ~(shapely.is_missing(geometries) | shapely.is_empty(geometries))
    with np.errstate(invalid="ignore"):
        kept[kept] = (np.abs(shapely.bounds(geometries[kept])) < _FARTHEST).all(axis=1)
    geometries = geometries[kept]
    crossed = ~shapely.is_valid(geometries)
    mended = shapely.make_valid(geometries[crossed])
    flat = shapely.is_empty(mended)
    geometries[crossed] = mended
    left = np.ones(len(geometries), bool)
    left[np.flatnonzero(crossed)[flat]] = False
    chosen = np.flatnonzero(kept)[left]
    return Features(
        geometries[left],
        {name: values[chosen] for name, values in columns.items()},
        len(kept) - len(chosen),
        int(crossed.sum() - flat.sum()),
    )
