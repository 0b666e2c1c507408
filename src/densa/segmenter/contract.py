"""The base class of segmenters, and what a segmenter expects of an image's bands."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.legend import Legend
from densa.raster.bands import Band

if TYPE_CHECKING:
    import torch

__all__ = ["BandContract", "Segmenter"]

_OF_FILES = ("colors", "wavelengths", "scales", "offsets", "chosen")


@dataclass(frozen=True)
class BandContract:
    """The bands that a segmenter was trained on: how many, what they are, their type and their statistics.

    Args:
        n_bands: number of bands.
        names: a name per band; empty: band 1, band 2, ...
        mean, std: per band, over the valid pixels of the training images, in their own units; empty: 0 and 1.
        dtype: numpy's name for the data type of the training images, such as "uint8".
        colors: colour interpretation of each band, "" where there is none; empty: unknown.
        wavelengths: of each band's centre in nm, None where unknown; empty: unknown.
        scales, offsets: from stored to physical values, as the training images declare them; empty: unknown.
        chosen: numbers, from 1, of the bands in the training images' files, where they were chosen; empty: all.
        n_in_file: bands in those files; None: as many as `n_bands`.

    Raises:
        InputError: lengths that differ, statistics that are not finite, a negative standard deviation, or an unknown
            data type.

    Examples:
        >>> import numpy as np
        >>> from densa.segmenter import BandContract
        >>> bands = BandContract(2, names=("red", "near infrared"), mean=(100, 80), std=(10, 20))
        >>> bands.normalise(np.full((2, 1, 1), 120, np.uint8)).ravel()
        array([2., 2.], dtype=float32)
    """

    n_bands: int
    names: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    dtype: str = "uint8"
    colors: tuple[str, ...] = ()
    wavelengths: tuple[float | None, ...] = ()
    scales: tuple[float, ...] = ()
    offsets: tuple[float, ...] = ()
    chosen: tuple[int, ...] = ()
    n_in_file: int | None = None

    def __post_init__(self) -> None:
        n = self.n_bands
        if n < 1:
            raise InputError(f"a segmenter needs at least one band, got {n}")
        object.__setattr__(self, "names", tuple(self.names) or tuple(f"band {i + 1}" for i in range(n)))
        object.__setattr__(self, "mean", tuple(map(float, self.mean)) or (0.0,) * n)
        object.__setattr__(self, "std", tuple(map(float, self.std)) or (1.0,) * n)
        for what in ("names", "mean", "std", *_OF_FILES):
            if what in _OF_FILES:
                object.__setattr__(self, what, tuple(getattr(self, what)))
            if len(getattr(self, what)) != n and (what not in _OF_FILES or getattr(self, what)):
                raise InputError(f"a contract of {n} bands needs {n} values of {what}, got {len(getattr(self, what))}")
        if not all(map(math.isfinite, (*self.mean, *self.std))) or min(self.std) < 0:
            raise InputError(f"mean and std of bands must be finite and std not negative, got {self.mean}, {self.std}")
        if not all(map(math.isfinite, (*self.scales, *self.offsets))) or 0 in self.scales:
            raise InputError(f"scales and offsets of bands must be finite, got {self.scales}, {self.offsets}")
        if self.chosen and not all(1 <= number <= (self.n_in_file or n) for number in self.chosen):
            raise InputError(f"chosen bands must be in 1..{self.n_in_file or n}, got {self.chosen}")
        try:
            np.dtype(self.dtype)
        except TypeError as error:
            raise InputError(f"dtype of bands must be numpy's name of a data type, got {self.dtype!r}") from error

    @property
    def bands(self) -> tuple[Band, ...]:
        """What is known of each band."""
        n, unknown = self.n_bands, (None,) * self.n_bands
        rows = zip(
            self.names,
            self.colors or ("",) * n,
            self.wavelengths or unknown,
            self.scales or unknown,
            self.offsets or unknown,
            strict=True,
        )
        return tuple(Band(*row) for row in rows)

    @property
    def is_measured(self) -> bool:
        """Whether mean and standard deviation are known; otherwise values are used as they are stored."""
        return any(self.mean) or any(std != 1 for std in self.std)

    def check(self, n_bands: int) -> None:
        """Check the number of bands of an image.

        Raises:
            InputError: `n_bands` is not this contract's.
        """
        if n_bands != self.n_bands:
            raise InputError(
                f"the model expects {self.n_bands} bands ({', '.join(self.names)}), got an image of {n_bands}; "
                "choose the bands that it was trained on"
            )

    def check_block(self, block: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> None:
        """Check the shape of a block, (n_bands, h, w) with at least one pixel, and of its mask, (h, w).

        Raises:
            InputError: another shape.
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
            valid: (h, w), False where the image has no data; pixels with values that are not finite have none either.

        Returns:
            (n_bands, h, w) float32. A band that was constant in training (std 0) is only centred.

        Raises:
            InputError: another number of bands, or a mask of another size.
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


