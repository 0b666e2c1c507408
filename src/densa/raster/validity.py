"""Which pixels hold data: the one rule that all formats and readers follow.

A pixel is valid where every band that is read holds data. What a file declares applies together, never in the order of
preference of a library:

* nodata: the value (of each band, its own) that means "no data"; a value that the type cannot hold never occurs;
* a key colour: values of all bands that together mean "no data" (tRNS of an RGB PNG, GDAL's NODATA_VALUES);
* transparent entries of a palette: each is a nodata value of the index;
* alpha bands, any number of them, at any place and of any type: no data where one of them is 0;
* mask bands, internal, in a `.msk` file or in a VRT, of the whole image or of a band;
* NaN and infinity, in every band of real numbers, declared or not.

Nodata and masks of single bands count only where their band is read; all else concerns the pixel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Missing", "differs_from_key", "holds_data", "missing_values", "valid_in_mask"]

Missing = tuple[int | float, ...]
"""Values of one band that mean "no data", as the band's own type holds them; empty where there are none."""

_ULPS = 4  # files state nodata in decimals, which need not hit the nearest real number


def missing_values(nodata: float | None, dtype: np.dtype[Any]) -> Missing:
    """The nodata value of a band, where its type can hold it; NaN and infinity are never valid and need no mention.

    Args:
        nodata: as the file declares it; None where it declares none.
        dtype: of the band.
    """
    if nodata is None or not math.isfinite(nodata):
        return ()
    if dtype.kind == "f":
        return (float(nodata),)
    whole = int(nodata)
    info = np.iinfo(dtype)
    return (whole,) if whole == nodata and info.min <= whole <= info.max else ()


def holds_data(values: NDArray[Any], missing: Sequence[Missing], valid: NDArray[np.bool_]) -> None:
    """Take the pixels without data out of `valid`, in place.

    Args:
        values: (bands, h, w).
        missing: values of each of these bands that mean "no data".
        valid: (h, w) pixels that are not masked.
    """
    for band, those in zip(values, missing, strict=True):
        for value in those:
            valid &= ~_equal(band, value)
    if values.dtype.kind == "f":
        for band in values:
            valid &= np.isfinite(band)


def differs_from_key(values: NDArray[Any], key: Sequence[int | float]) -> NDArray[np.bool_]:
    """(h, w) true where at least one of the bands of (bands, h, w) values differs from the key colour."""
    same = np.ones(values.shape[1:], bool)
    for band, value in zip(values, key, strict=True):
        same &= _equal(band, value)
    return ~same


def valid_in_mask(masks: Sequence[NDArray[Any]]) -> NDArray[np.bool_]:
    """(h, w) true where each of these (h, w) alpha or mask bands is above 0."""
    valid: NDArray[np.bool_] = masks[0] > 0
    for mask in masks[1:]:
        valid &= mask > 0
    return valid


def _equal(band: NDArray[Any], value: int | float) -> NDArray[np.bool_]:
    if band.dtype.kind != "f":
        equal: NDArray[np.bool_] = band == value
        return equal
    around = _ULPS * float(np.finfo(band.dtype).eps) * abs(value)
    with np.errstate(over="ignore"):
        low, high = (band.dtype.type(value - around), band.dtype.type(value + around))
    return (band >= low) & (band <= high)
