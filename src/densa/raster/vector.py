"""Polygons of a label map as a file for geographic information systems."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import shapely
from numpy.typing import NDArray

from densa.errors import InputError
from densa.legend import IGNORE, Legend
from densa.raster.atomic import atomic_output
from densa.raster.polygons import PolygonBatch, Polygoniser
from densa.raster.raster import Raster
from densa.raster.vector_files import (
    FlatGeobufFile,
    GeoJsonFile,
    GeoPackageFile,
    PolygonTable,
    VectorFile,
    require_pyogrio,
)
from densa.raster.vector_ground import Ground, ground_of
from densa.raster.write import check_suffix, close_all

__all__ = ["VECTOR_SUFFIXES", "PolygonWriter"]

VECTOR_SUFFIXES = {".geojson", ".gpkg", ".fgb"}
_MOST_POLYGONS = 50_000  # that are written at once
_MOST_CORNERS = 2_000_000


class PolygonWriter:
    """Writes the polygons of a label map that is given in strips, from top to bottom.

    The file appears under its name when all went well. Its columns: `class` (index), `name`, `area_m2` (or `area_px`),
    and `mean_probability` where a confidence is given. The area is that of the labelled pixels, before borders are
    simplified: in the square metres of a projected map, of the ellipsoid for longitudes and latitudes, otherwise in
    pixels.

    Args:
        path: .gpkg (with a QGIS style), .fgb, or .geojson (longitude and latitude of WGS 84, pixels without a
            georeference).
        legend: names and colours of the classes.
        like: raster whose georeference the polygons get.
        width: columns of the label map.
        min_area: in square metres, or pixels as `area_px`; smaller polygons are merged, see `Polygoniser`.
        simplify: tolerance in map units (degrees for longitudes and latitudes), pixels without a georeference.
        overwrite: replace a file that exists.

    Raises:
        InputError: another suffix, pyogrio is not installed, the file exists, or the disk is full.
    """

    def __init__(
        self,
        path: Path | str,
        legend: Legend,
        *,
        like: Raster | None = None,
        width: int,
        min_area: float = 0,
        simplify: float = 0,
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path)
        check_suffix(self.path, VECTOR_SUFFIXES)
        if self.path.suffix.lower() != ".geojson":
            require_pyogrio(self.path)
        if like is not None and like.width != width:
            raise InputError(f"the label map has {width} columns, {like.path} has {like.width}; they must be the same")
        self._legend, self._overwrite = legend, overwrite
        self._ground = ground_of(like, width)
        self._polygoniser = Polygoniser(
            width,
            self._add,
            min_area=min_area / self._ground.unit_area,
            simplify=simplify,
            pixel_size=self._ground.pixel_size,
            row_area=self._ground.row_area,
        )
        self._known = np.zeros(256, bool)
        self._known[: legend.n_classes] = self._known[IGNORE] = True
        self._names = np.array(legend.class_names, object)
        self._with_confidence = False
        self._stack = ExitStack()
        self._file: VectorFile | None = None
        self._is_empty = True

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_output(self.path, self._overwrite))
            self._file = stack.enter_context(_file(temporary, self.path, self._ground, self._legend))
            self._stack = stack.pop_all()
        return self

    def write(self, labels: NDArray[np.uint8], confidence: NDArray[np.uint8] | None = None) -> None:
        """Take the next rows.

        Args:
            labels: (h, width) uint8 class indices, 255 where there is none.
            confidence: (h, width) uint8 probability of the label, times 255; for all strips or for none.

        Raises:
            InputError: another shape or type, a label that is no class, confidence for some strips only.
        """
        if self._file is None:
            raise InputError("PolygonWriter takes rows inside its with block only; open another one")
        if labels.dtype == np.uint8 and not self._known[labels].all():
            wrong = int(labels[~self._known[labels]][0])
            raise InputError(f"labels must be 0..{self._legend.n_classes - 1} or {IGNORE}, got {wrong}")
        self._with_confidence = confidence is not None
        self._polygoniser.write(labels, confidence)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._finish()
        except BaseException as failure:
            error = failure
            raise
        finally:
            self._file = None
            close_all(self._stack, error)

    def _finish(self) -> None:
        self._polygoniser.finish()
        if self._is_empty and self._file is not None:  # a map without polygons is a file all the same
            self._file.write(self._table(_no_polygons()))

    def _add(self, batch: PolygonBatch) -> None:
        if self._file is None:
            return
        self._is_empty = False
        for part in _parts(batch):
            self._file.write(self._table(part))

    def _table(self, batch: PolygonBatch) -> PolygonTable:
        columns: dict[str, NDArray[Any]] = {
            "class": batch.labels.astype(np.int32),
            "name": self._names[batch.labels],
            f"area_{self._ground.unit}": batch.areas * self._ground.unit_area,
        }
        if self._with_confidence:
            columns["mean_probability"] = batch.confidence / (255 * batch.n_pixels)
        return PolygonTable(_geometries(batch, self._ground), columns)


def _file(temporary: Path, shown: Path, ground: Ground, legend: Legend) -> Any:
    layer = shown.stem
    if shown.suffix.lower() == ".geojson":
        return GeoJsonFile(temporary, layer, ground.crs)
    kind = GeoPackageFile if shown.suffix.lower() == ".gpkg" else FlatGeobufFile
    return kind(temporary, shown, layer, ground.crs, legend)


def _parts(batch: PolygonBatch) -> list[PolygonBatch]:
    """The batch in pieces of bounded size; a polygon stays whole."""
    corners = batch.corner_first[batch.ring_first]  # first corner of each polygon
    parts, begin = [], 0
    while begin < len(batch.labels):
        end = int(np.searchsorted(corners, corners[begin] + _MOST_CORNERS, side="right")) - 1
        end = min(max(end, begin + 1), begin + _MOST_POLYGONS, len(batch.labels))
        rings = slice(batch.ring_first[begin], batch.ring_first[end] + 1)
        first, last = batch.corner_first[rings][[0, -1]]
        parts.append(
            PolygonBatch._make(
                [
                    *(field[begin:end] for field in batch[:4]),
                    batch.ring_first[begin : end + 1] - batch.ring_first[begin],
                    batch.corner_first[rings] - first,
                    batch.corners[first:last],
                ]
            )
        )
        begin = end
    return parts


def _geometries(batch: PolygonBatch, ground: Ground) -> NDArray[np.object_]:
    """Shapely polygons in map coordinates, exteriors counterclockwise there; each ring closed."""
    n_rings = len(batch.corner_first) - 1
    sizes = np.diff(batch.corner_first)
    offsets = batch.corner_first + np.arange(n_rings + 1)
    index = np.arange(int(offsets[-1])) - np.repeat(np.arange(n_rings), sizes + 1)
    index[offsets[1:] - 1] = batch.corner_first[:-1]  # the first corner again
    if ground.mirrored:  # every ring backwards
        index = index[np.repeat(offsets[:-1] + offsets[1:] - 1, sizes + 1) - np.arange(len(index))]
    places = ground.to_map(batch.corners)[index]
    return shapely.from_ragged_array(shapely.GeometryType.POLYGON, places, (offsets, batch.ring_first))


def _no_polygons() -> PolygonBatch:
    none, zero = np.zeros(0, np.int64), np.zeros(1, np.int64)
    return PolygonBatch(np.zeros(0, np.uint8), none, none, none, zero, zero, np.zeros((0, 2), np.int32))
