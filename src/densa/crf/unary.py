"""Unary energies -log p, from probabilities or from labels with a confidence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.crf._checks import MOST_CLASSES, check_probabilities
from densa.errors import InputError

__all__ = ["CLIP", "unary_from_labels", "unary_from_probabilities"]

CLIP = 1e-5  # as in pydensecrf: no class is excluded


def check_clip(clip: float) -> None:
    """Raise an InputError unless `clip` is above 0 and below 1."""
    if not 0 < clip < 1:
        raise InputError(f"clip must be a probability above 0 and below 1, got {clip}")


def unary_from_probabilities(probabilities: NDArray[Any], clip: float = CLIP) -> NDArray[np.float32]:
    """Energies -log(max(p, clip)).

    Args:
        probabilities: (C, h, w), summing to 1 over the classes.
        clip: smallest probability.

    Returns:
        (C, h, w) float32.

    Raises:
        InputError: not probabilities, or `clip` outside (0, 1).

    Examples:
        >>> import numpy as np
        >>> from densa import crf
        >>> probabilities = np.array([[[0.5, 1.0]], [[0.5, 0.0]]])
        >>> print(crf.unary_from_probabilities(probabilities, clip=0.01)[1, 0].round(2))
        [0.69 4.61]
    """
    check_clip(clip)
    found = check_probabilities(probabilities, np.ones(np.shape(probabilities)[1:], np.bool_))
    return -np.log(np.maximum(found, np.float32(clip)))


def unary_from_labels(
    labels: NDArray[Any], n_classes: int, confidence: float = 0.7, *, ignore: int = 255
) -> NDArray[np.float32]:
    """Energies of hard labels: -log g for the label, -log((1 - g) / (C - 1)) for the others.

    Zero is a class like any other; unknown pixels have the label `ignore` and the same energy log C for every class.
    exp(-energy) are probabilities, as `dense_crf` takes them.

    Args:
        labels: (h, w) integers, a class index or `ignore`.
        n_classes: number of classes C, 2 to 254.
        confidence: g, the probability that a label is right, above 0 and below 1.
        ignore: label of unknown pixels.

    Returns:
        (C, h, w) float32.

    Raises:
        InputError: labels that are not classes, or numbers out of range.

    Examples:
        >>> import numpy as np
        >>> from densa import crf
        >>> energies = crf.unary_from_labels(np.array([[0, 1, 255]]), 2, confidence=0.8)
        >>> print(np.exp(-energies[:, 0]).round(2))
        [[0.8 0.2 0.5]
         [0.2 0.8 0.5]]
    """
    labels = np.asarray(labels)
    if labels.ndim != 2 or labels.dtype.kind not in "iu":
        raise InputError(f"labels must be (height, width) integers, got {labels.dtype} of shape {labels.shape}")
    if not 2 <= n_classes <= MOST_CLASSES:
        raise InputError(f"n_classes must be from 2 to {MOST_CLASSES}, got {n_classes}")
    if not 0 < confidence < 1:
        raise InputError(f"confidence must be a probability above 0 and below 1, got {confidence}")
    known = labels != ignore
    if ((labels[known] < 0) | (labels[known] >= n_classes)).any():
        wrong = labels[known][(labels[known] < 0) | (labels[known] >= n_classes)][0]
        raise InputError(f"labels must be in 0..{n_classes - 1}, or {ignore} for unknown pixels, got {wrong}")
    others = -math.log((1 - confidence) / (n_classes - 1))
    unary = np.full((n_classes, *labels.shape), others, np.float32)
    rows, columns = np.nonzero(known)
    unary[labels[known], rows, columns] = -math.log(confidence)
    unary[:, ~known] = math.log(n_classes)
    return unary
