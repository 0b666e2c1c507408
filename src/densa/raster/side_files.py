"""The georeference beside an image: world files, `.aux.xml` and `.prj`, as GDAL, QGIS and ArcGIS read them."""

from __future__ import annotations

import math
import os
from pathlib import Path

import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError

from densa.errors import InputError
from densa.raster.atomic import sidecar
from densa.raster.gdal import gdal_environment, gdal_errors
from densa.raster.header import georeference_in
from densa.raster.raster import Georeference, Placement
from densa.raster.reach.check import check_sources

__all__ = ["placement_beside", "projection_beside", "unread_projection"]


def placement_beside(path: Path) -> Placement:
    """Where the files beside a photograph place it on the Earth.

    Its `.aux.xml` counts before a world file, as in GDAL; a `.prj` gives the reference system where nothing else does.

    Raises:
        InputError: a world file that does not hold six numbers, or whose transform is not invertible.
    """
    world = _existing(path, _world_suffixes(path))
    placed = _of_gdal(path) if os.path.exists(sidecar(path)) else Placement()
    if placed.georeference is None and not placed.ground_control[0] and world is not None:
        placed = placed._replace(georeference=Georeference(None, _read_world_file(world)))
    if (found := placed.georeference) is not None and found.crs is None and not found.transform.is_identity:
        placed = placed._replace(georeference=Georeference(projection_beside(path), found.transform))
    return placed


def projection_beside(path: Path) -> CRS | None:
    """The reference system in the `.prj` beside an image; None where there is none or it cannot be read."""
    file = _existing(path, (".prj",))
    if file is None:
        return None
    try:
        text = file.read_text(encoding="utf-8", errors="replace").strip()
        with gdal_environment():  # PROJ's own complaint would go to stderr
            return CRS.from_wkt(text)
    except (OSError, CRSError):
        return None


def unread_projection(path: Path) -> str | None:
    """A sentence on a `.prj` beside an image from which no reference system is read; None where there is none."""
    file = _existing(path, (".prj",))
    if file is None or projection_beside(path) is not None:
        return None
    return f"{file} is damaged, or none of a reference system: {path.name} has a transform alone"


def _world_suffixes(path: Path) -> tuple[str, ...]:
    """Those of GDAL: the first and the last letter and w, all letters and w, and .wld."""
    name = path.suffix[1:].lower()
    return (f".{name[0]}{name[-1]}w", f".{name}w", ".wld") if len(name) > 1 else (".wld",)


def _existing(path: Path, suffixes: tuple[str, ...]) -> Path | None:
    stem = os.fspath(path.with_suffix(""))  # text: every image that is opened comes here
    names = (stem + form for suffix in suffixes for form in (suffix, suffix.upper()))
    return next((path.with_name(os.path.basename(name)) for name in names if os.path.isfile(name)), None)


def _read_world_file(file: Path) -> Affine:
    """Pixel sizes and rotations a, d, b, e, then the centre of the first pixel."""
    try:
        numbers = [float(word.replace(",", ".")) for word in file.read_text(errors="replace").split()[:6]]
        a, d, b, e, x, y = numbers
    except (OSError, ValueError) as error:
        raise InputError(f"world file {file} must hold six numbers; repair it or remove it") from error
    if not all(map(math.isfinite, numbers)) or a * e == b * d:
        raise InputError(f"the transform of world file {file} is not invertible: {numbers}; repair it or remove it")
    return Affine(a, b, x - (a + b) / 2, d, e, y - (d + e) / 2)


def _of_gdal(path: Path) -> Placement:
    check_sources(path)
    with gdal_errors(path), gdal_environment(path), rasterio.open(path, driver=_driver(path)) as file:
        return Placement(georeference_in(file), file.gcps, file.rpcs)


def _driver(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(12)
    for signature, name in ((b"\x89PNG", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF8", "GIF"), (b"BM", "BMP")):
        if head.startswith(signature):
            return name
    return "WEBP"
