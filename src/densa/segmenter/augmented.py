"""Test-time augmentation: the mean of a model's predictions for an image that is turned, flipped and scaled.

It is the same for every tiling: the views of a block are parts of the views of the whole image, mirrored to whole
strides.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.raster.mirroring import mirrored
from densa.segmenter.contract import Segmenter
from densa.segmenter.resampling import resample, resample_valid, support

__all__ = ["Augmented"]

View = tuple[int, bool]
"""Quarter turns (counterclockwise), then whether the columns are flipped."""

_FLIPS: dict[str, View] = {"columns": (0, True), "rows": (2, True)}
_LARGEST_STRIDE = 4096
_LARGEST_DENOMINATOR = 16


class Augmented(Segmenter):
    """A model applied to several views of each block, the mean of its probabilities; see `Segmenter`.

    Blocks must begin at multiples of `stride`, and end at multiples or where the image ends.

    Args:
        segmenter: any.
        flips: axes that are flipped: "rows" (upside down), "columns" (left and right), or both, which makes four views.
        quarter_turns: each of these also turned by 90, 180 and 270 degrees; with a flip, eight views in all.
        scales: sizes relative to the image; fractions of small whole numbers such as 0.5, 0.75, 1, 1.25, 1.5, 2. Finer
            fractions need larger strides.

    Attributes:
        n_passes: cost of a block, in applications of the model to it.

    Raises:
        InputError: unknown flips, no scales, or scales outside 1/4 to 4.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> model = segmenter.NetworkSegmenter(network, legend, bands)
        >>> flipped = segmenter.Augmented(model, quarter_turns=False)
        >>> flipped.n_passes
        4.0
        >>> flipped.probabilities(np.zeros((3, 32, 32), np.uint8)).shape
        (2, 32, 32)
    """

    def __init__(
        self,
        segmenter: Segmenter,
        *,
        flips: Sequence[str] = ("rows", "columns"),
        quarter_turns: bool = True,
        scales: Sequence[float | Fraction] = (1,),
    ) -> None:
        self.segmenter = segmenter
        self.legend, self.bands, self.whole_image = segmenter.legend, segmenter.bands, segmenter.whole_image
        self.any_block = segmenter.any_block
        self.views, self.scales = _views(flips, quarter_turns), _scales(scales)
        # The scaled image ends, and scaled blocks begin, at whole strides.
        self.stride = math.lcm(*(_grid(segmenter.stride, scale) for scale in self.scales))
        if self.stride > _LARGEST_STRIDE:
            raise InputError(
                f"scales {', '.join(map(str, self.scales))} need tiles on multiples of {self.stride} pixels; choose "
                "quarters or halves"
            )
        reach = max(_reach(segmenter.halo, scale) for scale in self.scales)
        # At least one stride, so that a block sees as much of the image's mirrored end as the whole image does.
        self.halo = max(1, math.ceil(reach / self.stride)) * self.stride
        if self.views == [(0, False)] and self.scales == [1]:
            self.halo = segmenter.halo
        self._size = (0, 0)  # of the image, where it is known

    @property
    def n_passes(self) -> float:
        """Cost of a block, in applications of the model to it."""
        return len(self.views) * float(sum(scale * scale for scale in self.scales))

    def probabilities(self, block: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Class probabilities of a block; see `Segmenter.probabilities`."""
        return self.probabilities_at(block, valid, 0, 0)

    def probabilities_at(
        self, block: NDArray[Any], valid: NDArray[np.bool_] | None, row: int, column: int
    ) -> NDArray[np.float32]:
        """The same at a known position in the image; see `Segmenter.probabilities_at`."""
        self.bands.check_block(block, valid)
        height, width = block.shape[1:]
        padded, its_valid = self._padded(block, valid)
        total = np.zeros((self.legend.n_classes, height, width), np.float32)
        for scale in self.scales:
            views = self.views
            if scale == 1 and (0, False) in views:  # the block itself, whose border the model mirrors
                views = [view for view in views if view != (0, False)]
                total += self.segmenter.probabilities_at(block, valid, row, column)
            if views:
                seen = self._sum_of_views(padded, its_valid, views, scale, row, column)
                total += resample(seen, 1 / scale)[:, :height, :width]
        total /= np.float32(len(self.views) * len(self.scales))
        return total

    def for_image(self, height: int, width: int) -> Augmented:
        """The same for blocks of that image; see `Segmenter.for_image`.

        A position in a flipped view is that in the flipped image, counted from the end of its last whole stride.
        """
        bound = copy.copy(self)
        bound.segmenter = self.segmenter.for_image(height, width)
        bound._size = (-(-height // self.stride) * self.stride, -(-width // self.stride) * self.stride)
        return bound

    def with_frozen_context(self, overview: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> Augmented:
        """The same of the frozen model; every view has the context of the overview as it stands."""
        frozen = copy.copy(self)
        frozen.segmenter = self.segmenter.with_frozen_context(overview, valid)
        frozen.whole_image = frozen.segmenter.whole_image
        return frozen

    def _sum_of_views(
        self,
        block: NDArray[Any],
        valid: NDArray[np.bool_] | None,
        views: list[View],
        scale: Fraction,
        row: int,
        column: int,
    ) -> NDArray[np.float32]:
        """Sum of the probabilities over the views of a padded block, at the scaled size."""
        if scale != 1:
            block, valid = resample_valid(block, valid, scale)
            row, column = int(row * scale), int(column * scale)
        total = np.zeros((self.legend.n_classes, *block.shape[1:]), np.float32)
        for view in views:
            mask = None if valid is None else np.ascontiguousarray(_seen(valid, view))
            position = _position(view, row, column, *block.shape[1:], *(int(side * scale) for side in self._size))
            found = self.segmenter.probabilities_at(np.ascontiguousarray(_seen(block, view)), mask, *position)
            total += _unseen(found, view)
        return total

    def _padded(
        self, block: NDArray[Any], valid: NDArray[np.bool_] | None
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """The block mirrored at its end to whole strides."""
        rows, columns = (mirrored(np.arange(-(-n // self.stride) * self.stride), n) for n in block.shape[1:])
        if (len(rows), len(columns)) == block.shape[1:]:
            return block, valid
        return block[:, rows[:, None], columns], None if valid is None else valid[rows[:, None], columns]


def _seen(maps: NDArray[Any], view: View) -> NDArray[Any]:
    """Maps (..., h, w) as a view shows them."""
    turned = np.rot90(maps, view[0], axes=(-2, -1))
    return turned[..., ::-1] if view[1] else turned


def _unseen(maps: NDArray[Any], view: View) -> NDArray[Any]:
    """Undo `_seen`."""
    return np.rot90(maps[..., ::-1] if view[1] else maps, -view[0], axes=(-2, -1))


def _position(
    view: View, row: int, column: int, height: int, width: int, n_rows: int = 0, n_columns: int = 0
) -> tuple[int, int]:
    """Where a block begins in a view of the image of that size; along a reversed axis of n pixels x is at n - x - 1."""
    for _ in range(view[0]):  # a quarter turn makes rows of the columns, from right to left
        row, column, height, width = n_columns - (column + width), row, width, height
        n_rows, n_columns = n_columns, n_rows
    return row, n_columns - (column + width) if view[1] else column


def _views(flips: Sequence[str], quarter_turns: bool) -> list[View]:
    if unknown := [flip for flip in flips if flip not in _FLIPS]:
        raise InputError(f"flips must be of {', '.join(sorted(_FLIPS))}, got {unknown[0]!r}")
    views: set[View] = {(0, False), *(_FLIPS[flip] for flip in flips)}
    if len(set(flips)) == 2:
        views.add((2, False))
    if quarter_turns:
        views = {((turns + more) % 4, flip) for turns, flip in views for more in range(4)}
    return sorted(views)


def _scales(scales: Sequence[float | Fraction]) -> list[Fraction]:
    if not scales:
        raise InputError("test-time augmentation needs a scale, got none; 1 is the image as it is")
    found = []
    for scale in scales:
        if not (isinstance(scale, int | float | Fraction) and 0.25 <= scale <= 4):
            raise InputError(f"scales must be from 0.25 to 4, got {scale}")
        fraction = Fraction(scale).limit_denominator(_LARGEST_DENOMINATOR)
        if abs(fraction - Fraction(scale)) > Fraction(1, 1000):
            raise InputError(f"scales must be simple fractions such as 0.75 or 1.5, got {scale}; use {float(fraction)}")
        found.append(fraction)
    if len(set(found)) < len(found):
        raise InputError(f"scales must differ, got {', '.join(map(str, found))}")
    return found


def _grid(stride: int, scale: Fraction) -> int:
    """Fewest pixels, a multiple of the stride, that scaled are whole strides too."""
    needed = stride * scale.denominator // math.gcd(scale.numerator, stride * scale.denominator)
    return math.lcm(stride, needed)


def _reach(halo: int, scale: Fraction) -> Fraction:
    """Pixels of context of a view: of scaling, of the model in the scaled image, and of scaling back."""
    if scale == 1:
        return Fraction(halo)
    return (support(1 / scale) + halo) / scale + support(scale)
