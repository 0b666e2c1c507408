"""Images that are decoded as a whole: photographs, 16-bit PNG, volumes; decoded at the first read, then kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from densa.errors import InputError
from densa.raster.bands import Band
from densa.raster.raster import Placement, Raster, ValuesAndValidity, Window
from densa.raster.validity import Missing

__all__ = ["MAX_DECODED_PIXELS", "DecodedRaster", "check_size", "decoded_as_a_whole"]

MAX_DECODED_PIXELS = 178_956_970
"""Largest image that is decoded as a whole: the size above which Pillow, too, reports a decompression bomb."""


class DecodedRaster(Raster):
    """A raster whose pixels come from `decode() -> (bands, H, W) values, (H, W) valid`, called once."""

    def __init__(
        self,
        path: Path,
        height: int,
        width: int,
        dtype: np.dtype[Any],
        band_names: tuple[str, ...],
        decode: Callable[[], ValuesAndValidity],
        *,
        placement: Placement | None = None,
        bands: Sequence[Band] = (),
        n_pages: int = 1,
        metadata: Mapping[str, str] | None = None,
        missing: Sequence[Missing] | None = None,
        key: Sequence[int | float] | None = None,
    ) -> None:
        placement = placement or Placement()
        super().__init__(
            path,
            height,
            width,
            dtype,
            band_names,
            bands=bands,
            georeference=placement.georeference,
            n_pages=n_pages,
            metadata=metadata,
            missing=missing,
            key=key,
        )
        self.ground_control, self.rpcs = placement.ground_control, placement.rpcs
        check_size(path, height, width)
        self._decode = decode
        self._lock = threading.Lock()
        self._pixels: ValuesAndValidity | None = None

    def _load(self, window: Window, bands: Sequence[int]) -> ValuesAndValidity:
        with self._lock:
            if self._pixels is None:
                self._pixels = self._decode()
            values, valid = self._pixels
        rows = slice(window.row, window.row + window.height)
        columns = slice(window.column, window.column + window.width)
        part = np.stack([values[b, rows, columns] for b in bands])
        return part, valid[rows, columns].copy()

    def close(self) -> None:
        """Release the pixels; a later read decodes the file again."""
        self._pixels = None


def decoded_as_a_whole(
    raster: Raster, placement: Placement, check: Callable[[Path], None] | None = None
) -> DecodedRaster:
    """A raster of a format that would be decoded from the top for every window.

    Args:
        raster: which is read once for all windows.
        placement: where it is on the Earth.
        check: refuses a damaged file before it is decoded.
    """
    missing, key = raster.leave_missing()

    def decode() -> ValuesAndValidity:
        if check is not None:
            check(raster.absolute_path)
        with raster:
            return raster.read()

    decoded = DecodedRaster(
        raster.path,
        raster.height,
        raster.width,
        raster.dtype,
        raster.band_names,
        decode,
        bands=raster.bands,
        placement=placement,
        metadata=raster.metadata,
        missing=missing,
        key=key,
    )
    decoded.loss = raster.loss
    return decoded


def check_size(path: Path, height: int, width: int) -> None:
    """Refuse an image that is too large to be decoded as a whole."""
    if height < 1 or width < 1:
        raise InputError(f"{path} is damaged: its header says {height} x {width} pixels")
    if height * width > MAX_DECODED_PIXELS:
        raise InputError(
            f"{path} has {height} x {width} pixels by its header; images of its format may have at most"
            f" {MAX_DECODED_PIXELS} pixels: store it as a tiled TIFF"
        )
