"""Files for geographic information systems: polygons of label maps and of region maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.legend import IGNORE, Legend
from densa.raster.polygons.polygoniser import PolygonBatch
from densa.raster.raster import Raster
from densa.raster.vector.map_writer import VECTOR_SUFFIXES, MapWriter
from densa.raster.vector.style import class_style, outline_style

__all__ = ["VECTOR_SUFFIXES", "PolygonWriter", "RegionPolygonWriter"]

_RESERVED = {"fid", "geom", "ogc_fid", "geometry"}  # names reserved by the file formats, in upper or lower case


class PolygonWriter(MapWriter):
    """Writes the polygons of a label map that is given in strips, from top to bottom.

    The file appears under its name on a successful exit. Its columns are `class` (index), `name`, `area_m2` (or
    `area_px`), and `mean_probability` if a confidence is given. The area is that of the labelled pixels, before borders
    are simplified: in square metres on the ellipsoid of the map's reference system (accurate to 0.001 %), of the
    plane for local systems, otherwise in pixels.

    Args:
        path: .gpkg (with a QGIS style), .fgb, or .geojson (longitude and latitude on WGS 84, pixels without a
            georeference).
        legend: names and colours of the classes.
        like: raster whose georeference the polygons get.
        width: columns of the label map.
        min_area: least area, in square metres or, where the column is `area_px`, pixels; smaller polygons are merged,
            see `Polygoniser`.
        simplify: tolerance in map units (degrees for longitudes and latitudes), pixels without a georeference.
        overwrite: replace an existing file.

    Raises:
        InputError: another suffix, pyogrio is not installed, the file exists, or the disk is full.

    Examples:
        >>> import json
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from densa import Legend, raster
        >>> with raster.PolygonWriter("map.geojson", Legend(("field", "road")), width=4) as writer:
        ...     writer.write(np.array([[0, 0, 1, 1]], np.uint8))
        ...     writer.write(np.array([[0, 0, 0, 1]], np.uint8))
        >>> features = json.loads(Path("map.geojson").read_text())["features"]
        >>> [(feature["properties"]["name"], feature["properties"]["area_px"]) for feature in features]
        [('field', 5), ('road', 3)]
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
        super().__init__(
            path,
            class_style(legend),
            like=like,
            width=width,
            regions=False,
            min_area=min_area,
            simplify=simplify,
            overwrite=overwrite,
        )
        self._n_classes = legend.n_classes
        self._known = np.zeros(256, bool)
        self._known[: legend.n_classes] = self._known[IGNORE] = True
        self._names = np.array(legend.class_names, object)
        self._with_confidence = False

    def write(self, labels: NDArray[np.uint8], confidence: NDArray[np.uint8] | None = None) -> None:
        """Take the next rows.

        Args:
            labels: (h, width) uint8 class indices, 255 for no class.
            confidence: (h, width) uint8 probability of the label, times 255; for all strips or for none.

        Raises:
            InputError: another shape or type, a label that is not a class, confidence for some strips only.
        """
        self._require_open()
        if labels.dtype == np.uint8 and not self._known[labels].all():
            wrong = int(labels[~self._known[labels]][0])
            raise InputError(f"labels must be in 0..{self._n_classes - 1} or {IGNORE}, got {wrong}")
        self._with_confidence = confidence is not None
        self._push(labels, confidence)

    def _columns(self, batch: PolygonBatch) -> dict[str, NDArray[Any]]:
        columns = {"class": batch.labels.astype(np.int32), "name": self._names[batch.labels], **self._area(batch)}
        if self._with_confidence:
            columns["mean_probability"] = batch.confidence / (255 * batch.n_pixels)
        return columns


