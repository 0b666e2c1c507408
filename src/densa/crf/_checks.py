"""Checks of the arguments that all CRFs share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError

MOST_CLASSES = 254  # 255 is the ignored label
_SUM_TOLERANCE = 0.02  # bfloat16 networks round to 1/256


def check_probabilities(probabilities: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Class probabilities (C, h, w) as float32; pixels that are not valid may hold anything."""
    found = np.asarray(probabilities)
    if found.ndim != 3 or 0 in found.shape or found.dtype.kind != "f":
        raise InputError(
            f"probabilities must be (classes, height, width) floating numbers, got {found.dtype} of shape {found.shape}"
        )
    if found.shape[0] > MOST_CLASSES:
        raise InputError(f"probabilities must have at most {MOST_CLASSES} classes, got {found.shape[0]}")
    sums = found.sum(axis=0, dtype=np.float32)[valid]
    lowest = found.min(axis=0)[valid]
    # a NaN fails each comparison
    if not ((np.abs(sums - 1) <= _SUM_TOLERANCE).all() and (lowest >= 0).all()):
        worst = sums[np.argmax(~(np.abs(sums - 1) <= _SUM_TOLERANCE))] if len(sums) else 1.0
        raise InputError(
            "probabilities must be from 0 to 1 and sum to 1 over the classes, "
            f"got a sum of {worst:.4g} and a smallest value of {np.min(lowest):.4g}; apply softmax to scores first"
        )
    return np.ascontiguousarray(found, np.float32)


def check_valid(valid: NDArray[Any] | None, size: tuple[int, ...]) -> NDArray[np.bool_]:
    """The mask of valid pixels; all for None."""
    if valid is None:
        return np.ones(size, np.bool_)
    if np.shape(valid) != size:
        raise InputError(f"valid must have the size of the probabilities {size}, got {np.shape(valid)}")
    return np.ascontiguousarray(valid, np.bool_)


def check_image(image: NDArray[Any], size: tuple[int, ...], valid: NDArray[np.bool_]) -> NDArray[Any]:
    """An image (bands, h, w) whose valid pixels are finite."""
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[1:] != size or image.shape[0] == 0 or image.dtype.kind not in "biuf":
        raise InputError(
            f"image must be (bands, height, width) real numbers of the size {size} of the probabilities, "
            f"got {image.dtype} of shape {image.shape}"
        )
    if image.dtype.kind == "f" and not np.isfinite(image[:, valid]).all():
        raise InputError("image must be finite, but holds NaN or infinite values; set `valid` to False at those pixels")
    return image
