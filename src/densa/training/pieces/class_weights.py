"""Class weights that balance a loss: inverse and median frequency (Eigen and Fergus 2015; SegNet, PAMI 2017).

Method: Balanced class weights.
Source: Eigen, Fergus, ICCV 2015, arXiv:1411.4734; SegNet, PAMI 2017.
As printed: median frequency over the images that contain a class, all of whose pixels count, void too.
Departs: inverse and tempered frequencies beside it, which are in neither paper.
Held by: tests/training/pieces/test_class_weights.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densa.errors import InputError

__all__ = ["CLASS_WEIGHTS", "class_weights"]

CLASS_WEIGHTS = ("none", "inverse", "median-frequency", "tempered")
"""The rules that `class_weights` knows."""


def class_weights(
    pixels: ArrayLike, rule: str = "none", *, pixels_of_images: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Weight of each class from its number of pixels.

    Args:
        pixels: (n_classes,) labelled pixels of each class.
        rule: "none": 1 for all. "inverse": 1 / frequency, scaled so that the mean weight of a labelled pixel is 1.
            "median-frequency": median(frequency) / frequency, where the frequency of a class is its share of the
            pixels, labelled or void, of those images that contain it. "tempered": the square root of
            "median-frequency", where its weights, with ratios of hundreds, would make the frequent classes negligible.
        pixels_of_images: (n_classes,) pixels of the images in which the class occurs, void ones too, as in the rule of
            Eigen and Fergus ("the total number of pixels in images where c is present") and `class_frequencies`
            counts them; None takes the labelled pixels of all images together (the plain frequency of each class).

    Returns:
        (n_classes,) weights; a class that never occurs weighs 0 ("none": 1), since no pixel uses it.

    Raises:
        InputError: an unknown rule, counts that are negative or do not fit, or not a single labelled pixel.

    Examples:
        >>> from densa import training
        >>> training.class_weights([300, 100], "inverse").round(3)
        array([0.667, 2.   ])
    """
    counts = np.asarray(pixels, np.float64)
    totals = np.full(counts.shape, counts.sum()) if pixels_of_images is None else np.asarray(pixels_of_images, float)
    if rule not in CLASS_WEIGHTS:
        raise InputError(f"class weights must be one of {', '.join(CLASS_WEIGHTS)}, got {rule!r}")
    if counts.ndim != 1 or totals.shape != counts.shape or not len(counts) or (counts < 0).any():
        raise InputError(f"class weights need one count per class, not negative, got {counts.shape} and {totals.shape}")
    if rule == "none":
        return np.ones(len(counts))
    if not counts.sum():
        raise InputError(f"class weights {rule!r} need labelled pixels, got none; check the masks and the legend")
    found = counts > 0
    weights = np.zeros(len(counts))
    if rule == "inverse":
        # mean over the pixels: sum_c n_c * w_c / n = 1 for w_c = n / (number of classes found * n_c)
        weights[found] = counts.sum() / (found.sum() * counts[found])
        return weights
    frequency = counts[found] / totals[found]
    weights[found] = np.median(frequency) / frequency
    return np.sqrt(weights) if rule == "tempered" else weights
