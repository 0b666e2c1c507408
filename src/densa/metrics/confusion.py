"""The confusion matrix of a set of images, and its scores.

With n_ij the pixels of true class i that were predicted as j, t_i = sum_j n_ij and p_j = sum_i n_ij: pixel accuracy,
mean accuracy, mean IoU and frequency-weighted IoU as in Long, Shelhamer, Darrell 2015 (FCN, section 5; class average
and global accuracy in Badrinarayanan, Kendall, Cipolla 2017), Cohen's kappa (1960).

Method: Accuracy and intersection over union.
Source: Long, Shelhamer, Darrell 2015, arXiv:1411.4038, section 5; Cohen 1960.
As printed: pixel and mean accuracy, mean and frequency-weighted IoU, kappa, over the confusion matrix of the whole set.
Departs: nothing; what void and absent classes do is stated with each score.
Held by: tests/metrics/test_confusion.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.errors import InputError
from densa.legend import IGNORE, MAX_CLASSES
from densa.metrics.scores import AbsentRule, scores_of_sums

__all__ = ["AbsentRule", "ConfusionMatrix", "Summary", "VoidRule"]

VoidRule = Literal["ignore", "false-positive"]


@dataclass(frozen=True)
class Summary:
    """Scores of a confusion matrix, from 0 to 1 (kappa from -1), NaN where undefined.

    Attributes:
        void: rule for pixels whose target has no class, see `ConfusionMatrix.summary`.
        absent: rule for classes that do not occur, see `ConfusionMatrix.summary`.
        global_accuracy: share of the counted pixels that are predicted correctly.
        class_average: mean over classes of `accuracy`.
        mean_iou: mean over classes of `iou`.
        frequency_weighted_iou: mean of `iou` weighted by the pixels that each class has in the target.
        kappa: agreement beyond chance, (p_o - p_e) / (1 - p_e).
        quantity_disagreement, allocation_disagreement: parts of 1 - global accuracy, see `disagreement`.
        iou: (n_classes,) n_ii / (t_i + p_i - n_ii).
        accuracy: (n_classes,) n_ii / t_i, the recall of each class.
        precision: (n_classes,) n_ii / p_i.
        f1: (n_classes,) 2 n_ii / (t_i + p_i).
        n_pixels: number of pixels counted.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> confusion = metrics.ConfusionMatrix(2)
        >>> confusion.update(np.array([[0, 0, 0, 1]]), np.array([[0, 0, 1, 1]]))
        >>> summary = confusion.summary()
        >>> summary.global_accuracy, summary.kappa, summary.precision.tolist(), summary.n_pixels
        (0.75, 0.5, [1.0, 0.5], 4)
    """

    void: VoidRule
    absent: AbsentRule
    global_accuracy: float
    class_average: float
    mean_iou: float
    frequency_weighted_iou: float
    kappa: float
    quantity_disagreement: float
    allocation_disagreement: float
    iou: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    precision: NDArray[np.float64]
    f1: NDArray[np.float64]
    n_pixels: int


class ConfusionMatrix:
    """Counts of [target, predicted] pairs, accumulated over any number of images.

    Args:
        n_classes: number of classes, 1 to 254; 255 means "no class" in the target (void) and in the prediction.

    Attributes:
        counts: (n_classes + 1, n_classes + 1) int64, [target, predicted]; the last row counts predictions on void
            pixels, the last column pixels for which no class was predicted. To sum over processes, add these.

    Raises:
        InputError: `n_classes` is not from 1 to 254.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> confusion = metrics.ConfusionMatrix(2)
        >>> confusion.update(np.array([[0, 0, 1, 255]]), np.array([[0, 1, 1, 1]]))
        >>> confusion.matrix  # the last column: no class predicted
        array([[1, 1, 0],
               [0, 1, 0]])
        >>> summary = confusion.summary()
        >>> summary.iou.tolist(), summary.mean_iou
        ([0.5, 0.5], 0.5)
    """

    def __init__(self, n_classes: int) -> None:
        if not 1 <= n_classes <= MAX_CLASSES:
            raise InputError(f"n_classes must be from 1 to {MAX_CLASSES}, got {n_classes}")
        self.n_classes = n_classes
        self.counts: NDArray[np.int64] = np.zeros((n_classes + 1, n_classes + 1), np.int64)

    @property
    def matrix(self) -> NDArray[np.int64]:
        """(n_classes, n_classes + 1) view of the counts at pixels whose target has a class."""
        return self.counts[:-1]

    def update(self, target: NDArray[Any], predicted: NDArray[Any]) -> None:
        """Add the pixels of one image or batch.

        Args:
            target: integers of any shape, each a class (0..n_classes - 1) or 255 (void).
            predicted: integers of the same shape, each a class or 255 (no class predicted).

        Raises:
            InputError: shapes differ, values are not integers or are neither a class nor 255; the counts are unchanged.
        """
        self.counts += _counts(target, predicted, self.n_classes)

    def merge(self, other: ConfusionMatrix) -> None:
        """Add the counts of another matrix, for example of another process.

        Raises:
            InputError: the numbers of classes differ.
        """
        if other.n_classes != self.n_classes:
            raise InputError(
                f"confusion matrices of {self.n_classes} and {other.n_classes} classes cannot be merged; "
                "use one legend for both"
            )
        self.counts += other.counts

    def summary(self, *, void: VoidRule = "ignore", absent: AbsentRule = "skip") -> Summary:
        """Scores under the given rules.

        A pixel whose target has a class but for which no class was predicted is wrong: it counts in t_i (so it lowers
        accuracy, IoU and F1 of its class) and is not a false positive of any class. A pixel without a class in target
        and prediction is not counted.

        Args:
            void: "ignore" excludes pixels whose target is 255. "false-positive" counts a class predicted on such a
                pixel as a false positive of that class: it adds to p_j, and, as a wrong pixel, to the number N of
                pixels in global accuracy and kappa. t_i, and with it the accuracy of each class and the weights of the
                frequency-weighted IoU, stay the same; void is not a class, so it has no score and no chance agreement.
            absent: "skip" takes each mean over the classes for which the score is defined: IoU and F1 over those
                with t_i + p_i > 0, accuracy over those with t_i > 0. "zero" divides by the number of all classes: a
                class without a score counts as 0.

        Returns:
            The scores. Undefined per-class scores are NaN under both rules; so are all scores if no pixel was counted.

        Raises:
            InputError: an unknown rule.
        """
        check_rule("void", void, get_args(VoidRule))
        check_rule("absent", absent, get_args(AbsentRule))
        matrix = self.matrix.astype(np.float64)
        right = np.diagonal(matrix)  # n_ii
        targets = matrix.sum(1)  # t_i
        predictions = matrix[:, :-1].sum(0)  # p_j
        n_pixels = self.matrix.sum()
        if void == "false-positive":
            predictions = predictions + self.counts[-1, :-1]
            n_pixels = n_pixels + self.counts[-1, :-1].sum()
        found = scores_of_sums(right, targets, predictions, np.array(n_pixels, np.float64), absent)
        single = {name: value if value.ndim else float(value) for name, value in found.items()}
        return Summary(void=void, absent=absent, n_pixels=int(n_pixels), **single)  # type: ignore[arg-type]


def check_rule(name: str, given: str, known: tuple[str, ...]) -> None:
    """Raise an InputError if a rule is unknown."""
    if given not in known:
        raise InputError(f"{name} must be {' or '.join(map(repr, known))}, got {given!r}")


def as_labels(labels: NDArray[Any], what: str) -> NDArray[np.uint8]:
    """Labels as a contiguous uint8 array.

    Raises:
        InputError: not integers, or outside 0..255.
    """
    labels = np.asarray(labels)
    if labels.dtype == np.uint8:
        return np.ascontiguousarray(labels)
    if labels.dtype.kind not in "iub":
        raise InputError(f"{what} must hold integers (a class per pixel), got {labels.dtype}")
    if labels.size and (labels.min() < 0 or labels.max() > IGNORE):
        value = labels.min() if labels.min() < 0 else labels.max()
        raise InputError(f"{what} must hold classes, or 255 for no class, got {value}")
    return np.ascontiguousarray(labels, np.uint8)


def check_labels(present: NDArray[np.bool_], n_classes: int, what: str) -> None:
    """Raise an InputError if a label that is neither a class nor 255 is among the (256,) flags of those present."""
    if present[n_classes:IGNORE].any():
        value = n_classes + int(np.argmax(present[n_classes:IGNORE]))
        raise InputError(
            f"{what} has the value {value}, but there are {n_classes} classes (0..{n_classes - 1}) and 255 for none; "
            "use the legend with which it was made"
        )


def _counts(target: NDArray[Any], predicted: NDArray[Any], n_classes: int) -> NDArray[np.int64]:
    if np.shape(target) != np.shape(predicted):
        raise InputError(
            f"target and predicted must have the same shape, got {np.shape(target)} and {np.shape(predicted)}; "
            "resample the prediction to the size of the target first"
        )
    table = np.zeros((256, 256), np.int64)
    _count_pairs(as_labels(target, "target").reshape(-1), as_labels(predicted, "predicted").reshape(-1), table)
    check_labels(table.sum(1) > 0, n_classes, "target")
    check_labels(table.sum(0) > 0, n_classes, "predicted")
    kept = [*range(n_classes), IGNORE]
    return table[np.ix_(kept, kept)]


@njit(nogil=True, cache=True)
def _count_pairs(target, predicted, table):  # type: ignore[no-untyped-def]
    """Add 1 to table[target, predicted] for each pair."""
    for i in range(target.size):
        table[target[i], predicted[i]] += 1
