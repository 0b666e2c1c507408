"""Vector files that are written batch by batch: GeoJSON, GeoPackage, FlatGeobuf."""

from __future__ import annotations

import json
import math
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.warp import transform as reproject

from densa.errors import InputError
from densa.raster.gdal import gdal_errors
from densa.raster.vector.style import QgisStyle, add_style

__all__ = [
    "FlatGeobufFile",
    "GeoJsonFile",
    "GeoPackageFile",
    "PolygonTable",
    "VectorFile",
    "require_pyogrio",
    "vector_errors",
]

_DECIMALS = 8  # of degrees: a millimetre
_encode_json = json.JSONEncoder(ensure_ascii=False).encode  # `json.dumps` would make an encoder for every value


class PolygonTable(NamedTuple):
    """Polygons and their attributes, in map coordinates."""

    geometries: NDArray[np.object_]  # well-known binary
    columns: dict[str, NDArray[Any]]


class VectorFile(Protocol):
    """A file that is written batch by batch."""

    def write(self, table: PolygonTable) -> None:
        """Add polygons; the columns are the same every time."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: Any, error: BaseException | None, trace: TracebackType | None) -> None: ...


class GeoJsonFile:
    """RFC 7946: longitude and latitude on WGS 84; pixels, with a note, if the map has no reference system."""

    def __init__(self, path: Path, layer: str, crs: Any) -> None:
        self._crs = crs
        self._separator = ""
        self._file = path.open("w", encoding="utf-8")
        note = "" if crs is not None else ' "note": "not on the Earth: the map has no reference system",\n'
        try:
            self._file.write(f'{{"type": "FeatureCollection", "name": {json.dumps(layer)},\n{note} "features": [')
        except OSError:
            with suppress(OSError):
                self._file.close()
            raise

    def write(self, table: PolygonTable) -> None:
        """Add features."""
        geometries = shapely.from_wkb(table.geometries)
        if self._crs is not None:
            geometries = shapely.transform(geometries, self._to_wgs84)
        names = [json.dumps(name) for name in table.columns]
        columns = [values.tolist() for values in table.columns.values()]
        for geometry, *values in zip(shapely.to_geojson(geometries), *columns, strict=True):
            shown = ", ".join(f"{name}: {_json(value)}" for name, value in zip(names, values, strict=True))
            self._file.write(
                f'{self._separator}\n{{"type": "Feature", "properties": {{{shown}}}, "geometry": {geometry}}}'
            )
            self._separator = ","

    def _to_wgs84(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        longitude, latitude = reproject(self._crs, "EPSG:4326", places[:, 0], places[:, 1])
        return np.round(np.stack([longitude, latitude], axis=1), _DECIMALS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._file:
            if error is None:
                self._file.write("\n]}\n")


def _json(value: Any) -> str:
    if isinstance(value, float):
        if not math.isfinite(value):
            return "null"
        return f"{value:.6g}" if abs(value) < 1 else f"{value:.3f}".rstrip("0").rstrip(".")
    return _encode_json(value)


class GeoPackageFile:
    """A layer of a GeoPackage, with a QGIS style."""

    def __init__(self, path: Path, shown: Path, layer: str, crs: Any, style: QgisStyle, index: bool = True) -> None:
        require_pyogrio(shown)
        self._path, self._shown, self._layer, self._style, self._index = path, shown, layer, style, index
        self._crs = None if crs is None else crs.to_wkt()
        self._exists = False
        self.n_written = 0

    def write(self, table: PolygonTable) -> None:
        """Append polygons to the layer."""
        import pyogrio

        fields = list(table.columns)
        with vector_errors(self._shown):
            pyogrio.raw.write(
                str(self._path),
                table.geometries,
                list(table.columns.values()),
                fields,
                layer=self._layer,
                driver="GPKG",
                geometry_type="Polygon",
                crs=self._crs,
                append=self._exists,
                **({} if self._exists else {"SPATIAL_INDEX": "YES" if self._index else "NO"}),
            )
        self._exists = True
        self.n_written += len(table.geometries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            with vector_errors(self._shown):
                _check_complete(self._path, self._layer, self.n_written)
                add_style(self._path, self._layer, self._style)


class FlatGeobufFile:
    """A FlatGeobuf file; the format cannot be appended to, so a GeoPackage beside it collects the polygons first."""

    def __init__(self, path: Path, shown: Path, layer: str, crs: Any, style: QgisStyle) -> None:
        self._path, self._shown, self._layer = path, shown, layer
        self._crs = None if crs is None else crs.to_wkt()
        self._gathered = path.with_name(path.name + ".gpkg")
        self._package = GeoPackageFile(self._gathered, shown, layer, crs, style, index=False)

    def write(self, table: PolygonTable) -> None:
        """Add polygons to the temporary GeoPackage."""
        self._package.write(table)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if error is None:
                self._convert()
        finally:
            for suffix in ("", "-journal", "-wal", "-shm"):
                Path(f"{self._gathered}{suffix}").unlink(missing_ok=True)

    def _convert(self) -> None:
        import pyogrio

        with (
            vector_errors(self._shown),
            pyogrio.raw.open_arrow(str(self._gathered), layer=self._layer, batch_size=4096) as (about, stream),
        ):
            pyogrio.raw.write_arrow(
                stream,
                str(self._path),
                layer=self._layer,
                driver="FlatGeobuf",
                geometry_name=about["geometry_name"],
                geometry_type="Polygon",
                crs=self._crs,
            )
        with vector_errors(self._shown):
            _check_complete(self._path, self._layer, self._package.n_written)


def require_pyogrio(path: Path) -> None:
    """Raise an `InputError` for a format that needs pyogrio if it is not installed."""
    try:
        import pyogrio  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"{path}: writing {path.suffix} files needs pyogrio, which is not installed;"
            " pip install 'densa[vector]', or write .geojson"
        ) from error


def _check_complete(path: Path, layer: str, n_polygons: int) -> None:
    """Check that all polygons arrived: GDAL may report no error if the disk is full while it closes the file."""
    import pyogrio

    n_found = pyogrio.read_info(str(path), layer=layer, force_feature_count=True)["features"]
    if n_found == n_polygons > 0:  # the count may come from FlatGeobuf's header: read the last polygon too
        last = pyogrio.raw.read(str(path), layer=layer, skip_features=n_polygons - 1)
        n_found = n_polygons - 1 + len(last[2])
    if n_found != n_polygons:
        raise OSError(f"{n_found} of {n_polygons} polygons were written; is the disk full or a quota reached?")


@contextmanager
def vector_errors(path: Path) -> Iterator[None]:
    """Turn exceptions of pyogrio and SQLite into an `InputError` that names the file."""
    with warnings.catch_warnings(), gdal_errors(path, "written"):
        warnings.filterwarnings("ignore", message="'crs' was not provided")
        try:
            yield
        except (RuntimeError, sqlite3.Error) as error:
            raise OSError(f"{error}") from error
