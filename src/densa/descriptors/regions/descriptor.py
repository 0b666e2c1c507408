"""Base class of region descriptors: numbers of every region of a region map, from the features of its pixels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densa.errors import InputError

__all__ = ["RegionDescriptor"]

MAX_REGIONS = 2**31 - 1
_FEW_REGIONS = 1 << 20  # tables of up to so many rows are made even where the map has fewer pixels


class RegionDescriptor(ABC):
    """Numbers of every region; the descriptors are frozen dataclasses with their parameters as fields.

    Sums run over the pixels in their order, in integers or float64, so results do not depend on the threads.

    Examples:
        >>> import numpy as np
        >>> from densa.descriptors import FeatureStatistics, RegionShape, RegionStack
        >>> descriptor = RegionStack((FeatureStatistics(("mean",)), RegionShape()))
        >>> descriptor.names(["red"])[:2]
        ['mean of red', 'area']
        >>> descriptor.compute(np.array([[[1, 3, 5]]], np.float32), np.array([[1, 1, 2]]))[:, :2].tolist()
        [[2.0, 2.0], [5.0, 1.0]]
    """

    @abstractmethod
    def names(self, features: Sequence[str]) -> list[str]:
        """Name of every number, given the names of the pixels' features."""

    @abstractmethod
    def _describe(
        self, features: NDArray[np.float32], regions: NDArray[np.int32], n_pixels: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(n + 1, d) numbers of checked arguments; row 0, which is no region, is dropped by the caller."""

    def compute(self, features: ArrayLike, regions: ArrayLike, n_regions: int | None = None) -> NDArray[np.float32]:
        """Describe every region.

        Args:
            features: (f, h, w) float32 features of the pixels, as `PixelDescriptor.compute` gives them; finite inside
                the regions.
            regions: (h, w) integers from 1; 0: no region, as nodata should be.
            n_regions: number of regions; None: the largest number in `regions`.

        Returns:
            (n_regions, d) float32; row k is region k + 1. Regions without a pixel have zeros.

        Raises:
            InputError: shapes or types that do not fit, numbers outside 0 to `n_regions`, or features inside a region
                that are not finite.
        """
        planes, numbers = _check_features(features), _check_regions(regions)
        if planes.shape[1:] != numbers.shape:
            raise InputError(f"regions must have the features' size {planes.shape[1:]}, got {numbers.shape}")
        largest = int(numbers.max())
        n = largest if n_regions is None else n_regions
        if n < largest:
            raise InputError(f"regions must be numbered up to n_regions = {n}, got {largest}")
        if n > max(numbers.size, _FEW_REGIONS):
            raise InputError(f"{n} regions are more than the {numbers.size} pixels; renumber the regions without gaps")
        _check_inside(planes, numbers)
        n_pixels = np.bincount(numbers.ravel(), minlength=n + 1)
        values = self._describe(planes, numbers, n_pixels)[1:]
        values[n_pixels[1:] == 0] = 0
        return values.astype(np.float32)


def _check_features(features: ArrayLike) -> NDArray[np.float32]:
    array = np.asarray(features)
    if array.ndim != 3 or 0 in array.shape[1:] or array.dtype.kind not in "buif":
        raise InputError(
            f"features must be real numbers (features, height, width) with pixels, got {array.dtype} of {array.shape}"
        )
    return np.ascontiguousarray(array, np.float32)


def _check_regions(regions: ArrayLike) -> NDArray[np.int32]:
    array = np.asarray(regions)
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "bui":
        raise InputError(
            f"regions must be integers (height, width) with pixels, got {array.dtype} of shape {array.shape}"
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > MAX_REGIONS:
        raise InputError(f"regions must be numbered from 1 (0: no region) below 2**31, got {low} to {high}")
    return np.ascontiguousarray(array, np.int32)


def _check_inside(features: NDArray[np.float32], regions: NDArray[np.int32]) -> None:
    """Raise an InputError where features are not finite inside a region."""
    for plane in features:
        if not np.isfinite(plane.sum(dtype=np.float64)) and not np.isfinite(plane[regions > 0]).all():
            raise InputError("features must be finite inside the regions, got NaN or infinity; use region 0 there")
