"""How far errors correlate: the correlogram of the error map, streamed over images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from densa.metrics.confusion import VoidRule
from densa.metrics.intervals._cell_kernels import count_lags, mark_errors
from densa.metrics.scores import ratio

__all__ = ["ErrorCorrelation"]

_UNCORRELATED = 0.05
_MOST_PIXELS = 1 << 22  # of a larger image every second, third, ... row and column is taken
_FEWEST_PAIRS = 30
_LAGS = np.unique(np.round(np.sqrt(2.0) ** np.arange(31)).astype(np.int64))  # 1, 2, 3, 4, 6, 8, 11, ... 32768


class ErrorCorrelation:
    """Correlation of being wrong between pixels at a distance, along rows and columns.

    Args:
        void: rule for pixels whose target has no class, see `ConfusionMatrix.summary`.

    Attributes:
        lags: (n,) distances in pixels.
        counts: (n, 4) int64: pairs of pixels at each lag, of them both wrong, the first wrong, the second wrong.
    """

    def __init__(self, void: VoidRule = "ignore") -> None:
        self.void: VoidRule = void
        self.lags = _LAGS
        self.counts: NDArray[np.int64] = np.zeros((len(_LAGS), 4), np.int64)

    def add(self, target: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> None:
        """Add an image: (H, W) uint8 classes, 255 where there is none."""
        errors = np.empty(target.shape, np.uint8)
        mark_errors(target, predicted, self.void == "false-positive", errors)
        step = max(1, int(np.ceil(np.sqrt(errors.size / _MOST_PIXELS))))
        reached = self.lags[self.lags <= max(1, max(errors.shape) // 2)]
        count_lags(errors, reached, step, self.counts[: len(reached)])

    @property
    def correlation(self) -> NDArray[np.float64]:
        """(n,) correlation at each lag; NaN where there are too few pairs, or where all pixels are right or wrong."""
        pairs, both, first, second = self.counts.T.astype(np.float64)
        first, second = ratio(first, pairs), ratio(second, pairs)
        spread = np.sqrt(first * (1 - first) * second * (1 - second))
        return np.where(pairs >= _FEWEST_PAIRS, ratio(ratio(both, pairs) - first * second, spread), np.nan)

    @property
    def reach(self) -> int | None:
        """Distance in pixels at which the correlation first falls below 0.05, between lags by a line.

        The longest lag where it stays above, None where no correlation is measured.
        """
        values = self.correlation
        known = np.flatnonzero(~np.isnan(values))
        if known.size == 0:
            return None
        before = (0.0, 1.0)
        for k in known:
            here = (float(self.lags[k]), float(values[k]))
            if here[1] < _UNCORRELATED:
                share = (before[1] - _UNCORRELATED) / (before[1] - here[1])
                return max(1, int(np.ceil(before[0] + share * (here[0] - before[0]))))
            before = here
        return int(self.lags[known[-1]])
