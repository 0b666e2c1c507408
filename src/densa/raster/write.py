"""Writing rasters of any type as GeoTIFF, by windows, and making sure that all of it is on the disk."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window as RasterioWindow

from densa.errors import InputError
from densa.raster.atomic import atomic_output
from densa.raster.gdal import gdal_environment, gdal_errors
from densa.raster.raster import Raster, Window

__all__ = ["TIFF_SUFFIXES", "GeoTiffFile", "write_bands"]

TIFF_SUFFIXES = {".tif", ".tiff"}
_BLOCK = 512


def write_bands(
    path: Path | str,
    array: NDArray[Any],
    *,
    like: Raster | None = None,
    band_names: Sequence[str] = (),
    scale: float | None = None,
    nodata: float | None = None,
    overwrite: bool = False,
) -> None:
    """Write a GeoTIFF of any type: probabilities, features.

    Args:
        path: ends in .tif or .tiff.
        array: (bands, H, W) of integers or real numbers.
        like: raster whose georeference the file gets.
        band_names: one per band.
        scale: what a stored 1 stands for (1/255 for shares stored as uint8); recorded in the file.
        nodata: value of the pixels without data.
        overwrite: replace a file that exists.

    Raises:
        InputError: another suffix, shape or type, the file exists, or the disk is full.
    """
    path = Path(path)
    check_suffix(path, TIFF_SUFFIXES)
    if array.ndim != 3 or 0 in array.shape:
        raise InputError(f"bands must be a (bands, H, W) array, got the shape {array.shape}")
    if band_names and len(band_names) != len(array):
        raise InputError(f"{len(array)} bands need as many names, got {len(band_names)}")
    array = array.astype(np.uint8) if array.dtype == np.bool_ else array
    if array.dtype.kind not in "uif" or array.dtype.itemsize < 1 or array.dtype == np.float16:
        raise InputError(f"a TIFF holds integers, float32 or float64, got {array.dtype}")
    n_bands, height, width = array.shape
    with (
        atomic_output(path, overwrite) as temporary,
        GeoTiffFile(temporary, path, n_bands, height, width, array.dtype, like=like, nodata=nodata) as file,
    ):
        file.describe(band_names, scale)
        file.write(Window(0, 0, height, width), array)


class GeoTiffFile:
    """A tiled, compressed GeoTIFF that is written by windows and read back at the end.

    GDAL writes much of a file only while closing it, and says nothing when the disk is full then.

    Args:
        path: the file that is written.
        shown: the name that messages give it.
        n_bands, height, width, dtype: of the raster.
        like: raster whose georeference the file gets.
        nodata: value of the pixels without data.
    """

    def __init__(
        self,
        path: Path,
        shown: Path,
        n_bands: int,
        height: int,
        width: int,
        dtype: np.dtype[Any],
        *,
        like: Raster | None = None,
        nodata: float | None = None,
    ) -> None:
        self._path, self._shown = path, shown
        place = like.georeference if like is not None else None
        with gdal_errors(shown, "written"), gdal_environment():
            self.dataset = rasterio.open(
                path,
                "w",
                driver="GTiff",
                height=height,
                width=width,
                count=n_bands,
                dtype=dtype,
                nodata=nodata,
                crs=None if place is None else place.crs,
                transform=None if place is None else place.transform,
                tiled=True,
                blockxsize=_BLOCK,
                blockysize=_BLOCK,
                compress="deflate",
                interleave="band",
                photometric="MINISBLACK",  # GDAL would take four bands of bytes for RGB and alpha
                BIGTIFF="IF_SAFER",
            )

    def describe(self, band_names: Sequence[str] = (), scale: float | None = None) -> None:
        """Record names of the bands and the scale of their values."""
        with gdal_errors(self._shown, "written"):
            if band_names:
                self.dataset.descriptions = tuple(band_names)
            if scale is not None:
                self.dataset.scales = (scale,) * self.dataset.count

    def tag(self, fields: Mapping[str, str]) -> None:
        """Record text fields."""
        with gdal_errors(self._shown, "written"):
            self.dataset.update_tags(**fields)

    def write(self, window: Window, values: NDArray[Any]) -> None:
        """Write (bands, h, w) values to a window."""
        place = RasterioWindow(window.column, window.row, window.width, window.height)
        with gdal_errors(self._shown, "written"), gdal_environment():
            self.dataset.write(values, window=place)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:  # the file is given up; what stopped it must not be hidden by what closing says
            with suppress(Exception):
                self.dataset.close()
            return
        with gdal_errors(self._shown, "written"), gdal_environment():
            self.dataset.close()
        self._read_back()

    def _read_back(self) -> None:
        """Decode every block once; deflate's checksum finds whatever did not reach the disk."""
        try:
            with gdal_errors(self._path), gdal_environment(), rasterio.open(self._path, driver="GTiff") as file:
                for _, window in file.block_windows(1):
                    file.read(window=window)
        except InputError as error:
            free = shutil.disk_usage(self._path.parent).free
            raise InputError(
                f"{self._shown} cannot be written completely; is the disk full or a quota reached?"
                f" {free / 2**20:.0f} MiB are free in {self._shown.parent}"
            ) from error


def check_suffix(path: Path, suffixes: set[str]) -> None:
    """Refuse a file name whose format densa does not write."""
    if path.suffix.lower() not in suffixes:
        raise InputError(f"{path} must end in {' or '.join(sorted(suffixes))}")


def check_window(window: Window, height: int, width: int, shape: tuple[int, ...]) -> Window:
    """Refuse values that are not of their window's shape, and windows outside the raster."""
    window = Window(*window)
    if shape != (window.height, window.width):
        raise InputError(f"the window is {window.height} x {window.width} pixels, the labels are {shape}")
    if (
        min(window.row, window.column) < 0
        or window.row + window.height > height
        or window.column + window.width > width
    ):
        raise InputError(f"{window} must lie inside the {height} x {width} pixels of the label map")
    return window


def close_all(stack: ExitStack, error: BaseException | None) -> None:
    """Leave the contexts of `stack`, telling them of `error`."""
    stack.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)
