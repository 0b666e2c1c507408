"""What the region methods ask of an image."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densa.errors import InputError

MAX_PIXELS = 2**31 - 1  # regions are numbered in int32
MAX_BANDS = 256


def check_image(image: ArrayLike) -> NDArray[np.generic]:
    """The image as (H, W, B), its shape and type checked; the values are not looked at."""
    array = np.asarray(image)
    if array.ndim not in (2, 3):
        raise InputError(f"image must be (height, width) or (height, width, bands), got shape {array.shape}")
    if array.size == 0:
        raise InputError(f"image must have pixels and bands, got shape {array.shape}")
    if array.dtype.kind not in "buif":
        raise InputError(f"image must hold integers or real numbers, got {array.dtype}")
    check_size(array.shape[0], array.shape[1])
    if array.ndim == 2:
        array = array[:, :, None]
    if array.shape[2] > MAX_BANDS:
        raise InputError(
            f"image must have at most {MAX_BANDS} bands, got shape {array.shape}; is it (bands, height, width)?"
        )
    return array


def check_size(height: int, width: int) -> None:
    """Refuse what int32 regions cannot number."""
    if height * width > MAX_PIXELS:
        raise InputError(f"image must have fewer than 2**31 pixels, got {height} x {width}; work on parts of it")


def check_mask(mask: ArrayLike | None, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask (H, W), or an empty array for none."""
    if mask is None:
        return np.empty((0, 0), np.bool_)
    array = np.asarray(mask)
    if array.shape != shape:
        raise InputError(f"mask must have the image's shape {shape}, got {array.shape}")
    if array.dtype != np.bool_:
        raise InputError(f"mask must be boolean, got {array.dtype}; compare it with a value first")
    return array


def check_regions(regions: ArrayLike) -> NDArray[np.int32]:
    """Regions (H, W) as int32 from 0, C-contiguous; a copy only where the type asks for one."""
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


def pixel_count(mask: NDArray[np.bool_], n_pixels: int) -> int:
    """Pixels of the image that the mask keeps."""
    return int(np.count_nonzero(mask)) if mask.size else n_pixels


def empty_planes(n_bands: int, height: int, width: int) -> NDArray[np.int16]:
    """Uninitialised (n_bands, height, width), behind whose end a kernel may read the rest of a vector."""
    n = n_bands * height * width
    flat = np.empty(n + 64, np.int16)
    flat[n:] = 0
    return flat[:n].reshape(n_bands, height, width)


def value_ranges(
    image: NDArray[np.generic], mask: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest value of each band (B,) inside the mask; zeros where the mask keeps nothing."""
    lows = np.zeros(image.shape[2])
    highs = np.zeros(image.shape[2])
    for b in range(image.shape[2]):
        band = image[:, :, b] if not mask.size else image[:, :, b][mask]
        if band.size == 0:
            continue
        lows[b], highs[b] = float(band.min()), float(band.max())
        if not (np.isfinite(lows[b]) and np.isfinite(highs[b])):
            raise InputError(
                f"image must be finite, band {b} holds NaN or infinite values; fill them, or leave them out with mask"
            )
    return lows, highs
