"""Resampling of blocks by rational factors, the same for every block of an image.

Output i of a block that begins at a multiple of the factor's denominator is computed from the same pixels with the same
weights, to the bit, as in the whole image: places are whole numbers, weights repeat with the numerator.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

__all__ = ["resample", "resample_valid", "support"]


def support(factor: Fraction) -> Fraction:
    """Pixels on either side of an output's centre that decide it: half the base of a triangle, wider when reducing."""
    return max(Fraction(1), 1 / factor)


def resample(maps: NDArray[Any], factor: Fraction) -> NDArray[np.float32]:
    """Maps enlarged or reduced bilinearly; when reduced, each output is an average, so that nothing is aliased.

    Args:
        maps: (n, h, w) of any real type; h * factor and w * factor are whole.
        factor: output pixels per pixel.

    Returns:
        (n, h * factor, w * factor) float32; weights sum to 1, at the borders too.
    """
    if factor == 1:
        return maps.astype(np.float32, copy=False)
    wide = np.float32 if maps.dtype.itemsize <= 2 or maps.dtype == np.float32 else np.float64
    rows = _along(maps.astype(wide, copy=False), factor, 1)
    return _along(rows, factor, 2).astype(np.float32, copy=False)


def resample_valid(
    block: NDArray[Any], valid: NDArray[np.bool_] | None, factor: Fraction
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """A block and its mask enlarged or reduced: averages over valid pixels only.

    Returns:
        The block, float32, and its mask: True where at least half of the weight lies on valid pixels.
    """
    if block.dtype.kind == "f":
        finite = np.asarray(np.isfinite(block).all(axis=0))
        valid = finite if valid is None else valid & finite
    if valid is None or valid.all():
        resampled = resample(block, factor)
        return resampled, np.ones(resampled.shape[1:], np.bool_)
    share = resample(valid[None].astype(np.float32), factor)
    values = resample(np.where(valid, block, block.dtype.type(0)), factor)
    values /= np.maximum(share, np.float32(1e-6))
    return values, share[0] >= 0.5


def _along(maps: NDArray[Any], factor: Fraction, axis: int) -> NDArray[Any]:
    places, weights = _taps(maps.shape[axis], factor)
    shape = [1, 1, 1]
    shape[axis] = -1
    weights = weights.astype(maps.dtype)
    total = np.take(maps, places[0], axis) * weights[0].reshape(shape)
    for place, weight in zip(places[1:], weights[1:], strict=True):
        total += np.take(maps, place, axis) * weight.reshape(shape)
    return cast(NDArray[Any], total)


def _taps(side: int, factor: Fraction) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(taps, side * factor) pixels that each output reads, and their weights, 0 outside the side."""
    p, q = factor.numerator, factor.denominator
    reach = support(factor)
    i = np.arange(side * p // q)
    centre = (2 * i + 1) * q - p  # in units of 1 / 2p pixel
    first = centre // (2 * p) - math.ceil(reach) + 1
    places = first + np.arange(2 * math.ceil(reach))[:, None]
    # 1 - distance / reach, in whole numbers as long as possible.
    unit = 2 * p * reach.numerator
    weights = np.maximum(unit - np.abs(2 * p * places - centre) * reach.denominator, 0) / unit
    weights[(places < 0) | (places >= side)] = 0
    return np.clip(places, 0, side - 1), weights / weights.sum(axis=0)
