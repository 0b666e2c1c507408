"""Base of the writers that turn strips of a class map or a region map into a file of polygons."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.raster.atomic import atomic_output, check_suffix, close_all
from densa.raster.earth.ground import Ground, ground_of
from densa.raster.polygons.polygoniser import PolygonBatch, Polygoniser
from densa.raster.polygons.runs import LabelArray
from densa.raster.raster import Raster
from densa.raster.vector.files import (
    FlatGeobufFile,
    GeoJsonFile,
    GeoPackageFile,
    PolygonTable,
    VectorFile,
    require_pyogrio,
)
from densa.raster.vector.placing import check_place
from densa.raster.vector.style import QgisStyle
from densa.raster.vector.wkb import well_known_binary

__all__ = ["VECTOR_SUFFIXES", "MapWriter"]

VECTOR_SUFFIXES = {".geojson", ".gpkg", ".fgb"}
_MOST_POLYGONS = 50_000  # written at once
_MOST_CORNERS = 2_000_000


class MapWriter(ABC):
    """Writes the polygons of a map to a file; subclasses define their columns.

    Args:
        path: .gpkg, .fgb or .geojson.
        style: style of a .gpkg in QGIS.
        like: raster whose georeference the polygons get.
        width: columns of the map.
        regions: the map has int32 region numbers instead of uint8 classes.
        min_area, simplify: in map units, see `Polygoniser`.
        overwrite: replace an existing file.
    """

    def __init__(
        self,
        path: Path | str,
        style: QgisStyle,
        *,
        like: Raster | None,
        width: int,
        regions: bool,
        min_area: float = 0,
        simplify: float,
        overwrite: bool,
    ) -> None:
        self.path = Path(path)
        check_suffix(self.path, VECTOR_SUFFIXES)
        if self.path.suffix.lower() != ".geojson":
            require_pyogrio(self.path)
        if like is not None and like.width != width:
            raise InputError(f"width must be the {like.width} columns of {like.path}, got {width}")
        if like is not None:
            check_place(self.path, like)
        self._style, self._overwrite = style, overwrite
        self._ground = ground_of(like, width)
        self._dtype = np.int32 if regions else np.uint8
        self._polygoniser = Polygoniser(
            width,
            self._add,
            regions=regions,
            min_area=min_area / self._ground.unit_area,
            simplify=simplify,
            pixel_size=self._ground.pixel_size,
            areas=self._ground.areas,
        )
        self._stack = ExitStack()
        self._file: VectorFile | None = None
        self._is_empty = True

    @abstractmethod
    def _columns(self, batch: PolygonBatch) -> dict[str, NDArray[Any]]:
        """Attributes of a batch of polygons, which may be empty, by column name."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_output(self.path, self._overwrite))
            self._file = stack.enter_context(_file(temporary, self.path, self._ground, self._style))
            self._stack = stack.pop_all()
        return self

    def _push(self, labels: LabelArray, confidence: NDArray[np.uint8] | None = None) -> None:
        self._require_open()
        self._polygoniser.write(labels, confidence)

    def _require_open(self) -> None:
        if self._file is None:
            raise InputError(f"{type(self).__name__} must be used inside a with block; open another one")

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
        if self._is_empty and self._file is not None:  # a map without polygons gives an empty layer
            self._file.write(self._table(_no_polygons(self._dtype)))

    def _add(self, batch: PolygonBatch) -> None:
        if self._file is None:
            return
        self._is_empty = False
        for part in _parts(batch):
            self._file.write(self._table(part))

    def _table(self, batch: PolygonBatch) -> PolygonTable:
        return PolygonTable(well_known_binary(batch, self._ground), self._columns(batch))

    def _area(self, batch: PolygonBatch) -> dict[str, NDArray[Any]]:
        return {f"area_{self._ground.unit}": batch.areas * self._ground.unit_area}


def _file(temporary: Path, shown: Path, ground: Ground, style: QgisStyle) -> Any:
    layer = shown.stem
    if shown.suffix.lower() == ".geojson":
        return GeoJsonFile(temporary, layer, ground.crs)
    kind = GeoPackageFile if shown.suffix.lower() == ".gpkg" else FlatGeobufFile
    return kind(temporary, shown, layer, ground.crs, style)


def _parts(batch: PolygonBatch) -> list[PolygonBatch]:
    """The batch in parts of bounded size; polygons are not divided."""
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


def _no_polygons(dtype: Any) -> PolygonBatch:
    none, zero = np.zeros(0, np.int64), np.zeros(1, np.int64)
    return PolygonBatch(np.zeros(0, dtype), none, none, none, zero, zero, np.zeros((0, 2), np.int32))
