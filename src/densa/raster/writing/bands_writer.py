"""Rasters of any type as Cloud-Optimized GeoTIFF: probabilities, features, images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from densa.errors import InputError
from densa.raster.atomic import atomic_output, check_suffix, close_all
from densa.raster.raster import Georeference, Raster, Window
from densa.raster.writing.geotiff import TIFF_SUFFIXES, GeoTiffFile, check_window

__all__ = ["BandsWriter", "write_bands"]


def write_bands(
    path: Path | str,
    array: NDArray[Any],
    *,
    like: Raster | Georeference | None = None,
    band_names: Sequence[str] = (),
    scale: float | None = None,
    nodata: float | None = None,
    tags: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write an array to a GeoTIFF of its type.

    Args:
        path: ends in .tif or .tiff.
        array: (bands, H, W) of integers or real numbers; bool is stored as uint8.
        like, band_names, scale, nodata, tags, overwrite: as `BandsWriter`.

    Raises:
        InputError: as `BandsWriter`.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> probabilities = np.array([[[0.0, 0.2], [0.6, 1.0]]])
        >>> raster.write_bands("roads.tif", np.uint8(probabilities * 255), band_names=["road"], scale=1 / 255)
        >>> with raster.open("roads.tif") as roads:
        ...     roads.band_names, roads.dtype
        (('road',), dtype('uint8'))
    """
    if array.ndim != 3 or 0 in array.shape:
        raise InputError(f"array must be (bands, H, W), got the shape {array.shape}")
    array = array.astype(np.uint8) if array.dtype == np.bool_ else array
    n_bands, height, width = array.shape
    with BandsWriter(
        path,
        n_bands,
        height,
        width,
        array.dtype,
        like=like,
        band_names=band_names,
        scale=scale,
        nodata=nodata,
        tags=tags,
        overwrite=overwrite,
    ) as writer:
        writer.write(Window(0, 0, height, width), array)


class BandsWriter:
    """Writes a raster by windows, in any order; the file appears under its name on a successful exit.

    Memory does not grow with the raster. Overviews average pixels, except 32 and 64-bit integers, which are taken for
    identifiers and resampled by nearest neighbour. The bytes of the file depend on the pixels alone, not on the order
    of the windows.

    Args:
        path: ends in .tif or .tiff.
        n_bands: number of bands.
        height, width: size in pixels.
        dtype: integers, float32 or float64.
        like: raster whose georeference the file gets, or a georeference.
        band_names: one name per band.
        scale: factor from stored to real values (1/255 for probabilities stored as uint8); recorded in the file.
        nodata: value of pixels without data, and of those that are never written (0 if None).
        tags: text fields of the file.
        overwrite: replace an existing file.

    Raises:
        InputError: another suffix, size or type, the file exists, a window outside the raster, a full disk.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> with raster.BandsWriter("columns.tif", 1, 4, 6, np.float32) as writer:
        ...     for core, _ in raster.tiles(4, 6, tile_size=4):
        ...         writer.write(core, np.full((1, core.height, core.width), core.column, np.float32))
        >>> raster.read_image("columns.tif")[0, :, 0].tolist()
        [0.0, 0.0, 0.0, 0.0, 4.0, 4.0]
    """

    def __init__(
        self,
        path: Path | str,
        n_bands: int,
        height: int,
        width: int,
        dtype: DTypeLike,
        *,
        like: Raster | Georeference | None = None,
        band_names: Sequence[str] = (),
        scale: float | None = None,
        nodata: float | None = None,
        tags: Mapping[str, str] | None = None,
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path)
        check_suffix(self.path, TIFF_SUFFIXES)
        if min(n_bands, height, width) < 1:
            raise InputError(f"n_bands, height and width must be at least 1, got {n_bands}, {height} and {width}")
        if band_names and len(band_names) != n_bands:
            raise InputError(f"band_names must have {n_bands} names, one per band, got {len(band_names)}")
        self._dtype = np.dtype(dtype)
        if self._dtype.kind not in "uif" or self._dtype == np.float16:
            raise InputError(f"dtype must be an integer type, float32 or float64, got {self._dtype}")
        if nodata is not None and not _holds(self._dtype, nodata):
            raise InputError(f"nodata must be a value of {self._dtype}, got {nodata}")
        self._shape = n_bands, height, width
        self._names, self._scale, self._tags = tuple(band_names), scale, dict(tags or {})
        self._like, self._nodata = like, nodata
        self._overwrite = overwrite
        self._stack = ExitStack()
        self._file: GeoTiffFile | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_output(self.path, self._overwrite))
            identifiers = self._dtype.kind in "ui" and self._dtype.itemsize >= 4
            file = GeoTiffFile(
                temporary,
                self.path,
                *self._shape,
                self._dtype,
                overviews="nearest" if identifiers else "average",
                like=self._like,
                nodata=self._nodata,
                predictor=not identifiers,
            )
            self._file = stack.enter_context(file)
            file.describe(self._names, self._scale, self._tags)
            self._stack = stack.pop_all()
        return self

    def write(self, window: Window, values: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> None:
        """Write a window.

        Args:
            window: inside the raster.
            values: (bands, h, w) of the raster's type.
            valid: (h, w) true where there is data, for the mask of a file without a nodata value; for all windows or
                for none.

        Raises:
            InputError: another shape or type, a window outside the raster, a full disk.
        """
        if self._file is None:
            raise RuntimeError("BandsWriter must be used inside a with block")
        if values.ndim != 3 or len(values) != self._shape[0]:
            raise InputError(f"values must be ({self._shape[0]}, h, w), got the shape {values.shape}")
        if values.dtype != self._dtype:
            raise InputError(f"values must be {self._dtype}, the type of {self.path.name}, got {values.dtype}")
        window = check_window(window, *self._shape[1:], values.shape[1:])
        if valid is not None and (valid.shape != values.shape[1:] or valid.dtype != np.bool_):
            raise InputError(f"valid must be booleans of shape {values.shape[1:]}, got {valid.dtype} of {valid.shape}")
        self._file.write(window, values, valid)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file = None
        close_all(self._stack, error)


def _holds(dtype: np.dtype[Any], value: float) -> bool:
    if dtype.kind == "f":
        return True
    limits = np.iinfo(dtype)
    return bool(limits.min <= value <= limits.max) and float(value).is_integer()
