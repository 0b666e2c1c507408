"""What each kind of file can take, checked before there is anything to write."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from densa.errors import InputError
from densa.raster.atomic import check_suffix
from densa.raster.decoded import check_size
from densa.raster.raster import Raster
from densa.raster.vector.files import require_pyogrio
from densa.raster.vector.map_writer import VECTOR_SUFFIXES
from densa.raster.writing.geotiff import TIFF_SUFFIXES

__all__ = ["check_capacity"]

_LONGEST_TIFF_SIDE = 2**31 - 1


def check_capacity(paths: Iterable[Path], raster: Raster) -> None:
    """Refuse files that cannot hold a map of a raster's size, and kinds of files that are not installed.

    Raises:
        InputError: names the file, and another kind.
    """
    height, width = raster.height, raster.width
    for path in paths:
        suffix = path.suffix.lower()
        if suffix not in (".png", ".csv", ".geojson"):
            _check_text(path)
        if suffix == ".png":
            try:
                check_size(path, height, width)
            except InputError as error:
                raise InputError(f"{path} cannot hold {height} x {width} pixels, give a .tif: {error}") from error
        elif suffix in TIFF_SUFFIXES:
            if max(height, width) > _LONGEST_TIFF_SIDE:
                raise InputError(f"{path} cannot hold {height} x {width} pixels; cut the image into parts")
        elif suffix != ".csv":
            check_suffix(path, VECTOR_SUFFIXES)
            if suffix != ".geojson":
                require_pyogrio(path)


def _check_text(path: Path) -> None:
    """Refuse a name that GDAL cannot take: bytes of another encoding, as old disks and archives have."""
    try:
        str(path.absolute()).encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"{path} has letters that are no UTF-8, in its name or folder; rename it") from error
