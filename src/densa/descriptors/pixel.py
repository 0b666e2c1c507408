"""What a pixel descriptor is: features of every pixel, decided by the pixels within its halo and by nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError

__all__ = ["PixelDescriptor", "Place", "PlaneDescriptor"]

LARGEST = 1e15  # squares of larger values leave float32; such values are fill values in practice
MAX_VALUES = 2**40  # of an output: 4 TiB, beyond any machine


@dataclass(frozen=True)
class Place:
    """Where a block lies in its image.

    Attributes:
        origin: (row, column) of the block's first pixel.
        size: (height, width) of the image, in pixels.
    """

    origin: tuple[int, int]
    size: tuple[int, int]


class PixelDescriptor(ABC):
    """Features of every pixel of a block; the kinds are frozen dataclasses with their parameters as fields.

    A feature of a pixel is decided by the pixels within `halo` rows and columns, bit for bit: blocks widened by the
    halo give what the whole image gives. Beyond the block's edges its values are mirrored (2 1 0 1 2).
    """

    @property
    @abstractmethod
    def halo(self) -> int:
        """Pixels of context on each side that decide an output pixel."""

    @abstractmethod
    def names(self, n_bands: int) -> list[str]:
        """Name of every feature of an image of `n_bands` bands, in the order of `compute`.

        Raises:
            InputError: the descriptor cannot be taken of so many bands.
        """

    def n_features(self, n_bands: int) -> int:
        """Number of features of an image of `n_bands` bands."""
        return len(self.names(n_bands))

    @abstractmethod
    def compute(
        self,
        block: NDArray[Any],
        valid: NDArray[np.bool_] | None = None,
        out: NDArray[np.float32] | None = None,
        *,
        origin: tuple[int, int] = (0, 0),
        size: tuple[int, int] | None = None,
    ) -> NDArray[np.float32]:
        """Features of every pixel, feature first: each is a plane that the filters write row by row.

        Args:
            block: (bands, h, w) of booleans, integers or floats; computed in float32.
            valid: (h, w), False where there is no data. Pixels with a value that is not finite, or beyond 1e15 in
                magnitude, have none either. Values under nodata change nothing.
            out: (n_features, h, w) float32, C-contiguous, to be filled; None: a new array.
            origin: row and column of the block's first pixel in its image, for descriptors of the position.
            size: (height, width) of the image; None: origin plus the block's.

        Returns:
            (n_features, h, w) float32, `out` where given; 0 where there is no data.

        Raises:
            InputError: shapes or types that do not fit, no pixels, a number of bands that the descriptor cannot take,
                or a block that does not lie in the image.
        """

    def _prepare(
        self, block: NDArray[Any], out: NDArray[np.float32] | None
    ) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """Where the features go, and the block, both checked."""
        block = _check_block(block)
        return _output(out, (self.n_features(block.shape[0]), *block.shape[1:])), block


class PlaneDescriptor(PixelDescriptor):
    """A descriptor whose features are filled in from the bands in float32, each a plane."""

    @abstractmethod
    def _fill(
        self, planes: NDArray[np.float32], valid: NDArray[np.bool_] | None, out: NDArray[np.float32], place: Place
    ) -> None:
        """Fill `out` (n_features, h, w) from planes (bands, h, w), which are 0 where not `valid` (None: nowhere)."""

    def _white(self, dtype: np.dtype[Any]) -> float:
        """What the values are divided by before they are described; 1 but for colours."""
        return 1.0

    def compute(  # noqa: D102
        self,
        block: NDArray[Any],
        valid: NDArray[np.bool_] | None = None,
        out: NDArray[np.float32] | None = None,
        *,
        origin: tuple[int, int] = (0, 0),
        size: tuple[int, int] | None = None,
    ) -> NDArray[np.float32]:
        out, block = self._prepare(block, out)
        place = _place(origin, size, block.shape[1:])
        planes, where = _planes(block, _check_valid(valid, block.shape[1:]), self._white(block.dtype))
        self._fill(planes, where, out, place)
        if where is not None:
            empty = ~where
            for plane in out:
                plane[empty] = 0
        return out


def _check_block(block: NDArray[Any]) -> NDArray[Any]:
    array = np.asarray(block)
    if array.ndim != 3 or 0 in array.shape:
        raise InputError(f"a block must be (bands, height, width) with pixels in it, got shape {array.shape}")
    if array.dtype.kind not in "buif":
        raise InputError(f"a block must hold booleans, integers or floats, got {array.dtype}; convert it first")
    return array


def _check_valid(valid: NDArray[np.bool_] | None, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    if valid is None:
        return None
    array = np.asarray(valid)
    if array.dtype != np.bool_ or array.shape != shape:
        raise InputError(f"valid must be booleans of shape {shape}, got {array.dtype} of shape {array.shape}")
    return array


def _place(origin: tuple[int, int], size: tuple[int, int] | None, shape: tuple[int, ...]) -> Place:
    last = origin[0] + shape[0], origin[1] + shape[1]
    height, width = size or last
    if min(origin) < 0 or last[0] > height or last[1] > width:
        raise InputError(f"a block of {shape} at {tuple(origin)} must lie in its image, got the size {(height, width)}")
    return Place((int(origin[0]), int(origin[1])), (int(height), int(width)))


def _output(out: NDArray[np.float32] | None, shape: tuple[int, ...]) -> NDArray[np.float32]:
    if out is None:
        if int(np.prod(shape, dtype=np.float64)) > MAX_VALUES:
            raise InputError(f"features of shape {shape} do not fit into memory; describe smaller blocks")
        return np.empty(shape, np.float32)
    if out.shape != shape or out.dtype != np.float32 or not out.flags.c_contiguous or not out.flags.writeable:
        raise InputError(
            f"out must be a C-contiguous, writeable float32 array of shape {shape}, got {out.dtype} of {out.shape}"
        )
    return out


def _planes(
    block: NDArray[Any], valid: NDArray[np.bool_] | None, white: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
    """The block in float32 in units of `white`, 0 where there is no data; where there is, None for everywhere."""
    planes = np.empty(block.shape, np.float32)
    with np.errstate(over="ignore"):
        np.copyto(planes, block, casting="unsafe")
    if block.dtype.kind == "f" and not (float(planes.min()) >= -LARGEST and float(planes.max()) <= LARGEST):
        usable: NDArray[np.bool_] = np.all(np.abs(planes) <= LARGEST, axis=0)  # NaN compares false
        valid = usable if valid is None else np.logical_and(valid, usable)
    if valid is not None and valid.all():
        valid = None
    if valid is not None:
        for plane in planes:
            plane[~valid] = 0
    if white != 1:
        planes /= np.float32(white)
    return planes, valid
