"""Features of regions for the shallow methods: statistics of the pixels' features, the size, and the neighbours.

Method: Trees on superpixels (`region-forest`, `region-boosting`).
Source: Gould, Fulton, Koller, ICCV 2009; Zhang, Wang, Yang, ECCV 2010.
As printed: superpixels described by statistics of their pixels' features and those of their neighbours, and classified.
Departs: the idea of both, not their features or classifiers: no dense depth maps (Zhang et al.), no energy over regions
    and geometry (Gould et al.).
Held by: tests/shallow/test_region_features.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.descriptors import ColourSpaces, FeatureStatistics, Place
from densa.errors import InputError
from densa.shallow.features import PixelFeatures
from densa.shallow.settings import SuperpixelSettings
from densa.shallow.superpixels import COLOUR_STEPS, anchored_superpixels, reach_in_cells

__all__ = ["RegionFeatures", "strip_rows"]

_STRIP_VALUES = 1 << 24  # features of pixels held at once
_STD_IN_COLOUR = 20.0  # units of Lab that a standard deviation of another band is worth
_LARGEST_STD = 6.0


def strip_rows(n_features: int, width: int, halo: int) -> int:
    """Rows of a strip whose features are held at once; at least twice the halo."""
    return max(64, 2 * halo, _STRIP_VALUES // max(1, n_features * width))


@dataclass(frozen=True)
class RegionFeatures:
    """Superpixels and their features, the same in every tile that begins at a multiple of `step`.

    Attributes:
        pixels: features of pixels, whose mean and standard deviation describe a region.
        step: side of the grid of superpixels in pixels, 4 to 128.
        compactness: colour distance worth a step of the grid: in units of CIE Lab for three 8-bit bands, otherwise in
            twentieths of a band's standard deviation.
        n_rounds: rounds of SLIC.
        neighbours: add the means over the adjacent regions.
        mean, std: mean and standard deviation of the bands, for images other than of three 8-bit bands.

    Raises:
        InputError: numbers out of range.

    Examples:
        >>> import numpy as np
        >>> from densa.shallow import PixelFeatures, RegionFeatures
        >>> features = RegionFeatures(PixelFeatures(("bands",)), step=8)
        >>> image, valid = np.zeros((3, 16, 24), np.uint8), np.ones((16, 24), bool)
        >>> int(features.superpixels(image, valid).max())
        6
    """

    pixels: PixelFeatures
    step: int = SuperpixelSettings.region_size
    compactness: float = SuperpixelSettings.compactness
    n_rounds: int = 5
    neighbours: bool = True
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        whole = all(type(v) is int for v in (self.step, self.n_rounds))
        if not whole or not (4 <= self.step <= 128 and 1 <= self.n_rounds <= 20):
            raise InputError(f"regions need a step of 4 to 128 and 1 to 20 rounds, got {self.step}, {self.n_rounds}")
        if not 0 < self.compactness <= 1e6:
            raise InputError(f"compactness must be above 0, got {self.compactness}")
        for name in ("mean", "std"):
            object.__setattr__(self, name, tuple(float(v) for v in getattr(self, name)))
        if len(self.mean) != len(self.std) or not np.isfinite((*self.mean, *self.std)).all():
            raise InputError("mean and std of the bands must be as many, and finite")

    @property
    def halo(self) -> int:
        """Pixels of context, a multiple of `step`, that decide a region, its neighbours and their features."""
        of_region = 1 + (3 if self.neighbours else 0) + 2  # from a pixel's cell to any pixel of what describes it
        superpixels = (of_region + reach_in_cells(self.n_rounds) + 1) * self.step
        features = (of_region + 1) * self.step + self.pixels.halo
        return -(-max(superpixels, features) // self.step) * self.step

    def names(self, n_bands: int) -> list[str]:
        """Name of every feature of a region."""
        own = FeatureStatistics().names(self.pixels.names(n_bands))
        around = [f"neighbours' {name}" for name in own[::2]] if self.neighbours else []
        return [*own, "size", *around]

    def superpixels(self, block: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.int32]:
        """(h, w) int32 superpixels of a block, see `anchored_superpixels`."""
        return anchored_superpixels(self._colours(block, valid), valid, self.step, self.compactness, self.n_rounds)

    def compute(
        self,
        block: NDArray[Any],
        valid: NDArray[np.bool_] | None = None,
        place: Place | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Features of the regions of a block.

        Args:
            block: (bands, h, w) values as stored in the raster.
            valid: (h, w), False where there is no data; None: everywhere valid.
            place: position of the block in its image, row and column multiples of `step`; None: the block is the image.

        Returns:
            (n_regions, d) float32, row k of region k + 1 (0 where a region has no pixel); and (h, w) int32 regions.

        Raises:
            InputError: a place that is not a multiple of `step`, or a block that `PixelFeatures.compute` rejects.
        """
        place = place or Place()
        if place.row % self.step or place.column % self.step:
            raise InputError(
                f"a block must begin at multiples of {self.step}, got row {place.row}, column {place.column}"
            )
        mask = _usable(block, valid)
        regions = self.superpixels(block, mask)
        n_rows, n_columns = (-(-side // self.step) for side in regions.shape)
        n = n_rows * n_columns
        sizes = np.bincount(regions.ravel(), minlength=n + 1)[1:]
        table = np.zeros((n, 2 * len(self.pixels.names(len(block))) + 1), np.float32)
        self._describe(block, mask, replace(place, size=place.image_size(regions.shape)), regions, table)
        table[:, -1] = sizes / self.step**2
        if self.neighbours:
            means = np.ascontiguousarray(table[:, 0:-1:2])
            around = np.zeros(means.shape)
            _mean_of_neighbours(regions, means, np.zeros(n, np.int64), around)
            table = np.hstack([table, around.astype(np.float32)])
        return table, regions

    def to_config(self) -> dict[str, Any]:
        """The fields except the pixels' features, as JSON holds them."""
        names = ("step", "compactness", "n_rounds", "neighbours")
        return {name: getattr(self, name) for name in names} | {"mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_config(cls, pixels: PixelFeatures, config: Mapping[str, Any]) -> RegionFeatures:
        """The features that `to_config` wrote.

        Raises:
            InputError: unknown fields, or values out of range.
        """
        try:
            return cls(pixels, **config)
        except (TypeError, ValueError) as error:
            raise InputError(f"regions cannot be made of {dict(config)!r}: {error}") from error

    def _describe(
        self,
        block: NDArray[Any],
        valid: NDArray[np.bool_],
        place: Place,
        regions: NDArray[np.int32],
        table: NDArray[np.float32],
    ) -> None:
        """Statistics of all regions, some rows of cells at a time: a region lies in the cells around its own."""
        height, width = regions.shape
        n_columns, halo = -(-width // self.step), self.pixels.halo
        n_features = table.shape[1] // 2
        cells = max(1, strip_rows(n_features, width, halo) // self.step)
        for first in range(0, -(-height // self.step), cells):
            top, end = max(0, (first - 1) * self.step), min(height, (first + cells + 1) * self.step)
            above, below = max(0, top - halo), min(height, end + halo)
            strip = replace(place, row=place.row + above)
            found = self.pixels.compute(block[:, above:below], valid[above:below], strip)
            part = np.ascontiguousarray(found[:, top - above : end - above])
            low, high = first * n_columns, min(len(table), (first + cells) * n_columns)
            numbers = regions[top:end] - low
            numbers[(numbers < 1) | (numbers > high - low)] = 0
            table[low:high, :-1] = FeatureStatistics().compute(part, numbers, high - low)

    def _colours(self, block: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.int16]:
        if block.dtype == np.uint8 and len(block) == 3:
            colours = ColourSpaces(("lab",)).compute(block, valid)
        else:
            mean = np.array(self.mean or (0.0,) * len(block))[:, None, None]
            std = np.array([s or 1.0 for s in self.std] or [1.0] * len(block))[:, None, None]
            with np.errstate(invalid="ignore", over="ignore"):
                colours = np.clip((block - mean) / std, -_LARGEST_STD, _LARGEST_STD) * _STD_IN_COLOUR
            colours[:, ~valid] = 0
        return np.rint(colours * COLOUR_STEPS).astype(np.int16)


def _usable(block: NDArray[Any], valid: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    mask = np.ones(block.shape[1:], np.bool_) if valid is None else np.asarray(valid, np.bool_)
    return mask & np.isfinite(block).all(axis=0) if block.dtype.kind == "f" else mask


@njit(nogil=True, cache=True)
def _mean_of_neighbours(regions: Any, means: Any, sides: Any, out: Any) -> None:
    """out (n, d): means over the regions on the other side of each pixel side of the boundary, in raster order."""
    height, width = regions.shape
    for y in range(height):
        for x in range(width):
            k = regions[y, x] - 1
            for down, right in ((0, 1), (1, 0)):
                if k < 0 or y + down >= height or x + right >= width:
                    continue
                other = regions[y + down, x + right] - 1
                if other < 0 or other == k:
                    continue
                sides[k] += 1
                sides[other] += 1
                for f in range(means.shape[1]):
                    out[k, f] += means[other, f]
                    out[other, f] += means[k, f]
    for k in range(means.shape[0]):
        for f in range(means.shape[1]):
            out[k, f] = out[k, f] / sides[k] if sides[k] > 0 else means[k, f]
