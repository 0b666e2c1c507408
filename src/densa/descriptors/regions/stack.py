"""Several region descriptors together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densa.descriptors.regions.descriptor import RegionDescriptor
from densa.descriptors.shared.parts import as_parts

__all__ = ["RegionStack"]


@dataclass(frozen=True)
class RegionStack(RegionDescriptor):
    """Several descriptors of the same regions, their numbers in order.

    Attributes:
        parts: at least one descriptor.

    Raises:
        InputError: `parts` is empty or holds something else than region descriptors.

    Examples:
        >>> import numpy as np
        >>> from densa.descriptors import FeatureStatistics, RegionPosition, RegionStack
        >>> RegionStack((FeatureStatistics(("mean",)), RegionPosition())).names(["red"])
        ['mean of red', 'centroid row', 'centroid column']
    """

    parts: tuple[RegionDescriptor, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", as_parts(self.parts, RegionDescriptor, "region descriptor"))

    def names(self, features: Sequence[str]) -> list[str]:
        """The names of the parts, in order."""
        return [name for part in self.parts for name in part.names(features)]

    def _describe(
        self, features: NDArray[np.float32], regions: NDArray[np.int32], n_pixels: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        return np.hstack([part._describe(features, regions, n_pixels) for part in self.parts])
