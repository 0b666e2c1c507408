"""Calibration errors and scores of counts over fine bins of the probability; see `CalibrationCounts`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma

__all__ = ["CalibrationSummary", "ConfidenceBin", "even_bins", "summarize"]

_TABLE_BINS = 10
_CURVE = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)  # coverages at which the risk is given


class ConfidenceBin(NamedTuple):
    """Pixels whose confidence lies in (low, high]; means are NaN where there are none.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> counts = metrics.CalibrationCounts(2)
        >>> sure = np.array([[0.9, 0.9, 0.9, 0.9]])
        >>> counts.update(np.stack([sure, 1 - sure]), np.array([[0, 0, 0, 1]]))
        >>> row = counts.summary().table[-2]
        >>> row.low, row.high, row.n_pixels, round(row.confidence, 3), row.accuracy
        (0.8, 0.9, 4, 0.9, 0.75)
    """

    low: float
    high: float
    n_pixels: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class CalibrationSummary:
    """How well probabilities are calibrated; errors and scores are better the lower they are.

    Attributes:
        n_pixels: number of pixels counted.
        n_bins: bins of the calibration errors.
        confidence: mean probability of the predicted class.
        accuracy: share of the pixels that are right.
        ece: expected calibration error: mean over pixels of the difference of accuracy and confidence in their bin;
            bins of confidence of equal width, (a, b].
        ece_adaptive: the same over bins of equal numbers of pixels.
        mce: largest difference of accuracy and confidence of a bin of equal width.
        class_ece: (n_classes,) the same as `ece` of the probability of each class, over all pixels, beside the share of
            pixels of the class.
        class_wise_ece: mean of `class_ece` over all classes.
        class_wise_ece_adaptive: the same over bins of equal numbers of pixels.
        brier: mean over pixels of the sum over classes of (p - 1 or 0)^2, from 0 to 2.
        brier_reliability, brier_resolution, brier_uncertainty: its parts over bins of equal width, summed over classes:
            brier = reliability - resolution + uncertainty + what the bins do not resolve.
        nll: mean negative logarithm of the probability of the target.
        aurc: area under the risk-coverage curve: mean over all coverages of the share of wrong pixels among the most
            confident ones.
        excess_aurc: its excess over that of a confidence that ranks every right pixel before every wrong one.
        table: bins of a tenth each, with their pixels, mean confidence and accuracy.
        risks: (coverage, share of wrong pixels among the most confident pixels of that share).

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> counts = metrics.CalibrationCounts(2)
        >>> sure = np.array([[0.9, 0.9, 0.9, 0.9]])
        >>> counts.update(np.stack([sure, 1 - sure]), np.array([[0, 0, 0, 1]]))
        >>> found = counts.summary()
        >>> round(found.ece, 3), [(row.n_pixels, row.accuracy) for row in found.table if row.n_pixels]
        (0.15, [(4, 0.75)])
    """

    n_pixels: int
    n_bins: int
    confidence: float
    accuracy: float
    ece: float
    ece_adaptive: float
    mce: float
    class_ece: NDArray[np.float64]
    class_wise_ece: float
    class_wise_ece_adaptive: float
    brier: float
    brier_reliability: float
    brier_resolution: float
    brier_uncertainty: float
    nll: float
    aurc: float
    excess_aurc: float
    table: tuple[ConfidenceBin, ...]
    risks: tuple[tuple[float, float], ...]

    @property
    def brier_within_bins(self) -> float:
        """What the parts of the Brier score leave: differences of probabilities inside the bins."""
        return self.brier - (self.brier_reliability - self.brier_resolution + self.brier_uncertainty)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, with the rule of each; None where undefined."""
        names = (
            "ece", "ece_adaptive", "mce", "class_wise_ece", "class_wise_ece_adaptive", "brier", "brier_reliability",
            "brier_resolution", "brier_uncertainty", "brier_within_bins", "nll", "aurc", "excess_aurc",
        )  # fmt: skip
        return {
            "pixels": self.n_pixels,
            "bins": self.n_bins,
            "mean_confidence": self.confidence,
            "accuracy": self.accuracy,
            **{name: float(getattr(self, name)) for name in names},
            "class_ece": [float(value) for value in self.class_ece],
            "confidence_table": [
                {
                    "from": row.low,
                    "to": row.high,
                    "pixels": row.n_pixels,
                    "share_of_pixels": row.n_pixels / self.n_pixels,
                    "mean_confidence": row.confidence if row.n_pixels else None,
                    "accuracy": row.accuracy if row.n_pixels else None,
                }
                for row in self.table
            ],
            "risk_coverage": [{"coverage": coverage, "risk": risk} for coverage, risk in self.risks],
            "rules": rules(self.n_bins),
        }


def rules(n_bins: int) -> dict[str, str]:
    """The rule of each number, in a sentence."""
    return {
        "ece": f"mean |accuracy - confidence| over {n_bins} bins (a, b] of equal width, weighted by their pixels; "
        "confidence is the probability of the predicted class",
        "ece_adaptive": f"as ece, over {n_bins} bins of equal numbers of pixels",
        "mce": "the largest |accuracy - confidence| of a bin of equal width",
        "class_wise_ece": "as ece, of the probability of each class beside the share of its pixels; mean over all "
        "classes",
        "class_wise_ece_adaptive": "as class_wise_ece, over bins of equal numbers of pixels",
        "brier": "mean over pixels of the sum over classes of the squared difference from 1 or 0; 0 to 2",
        "brier_parts": f"reliability - resolution + uncertainty + within bins, over {n_bins} bins of equal width",
        "nll": "mean negative natural logarithm of the probability of the target, of 1.2e-7 where it is less",
        "aurc": "mean over all coverages of the share of wrong pixels among the most confident ones; pixels of equal "
        "confidence in random order",
        "pixels": "labelled pixels with a predicted class",
    }


