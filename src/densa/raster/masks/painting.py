"""Painted images: the colours of opaque pixels, with partly transparent ones told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray

from densa.raster.gdal import gdal_errors
from densa.raster.masks.values import MaskFile, read_mask_file
from densa.raster.raster import Window

__all__ = ["OPAQUE", "read_painting"]

OPAQUE = 128
"""Least alpha, of 255, of a pixel that counts as painted: soft brushes and smoothed edges are less opaque."""
_WITH_ALPHA = {".png", ".tif", ".tiff"}


def read_painting(path: Path | str, *, page: int = 0, window: Window | None = None) -> MaskFile:
    """As `read_mask_file`, but pixels that are less than half opaque are hidden too.

    Raises:
        InputError: as `read_mask_file`.
    """
    path = Path(path)
    file = read_mask_file(path, page=page, window=window)
    if page or path.suffix.lower() not in _WITH_ALPHA:
        return file
    alpha = _alpha(path, window)
    if alpha is None or alpha.shape != file.hidden.shape:
        return file
    return file._replace(hidden=file.hidden | (alpha < OPAQUE))


def _alpha(path: Path, window: Window | None) -> NDArray[np.uint8] | None:
    """(h, w) alpha; None where the file has no band of 8 bits for it."""
    with gdal_errors(path), rasterio.open(path) as dataset:
        bands = [i + 1 for i, kind in enumerate(dataset.colorinterp) if kind == rasterio.enums.ColorInterp.alpha]
        if len(bands) != 1 or dataset.dtypes[bands[0] - 1] != "uint8":
            return None
        part = (
            None if window is None else rasterio.windows.Window(window.column, window.row, window.width, window.height)
        )
        alpha: NDArray[np.uint8] = dataset.read(bands[0], window=part)
    return alpha
