"""Where the errors are: the share of wrong pixels in every square block of the images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.checks import as_count
from densa.legend import IGNORE
from densa.metrics.confusion import VoidRule

__all__ = ["BlockErrors", "ErrorBlock", "ErrorBlocks"]


@dataclass(frozen=True)
class ErrorBlock:
    """A block of an image.

    Attributes:
        image: name of the image.
        row, column, height, width: its pixels.
        pixels: those that count: with a label.
        wrong: of them, those with another class or none.
    """

    image: str
    row: int
    column: int
    height: int
    width: int
    pixels: int
    wrong: int

    @property
    def rate(self) -> float:
        """Share of the counted pixels that are wrong."""
        return self.wrong / self.pixels

    def to_json(self) -> dict[str, Any]:
        """The block for programs."""
        return {**vars(self), "error_rate": self.rate}


@dataclass(frozen=True)
class BlockErrors:
    """The blocks of one image.

    Attributes:
        pixels, wrong: (rows, columns) int64 of each block.
        height, width: of the part of the image that was measured, from its corner.
        source: the image, where it is known; it says where the blocks lie on the ground.
    """

    pixels: NDArray[np.int64]
    wrong: NDArray[np.int64]
    height: int
    width: int
    source: Path | None = None

    @property
    def rates(self) -> NDArray[np.float64]:
        """(rows, columns) share of wrong pixels, NaN where none counts."""
        return np.where(self.pixels > 0, self.wrong / np.maximum(self.pixels, 1), np.nan)


class ErrorBlocks:
    """Counts wrong pixels in blocks of images, which may come in windows.

    Args:
        block: side of a block in pixels; blocks begin at the corner of the image.
        void: rule for pixels without a label, see `ConfusionMatrix.summary`.

    Raises:
        InputError: a side below 1.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> blocks = metrics.ErrorBlocks(2)
        >>> blocks.update("scene", np.array([[0, 0, 1, 255]] * 2), np.array([[0, 0, 0, 1]] * 2))
        >>> blocks.images["scene"].rates
        array([[0., 1.]])
        >>> worst = blocks.worst()[0]
        >>> worst.column, worst.wrong, worst.pixels
        (2, 2, 2)
    """

    def __init__(self, block: int, *, void: VoidRule = "ignore") -> None:
        self.block, self._void = as_count(block, "block"), void
        self.images: dict[str, BlockErrors] = {}

    def update(
        self,
        image: str,
        target: NDArray[Any],
        predicted: NDArray[Any],
        *,
        corner: tuple[int, int] = (0, 0),
        source: Path | None = None,
    ) -> None:
        """Add an image, or a window of it.

        Args:
            image: its name.
            target, predicted: see `ConfusionMatrix.update`.
            corner: row and column of the window in the image.
            source: the image.
        """
        counted = target != IGNORE
        if self._void == "false-positive":
            counted = counted | (predicted != IGNORE)
        row, column = corner
        bottom, right = row + target.shape[0], column + target.shape[1]
        old = self.images.get(image)
        height, width = (bottom, right) if old is None else (max(bottom, old.height), max(right, old.width))
        shape = -(-height // self.block), -(-width // self.block)
        counts = np.zeros((2, *shape), np.int64)
        if old is not None:
            counts[:, : old.pixels.shape[0], : old.pixels.shape[1]] = old.pixels, old.wrong
        first = row // self.block, column // self.block
        for k, flags in enumerate((counted, counted & (target != predicted))):
            sums = _sums(flags, row, column, self.block)
            counts[k, first[0] : first[0] + sums.shape[0], first[1] : first[1] + sums.shape[1]] += sums
        kept = source if old is None else old.source
        self.images[image] = BlockErrors(counts[0], counts[1], height, width, kept)

    def blocks(self) -> list[ErrorBlock]:
        """The blocks with a counted pixel, image by image."""
        found = []
        for name, one in self.images.items():
            for i, j in np.argwhere(one.pixels > 0).tolist():
                top, left = i * self.block, j * self.block
                size = min(self.block, one.height - top), min(self.block, one.width - left)
                found.append(ErrorBlock(name, top, left, *size, int(one.pixels[i, j]), int(one.wrong[i, j])))
        return found

    def worst(self, most: int = 10) -> list[ErrorBlock]:
        """The blocks with the highest share of wrong pixels, of equal ones those with more pixels first.

        Blocks with less than a tenth of the pixels of a whole block do not count, unless all have so few.
        """
        blocks = self.blocks()
        large = [one for one in blocks if 10 * one.pixels >= self.block**2] or blocks
        return sorted(large, key=lambda one: (-one.rate, -one.pixels, one.image, one.row, one.column))[:most]

    def to_json(self) -> dict[str, Any]:
        """Side and number of the blocks, and the worst of them."""
        blocks = self.blocks()
        return {"block": self.block, "blocks": len(blocks), "worst": [one.to_json() for one in self.worst()]}


def _sums(flags: NDArray[np.bool_], row: int, column: int, block: int) -> NDArray[np.int64]:
    """Number of true pixels in each block of a window whose corner is at a row and column."""
    found: NDArray[np.int64] = flags.astype(np.int64)
    for axis, start in ((0, row), (1, column)):
        side = found.shape[axis]
        borders = np.arange(-(start % block), side, block).clip(0)
        found = np.add.reduceat(found, borders, axis=axis)
    return found
