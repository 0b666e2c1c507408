"""The values themselves, the position, and several descriptors one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.descriptors.pixel import PixelDescriptor, Place, PlaneDescriptor
from densa.errors import InputError

__all__ = ["Position", "Raw", "Stack"]


@dataclass(frozen=True)
class Raw(PlaneDescriptor):
    """The bands as they are, in float32."""

    @property
    def halo(self) -> int:
        """None."""
        return 0

    def names(self, n_bands: int) -> list[str]:
        """As "band 1"."""
        return [f"band {i + 1}" for i in range(n_bands)]

    def _fill(
        self, planes: NDArray[np.float32], valid: NDArray[np.bool_] | None, out: NDArray[np.float32], place: Place
    ) -> None:
        out[:] = planes


@dataclass(frozen=True)
class Position(PlaneDescriptor):
    """Row and column of the pixel's middle as shares of the image's height and width, above 0 and below 1.

    `compute` must be told where a block lies in its image (`origin`, `size`).
    """

    @property
    def halo(self) -> int:
        """None."""
        return 0

    def names(self, n_bands: int) -> list[str]:
        """Two names."""
        return ["row", "column"]

    def _fill(
        self, planes: NDArray[np.float32], valid: NDArray[np.bool_] | None, out: NDArray[np.float32], place: Place
    ) -> None:
        height, width = out.shape[1:]
        out[0] = ((place.origin[0] + np.arange(height) + 0.5) / place.size[0])[:, None]
        out[1] = (place.origin[1] + np.arange(width) + 0.5) / place.size[1]


@dataclass(frozen=True)
class Stack(PixelDescriptor):
    """Several descriptors of the same image, their features in order.

    Attributes:
        parts: at least one descriptor.

    Raises:
        InputError: no parts, or parts that are no pixel descriptors.
    """

    parts: tuple[PixelDescriptor, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))
        if not self.parts or not all(isinstance(p, PixelDescriptor) for p in self.parts):
            raise InputError(f"a stack needs at least one pixel descriptor and nothing else, got {self.parts!r}")

    @property
    def halo(self) -> int:
        """The widest of the parts."""
        return max(part.halo for part in self.parts)

    def names(self, n_bands: int) -> list[str]:
        """Those of the parts, in order."""
        return [name for part in self.parts for name in part.names(n_bands)]

    def compute(
        self,
        block: NDArray[Any],
        valid: NDArray[np.bool_] | None = None,
        out: NDArray[np.float32] | None = None,
        *,
        origin: tuple[int, int] = (0, 0),
        size: tuple[int, int] | None = None,
    ) -> NDArray[np.float32]:
        """As `PixelDescriptor.compute`; each part fills its planes, in the units that it wants."""
        out, _ = self._prepare(block, out)
        first = 0
        for part in self.parts:
            n = part.n_features(block.shape[0])
            part.compute(block, valid, out[first : first + n], origin=origin, size=size)
            first += n
        return out
