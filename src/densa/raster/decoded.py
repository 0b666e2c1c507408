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

__all__ = ["MAX_DECODED_PIXELS", "DecodedRaster"]

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


def check_size(path: Path, height: int, width: int) -> None:
    """Refuse an image that is too large to be decoded as a whole."""
    if height < 1 or width < 1:
        raise InputError(f"{path} is damaged: its header says {height} x {width} pixels")
    if height * width > MAX_DECODED_PIXELS:
        raise InputError(
            f"{path} has {height} x {width} pixels by its header; images of its format may have at most"
            f" {MAX_DECODED_PIXELS} pixels: store it as a tiled TIFF"
        )
