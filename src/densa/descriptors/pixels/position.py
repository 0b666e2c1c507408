"""The position of a pixel in its image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densa.descriptors.pixels.descriptor import PlaneDescriptor
from densa.descriptors.pixels.place import Place

__all__ = ["Position"]


@dataclass(frozen=True)
class Position(PlaneDescriptor):
    """Row and column of the pixel's centre as shares of the image's height and width, above 0 and below 1.

    `compute` needs the `place` of the block in its image.

    Examples:
        >>> import numpy as np
        >>> from densa.descriptors import Place, Position
        >>> rows, columns = Position().compute(np.zeros((1, 2, 4)), place=Place())
        >>> rows[:, 0].tolist(), columns[0].tolist()
        ([0.25, 0.75], [0.125, 0.375, 0.625, 0.875])
    """

    @property
    def halo(self) -> int:
        """0: the pixel itself."""
        return 0

    def names(self, n_bands: int) -> list[str]:
        """The names row and column."""
        return ["row", "column"]

    def _fill(
        self, planes: NDArray[np.float32], valid: NDArray[np.bool_] | None, out: NDArray[np.float32], place: Place
    ) -> None:
        height, width = out.shape[1:]
        n_rows, n_columns = place.image_size((height, width))
        out[0] = ((place.row + np.arange(height) + 0.5) / n_rows)[:, None]
        out[1] = (place.column + np.arange(width) + 0.5) / n_columns
