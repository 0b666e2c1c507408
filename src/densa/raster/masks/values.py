"""Mask files: values as they are stored, with what the file itself says about pixels without a label."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.raster.masks.origin import MaskOrigin, origin_of
from densa.raster.opening import open_stored
from densa.raster.raster import Raster, Window

__all__ = ["MaskFile", "MaskReader", "read_mask", "read_mask_file"]

Code = int | tuple[int, int, int]
"""A value of a mask: an integer, or the colour of an RGB file."""


class MaskFile(NamedTuple):
    """Content of a mask file, or of a window of it.

    Attributes:
        values: (H, W) integers or (H, W, 3) uint8 colours, as they are stored.
        hidden: (H, W) true where alpha or a mask hides the pixel, or its value is NaN.
        missing: values that the file declares as nodata or as transparent.
        origin: how the file was stored.
    """

    values: NDArray[np.integer]
    hidden: NDArray[np.bool_]
    missing: tuple[Code, ...]
    origin: MaskOrigin


class MaskReader:
    """A mask file that is read by windows and stays open; a context manager. `read` is thread-safe.

    Attributes:
        raster: the open file, which takes all values for data.
        missing: values that the file declares as nodata or as transparent.

    Raises:
        InputError: as `read_mask`.
    """

    def __init__(self, path: Path | str, page: int = 0) -> None:
        self.raster = open_stored(path, page)
        self.missing, self._origin = _declared(self.raster), origin_of(self.raster)
        self.raster.leave_missing()

    def read(self, window: Window | None = None, *, with_nan: bool = True) -> MaskFile:
        """The whole mask, or a window of it; NaN is a hidden pixel, or without `with_nan` an error.

        In a file of colours, nodata of the three bands is one colour.
        """
        path, (values, shown) = self.raster.path, self.raster.read(window)
        if len(values) == 1 and values.dtype.kind != "f":
            return MaskFile(values[0], ~shown, self.missing, self._origin)
        if len(values) == 1:
            if not (with_nan or np.isfinite(values).all()):
                raise InputError(f"mask {path} must hold whole numbers, got {values.dtype} with NaN or infinity")
            whole = np.where(shown, values[0], 0).astype(np.int64)
            if (whole != values[0])[shown].any():
                raise InputError(f"mask {path} must hold whole numbers, got {values.dtype} with fractions")
            return MaskFile(whole, ~shown, self.missing, self._origin)
        if len(values) == 3 and values.dtype == np.uint8:
            return MaskFile(np.ascontiguousarray(np.moveaxis(values, 0, 2)), ~shown, self.missing, self._origin)
        raise InputError(f"mask {path} must have 1 band of integers or 3 of uint8, got {len(values)} of {values.dtype}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.raster.close()


def read_mask_file(path: Path | str, *, page: int = 0, window: Window | None = None) -> MaskFile:
    """Read a mask file, whole or a window of it, as `MaskReader`; NaN is a hidden pixel.

    Raises:
        InputError: as `read_mask`, but for NaN.
    """
    with MaskReader(path, page) as reader:
        return reader.read(window)


def read_mask(path: Path | str, *, page: int = 0, window: Window | None = None) -> NDArray[np.integer]:
    """Read the values of a mask file as they are stored.

    Args:
        path: the file.
        page: number of the image in a multi-page TIFF, from 0.
        window: the part to read; None for all of it.

    Returns:
        (H, W) integers (palette indices; 0 and 1 for a 1-bit file) or (H, W, 3) uint8 colours, without alpha.

    Raises:
        InputError: as `open`; or the file holds neither integers nor RGB colours.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> raster.write_bands("mask.tif", np.array([[[7, 7, 0], [7, 0, 0]]], np.uint8))
        >>> raster.read_mask("mask.tif")
        array([[7, 7, 0],
               [7, 0, 0]], dtype=uint8)
    """
    with MaskReader(path, page) as reader:
        return reader.read(window, with_nan=False).values


def _declared(raster: Raster) -> tuple[Code, ...]:
    """The values of a mask that its file declares as missing."""
    if raster.n_bands == 1:
        return tuple(int(value) for value in raster.missing[0] if value == int(value))
    key: Any = raster.key
    if key is None and all(len(those) == 1 for those in raster.missing):
        key = [those[0] for those in raster.missing]
    return () if key is None or len(key) != 3 else ((int(key[0]), int(key[1]), int(key[2])),)
