"""The relief that a watershed floods, tile by tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.engine.regions.stages.stage import Tile
from densa.errors import InputError
from densa.raster import Raster, Window
from densa.raster.grid import inside, widened
from densa.regions import gradient_magnitude
from densa.regions.watershed.gradient import check_gradient, gradient_reach
from densa.regions.watershed.minima import check_relief

__all__ = ["Relief"]


@dataclass(frozen=True)
class Relief:
    """A relief made of a raster.

    Args:
        kind: "gradient": magnitude of the image's gradient; "as-is": its one band.
        sigma, bands: of the gradient, see `gradient_magnitude`.

    Raises:
        InputError: another kind, or an error of `gradient_magnitude`.
    """

    kind: str
    sigma: float
    bands: str

    def __post_init__(self) -> None:
        if self.kind not in ("gradient", "as-is"):
            raise InputError(f'relief must be "gradient" or "as-is", got {self.kind!r}')
        if self.kind == "gradient":
            check_gradient(self.sigma, self.bands)

    @property
    def halo(self) -> int:
        """Pixels around a pixel on which its value depends."""
        return gradient_reach(self.sigma) if self.kind == "gradient" else 0

    def check(self, raster: Raster) -> None:
        """Refuse a raster that is no relief."""
        if raster.dtype.kind not in "buif":
            raise InputError(f"{raster.path} holds {raster.dtype}, a relief must be of real numbers; convert it")
        if self.kind == "as-is" and raster.n_bands != 1:
            raise InputError(
                f"{raster.path} has {raster.n_bands} bands, a relief must have one; flood the gradient of the image, "
                "or extract one band"
            )

    def read(self, tile: Tile, margin: int) -> tuple[NDArray[np.generic], NDArray[np.bool_], Window]:
        """Relief and validity of a tile's core with `margin` pixels around it, and their window."""
        block = tile.read(margin + self.halo)
        window = widened(tile.core, margin, tile.height, tile.width)
        part = inside(window, block.window)
        values: NDArray[Any] = block.pixels[0]
        if self.kind == "gradient":
            values = gradient_magnitude(np.moveaxis(block.pixels, 0, -1), self.sigma, bands=self.bands)
        return check_relief(values[part]), block.valid[part], window

    def itemsize(self, raster: Raster) -> int:
        """Bytes of one value."""
        if self.kind == "as-is":
            return raster.dtype.itemsize
        return 8 if raster.dtype.itemsize > (4 if raster.dtype.kind == "f" else 2) else 4

    def bytes_per_pixel(self, raster: Raster) -> float:
        """Memory for computing it, at the peak, without the image."""
        if self.kind == "as-is":
            return float(self.itemsize(raster))
        return float(self.itemsize(raster) * (raster.n_bands + (6 if self.bands == "largest" else 14)))
