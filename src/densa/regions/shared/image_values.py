"""What mean shift and normalized cuts ask of an image: finite numbers, few enough pixels for int32 labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densa.errors import InputError

__all__ = ["as_bands", "as_count", "as_mask", "as_positive"]

LARGEST = 1e15  # squares and sums of larger values leave float32


def as_bands(image: ArrayLike, mask: NDArray[np.bool_] | None = None) -> NDArray[Any]:
    """The image as (h, w, bands), its values checked; values outside `mask` become 0.

    Args:
        image: (h, w) or (h, w, bands) of booleans, integers or floats.
        mask: (h, w) pixels that count, from `as_mask`; None: all.

    Returns:
        (h, w, bands) in the image's own type; a view where nothing had to change.

    Raises:
        InputError: another shape or type, no pixels, 2^31 pixels or more, NaN, infinite or huge values.
    """
    bands: NDArray[Any] = np.asarray(image)
    if bands.ndim not in (2, 3) or 0 in bands.shape:
        raise InputError(f"image must be (h, w) or (h, w, bands) with at least one pixel, got shape {bands.shape}")
    if bands.dtype.kind not in "buif":
        raise InputError(f"image must hold booleans, integers or floats, got {bands.dtype}; convert it first")
    if bands.shape[0] * bands.shape[1] >= 2**31:
        raise InputError(f"image must have fewer than 2^31 pixels, got {bands.shape[:2]}; cut it into tiles")
    if bands.ndim == 2:
        bands = bands[:, :, np.newaxis]
    if mask is not None and not mask.all():
        bands = np.where(mask[:, :, np.newaxis], bands, bands.dtype.type(0))
    if bands.dtype.kind == "f" or bands.dtype.itemsize == 8:
        least, most = float(bands.min()), float(bands.max())  # NaN comes through both
        if not (least >= -LARGEST and most <= LARGEST):
            raise InputError(
                f"image must hold finite values between -1e15 and 1e15, got {least} to {most}; "
                "mask or replace the others"
            )
    return bands


def as_mask(mask: ArrayLike | None, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    """The mask of pixels that count, checked against the image's shape; None stays None."""
    if mask is None:
        return None
    array = np.asarray(mask)
    if array.dtype != np.bool_ or array.shape != shape[:2]:
        raise InputError(f"mask must be booleans of shape {shape[:2]}, got {array.dtype} of shape {array.shape}")
    return array


def as_positive(value: float, name: str) -> float:
    """A finite number above 0, or an InputError that names it."""
    if not (isinstance(value, int | float | np.integer | np.floating) and np.isfinite(value) and value > 0):
        raise InputError(f"{name} must be a finite number above 0, got {value!r}")
    return float(value)


def as_count(value: int, name: str, least: int = 1) -> int:
    """A whole number not below `least`, or an InputError that names it."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{name} must be a whole number from {least}, got {value!r}")
    return int(value)
