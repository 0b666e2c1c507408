"""The protocol that the engine, the metrics and the reports know, and what a segmenter expects of an image's bands."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.legend import Legend

__all__ = ["BandContract", "Segmenter", "for_image", "probabilities_at"]


@dataclass(frozen=True)
class BandContract:
    """The bands that a segmenter was trained on: how many, their names and their statistics.

    Args:
        n_bands: number of bands.
        names: a name per band; empty means band 1, band 2, ...
        mean, std: per band, over the valid pixels of the training images, in their own units; empty means 0 and 1.
        dtype: numpy's name for the data type of the training images, as "uint8".

    Raises:
        InputError: lengths that differ, statistics that are not finite, or a negative standard deviation.
    """

    n_bands: int
    names: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    dtype: str = "uint8"

    def __post_init__(self) -> None:
        n = self.n_bands
        if n < 1:
            raise InputError(f"a segmenter needs at least one band, got {n}")
        object.__setattr__(self, "names", tuple(self.names) or tuple(f"band {i + 1}" for i in range(n)))
        object.__setattr__(self, "mean", tuple(map(float, self.mean)) or (0.0,) * n)
        object.__setattr__(self, "std", tuple(map(float, self.std)) or (1.0,) * n)
        for what in ("names", "mean", "std"):
            if len(getattr(self, what)) != n:
                raise InputError(f"a contract of {n} bands needs {n} values of {what}, got {len(getattr(self, what))}")
        if not all(map(math.isfinite, (*self.mean, *self.std))) or min(self.std) < 0:
            raise InputError(f"mean and std of bands must be finite and std not negative, got {self.mean}, {self.std}")
        try:
            np.dtype(self.dtype)
        except TypeError as error:
            raise InputError(f"dtype of bands must be numpy's name of a data type, got {self.dtype!r}") from error

    def check(self, n_bands: int) -> None:
        """Refuse an image of another number of bands.

        Raises:
            InputError: `n_bands` is not this contract's.
        """
        if n_bands != self.n_bands:
            raise InputError(
                f"the model expects {self.n_bands} bands ({', '.join(self.names)}), got an image of {n_bands}; "
                "choose the bands that it was trained on"
            )

    def check_block(self, block: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> None:
        """Refuse what is no block of these bands.

        Raises:
            InputError: not (n_bands, h, w) with a pixel at least, or a mask of another size.
        """
        if block.ndim != 3 or 0 in block.shape:
            raise InputError(f"a block must be (bands, height, width) with pixels in it, got the shape {block.shape}")
        self.check(block.shape[0])
        if valid is not None and valid.shape != block.shape[1:]:
            raise InputError(
                f"the mask of valid pixels must have the block's size {block.shape[1:]}, got {valid.shape}"
            )

    def normalise(self, block: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Bands in units of their training statistics: (x - mean) / std; 0 where invalid.

        Args:
            block: (n_bands, h, w) of any real data type, values as the file holds them.
            valid: (h, w), False where the image has no data; a value that is not finite has none either.

        Returns:
            (n_bands, h, w) float32. A band that was constant in training (std 0) is only centred.

        Raises:
            InputError: another number of bands, or shapes that do not fit.
        """
        self.check_block(block, valid)
        normalised = np.empty(block.shape, np.float32)
        wide = np.float32 if block.dtype.itemsize <= 2 else np.float64  # float32 holds 16-bit integers exactly
        for band, out, mean, std in zip(block, normalised, self.mean, self.std, strict=True):
            out[...] = (band.astype(wide) - wide(mean)) * wide(1 / std if std else 1)
        if block.dtype.kind == "f":
            finite: NDArray[np.bool_] = np.asarray(np.isfinite(normalised).all(axis=0))
            valid = finite if valid is None else np.logical_and(valid, finite)
        if valid is not None and not valid.all():
            normalised[:, ~valid] = 0
        return normalised


class Segmenter(Protocol):
    """Turns a block of bands into class probabilities; networks, forests and ensembles all do.

    What a segmenter may have besides, and who applies it asks for: `whole_image` (bool), set where no halo makes tiles
    equal to the whole, with `with_frozen_context(overview, valid)`, which gives a segmenter that can be tiled; and
    `probabilities_at(block, valid, row, column)`, where the place of the block matters too (see the function of that
    name).

    Attributes:
        legend: the classes.
        bands: what it expects of an image.
        halo: pixels of context that decide an output pixel, a multiple of `stride`.
        stride: origins of blocks must be multiples of it.
    """

    @property
    def legend(self) -> Legend: ...  # noqa: D102
    @property
    def bands(self) -> BandContract: ...  # noqa: D102
    @property
    def halo(self) -> int: ...  # noqa: D102
    @property
    def stride(self) -> int: ...  # noqa: D102

    def probabilities(self, block: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Class probabilities of a block of any size, whose edges are taken for the image's.

        Pixels farther than `halo` from a block edge that is not an image edge are as if the whole image were given,
        provided that the block begins at multiples of `stride`.

        Args:
            block: (bands, h, w) values as the raster holds them.
            valid: (h, w), False where there is no data; None means everywhere valid.

        Returns:
            (classes, h, w) float32, summing to 1 over the classes.

        Raises:
            InputError: another number of bands than `bands` says.
        """
        ...


def probabilities_at(
    segmenter: Segmenter,
    block: NDArray[Any],
    valid: NDArray[np.bool_] | None = None,
    row: int = 0,
    column: int = 0,
) -> NDArray[np.float32]:
    """Class probabilities of a block at a known place of its image.

    Only segmenters that draw random numbers, lay a grid over the image or use a pixel's position heed the place: a
    pixel's result is then the same in every tile that holds it. They are the ones with a method `probabilities_at`.

    Args:
        segmenter: any.
        block, valid: see `Segmenter.probabilities`.
        row, column: of the block's first pixel in the image, multiples of the segmenter's stride.

    Returns:
        (classes, h, w) float32.

    Raises:
        InputError: what `Segmenter.probabilities` raises, or a place off the stride.
    """
    placed = getattr(segmenter, "probabilities_at", None)
    if placed is None:
        return segmenter.probabilities(block, valid)
    found: NDArray[np.float32] = placed(block, valid, row, column)
    return found


def for_image(segmenter: Segmenter, height: int, width: int) -> Segmenter:
    """The segmenter for the blocks of one image.

    Only segmenters that use a pixel's position in its image need to know how large the image is. They are the ones with
    a method `for_image`; any other is returned as it is.

    Args:
        segmenter: any.
        height, width: of the image whose blocks it will be given.
    """
    bound = getattr(segmenter, "for_image", None)
    if bound is None:
        return segmenter
    found: Segmenter = bound(height, width)
    return found