class Segmenter(ABC):
    """Turns a block of bands into class probabilities; the base class of networks, forests, ensembles and wrappers.

    A subclass sets `legend`, `bands`, `halo` and `stride` (as class attributes, in its `__init__` or as fields of a
    dataclass) and defines `probabilities`; the rest has defaults, which hold for a segmenter of limited context whose
    result does not depend on the block's position.

    Attributes:
        legend: the classes.
        bands: what is expected of an image.
        halo: pixels of context that decide an output pixel, a multiple of `stride`.
        stride: origins of blocks must be multiples of it.
        whole_image: every pixel depends on the whole image, so that no halo makes tiles equal to the whole; see
            `with_frozen_context`.
        any_block: the result of a pixel is the same to the last bit in every block that holds its halo. Otherwise
            (networks, whose sums are ordered by the shape of the block) every block is a window of one grid per image,
            which tiles only group; see `densa.engine.predict`.
        device, dtype: where and in which precision a network computes; None for anything else. A run resumes only with
            the same.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, engine, raster
        >>> from densa.segmenter import BandContract, Segmenter
        >>> class Threshold(Segmenter):
        ...     legend, bands, halo, stride = Legend(("dark", "bright")), BandContract(1), 0, 1
        ...     def probabilities(self, block, valid=None):
        ...         bright = block[0].astype(np.float32) / 255
        ...         return np.stack([1 - bright, bright])
        ...
        >>> image = raster.from_array(np.array([[10, 200], [250, 30]], np.uint8))
        >>> engine.predict_array(Threshold(), image)[0]
        array([[0, 1],
               [1, 0]], dtype=uint8)
    """

    legend: Legend
    bands: BandContract
    halo: int
    stride: int
    whole_image: bool = False
    any_block: bool = True
    device: torch.device | None = None
    dtype: torch.dtype | None = None

    @abstractmethod
    def probabilities(self, block: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Class probabilities of a block of any size, whose edges are taken for the image's.

        Pixels farther than `halo` from a block edge that is not an image edge are as if the whole image were given,
        provided that the block begins at multiples of `stride`.

        Args:
            block: (bands, h, w) values as the raster holds them.
            valid: (h, w), False where there is no data; None: valid everywhere.

        Returns:
            (classes, h, w) float32, summing to 1 over the classes.

        Raises:
            InputError: another number of bands than `bands.n_bands`, or a mask of another size.
        """

    def probabilities_at(
        self, block: NDArray[Any], valid: NDArray[np.bool_] | None, row: int, column: int
    ) -> NDArray[np.float32]:
        """Class probabilities of a block at a known position in its image; by default those of `probabilities`.

        Segmenters that draw random numbers, lay a grid over the image or use a pixel's position override it: a pixel's
        result is then the same in every tile that holds it.

        Args:
            block, valid: see `probabilities`.
            row, column: of the block's first pixel in the image, multiples of `stride`.

        Returns:
            (classes, h, w) float32.

        Raises:
            InputError: what `probabilities` raises, or a position off the stride.
        """
        return self.probabilities(block, valid)

    def working_bytes(self, height: int, width: int) -> int | None:
        """Memory that a block of that size takes while it is computed, its probabilities included.

        By default None: it is measured on small blocks, and grows with the number of pixels.
        """
        return None

    def for_image(self, height: int, width: int) -> Segmenter:
        """The segmenter for the blocks of one image of that size; by default itself.

        Segmenters that use a pixel's position relative to the image's size override it.
        """
        return self

    def with_frozen_context(self, overview: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> Segmenter:
        """A segmenter of limited context: every tile sees the image-wide context of the same overview.

        With the image itself as overview, labels are those of the whole image; with a reduced copy
        (`densa.raster.overview`) they are nearly those, and in any case the same for every tiling.

        Args:
            overview: (bands, h, w), in the units of the image.
            valid: (h, w), False where the overview has no data.

        Returns:
            Itself where it does not depend on the whole image.

        Raises:
            InputError: an overview of other bands, or a model whose context cannot be frozen.
        """
        if self.whole_image:
            raise InputError(
                f"{type(self).__name__} depends on the whole image and its context cannot be frozen, so it cannot be "
                "applied to tiles; predict whole images"
            )
        return self
