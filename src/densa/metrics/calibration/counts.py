"""Calibration of class probabilities: of the pixels to which a model gives 80 %, are 80 % right?

Everything is counted in integers over fine bins of the probability, so memory does not grow with the number of pixels,
and sums do not depend on the order of pixels, tiles, images or processes.

Method: Calibration.
Source: Guo, Pleiss, Sun, Weinberger 2017, arXiv:1706.04599 (ECE, reliability diagram); Nixon et al. 2019,
    arXiv:1904.01685 (class-wise and adaptive bins); Brier 1950; Murphy 1973 (the parts of the Brier score); Geifman,
    El-Yaniv 2017, arXiv:1705.08500 (risk and coverage).
As printed: ECE over 15 bins (a, b], class-wise ECE as the mean over classes, Brier score as the sum over classes.
Departs: adaptive bins hold whole fine bins of 1/1200 (1/2^24 above 1 - 1/1200); pixels that share one are ties in the
    risk-coverage curve; probabilities are made to sum to 1, and below 1.2e-7 count as that in the NLL.
Held by: tests/metrics/calibration/test_counts.py.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.jit import kernel_jit
from densa.legend import IGNORE, MAX_CLASSES
from densa.metrics.calibration.summary import CalibrationSummary, even_bins, summarize
from densa.metrics.confusion import as_labels, check_labels

__all__ = ["FINE_BINS", "LEAST_PROBABILITY", "CalibrationCounts"]

FINE_BINS = 1200
"""Equal bins of a probability in which pixels are counted; any number of bins in a result divides it."""
LEAST_PROBABILITY = float(np.finfo(np.float32).eps)
"""Smaller probabilities count as this one where their logarithm is taken, as in scikit-learn's log_loss of float32."""

_UNIT = 1 << 24  # sums are of whole 2^-24
_LOG_UNIT = 1 << 20
_NEAR_ONE = _UNIT // FINE_BINS + 1  # bins of 2^-24 in place of the last fine bin: most pixels lie there
_TOLERANCE = 1e-3  # of a sum of probabilities


class CalibrationCounts:
    """Counts of pixels by the probability of their predicted class, and of every class; see `CalibrationSummary`.

    Args:
        n_classes: number of classes, 1 to 254.

    Attributes:
        top: (n, 3) int64 pixels, those that are right, and the sum of the confidence in 2^-24, by the confidence, which
            is the probability of the predicted class.
        of_classes: (n_classes, 1200, 3) int64 pixels, those of the class, and the sum of the probability in 2^-24, by
            the probability of the class.
        totals: (2,) int64 sum of the Brier score in 2^-24 and of the negative log-likelihood in 2^-20.
            To sum over processes, add these arrays.

    Raises:
        InputError: `n_classes` is not from 1 to 254.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> counts = metrics.CalibrationCounts(2)
        >>> sure = np.array([[0.8, 0.8, 0.8, 0.8, 0.8]])
        >>> counts.update(np.stack([sure, 1 - sure]), np.array([[0, 0, 0, 0, 1]]))
        >>> found = counts.summary()
        >>> round(found.confidence, 3), found.accuracy, round(found.ece, 3), round(found.brier, 3)
        (0.8, 0.8, 0.0, 0.32)
    """

    def __init__(self, n_classes: int) -> None:
        if not 1 <= n_classes <= MAX_CLASSES:
            raise InputError(f"n_classes must be from 1 to {MAX_CLASSES}, got {n_classes}")
        self.n_classes = n_classes
        self.top: NDArray[np.int64] = np.zeros((FINE_BINS - 1 + _NEAR_ONE, 3), np.int64)
        self.of_classes: NDArray[np.int64] = np.zeros((n_classes, FINE_BINS, 3), np.int64)
        self.totals: NDArray[np.int64] = np.zeros(2, np.int64)

    @property
    def n_pixels(self) -> int:
        """Number of pixels counted."""
        return int(self.top[:, 0].sum())

    def update(self, probabilities: NDArray[Any], target: NDArray[Any], predicted: NDArray[Any] | None = None) -> None:
        """Add pixels of an image, a tile or a batch.

        Args:
            probabilities: (n_classes, ...) of 0..1, or uint8 of 0..255; made to sum to 1 over the classes.
            target: (...) integers, each a class or 255 (void: not counted).
            predicted: (...) predicted class, whose probability is the confidence, or 255 (none: not counted); None: the
                most probable class, the first of equals.

        Raises:
            InputError: shapes differ, labels are unknown, or the probabilities of a counted pixel do not sum to 1; the
                counts are unchanged.
        """
        given = np.asarray(probabilities)
        if given.shape != (self.n_classes, *np.shape(target)):
            raise InputError(
                f"probabilities must be ({self.n_classes}, ...) over a target of {np.shape(target)}, got {given.shape}"
            )
        truth = as_labels(target, "target").reshape(-1)
        check_labels(np.bincount(truth, minlength=256) > 0, self.n_classes, "target")
        if predicted is None:
            label = given.argmax(axis=0).astype(np.uint8).reshape(-1)
        elif np.shape(predicted) != np.shape(target):
            raise InputError(f"predicted must have the target's shape {np.shape(target)}, got {np.shape(predicted)}")
        else:
            label = as_labels(predicted, "predicted").reshape(-1)
            check_labels(np.bincount(label, minlength=256) > 0, self.n_classes, "predicted")
        counted = np.flatnonzero((truth != IGNORE) & (label != IGNORE))
        values, tolerance = _shares(given.reshape(self.n_classes, -1))
        _check_sums(values, counted, tolerance)
        _count(values, truth, label, counted, self.top, self.of_classes, self.totals)

    def merge(self, other: CalibrationCounts) -> None:
        """Add the counts of another one, for example of another process.

        Raises:
            InputError: the numbers of classes differ.
        """
        if other.n_classes != self.n_classes:
            raise InputError(
                f"counts of {self.n_classes} and {other.n_classes} classes cannot be merged; use one legend for both"
            )
        self.top += other.top
        self.of_classes += other.of_classes
        self.totals += other.totals

    def sums(self, n_bins: int = 15) -> NDArray[np.float64]:
        """(3 n_bins + 2,) pixels, right ones and sum of the confidence in each bin, sum of Brier score and of NLL.

        They add up over images, and the ECE, the Brier score and the NLL follow from them.
        """
        top = self.top.astype(np.float64)
        top[:, 2] /= _UNIT
        return np.concatenate([even_bins(top, FINE_BINS, n_bins).T.ravel(), self.totals / [_UNIT, _LOG_UNIT]])

    def summary(self, *, n_bins: int = 15) -> CalibrationSummary:
        """Calibration errors and scores.

        Args:
            n_bins: bins of the calibration errors; a divisor of 1200.

        Raises:
            InputError: another number of bins, or no pixel was counted.
        """
        if n_bins < 1 or FINE_BINS % n_bins:
            raise InputError(f"the number of bins must divide {FINE_BINS}, such as 10, 15, 20 or 25, got {n_bins}")
        if not self.n_pixels:
            raise InputError("calibration needs at least one pixel with a class in target and prediction, got none")
        top = self.top.astype(np.float64)
        top[:, 2] /= _UNIT
        classes = self.of_classes.astype(np.float64)
        classes[..., 2] /= _UNIT
        brier, nll = self.totals / np.array([_UNIT, _LOG_UNIT]) / self.n_pixels
        return summarize(top, classes, float(brier), float(nll), FINE_BINS, n_bins)


