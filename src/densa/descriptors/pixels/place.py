"""Position of a block in its image."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Place"]


@dataclass(frozen=True)
class Place:
    """Position of a block in its image, in pixels.

    Attributes:
        row, column: of the block's first pixel.
        size: (height, width) of the image; None: the image ends where the block does.

    Examples:
        >>> import numpy as np
        >>> from densa.descriptors import Place, Position
        >>> block = np.zeros((1, 2, 2))  # the lower right corner of an image of 4 x 8 pixels
        >>> Position().compute(block, place=Place(row=2, column=6, size=(4, 8)))[:, 0, 0].tolist()
        [0.625, 0.8125]
    """

    row: int = 0
    column: int = 0
    size: tuple[int, int] | None = None

    def image_size(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Height and width of the image that a block of `shape` (height, width) belongs to."""
        return self.size or (self.row + shape[0], self.column + shape[1])
