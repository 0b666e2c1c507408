"""Cohen's weighted kappa (1968): agreement beyond chance, where classes have an order and near ones are half right."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.metrics.confusion import check_rule

__all__ = ["KappaWeights", "weighted_kappa"]

KappaWeights = Literal["linear", "quadratic"]


def weighted_kappa(confusion: NDArray[Any], weights: KappaWeights) -> float:
    """Weighted kappa of a confusion matrix, 1 - sum w_ij n_ij / sum w_ij e_ij, with e_ij = t_i p_j / N.

    It is for classes with an order, as of damage or height: taking a class for its neighbour counts less than for one
    farther away. For classes without one it means nothing.

    Args:
        confusion: (n, n) pixels of [target, predicted], such as the first n columns of `ConfusionMatrix.matrix`.
        weights: w_ij = abs(i - j) ("linear") or (i - j)^2 ("quadratic").

    Returns:
        At most 1; NaN if nothing but one class occurs.

    Raises:
        InputError: not a square of numbers of pixels, or unknown weights.

    Examples:
        >>> from densa import metrics
        >>> round(metrics.weighted_kappa([[8, 2, 0], [1, 7, 2], [0, 3, 7]], "linear"), 3)
        0.692
    """
    check_rule("weights", weights, get_args(KappaWeights))
    counts = np.asarray(confusion, np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or (counts < 0).any():
        raise InputError(f"confusion must be (n, n) numbers of pixels, got the shape {counts.shape}")
    places = np.arange(len(counts))
    apart = np.abs(places[:, None] - places).astype(np.float64)
    weight = apart if weights == "linear" else apart**2
    expected = np.outer(counts.sum(1), counts.sum(0)) / max(counts.sum(), 1)
    by_chance = (weight * expected).sum()
    return float(1 - (weight * counts).sum() / by_chance) if by_chance else float("nan")
