"""Checks of images, masks and regions, shared by the region methods."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densa.errors import InputError

__all__ = [
    "MAX_BANDS",
    "MAX_PIXELS",
    "check_connectivity",
    "check_finite_image",
    "check_image",
    "check_mask",
    "check_pair",
    "check_pixels",
    "check_regions",
    "check_size",
    "value_ranges",
]

MAX_PIXELS = 2**31 - 1  # regions are numbered in int32
MAX_BANDS = 256
MAX_VALUE = 1e15  # squares and sums of larger values overflow float32


def check_pixels(image: ArrayLike) -> NDArray[np.generic]:
    """The image, of (H, W) or (H, W, B) real numbers and any size; values are not examined."""
    array = np.asarray(image)
    if array.ndim not in (2, 3):
        raise InputError(f"image must be (height, width) or (height, width, bands), got shape {array.shape}")
    if array.size == 0:
        raise InputError(f"image must have at least one pixel and one band, got shape {array.shape}")
    if array.dtype.kind not in "buif":
        raise InputError(f"image must hold integers or real numbers, got {array.dtype}; convert it first")
    return array


def check_image(image: ArrayLike, max_bands: int | None = MAX_BANDS) -> NDArray[np.generic]:
    """The image as (H, W, B), its shape and dtype checked; values are not examined."""
    array = check_pixels(image)
    check_size(array.shape[0], array.shape[1])
    if array.ndim == 2:
        array = array[:, :, None]
    if max_bands is not None and array.shape[2] > max_bands:
        raise InputError(
            f"image must have at most {max_bands} bands, got shape {array.shape}; is it (bands, height, width)?"
        )
    return array


def check_finite_image(image: ArrayLike, mask: NDArray[np.bool_] | None = None) -> NDArray[Any]:
    """The image as (H, W, B), its shape, dtype and values checked; values outside `mask` become 0.

    Args:
        image: (H, W) or (H, W, B) of booleans, integers or floats.
        mask: (H, W) pixels that belong to the image, from `check_mask`; None: all.

    Returns:
        (H, W, B) in the image's dtype; a view where no value had to change.

    Raises:
        InputError: another shape or dtype, no pixels, 2^31 pixels or more, NaN, infinite or huge values.
    """
    bands: NDArray[Any] = check_image(image, max_bands=None)
    if mask is not None and not mask.all():
        bands = np.where(mask[:, :, np.newaxis], bands, bands.dtype.type(0))
    if bands.dtype.kind == "f" or bands.dtype.itemsize == 8:
        low, high = float(bands.min()), float(bands.max())  # NaN propagates through both
        if not (low >= -MAX_VALUE and high <= MAX_VALUE):
            raise InputError(
                f"image must hold finite values between -1e15 and 1e15, got {low} to {high}; "
                "replace the others, or leave them out with mask"
            )
    return bands


def check_size(height: int, width: int) -> None:
    """Refuse images with more pixels than int32 regions can number."""
    if height * width > MAX_PIXELS:
        raise InputError(f"image must have fewer than 2**31 pixels, got {height} x {width}; work on parts of it")


def check_mask(mask: ArrayLike | None, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    """The mask (H, W) of an image of that shape; None stays None."""
    if mask is None:
        return None
    array = np.asarray(mask)
    if array.shape != shape[:2]:
        raise InputError(f"mask must have the image's shape {shape[:2]}, got {array.shape}")
    if array.dtype != np.bool_:
        raise InputError(f"mask must be boolean, got {array.dtype}; compare it with a value first")
    return array


def check_regions(regions: ArrayLike) -> NDArray[np.int32]:
    """Regions (H, W) as int32 from 0, C-contiguous; copied only where the dtype or the layout requires it."""
    array = np.asarray(regions)
    if array.ndim != 2 or array.size == 0:
        raise InputError(f"regions must be (height, width) with pixels, got shape {array.shape}")
    if array.dtype.kind not in "bui":
        raise InputError(f"regions must be integers, got {array.dtype}")
    check_size(*array.shape)
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > MAX_PIXELS:
        raise InputError(
            f"regions must be numbered from 1 (0: no region) below 2**31, got {low} to {high}; use relabel"
        )
    return np.ascontiguousarray(array, np.int32)


def check_connectivity(connectivity: int) -> int:
    """1 for 4 neighbours, 2 for 8."""
    if connectivity not in (1, 2):
        raise InputError(f"connectivity must be 1 (4 neighbours) or 2 (8 neighbours), got {connectivity!r}")
    return int(connectivity)


def check_pair(image: ArrayLike, regions: ArrayLike) -> tuple[NDArray[np.generic], NDArray[np.int32]]:
    """An image (H, W, B), finite inside the regions, and its regions (H, W)."""
    bands, numbers = check_image(image), check_regions(regions)
    if bands.shape[:2] != numbers.shape:
        raise InputError(f"regions must have the image's shape {bands.shape[:2]}, got {numbers.shape}")
    if bands.dtype.kind == "f" and not np.isfinite(bands).all():
        value_ranges(bands, numbers > 0)
    return bands, numbers


def value_ranges(
    image: NDArray[np.generic], mask: NDArray[np.bool_] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest value of each band (B,) inside the mask, 0 where the mask is empty.

    Raises:
        InputError: NaN or infinite values inside the mask.
    """
    lows = np.zeros(image.shape[2])
    highs = np.zeros(image.shape[2])
    for b in range(image.shape[2]):
        band = image[:, :, b] if mask is None else image[:, :, b][mask]
        if band.size == 0:
            continue
        lows[b], highs[b] = float(band.min()), float(band.max())
        if not (np.isfinite(lows[b]) and np.isfinite(highs[b])):
            raise InputError(
                f"image must be finite, band {b} holds NaN or infinite values; "
                "replace them, or leave them out with mask"
            )
    return lows, highs
