"""GeoTIFF written by windows: a tiled file first, then its Cloud-Optimized copy."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window as RasterioWindow

from densa.errors import InputError
from densa.raster.gdal import gdal_environment, gdal_errors
from densa.raster.raster import Georeference, Raster, Window
from densa.raster.writing.cog import BLOCK_PX, copy_to_cog

__all__ = ["TIFF_SUFFIXES", "GeoTiffFile", "check_window", "software"]

TIFF_SUFFIXES = {".tif", ".tiff"}


class GeoTiffFile:
    """A GeoTIFF that is written by windows in any order and becomes Cloud-Optimized on a successful exit.

    The windows go to a tiled file beside it, with a fast compression, which is removed at the end: until then both need
    space on the disk. Memory: GDAL's cache and a few blocks, for any size.

    Args:
        path: file to make: a temporary of `atomic_output`, which removes all files of a failed attempt.
        shown: name of the file in messages.
        n_bands, height, width, dtype: of the raster.
        overviews: resampling of the overviews: "mode", "average" or "nearest".
        like: a georeference, or a raster whose georeference the file gets: coordinate system with transform, or with
            ground control points, and rational polynomial coefficients.
        nodata: value of pixels without data, and of those that are never written (0 if None).
        predictor: store differences of neighbouring pixels, which makes images smaller and label maps larger.
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
        overviews: str,
        like: Raster | Georeference | None = None,
        nodata: float | None = None,
        predictor: bool = False,
    ) -> None:
        self._path, self._shown = path, shown
        self._overviews, self._predictor = overviews, predictor
        self._tiled = path.with_name(f"{path.stem}.tiled.tif")
        self._lock = threading.Lock()
        place = like.georeference if isinstance(like, Raster) else like
        with gdal_errors(shown, "written"), gdal_environment():
            self.dataset = rasterio.open(
                self._tiled,
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
                blockxsize=BLOCK_PX,
                blockysize=BLOCK_PX,
                compress="zstd",  # only this process reads the file; a third of deflate's time
                zstd_level=1,
                interleave="band",
                photometric="MINISBLACK",  # GDAL would take four bands of bytes for RGB and alpha
                BIGTIFF="IF_SAFER",
            )
            if isinstance(like, Raster):
                self._carry_points(like)

    def _carry_points(self, like: Raster) -> None:
        """Copy ground control points, where they replace a transform, and rational polynomial coefficients."""
        points, crs = like.ground_control
        if points and like.georeference is None:
            self.dataset.gcps = (list(points), crs)
        if like.rpcs is not None:
            self.dataset.rpcs = like.rpcs

    def describe(
        self, band_names: Sequence[str] = (), scale: float | None = None, tags: Mapping[str, str] | None = None
    ) -> None:
        """Record the names of the bands, the scale of their values, and text fields."""
        with gdal_errors(self._shown, "written"):
            if band_names:
                self.dataset.descriptions = tuple(band_names)
            if scale is not None:
                self.dataset.scales = (scale,) * self.dataset.count
            fields = {"TIFFTAG_SOFTWARE": software(), **(tags or {})}
            self.dataset.update_tags(**{name: fields[name] for name in sorted(fields)})

    def write(self, window: Window, values: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> None:
        """Write (bands, h, w) values to a window, and (h, w) validity to the mask of the file; thread-safe.

        A file has a mask if one window has; what has none is invalid then.
        """
        place = RasterioWindow(window.column, window.row, window.width, window.height)
        with self._lock, gdal_errors(self._shown, "written"), gdal_environment():
            self.dataset.write(values, window=place)
            if valid is not None:
                with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
                    self.dataset.write_mask(valid, window=place)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:  # the file is abandoned; an error of closing must not hide the first one
            with suppress(Exception), gdal_environment():
                self.dataset.close()
            return
        with gdal_errors(self._shown, "written"), gdal_environment():
            self.dataset.close()
        copy_to_cog(self._tiled, self._path, self._shown, overviews=self._overviews, predictor=self._predictor)
        self._tiled.unlink()


def software() -> str:
    """Name and version of the software, for the fields of files."""
    return f"densa {version('densa')}"


def check_window(window: Window, height: int, width: int, shape: tuple[int, ...]) -> Window:
    """Refuse values that do not have their window's shape, and windows outside the raster."""
    window = Window(*window)
    if shape != (window.height, window.width):
        raise InputError(f"values must be {window.height} x {window.width} as their window is, got {shape}")
    if (
        min(window.row, window.column) < 0
        or window.row + window.height > height
        or window.column + window.width > width
    ):
        raise InputError(f"{window} must lie inside the {height} x {width} pixels of the raster")
    return window
