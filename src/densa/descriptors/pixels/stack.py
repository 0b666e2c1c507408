"""Several pixel descriptors together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.descriptors.pixels.descriptor import PixelDescriptor
from densa.descriptors.pixels.place import Place
from densa.descriptors.shared.parts import as_parts

__all__ = ["Stack"]


@dataclass(frozen=True)
class Stack(PixelDescriptor):
    """Several descriptors of the same image, their features in order.

    Attributes:
        parts: at least one descriptor.

    Raises:
        InputError: `parts` is empty or holds something else than pixel descriptors.

    Examples:
        >>> import numpy as np
        >>> from densa.descriptors import MultiScale, Raw, Stack
        >>> descriptor = Stack((Raw(), MultiScale(scales=(1.0,), features=("gradient",))))
        >>> descriptor.names(1)
        ['band 1', 'band 1: gradient magnitude, sigma 1']
    """

    parts: tuple[PixelDescriptor, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", as_parts(self.parts, PixelDescriptor, "pixel descriptor"))

    @property
    def halo(self) -> int:
        """The widest halo of the parts."""
        return max(part.halo for part in self.parts)

    def names(self, n_bands: int) -> list[str]:
        """The names of the parts, in order."""
        return [name for part in self.parts for name in part.names(n_bands)]

    def _compute(
        self, block: NDArray[Any], valid: NDArray[np.bool_] | None, out: NDArray[np.float32], place: Place
    ) -> None:
        """Each part fills its planes and scales the values by itself."""
        first = 0
        for part in self.parts:
            n = part.n_features(block.shape[0])
            part.compute(block, valid, out[first : first + n], place=place)
            first += n
