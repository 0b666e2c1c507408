"""The values of the bands themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densa.descriptors.pixels.descriptor import PlaneDescriptor
from densa.descriptors.pixels.place import Place

__all__ = ["Raw"]


@dataclass(frozen=True)
class Raw(PlaneDescriptor):
    """The bands as they are, in float32.

    Examples:
        >>> import numpy as np
        >>> from densa.descriptors import Raw
        >>> Raw().compute(np.array([[[1, 2]], [[3, 4]]], np.uint8)).tolist()
        [[[1.0, 2.0]], [[3.0, 4.0]]]
    """

    @property
    def halo(self) -> int:
        """0: the pixel itself."""
        return 0

    def names(self, n_bands: int) -> list[str]:
        """One name per band: "band 1"."""
        return [f"band {i + 1}" for i in range(n_bands)]

    def _fill(
        self, planes: NDArray[np.float32], valid: NDArray[np.bool_] | None, out: NDArray[np.float32], place: Place
    ) -> None:
        out[:] = planes