class RegionPolygonWriter(MapWriter):
    """Writes the polygons of a map of numbered regions that is given in strips, from top to bottom.

    The file appears under its name on a successful exit. Its columns are `region` (number), `area_m2` (or `area_px`, as
    in `PolygonWriter`) and those of `columns`. Pixels of a polygon are connected by their edges: a region in several
    such pieces, which a region of 8-connected pixels may be, gives a polygon with its number and the area of the piece
    for each of them. The memory grows with the open polygons, not with the number of regions or rows.

    Args:
        path: .gpkg (drawn as outlines in QGIS), .fgb, or .geojson (longitude and latitude on WGS 84, pixels without a
            georeference).
        like: raster whose georeference the polygons get.
        width: columns of the map.
        columns: attributes of regions: takes (n,) int32 region numbers (unsorted, possibly repeated, possibly none) and
            returns arrays of n numbers, booleans or strings by column name, with the same names every time. Called as
            polygons are finished.
        simplify: tolerance in map units (degrees for longitudes and latitudes), pixels without a georeference.
        overwrite: replace an existing file.

    Raises:
        InputError: another suffix, pyogrio is not installed, the file exists, the disk is full, or `columns` returns
            something else.

    Examples:
        >>> import json
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from densa import raster
        >>> size = np.array([0, 3, 5])  # of region 1 and region 2
        >>> with raster.RegionPolygonWriter("regions.geojson", width=4, columns=lambda k: {"size": size[k]}) as writer:
        ...     writer.write(np.array([[1, 1, 2, 2], [1, 2, 2, 2]], np.int32))
        >>> features = json.loads(Path("regions.geojson").read_text())["features"]
        >>> [feature["properties"] for feature in features]
        [{'region': 1, 'area_px': 3, 'size': 3}, {'region': 2, 'area_px': 5, 'size': 5}]
    """

    def __init__(
        self,
        path: Path | str,
        *,
        like: Raster | None = None,
        width: int,
        columns: Callable[[NDArray[np.int32]], Mapping[str, NDArray[Any]]] | None = None,
        simplify: float = 0,
        overwrite: bool = False,
    ) -> None:
        super().__init__(
            path, outline_style(), like=like, width=width, regions=True, simplify=simplify, overwrite=overwrite
        )
        self._attributes = columns
        self._column_names: list[str] | None = None

    def write(self, regions: NDArray[np.int32]) -> None:
        """Take the next rows.

        Args:
            regions: (h, width) int32 numbers from 1 to 2^31 - 1, 0 for no region.

        Raises:
            InputError: another shape or type, or a negative number.
        """
        self._push(regions)

    def _columns(self, batch: PolygonBatch) -> dict[str, NDArray[Any]]:
        numbers = batch.labels.astype(np.int32, copy=False)
        columns = {"region": numbers, **self._area(batch)}
        if self._attributes is not None:
            given = {name: _column(name, values, len(numbers)) for name, values in self._attributes(numbers).items()}
            self._check_names(list(given), set(columns))
            columns |= given
        return columns

    def _check_names(self, names: list[str], own: set[str]) -> None:
        if self._column_names is None:
            folded = [name.casefold() for name in names]
            for name, plain in zip(names, folded, strict=True):
                if plain in own | _RESERVED or folded.count(plain) > 1 or not name:
                    raise InputError(f"columns must have unique names that are not reserved, got {name!r}; rename it")
            self._column_names = names
        if names != self._column_names:
            raise InputError(f"columns must be the same every time, got {names} after {self._column_names}")


def _column(name: str, values: Any, n: int) -> NDArray[Any]:
    """Values as the files store them: int64, float64, bool or strings."""
    array = np.asarray(values)
    if array.shape != (n,):
        raise InputError(f"column {name!r} must be ({n},), one value per region, got the shape {array.shape}")
    if array.dtype.kind in "iu" and np.can_cast(array.dtype, np.int64):
        return array.astype(np.int64)
    if array.dtype.kind == "f":
        return array.astype(np.float64)
    if array.dtype.kind == "U" or (array.dtype.kind == "O" and all(isinstance(v, str) for v in array)):
        return array.astype(object)
    if array.dtype.kind != "b":
        raise InputError(f"column {name!r} must hold integers, floats, booleans or strings, got {array.dtype}")
    return array
