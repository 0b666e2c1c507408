"""Region numbers read from a raster file, as a source of regions for stages."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa import raster as rasters
from densa.engine.regions.stages.stitching import MAX_REGIONS
from densa.errors import InputError
from densa.raster import Raster, Window

__all__ = ["RegionFile"]


class RegionFile:
    """Region numbers in a raster file, opened by every process itself.

    Args:
        path, page: of the raster.

    Raises:
        InputError: it does not hold one band of integers.
    """

    def __init__(self, path: Path, page: int = 0) -> None:
        self.path = path.absolute()
        self.page = page
        self._lock = threading.Lock()
        self._opened: Raster | None = None
        raster = self._raster()
        if raster.n_bands != 1 or raster.dtype.kind not in "bui":
            self.close()
            raise InputError(
                f"{path} has {raster.n_bands} bands of {raster.dtype}, regions must be one band of integers from 1"
            )

    def __call__(self, window: Window) -> NDArray[np.int32]:
        """(h, w) region numbers of a window; 0 where there is none."""
        return self.read(window)[0]

    def read(self, window: Window) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """(h, w) region numbers of a window, 0 where there is none; (h, w) where the raster is valid.

        Raises:
            InputError: a number is negative or beyond 2**31 - 1.
        """
        pixels, valid = self._raster().read(window)
        return self.numbers(pixels, valid, window), valid

    def numbers(self, pixels: NDArray[Any], valid: NDArray[np.bool_], window: Window) -> NDArray[np.int32]:
        """(h, w) region numbers of the values of a window; see `read`."""
        numbers = np.where(valid, pixels[0], pixels.dtype.type(0))
        for index in (numbers.argmin(), numbers.argmax()):
            row, column = divmod(int(index), window.width)
            number = int(numbers[row, column])
            if not 0 <= number <= MAX_REGIONS:
                raise InputError(
                    f"{self.path} has region {number} at {(window.row + row, window.column + column)}; regions must be "
                    "numbered from 1 (0: no region) below 2**31: number them anew"
                )
        return numbers.astype(np.int32, copy=False)

    def close(self) -> None:
        """Close the file; reading opens it again."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
            self._opened = None

    def __enter__(self) -> RegionFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "page": self.page}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def _raster(self) -> Raster:
        with self._lock:
            if self._opened is None:
                self._opened = rasters.open(self.path, page=self.page)
            return self._opened
