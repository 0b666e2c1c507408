"""Class weights that balance a loss: inverse and median frequency (Eigen and Fergus 2015; SegNet, PAMI 2017)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError

__all__ = ["CLASS_WEIGHTS", "class_weights", "count_classes"]

CLASS_WEIGHTS = ("none", "inverse", "median-frequency")
"""The rules that `class_weights` knows."""


def count_classes(label_maps: Iterable[NDArray[np.uint8]], n_classes: int) -> NDArray[np.int64]:
    """(n_images, n_classes) labelled pixels of each class in each label map; ignored pixels count nowhere."""
    rows = [np.bincount(labels.ravel(), minlength=256)[:n_classes] for labels in label_maps]
    return np.array(rows, np.int64).reshape(len(rows), n_classes)


def class_weights(counts: NDArray[Any], rule: str = "none") -> NDArray[np.float64]:
    """Weight of each class from its pixel counts per image.

    Args:
        counts: (n_images, n_classes) labelled pixels of each class in each image, or (n_classes,) for all
            images together (then median frequency uses the plain frequency of each class).
        rule: "none": 1 for all. "inverse": 1 / frequency, scaled so that the mean weight of a labelled pixel is 1.
            "median-frequency": median(frequency) / frequency, where the frequency of a class is its share of the
            labelled pixels of those images that contain it.

    Returns:
        (n_classes,) weights; a class that never occurs weighs 0 ("none": 1), for no pixel asks for it.

    Raises:
        InputError: an unknown rule, negative counts, or not a single labelled pixel.
    """
    counts = np.atleast_2d(np.asarray(counts, np.float64))
    if rule not in CLASS_WEIGHTS:
        raise InputError(f"class weights must be one of {', '.join(CLASS_WEIGHTS)}, got {rule!r}")
    if counts.ndim != 2 or counts.shape[1] == 0 or (counts < 0).any():
        raise InputError(f"counts must be (n_images, n_classes) and not negative, got shape {counts.shape}")
    if rule == "none":
        return np.ones(counts.shape[1])
    if not counts.sum():
        raise InputError(f"class weights {rule!r} need labelled pixels, got none; check the masks and the legend")
    of_class = counts.sum(axis=0)
    found = of_class > 0
    weights = np.zeros(counts.shape[1])
    if rule == "inverse":
        # mean over the pixels: sum_c n_c * w_c / n = 1 for w_c = n / (number of classes found * n_c)
        weights[found] = counts.sum() / (found.sum() * of_class[found])
        return weights
    of_images_with_class = (counts > 0).T @ counts.sum(axis=1)
    frequency = of_class[found] / of_images_with_class[found]
    weights[found] = np.median(frequency) / frequency
    return weights
