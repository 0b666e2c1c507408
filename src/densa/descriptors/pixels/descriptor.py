"""Base classes of pixel descriptors: features of every pixel, which depend on the pixels within a halo only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.descriptors.pixels.place import Place
from densa.errors import InputError

__all__ = ["PixelDescriptor", "PlaneDescriptor"]

LARGEST = 1e15  # squares of larger values overflow float32; in practice such values are fill values
MAX_VALUES = 2**40  # of an output: 4 TiB, more than any machine has


class PixelDescriptor(ABC):
    """Features of every pixel of a block; the descriptors are frozen dataclasses with their parameters as fields.

    A feature of a pixel depends on the pixels within `halo` rows and columns only, bit for bit: blocks widened by the
    halo give the same features as the whole image. Beyond the block's edges its values are mirrored (2 1 0 1 2).

    Examples:
        >>> import numpy as np
        >>> from densa.descriptors import Position, Raw, Stack
        >>> descriptor = Stack((Raw(), Position()))
        >>> descriptor.names(2), descriptor.halo
        (['band 1', 'band 2', 'row', 'column'], 0)
        >>> descriptor.compute(np.zeros((2, 4, 5), np.uint8)).shape
        (4, 4, 5)
    """

    @property
    @abstractmethod
    def halo(self) -> int:
        """Pixels of context on each side on which an output pixel depends."""

    @abstractmethod
    def names(self, n_bands: int) -> list[str]:
        """Name of every feature of an image of `n_bands` bands, in the order of `compute`.

        Raises:
            InputError: the descriptor does not exist for so many bands.
        """

    def n_features(self, n_bands: int) -> int:
        """Number of features of an image of `n_bands` bands."""
        return len(self.names(n_bands))

    def compute(
        self,
        block: NDArray[Any],
        valid: NDArray[np.bool_] | None = None,
        out: NDArray[np.float32] | None = None,
        *,
        place: Place | None = None,
    ) -> NDArray[np.float32]:
        """Features of every pixel, feature first: each feature is a plane that the filters write row by row.

        Args:
            block: (bands, h, w) booleans, integers or floats; computed in float32.
            valid: (h, w), False where there is no data; None: everywhere valid. Pixels with a value that is not finite,
                or beyond 1e15 in magnitude, are invalid too. Values of invalid pixels change nothing.
            out: (n_features, h, w) float32, C-contiguous, to be filled; None: a new array.
            place: position of the block in its image, for descriptors of the position; None: the block is the image.

        Returns:
            (n_features, h, w) float32, `out` where given; 0 where there is no data.

        Raises:
            InputError: shapes or types that do not fit, no pixels, a number of bands that the descriptor does not
                exist for, or a block that does not lie in the image.
        """
        block = _check_block(block)
        out = _output(out, (self.n_features(block.shape[0]), *block.shape[1:]))
        self._compute(block, valid, out, place or Place())
        return out

    @abstractmethod
    def _compute(
        self, block: NDArray[Any], valid: NDArray[np.bool_] | None, out: NDArray[np.float32], place: Place
    ) -> None:
        """Fill `out`; block and output are checked."""


class PlaneDescriptor(PixelDescriptor):
    """A descriptor that fills its features, a plane each, from the bands in float32."""

    @abstractmethod
    def _fill(
        self, planes: NDArray[np.float32], valid: NDArray[np.bool_] | None, out: NDArray[np.float32], place: Place
    ) -> None:
        """Fill `out` (n_features, h, w) from planes (bands, h, w), 0 where not `valid` (None: everywhere valid)."""

    def _white(self, dtype: np.dtype[Any]) -> float:
        """Divisor of the values; other than 1 for colours only."""
        return 1.0

    def _compute(
        self, block: NDArray[Any], valid: NDArray[np.bool_] | None, out: NDArray[np.float32], place: Place
    ) -> None:
        _check_place(place, block.shape[1:])
        planes, where = _planes(block, _check_valid(valid, block.shape[1:]), self._white(block.dtype))
        self._fill(planes, where, out, place)
        if where is not None:
            empty = ~where
            for plane in out:
                plane[empty] = 0


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


def _check_place(place: Place, shape: tuple[int, ...]) -> None:
    height, width = place.image_size(shape)
    if min(place.row, place.column) < 0 or place.row + shape[0] > height or place.column + shape[1] > width:
        raise InputError(
            f"a block of {shape[0]} x {shape[1]} pixels at row {place.row}, column {place.column} must lie in its "
            f"image, which is {height} x {width}"
        )


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
    """The block in float32 in units of `white`, 0 where invalid; and the valid pixels, None if all are."""
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
