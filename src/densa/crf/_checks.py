"""What the CRFs must be given, checked in one place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError

MOST_CLASSES = 254  # 255 is the ignored label
_SUM_TOLERANCE = 0.02  # bfloat16 networks round to 1/256


def check_probabilities(probabilities: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Class probabilities (C, h, w) as float32; those that are not valid may be anything."""
    found = np.asarray(probabilities)
    if found.ndim != 3 or 0 in found.shape or found.dtype.kind != "f":
        raise InputError(
            f"probabilities must be (classes, height, width) floating numbers, got {found.dtype} of shape {found.shape}"
        )
    if found.shape[0] > MOST_CLASSES:
        raise InputError(f"at most {MOST_CLASSES} classes can be told apart in a label map, got {found.shape[0]}")
    sums = found.sum(axis=0, dtype=np.float32)[valid]
    lowest = found.min(axis=0)[valid]
    # a NaN fails each comparison
    if not ((np.abs(sums - 1) <= _SUM_TOLERANCE).all() and (lowest >= 0).all()):
        worst = sums[np.argmax(~(np.abs(sums - 1) <= _SUM_TOLERANCE))] if len(sums) else 1.0
        raise InputError(
            "probabilities must be from 0 to 1 and sum to 1 over the classes, "
            f"got a sum of {worst:.4g} and a smallest value of {np.min(lowest):.4g}; give softmax's result, not scores"
        )
    return np.ascontiguousarray(found, np.float32)


def check_valid(valid: NDArray[Any] | None, size: tuple[int, ...]) -> NDArray[np.bool_]:
    """The mask of valid pixels, all where None."""
    if valid is None:
        return np.ones(size, np.bool_)
    if np.shape(valid) != size:
        raise InputError(f"the mask of valid pixels must have the probabilities' size {size}, got {np.shape(valid)}")
    return np.ascontiguousarray(valid, np.bool_)


def check_image(image: NDArray[Any], size: tuple[int, ...], valid: NDArray[np.bool_]) -> NDArray[Any]:
    """An image (bands, h, w) of finite values where valid."""
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[1:] != size or image.shape[0] == 0 or image.dtype.kind not in "biuf":
        raise InputError(
            f"the image must be (bands, height, width) real numbers of the probabilities' size {size}, "
            f"got {image.dtype} of shape {image.shape}"
        )
    if image.dtype.kind == "f" and not np.isfinite(image[:, valid]).all():
        raise InputError("the image holds NaN or infinite values; mark those pixels in `valid` as without data")
    return image
