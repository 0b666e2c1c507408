"""Quantity and allocation disagreement: how much of the error is a wrong amount, and how much a wrong place.

With n_ij the share of the pixels of true class i that were predicted as j: quantity Q = 1/2 sum_k |t_k - p_k|,
allocation A = sum_k min(p_k - n_kk, t_k - n_kk), t_k and p_k the row and column sums; Q + A = 1 - sum_k n_kk.

Method: Quantity and allocation disagreement.
Source: Pontius, Millones 2011, IJRS 32:4407-4429, equations 2 to 6.
As printed: both disagreements, of the whole map and of each class.
Departs: nothing; pixels for which no class was predicted are a column of their own.
Held by: tests/metrics/test_disagreement.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densa.errors import InputError
from densa.metrics.scores import disagreement_of_sums

__all__ = ["Disagreement", "disagreement"]


@dataclass(frozen=True)
class Disagreement:
    """Parts of the disagreement of a map with its reference, as shares of all pixels; NaN without pixels.

    Attributes:
        quantity: from different amounts of the classes.
        allocation: from different places, given these amounts.
        class_quantity: (n_classes,) of each class; half of their sum is `quantity`.
        class_allocation: (n_classes,) of each class; half of their sum is `allocation`.

    Examples:
        >>> from densa import metrics
        >>> found = metrics.disagreement([[50, 10], [10, 30]])
        >>> found.quantity, found.allocation
        (0.0, 0.2)
    """

    quantity: float
    allocation: float
    class_quantity: NDArray[np.float64]
    class_allocation: NDArray[np.float64]

    @property
    def total(self) -> float:
        """Share of the pixels that are wrong: 1 - global accuracy."""
        return self.quantity + self.allocation


def disagreement(matrix: ArrayLike) -> Disagreement:
    """Split the disagreement of a confusion matrix into quantity and allocation.

    Args:
        matrix: (n_classes, n_classes) counts or shares by [target, predicted]; (n_classes, n_classes + 1) with a last
            column of pixels without a predicted class, as `ConfusionMatrix.matrix`. These count as wrong.

    Raises:
        InputError: another shape, or negative numbers.

    Examples:
        >>> from densa import metrics
        >>> found = metrics.disagreement([[4, 4], [0, 8]])
        >>> found.quantity, found.allocation, found.total
        (0.25, 0.0, 0.25)
    """
    given = np.asarray(matrix, np.float64)
    if given.ndim != 2 or not given.size or given.shape[1] - given.shape[0] not in (0, 1) or not (given >= 0).all():
        raise InputError(
            f"matrix must be (n_classes, n_classes) counts, or with one more column, got the shape {given.shape}"
        )
    n = len(given)
    right, targets, predictions = np.diagonal(given), given.sum(1), given[:, :n].sum(0)
    quantity, allocation = disagreement_of_sums(right, targets, predictions, given.sum())
    return Disagreement(float(quantity.sum() / 2), float(allocation.sum() / 2), quantity[:n], allocation[:n])
