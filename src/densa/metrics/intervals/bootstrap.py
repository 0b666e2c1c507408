"""Bootstrap intervals over independent units: percentile and BCa.

Method: Bootstrap interval.
Source: Efron, JASA 82 (1987), section 3; Efron & Tibshirani 1993, equations 14.9 to 14.15; Hesterberg 2015,
    arXiv:1411.5279.
As printed: percentile interval; BCa with bias correction and an acceleration from the jackknife.
Departs: both are taken at Hesterberg's expanded percentiles, those of Student's t widened by sqrt(n / (n - 1)), since a
    bootstrap over few units is too narrow; n is Kish's effective number where the sizes of the units differ, and fewer
    where few of them decide, by their kurtosis; blocks whose neighbours correlate widen them by the ratio of the
    standard errors with and without that.
Held by: tests/metrics/intervals/test_bootstrap.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit

from densa.errors import InputError
from densa.metrics.scores import ratio

__all__ = ["LEVEL", "Interval", "Resampled", "intervals_of", "resample"]

LEVEL = 0.95
"""Probability that an interval holds the value of the population."""

_CHUNK_BYTES = 1 << 26
_LONGEST_REACH = 8.0

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Interval:
    """A 95 % interval of a score.

    Attributes:
        low: lower end, BCa.
        high: upper end, BCa.
        percentile: both ends of the percentile interval.
        units: number of units in which the score is defined.
        defined: share of the resamples in which it is.

    Examples:
        >>> from densa.metrics import intervals
        >>> str(intervals.Interval(0.71, 0.79, (0.70, 0.78), 40))
        '0.7100 to 0.7900'
    """

    low: float
    high: float
    percentile: tuple[float, float]
    units: int
    defined: float = 1.0

    def __str__(self) -> str:
        return f"{self.low:.4f} to {self.high:.4f}"

    def to_json(self) -> dict[str, Any]:
        """The interval as in `metrics.json`."""
        return {
            "bca": [self.low, self.high],
            "percentile": list(self.percentile),
            "units": self.units,
            "defined": self.defined,
        }


@dataclass(frozen=True)
class Resampled:
    """Scores of resamples, for `intervals_of`; differences of two runs are those of their scores.

    Attributes:
        value: (k,) scores of all units.
        resamples: (n_resamples, k) scores of each resample.
        left_out: (n_units, k) scores without each unit.
        units: (k,) number of units in which each score is defined.
        effective: (k,) number of units of equal size that would be worth as much: fewer, where sizes differ.
        neighbours: (m, 2) pairs of units that lie beside each other, and may not be quite independent.

    Examples:
        >>> import numpy as np
        >>> from densa.metrics import intervals
        >>> counts = np.array([[8.0, 10.0], [6.0, 10.0], [9.0, 10.0]])
        >>> found = intervals.resample(counts, lambda sums: sums[..., :1] / sums[..., 1:], 1000)
        >>> found.value.round(3), found.resamples.shape
        (array([0.767]), (1000, 1))
    """

    value: NDArray[np.float64]
    resamples: NDArray[np.float64]
    left_out: NDArray[np.float64]
    units: NDArray[np.int64]
    effective: NDArray[np.float64]
    neighbours: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), np.int64))

    def __sub__(self, other: Resampled) -> Resampled:
        return Resampled(
            self.value - other.value,
            self.resamples - other.resamples,
            self.left_out - other.left_out,
            np.minimum(self.units, other.units),
            np.minimum(self.effective, other.effective),
            self.neighbours,
        )


def resample(
    sums: NDArray[np.float64],
    statistic: Statistic,
    n_resamples: int = 10_000,
    *,
    sizes: NDArray[np.float64] | None = None,
    neighbours: NDArray[np.int64] | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Resampled:
    """Draw units with replacement, and score each draw.

    Args:
        sums: (n_units, width) what the scores are made of; it adds up over units.
        statistic: gives (..., k) scores of (..., width) sums, NaN where undefined.
        n_resamples: number of draws.
        sizes: (n_units, k) size of each unit for each score, such as its pixels; None: units of equal size.
        neighbours: (m, 2) pairs of units that lie beside each other, such as blocks: where they correlate, intervals
            become wider.
        seed: decides the draws; tables of equally many units are drawn alike.
        progress: called with (draws done, draws in all).

    Returns:
        The scores of all units, of each draw, and without each unit.

    Raises:
        InputError: there are no units, or fewer than 2 draws.

    Examples:
        >>> import numpy as np
        >>> from densa.metrics import intervals
        >>> counts = np.array([[8.0, 10.0], [6.0, 10.0], [9.0, 10.0]])
        >>> found = intervals.resample(counts, lambda sums: sums[..., :1] / sums[..., 1:], 1000)
        >>> intervals.intervals_of(found)[0].units
        3
    """
    if sums.ndim != 2 or not len(sums):
        raise InputError(f"sums must be (n_units, width) of one unit or more, got {sums.shape}")
    if n_resamples < 2:
        raise InputError(f"resamples must be 2 or more, got {n_resamples}")
    parts = []
    for weights in draws(len(sums), n_resamples, seed, row_bytes=8 * (len(sums) + sums.shape[1])):
        parts.append(statistic(weights @ sums))
        if progress:
            progress(sum(map(len, parts)), n_resamples)
    step = max(1, _CHUNK_BYTES // (8 * sums.shape[1]))
    total = sums.sum(0)
    left_out = [statistic(total - sums[i : i + step]) for i in range(0, len(sums), step)]
    single = [(~np.isnan(statistic(sums[i : i + step]))).sum(0) for i in range(0, len(sums), step)]
    units = np.sum(single, 0)
    effective = units.astype(np.float64)
    if sizes is not None:  # Kish 1965
        effective = np.minimum(effective, np.nan_to_num(ratio(sizes.sum(0) ** 2, (sizes**2).sum(0))))
    beside = np.zeros((0, 2), np.int64) if neighbours is None else neighbours
    return Resampled(statistic(total), np.concatenate(parts), np.concatenate(left_out), units, effective, beside)


def draws(n_units: int, n_resamples: int, seed: int, *, row_bytes: int) -> Iterator[NDArray[np.float64]]:
    """(rows, n_units) how often each unit is drawn, a part of the resamples at a time."""
    rng = np.random.default_rng(seed)
    step = max(1, min(n_resamples, _CHUNK_BYTES // row_bytes))
    for first in range(0, n_resamples, step):
        rows = min(step, n_resamples - first)
        drawn = rng.integers(0, n_units, (rows, n_units), dtype=np.int32)
        drawn += np.arange(rows, dtype=np.int32)[:, None] * np.int32(n_units)
        yield np.bincount(drawn.reshape(-1), minlength=rows * n_units).reshape(rows, n_units).astype(np.float64)


def intervals_of(found: Resampled, level: float = LEVEL) -> list[Interval | None]:
    """The interval of each score.

    A resample in which a score is undefined, such as one without the class, does not count for this score. A score that
    is defined in one unit only has no interval.

    Args:
        found: scores of resamples.
        level: probability that an interval holds the value of the population.

    Returns:
        For each score an interval, or None.

    Examples:
        >>> import numpy as np
        >>> from densa.metrics import intervals
        >>> counts = np.array([[8.0, 10.0], [6.0, 10.0], [9.0, 10.0]])
        >>> found = intervals.resample(counts, lambda sums: sums[..., :1] / sums[..., 1:], 1000)
        >>> interval = intervals.intervals_of(found)[0]
        >>> interval.low < 0.767 < interval.high
        True
    """
    ordered = np.sort(found.resamples, 0)  # NaN last
    n_defined = (~np.isnan(ordered)).sum(0)
    out: list[Interval | None] = []
    for k, value in enumerate(found.value):
        n, units = int(n_defined[k]), int(found.units[k])
        if not np.isfinite(value) or units < 2 or n < 2:
            out.append(None)
            continue
        column = ordered[:n, k]
        n_effective = min(float(found.effective[k]), _worth(found.left_out[:, k]))
        reach = _reach(n_effective, level) * _widening(found.left_out[:, k], found.neighbours)
        normal = np.array([-reach, reach])
        bias = _bias(column, value)
        shifted = bias + normal
        steps = 1 - _acceleration(found.left_out[:, k]) * shifted
        bca = ndtr(bias + np.divide(shifted, steps, out=np.copysign(np.inf, shifted), where=steps > 0))
        (low, high), percentile = (_quantiles(column, shares) for shares in (bca, ndtr(normal)))
        out.append(Interval(low, high, percentile, units, n / len(ordered)))
    return out


def _worth(left_out: NDArray[np.float64]) -> float:
    """Number of units whose spread would be known as well if their influence were normal.

    The relative variance of a variance is (kurtosis - 1) / n, 2 / n for a normal one.
    """
    known = left_out[~np.isnan(left_out)]
    squares = (known - known.mean()) ** 2 if known.size else known
    if known.size < 2 or squares.max() <= 1e-24:
        return float(known.size)
    kurtosis = float((squares**2).mean() / squares.mean() ** 2)
    return 1 + 2 * (known.size - 1) / max(kurtosis - 1, 2.0)


def _reach(n: float, level: float) -> float:
    """Normal quantile of the expanded percentiles of n units, limited where the resamples end long before."""
    if n <= 1:
        return _LONGEST_REACH
    return float(min(-stdtrit(n - 1, (1 - level) / 2) * np.sqrt(n / (n - 1)), _LONGEST_REACH))


def _widening(left_out: NDArray[np.float64], neighbours: NDArray[np.int64]) -> float:
    """Ratio of the standard error with the covariances of neighbours to that without, 1 or more.

    The influence of a unit is the score without it, centred; centring lets the products of independent units be -1 / (n
    - 1) of their squares in the mean, which is made good.
    """
    if not len(neighbours):
        return 1.0
    n = int((~np.isnan(left_out)).sum())
    influence = np.nan_to_num(left_out - np.nanmean(left_out)) if n > 1 else np.zeros_like(left_out)
    spread = float((influence**2).sum())
    if spread <= 1e-24 * len(left_out):
        return 1.0
    products = float((influence[neighbours[:, 0]] * influence[neighbours[:, 1]]).sum())
    return float(np.sqrt(max(1.0, 1 + 2 * products / spread + 2 * len(neighbours) / (n * (n - 1)))))


def _bias(ordered: NDArray[np.float64], value: float) -> float:
    """z_0, equation 14.14; resamples equal to the value up to rounding count half."""
    near = 1e-12 * max(1.0, abs(value))
    below, upto = np.searchsorted(ordered, (value - near, value + near))
    share = 0.5 * (below + upto) / len(ordered)
    limit = 0.5 / len(ordered)
    return float(ndtri(min(max(share, limit), 1 - limit)))


def _acceleration(left_out: NDArray[np.float64]) -> float:
    """Equation 14.15; units without which the score is undefined do not count."""
    known = left_out[~np.isnan(left_out)]
    if known.size < 2:
        return 0.0
    off = known.mean() - known
    spread = float((off**2).sum())
    return float((off**3).sum() / (6 * spread**1.5)) if spread > 1e-24 * known.size else 0.0


def _quantiles(ordered: NDArray[np.float64], shares: NDArray[np.float64]) -> tuple[float, float]:
    """Values at two shares of an ordered sample, between its members by a line."""
    low, high = np.interp(shares * (len(ordered) + 1), np.arange(1, len(ordered) + 1), ordered)
    return float(low), float(high)
