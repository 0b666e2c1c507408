"""Raster: what every image file looks like to the rest of densa."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError

__all__ = ["Georeference", "Raster", "ValuesAndValidity", "Window", "reflect"]

ValuesAndValidity = tuple[NDArray[Any], NDArray[np.bool_]]
"""(bands, h, w) values and the (h, w) mask of the valid ones."""


class Window(NamedTuple):
    """A rectangle of pixels; row and column may lie outside the image where a border is asked for."""

    row: int
    column: int
    height: int
    width: int


@dataclass(frozen=True)
class Georeference:
    """Where a raster lies on the Earth: coordinate reference system and the affine pixel-to-map transform."""

    crs: Any  # rasterio's CRS, None where the file gives the transform only
    transform: Any  # an Affine


class Raster(ABC):
    """One image, or one page of a stack, read by windows; made by `open`, used as a context manager.

    Any number of threads may call `read` at once.

    Attributes:
        path: the file.
        height, width: pixels, EXIF orientation applied.
        dtype: of the values that `read` returns, as stored.
        band_names: one per band; alpha is no band.
        georeference: None for a photograph or micrograph.
        n_pages: images in the file that `open(path, page=...)` chooses from.
        metadata: text fields of the file.
    """

    def __init__(
        self,
        path: Path,
        height: int,
        width: int,
        dtype: np.dtype[Any],
        band_names: tuple[str, ...],
        *,
        georeference: Georeference | None = None,
        n_pages: int = 1,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        self.path = path
        self.height = height
        self.width = width
        self.dtype = dtype
        self.band_names = band_names
        self.georeference = georeference
        self.n_pages = n_pages
        self.metadata = dict(metadata or {})

    @property
    def n_bands(self) -> int:
        """Number of bands, alpha not counted."""
        return len(self.band_names)

    def read(
        self, window: Window | None = None, *, bands: Sequence[int] | None = None, border: str = "none"
    ) -> ValuesAndValidity:
        """Values of a window, and which of its pixels hold data.

        Args:
            window: None for the whole image.
            bands: numbers of the wanted bands, the first is 1 (as GDAL and QGIS count); None for all.
            border: what lies outside the image: "none" (the window must lie inside), "mirror" (reflected without
                repeating the edge pixel, as often as it takes) or "zero" (0, invalid).

        Returns:
            (bands, h, w) array in the file's dtype, the caller's to change, and (h, w) bool: False where nodata, a mask
            or alpha says that there is no data, and where a read band is NaN or infinite.

        Raises:
            InputError: the window or a band does not exist, or the file is damaged.
        """
        window = Window(0, 0, self.height, self.width) if window is None else Window(*window)
        chosen = range(self.n_bands) if bands is None else [b - 1 for b in bands]
        if not chosen or any(not 0 <= b < self.n_bands for b in chosen):
            raise InputError(f"bands of {self.path} must be of 1..{self.n_bands}, got {list(bands or [])}")
        if window.height < 1 or window.width < 1:
            raise InputError(f"a window has at least 1 x 1 pixel, got {window.height} x {window.width}")
        self._check_memory(window, len(chosen))
        if border == "none":
            inside = window.row >= 0 and window.column >= 0
            inside &= window.row + window.height <= self.height and window.column + window.width <= self.width
            if not inside:
                raise InputError(
                    f"{window} must lie inside {self.path} ({self.height} x {self.width} pixels);"
                    ' border="mirror" or "zero" reads beyond'
                )
            return self._finite(*self._load(window, chosen))
        if border == "mirror":
            return self._finite(*self._read_mirrored(window, chosen))
        if border == "zero":
            return self._finite(*self._read_padded(window, chosen))
        raise InputError(f'border must be "none", "mirror" or "zero", got {border!r}')

    @abstractmethod
    def _load(self, window: Window, bands: Sequence[int]) -> ValuesAndValidity:
        """Values and validity of a window inside the image; `bands` from 0; arrays that nobody else holds."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file; reading once more opens it again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_memory(self, window: Window, n_bands: int) -> None:
        """Refuse before allocating what a damaged or hostile header asks for."""
        n_bytes = window.height * window.width * (n_bands * self.dtype.itemsize + 1)
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 2**36
        if n_bytes > memory:
            raise InputError(
                f"{self.path}: {n_bands} bands of {window.height} x {window.width} pixels need"
                f" {n_bytes / 2**30:.0f} GiB, the machine has {memory / 2**30:.0f}; read it in tiles"
            )

    @staticmethod
    def _finite(values: NDArray[Any], valid: NDArray[np.bool_]) -> ValuesAndValidity:
        if values.dtype.kind == "f":
            valid &= np.isfinite(values).all(axis=0)
        return values, valid

    def _read_mirrored(self, window: Window, bands: Sequence[int]) -> ValuesAndValidity:
        rows = reflect(np.arange(window.row, window.row + window.height), self.height)
        columns = reflect(np.arange(window.column, window.column + window.width), self.width)
        top, left = int(rows.min()), int(columns.min())
        source = Window(top, left, int(rows.max()) - top + 1, int(columns.max()) - left + 1)
        values, valid = self._load(source, bands)
        if source == window:
            return values, valid
        rows, columns = rows[:, None] - top, columns - left
        return values[:, rows, columns], valid[rows, columns]

    def _read_padded(self, window: Window, bands: Sequence[int]) -> ValuesAndValidity:
        values = np.zeros((len(bands), window.height, window.width), self.dtype)
        valid = np.zeros((window.height, window.width), bool)
        top, left = max(window.row, 0), max(window.column, 0)
        height = min(window.row + window.height, self.height) - top
        width = min(window.column + window.width, self.width) - left
        if height > 0 and width > 0:
            row, column = top - window.row, left - window.column
            inside, its_valid = self._load(Window(top, left, height, width), bands)
            values[:, row : row + height, column : column + width] = inside
            valid[row : row + height, column : column + width] = its_valid
        return values, valid


def reflect(index: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Index inside 0..size-1 that mirrors one outside, the edge not repeated (`np.pad(mode="reflect")`)."""
    if size == 1:
        return np.zeros_like(index)
    period = 2 * (size - 1)
    folded = index % period
    return np.minimum(folded, period - folded)
