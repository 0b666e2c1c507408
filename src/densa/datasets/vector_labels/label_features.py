"""The features of a vector file as labels: their geometry, class, width of the pen, and order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from densa.datasets.class_table import Value
from densa.errors import InputError
from densa.raster.shapes.vector_files import Layer, open_layer

__all__ = ["CLASS_FIELDS", "LabelFeatures", "read_areas", "read_label_features"]

CLASS_FIELDS = ("class", "class_name", "classname", "label", "name", "category", "class_id", "code", "value", "dn")
"""Fields that are taken for the class where none is named, the first one that a file has; upper or lower case."""
WIDTH_FIELD = "width"
MOST_WIDTH = 1000.0  # pixels or metres


@dataclass(frozen=True)
class LabelFeatures:
    """The features of a vector file that have a geometry and a class, in the order in which they are drawn.

    Attributes:
        layer: of the file.
        class_field: the field that names the class; None where every feature is of the class `layer.name`.
        geometries: (n,) shapely geometries in the reference system of the layer.
        values: (n,) what the class of each feature is called in the file.
        widths: (n,) width of the pen of lines and points; NaN where the feature has none.
        remarks: what was left out, a line each, for people.
    """

    layer: Layer
    class_field: str | None
    geometries: NDArray[np.object_]
    values: NDArray[np.object_]
    widths: NDArray[np.float64]
    remarks: tuple[str, ...] = ()


def read_label_features(
    path: Path | str, class_field: str | None = None, order_field: str | None = None
) -> LabelFeatures:
    """Read the features of a vector file as labels.

    Args:
        path: a .gpkg, .geojson, .shp or .fgb; "FILE#layer=NAME" names one of several layers.
        class_field: field that names the class; None: the first of `CLASS_FIELDS` that the file has. In a file without
            fields, every feature is of one class, named like the layer.
        order_field: field by which features are drawn, the greatest last and on top; None: in the order of the file.

    Raises:
        InputError: the file cannot be read, has no such field (the message lists its fields), holds no feature with a
            geometry and a class, or a width that is no positive number.
    """
    layer = open_layer(path)
    chosen = _class_field(layer, class_field)
    width_field = next((name for name in layer.fields if name.lower() == WIDTH_FIELD and name != chosen), None)
    wanted = [name for name in (chosen, order_field, width_field) if name is not None]
    found = layer.read(wanted)
    n = len(found.geometries)
    remarks = []
    if found.n_without:
        remarks.append(f"{_count(found.n_without, 'feature')} of {layer.path} without a sound geometry left out")
    if found.n_mended:
        crossed = "crossed itself and was" if found.n_mended == 1 else "crossed themselves and were"
        remarks.append(f"{_count(found.n_mended, 'polygon')} of {layer.path} {crossed} made valid")
    values = np.empty(n, object)
    values[:] = layer.name if chosen is None else _values(layer.path, chosen, found.columns[chosen])
    classed = np.array([value is not None for value in values], bool)
    if not classed.all():
        remarks.append(f"{_count(int(n - classed.sum()), 'feature')} of {layer.path} without a {chosen} left out")
    order = np.flatnonzero(classed)
    if order_field is not None:
        order = order[_ranks(layer.path, order_field, found.columns[order_field][order])]
    if not len(order):
        raise InputError(f"{layer.path} holds no feature with a geometry and a class: nothing is labelled")
    widths = np.full(n, np.nan) if width_field is None else _widths(layer.path, found.columns[width_field])
    return LabelFeatures(layer, chosen, found.geometries[order], values[order], widths[order], tuple(remarks))


def read_areas(path: Path | str) -> LabelFeatures:
    """Read the polygons of a vector file as areas, whatever their attributes.

    Raises:
        InputError: the file cannot be read, or holds no polygon.
    """
    layer = open_layer(path)
    found = layer.read()
    solid = np.isin(shapely.get_type_id(found.geometries), (3, 6))
    if not solid.any():
        raise InputError(f"{layer.path} must hold polygons, the areas of interest; it has none")
    n = int(solid.sum())
    values = np.full(n, layer.name, object)
    remarks = [] if solid.all() else [f"{_count(len(solid) - n, 'feature')} of {layer.path} are no areas and left out"]
    return LabelFeatures(layer, None, found.geometries[solid], values, np.full(n, np.nan), tuple(remarks))


def _class_field(layer: Layer, given: str | None) -> str | None:
    if given is not None:
        if given in layer.fields:
            return given
        near = [name for name in layer.fields if name.lower() == given.lower()]
        if len(near) == 1:
            return near[0]
        raise InputError(
            f"class_field must be a field of {layer.path}, got {given!r}; its fields: "
            f"{', '.join(layer.fields) or 'none'}"
        )
    own = [name for name in layer.fields if name.lower() not in {"fid", "id", "ogc_fid", WIDTH_FIELD}]
    if not own:
        return None
    known = {name.lower(): name for name in reversed(own)}
    found = next((known[name] for name in CLASS_FIELDS if name in known), None)
    if found is None:
        raise InputError(
            f"{layer.path} has no field that is known to name classes; name it: class_field={own[0]} (its fields: "
            f"{', '.join(layer.fields)})"
        )
    return found


def _values(path: Path, field: str, column: NDArray[Any]) -> list[Value | None]:
    """Values of a column as whole numbers or text; None for those that are missing.

    Raises:
        InputError: another type, or numbers that are not whole.
    """
    found = []
    for value in column.tolist():
        if isinstance(value, bool):
            value = str(value).lower()
        if isinstance(value, float):
            if not np.isfinite(value):
                value = None
            elif value != int(value):
                raise InputError(f"field {field!r} of {path} must hold names or whole numbers, got {value:g}")
            else:
                value = int(value)
        if isinstance(value, str):
            value = value.strip() or None
        if not isinstance(value, int | str | None):
            raise InputError(f"field {field!r} of {path} must hold names or whole numbers, got {type(value).__name__}")
        found.append(value)
    return found


def _ranks(path: Path, field: str, column: NDArray[Any]) -> list[int]:
    """Numbers of the features in the order of a field, those without a value first; equal ones keep their order."""
    values = column.tolist()
    missing = [value is None or value != value for value in values]
    known = [value for value, gone in zip(values, missing, strict=True) if not gone]
    if not (all(isinstance(v, int | float) for v in known) or all(isinstance(v, str) for v in known)):
        raise InputError(f"order_field {field!r} of {path} must hold numbers alone, or text alone")
    first: Any = min(known, default=0)
    return sorted(range(len(values)), key=lambda i: (not missing[i], first if missing[i] else values[i]))


def _widths(path: Path, column: NDArray[Any]) -> NDArray[np.float64]:
    try:
        widths = np.array([np.nan if value is None else float(value) for value in column.tolist()])
    except (TypeError, ValueError) as error:
        raise InputError(f"field {WIDTH_FIELD!r} of {path} must hold numbers: {error}") from error
    wrong = widths[~(np.isnan(widths) | ((widths > 0) & (widths <= MOST_WIDTH)))]
    if len(wrong):
        raise InputError(
            f"field {WIDTH_FIELD!r} of {path} must be above 0 and at most {MOST_WIDTH:g}, got {wrong[0]:g}; correct it "
            "or leave it empty"
        )
    return widths


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'s' * (n != 1)}"