def _shares(given: NDArray[Any]) -> tuple[NDArray[np.float32], float]:
    """Probabilities of 0..1, and by how much their sum may differ from 1."""
    if given.dtype == np.uint8:  # each is rounded to a whole 1/255
        return given.astype(np.float32) / np.float32(255), (len(given) / 2 + 0.5) / 255
    if given.dtype.kind != "f":
        raise InputError(f"probabilities must be floats of 0..1 or uint8 of 0..255, got {given.dtype}")
    return np.ascontiguousarray(given, np.float32), _TOLERANCE


def _check_sums(values: NDArray[np.float32], counted: NDArray[np.int64], tolerance: float) -> None:
    """Refuse probabilities that do not sum to 1 in every counted pixel."""
    wrong, low, high = _wrong_sums(values, counted, tolerance)
    if wrong:
        span = f"from {low:.4g} to {high:.4g}" if math.isfinite(low) and math.isfinite(high) else "not numbers"
        raise InputError(
            f"probabilities must be of 0..1 and sum to 1 in every pixel, but those of {wrong} of {len(counted)} pixels "
            f"do not (their sums: {span}); give the softmax of the scores, not the scores"
        )


@kernel_jit
def _wrong_sums(values, counted, tolerance):  # type: ignore[no-untyped-def]
    """Number of pixels whose probabilities are not of 0..1 or do not sum to 1; their least and largest sum."""
    wrong, low, high = 0, np.inf, -np.inf
    for i in counted:
        total, inside = 0.0, True
        for k in range(values.shape[0]):
            p = values[k, i]
            total += p
            inside &= -tolerance <= p <= 1 + tolerance
        if not (inside and abs(total - 1) <= tolerance):
            wrong += 1
            low, high = min(low, total), max(high, total)
            if total != total:
                low = high = np.nan
    return wrong, low, high


@kernel_jit
def _count(values, target, label, counted, top, of_classes, totals):  # type: ignore[no-untyped-def]
    """Add the counted pixels to `top`, `of_classes` and `totals`."""
    n_classes = values.shape[0]
    for i in counted:
        total = 0.0
        for k in range(n_classes):
            total += max(values[k, i], np.float32(0))
        brier = 0.0
        for k in range(n_classes):
            p = min(max(values[k, i], np.float32(0)) / total, 1.0)
            own = target[i] == k
            brier += (p - own) ** 2
            bin = min(max(math.ceil(p * FINE_BINS) - 1, 0), FINE_BINS - 1)
            of_classes[k, bin, 0] += 1
            of_classes[k, bin, 1] += own
            of_classes[k, bin, 2] += int(p * _UNIT + 0.5)
            if own:
                totals[1] += int(-math.log(max(p, LEAST_PROBABILITY)) * _LOG_UNIT + 0.5)
        totals[0] += int(brier * _UNIT + 0.5)
        confidence = min(max(values[label[i], i], np.float32(0)) / total, 1.0)
        bin = max(math.ceil(confidence * FINE_BINS) - 1, 0)
        if bin >= FINE_BINS - 1:
            away = min(int((1 - confidence) * _UNIT + 0.5), _NEAR_ONE - 1)
            bin = FINE_BINS - 1 + _NEAR_ONE - 1 - away
        top[bin, 0] += 1
        top[bin, 1] += label[i] == target[i]
        top[bin, 2] += int(confidence * _UNIT + 0.5)
