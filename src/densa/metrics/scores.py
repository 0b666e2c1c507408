"""The formulas of the scores of confusion matrices, for one matrix or for a stack of them at once.

All scores follow from a few sums of a matrix: n_ii, the pixels of class i that are right; t_i, the pixels of class i in
the target; p_i, those predicted as i; and N, the pixels that count.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["AbsentRule", "disagreement_of_sums", "ratio", "scores_of_sums"]

AbsentRule = Literal["skip", "zero"]

Array = NDArray[np.float64]


def scores_of_sums(
    right: Array, targets: Array, predictions: Array, n_pixels: Array, absent: AbsentRule
) -> dict[str, Array]:
    """The scores of one confusion matrix or of many.

    Args:
        right: (..., n_classes) n_ii.
        targets: (..., n_classes) t_i.
        predictions: (..., n_classes) p_i.
        n_pixels: (...) N.
        absent: rule for classes that do not occur, see `ConfusionMatrix.summary`.

    Returns:
        `global_accuracy`, `class_average`, `mean_iou`, `frequency_weighted_iou`, `kappa`, `quantity_disagreement` and
        `allocation_disagreement` of shape (...); `iou`, `accuracy`, `precision` and `f1` of shape (..., n_classes).
        NaN where a score is undefined.
    """
    iou = ratio(right, targets + predictions - right)
    accuracy = ratio(right, targets)
    observed = ratio(right.sum(-1), n_pixels)
    expected = ratio((targets * predictions).sum(-1), n_pixels**2)
    quantity, allocation = disagreement_of_sums(right, targets, predictions, n_pixels)
    return {
        "global_accuracy": observed,
        "class_average": _mean(accuracy, absent, n_pixels),
        "mean_iou": _mean(iou, absent, n_pixels),
        "frequency_weighted_iou": ratio(np.nansum(targets * iou, -1), targets.sum(-1)),
        "kappa": ratio(observed - expected, 1 - expected),
        "quantity_disagreement": quantity.sum(-1) / 2,
        "allocation_disagreement": allocation.sum(-1) / 2,
        "iou": iou,
        "accuracy": accuracy,
        "precision": ratio(right, predictions),
        "f1": ratio(2 * right, targets + predictions),
    }


def disagreement_of_sums(right: Array, targets: Array, predictions: Array, n_pixels: Array) -> tuple[Array, Array]:
    """(..., n_classes + 1) quantity and allocation disagreement of each class (Pontius, Millones 2011).

    The last one is of pixels without a class: those for which none was predicted, and those predicted on void.
    """
    whole = np.asarray(n_pixels)[..., None]
    none = np.zeros_like(whole)
    n, t, p = (
        np.concatenate([part, rest], -1)
        for part, rest in (
            (right, none), (targets, whole - targets.sum(-1, keepdims=True)),
            (predictions, whole - predictions.sum(-1, keepdims=True)),
        )
    )  # fmt: skip
    return ratio(np.abs(t - p), whole), ratio(2 * np.minimum(t - n, p - n), whole)


def ratio(part: Any, whole: Any) -> Array:
    """part / whole, NaN where whole is 0."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.divide(part, whole, out=np.full(np.broadcast_shapes(part.shape, whole.shape), np.nan), where=whole != 0)


def _mean(scores: Array, absent: AbsentRule, n_pixels: Array) -> Array:
    """Mean over the classes, by the rule for those without a score."""
    defined = ~np.isnan(scores)
    n = defined.sum(-1) if absent == "skip" else np.where(n_pixels > 0, scores.shape[-1], defined.sum(-1))
    return ratio(np.where(defined, scores, 0).sum(-1), n)
