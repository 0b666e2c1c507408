"""What the scores of a unit are made of: sums that add up over units, and the scores of many such sums at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densa.metrics.confusion import VoidRule
from densa.metrics.scores import AbsentRule, ratio, scores_of_sums

__all__ = ["HEADLINE", "PER_CLASS", "Columns", "Number", "numbers_of", "scores_of", "sizes_of"]

HEADLINE = (
    "global_accuracy",
    "class_average",
    "mean_iou",
    "boundary_f1",
    "frequency_weighted_iou",
    "kappa",
    "quantity_disagreement",
    "allocation_disagreement",
    "share_without_label",
    "share_without_class",
)
"""Scores of all classes together."""
PER_CLASS = ("iou", "accuracy", "precision", "f1", "boundary_f1")
"""Scores of each class."""

Number = tuple[str, int | None]
"""Name of a score, and its class; None for all classes together."""


def numbers_of(n_classes: int, per_class: tuple[str, ...] = PER_CLASS) -> list[Number]:
    """The scores of an evaluation, in the order of `scores_of`."""
    return [(name, None) for name in HEADLINE] + [(name, k) for name in per_class for k in range(n_classes)]


@dataclass(frozen=True)
class Columns:
    """The columns of the sums of a unit; all but those of the boundaries are numbers of pixels.

    Args:
        n_classes: number of classes.
    """

    n_classes: int

    @property
    def width(self) -> int:
        """Number of columns."""
        return 5 * self.n_classes + 7

    @property
    def n_pixel_columns(self) -> int:
        """Number of columns that hold pixels: n_ii, t_i, p_i, and the five totals; boundaries follow."""
        return 3 * self.n_classes + 5

    def of_matrix(self, counts: NDArray[np.int64], void: VoidRule) -> NDArray[np.float64]:
        """The pixel columns of a confusion matrix, see `ConfusionMatrix.counts`."""
        labelled = counts[:-1]
        predictions, n_counted = labelled[:, :-1].sum(0), labelled.sum()
        if void == "false-positive":
            predictions, n_counted = predictions + counts[-1, :-1], n_counted + counts[-1, :-1].sum()
        totals = [n_counted, labelled.sum(), labelled[:, -1].sum(), counts.sum(), counts[-1].sum()]
        return np.concatenate([np.diagonal(labelled), labelled.sum(1), predictions, totals]).astype(np.float64)


def scores_of(
    sums: NDArray[np.float64], n_classes: int, absent: AbsentRule, per_class: tuple[str, ...] = PER_CLASS
) -> NDArray[np.float64]:
    """The scores of sums of units.

    Args:
        sums: (..., width) sums, see `Columns`.
        n_classes: number of classes.
        absent: rule for classes that do not occur in the sums, see `ConfusionMatrix.summary`.
        per_class: the scores of each class to return.

    Returns:
        (..., n) scores in the order of `numbers_of`, NaN where undefined.
    """
    n = n_classes
    counted, labelled, unclassed, pixels, unlabelled = np.moveaxis(sums[..., 3 * n : 3 * n + 5], -1, 0)
    found = scores_of_sums(sums[..., :n], sums[..., n : 2 * n], sums[..., 2 * n : 3 * n], counted, absent)
    borders = sums[..., 3 * n + 5 :]
    headline = {
        **found,
        "boundary_f1": ratio(borders[..., 2 * n], borders[..., 2 * n + 1]),
        "share_without_label": ratio(unlabelled, pixels),
        "share_without_class": ratio(unclassed, labelled),
    }
    of_class = {**found, "boundary_f1": ratio(borders[..., :n], borders[..., n : 2 * n])}
    return np.concatenate(
        [np.stack([headline[name] for name in HEADLINE], -1), *(of_class[name] for name in per_class)], -1
    )


def sizes_of(sums: NDArray[np.float64], n_classes: int, per_class: tuple[str, ...] = PER_CLASS) -> NDArray[np.float64]:
    """The size of each unit for each score, in the order of `numbers_of`: pixels that count for it, or images."""
    n = n_classes
    counted, labelled, _, pixels, _ = np.moveaxis(sums[..., 3 * n : 3 * n + 5], -1, 0)
    targets, predictions, borders = sums[..., n : 2 * n], sums[..., 2 * n : 3 * n], sums[..., 3 * n + 5 :]
    either = targets + predictions
    other = {"boundary_f1": borders[..., 2 * n + 1], "share_without_label": pixels, "share_without_class": labelled}
    of_class = {
        "iou": either, "accuracy": targets, "precision": predictions, "f1": either,
        "boundary_f1": borders[..., n : 2 * n],
    }  # fmt: skip
    return np.concatenate(
        [np.stack([other.get(name, counted) for name in HEADLINE], -1), *(of_class[name] for name in per_class)], -1
    )