def summarize(
    top: NDArray[np.float64], classes: NDArray[np.float64], brier: float, nll: float, n_fine: int, n_bins: int
) -> CalibrationSummary:
    """Errors and scores of the counts.

    Args:
        top: (n, 3) pixels, right ones and sum of the confidence by the confidence; the first n_fine - 1 bins are of
            equal width, all others lie in the last of n_fine.
        classes: (n_classes, n_fine, 3) pixels, those of the class, sum of its probability, by the probability.
        brier, nll: means over the pixels.
        n_fine: fine bins of equal width.
        n_bins: bins of the result, a divisor of `n_fine`.
    """
    n, right, sure = top.sum(0)
    even = even_bins(top, n_fine, n_bins)
    in_bins = _joined(classes, n_bins)
    adaptive = np.array([_error(_equal_numbers(one, n_bins)) for one in classes])
    static = np.array([_error(one) for one in in_bins])
    aurc = _area(top)
    return CalibrationSummary(
        n_pixels=int(n),
        n_bins=n_bins,
        confidence=float(sure / n),
        accuracy=float(right / n),
        ece=_error(even),
        ece_adaptive=_error(_equal_numbers(top, n_bins)),
        mce=float(_gaps(even).max()),
        class_ece=static,
        class_wise_ece=float(static.mean()),
        class_wise_ece_adaptive=float(adaptive.mean()),
        brier=brier,
        **_parts(in_bins, n),
        nll=nll,
        aurc=aurc,
        excess_aurc=aurc - _least_area(int(n), int(n - right)),
        table=_table(even_bins(top, n_fine, _TABLE_BINS)),
        risks=tuple((coverage, _risk(top, coverage)) for coverage in _CURVE),
    )


def even_bins(top: NDArray[np.float64], n_fine: int, n_bins: int) -> NDArray[np.float64]:
    """(n_bins, 3) counts by the confidence over bins of equal width; see `summarize`."""
    return _joined(np.concatenate([top[: n_fine - 1], top[n_fine - 1 :].sum(0, keepdims=True)]), n_bins)


def _joined(fine: NDArray[np.float64], n_bins: int) -> NDArray[np.float64]:
    """(..., n_bins, 3) sums over neighbouring fine bins."""
    return fine.reshape(*fine.shape[:-2], n_bins, -1, 3).sum(-2)


def _equal_numbers(fine: NDArray[np.float64], n_bins: int) -> NDArray[np.float64]:
    """(n_bins, 3) sums over neighbouring fine bins that hold about as many pixels as the others; none is divided."""
    count = fine[:, 0]
    middle = count.cumsum() - count / 2
    place = np.minimum((middle * n_bins / count.sum()).astype(np.int64), n_bins - 1)
    return np.stack([np.bincount(place, column, n_bins) for column in fine.T], axis=1)


def _gaps(bins: NDArray[np.float64]) -> NDArray[np.float64]:
    """|share that is right - mean probability| of each bin, 0 where it is empty."""
    count, right, sure = bins[..., 0], bins[..., 1], bins[..., 2]
    return np.abs(right - sure) / np.maximum(count, 1)


def _error(bins: NDArray[np.float64]) -> float:
    return float((_gaps(bins) * bins[:, 0]).sum() / bins[:, 0].sum())


def _parts(bins: NDArray[np.float64], n: float) -> dict[str, float]:
    """Murphy's parts of the Brier score, summed over classes."""
    count, right, sure = (bins[..., i] for i in range(3))
    filled = np.maximum(count, 1)
    base = right.sum(1, keepdims=True) / n
    return {
        "brier_reliability": float((count * ((sure - right) / filled) ** 2).sum() / n),
        "brier_resolution": float((count * (right / filled - base) ** 2).sum() / n),
        "brier_uncertainty": float((base * (1 - base)).sum()),
    }


def _area(top: NDArray[np.float64]) -> float:
    """Area under the risk-coverage curve; pixels of one fine bin come in random order."""
    falling = top[::-1][top[::-1][:, 0] > 0]
    count, wrong = falling[:, 0], falling[:, 0] - falling[:, 1]
    before, wrong_before = count.cumsum() - count, wrong.cumsum() - wrong
    # Sums over i = 1..n of (e0 + e i / n) / (n0 + i), by H = sum of 1 / (n0 + i).
    harmonic = digamma(before + count + 1) - digamma(before + 1)
    sums = wrong_before * harmonic + wrong / count * (count - before * harmonic)
    return float(sums.sum() / count.sum())


def _least_area(n: int, wrong: int) -> float:
    """The area where every right pixel is ranked before every wrong one: sum over i of i / (n - wrong + i), / n."""
    before = n - wrong
    return float((wrong - before * (digamma(n + 1) - digamma(before + 1))) / n)


def _risk(top: NDArray[np.float64], coverage: float) -> float:
    """Share of wrong pixels among the most confident; a fine bin at the end counts in part."""
    count, wrong = top[::-1, 0], top[::-1, 0] - top[::-1, 1]
    kept = np.clip(coverage * count.sum() - (count.cumsum() - count), 0, count)
    return float((wrong * kept / np.maximum(count, 1)).sum() / kept.sum())


def _table(bins: NDArray[np.float64]) -> tuple[ConfidenceBin, ...]:
    rows = []
    for place, (count, right, sure) in enumerate(bins):
        means = (sure / count, right / count) if count else (np.nan, np.nan)
        rows.append(ConfidenceBin(place / len(bins), (place + 1) / len(bins), int(count), *map(float, means)))
    return tuple(rows)
