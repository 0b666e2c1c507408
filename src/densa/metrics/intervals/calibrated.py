"""Intervals of calibration errors and scores, over images or scenes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from densa.metrics.intervals.bootstrap import Interval, intervals_of, resample
from densa.metrics.intervals.measured import IntervalRule
from densa.metrics.intervals.units import grouped
from densa.metrics.scores import ratio

__all__ = ["calibration_intervals"]

_NAMES = ("ece", "brier", "nll")


def calibration_intervals(
    names: Sequence[str],
    sums: Sequence[NDArray[np.float64]],
    rule: IntervalRule,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Interval | None]:
    """Intervals of the ECE, the Brier score and the NLL.

    Args:
        names: of the independent unit of each image.
        sums: of each image, `CalibrationCounts.sums`.
        rule: how intervals are computed.
        progress: called with (resamples done, resamples in all).

    Returns:
        By name; None where the number is defined in fewer than two units.

    Examples:
        >>> import numpy as np
        >>> from densa.metrics import CalibrationCounts, intervals
        >>> images = []
        >>> for wrong in (0, 1, 2):
        ...     counts = CalibrationCounts(2)
        ...     counts.update(np.tile([[0.9], [0.1]], 10), np.repeat([0, 1], [10 - wrong, wrong]))
        ...     images.append(counts.sums())
        ...
        >>> found = intervals.calibration_intervals("abc", images, intervals.IntervalRule(resamples=1000))
        >>> found["brier"].units
        3
    """
    units = grouped(names, np.array(sums))[1] if len(sums) else np.zeros((0, 5))
    pixels = units[:, : (units.shape[1] - 2) // 3].sum(1)
    units = units[pixels > 0]
    if len(units) < 2:
        return dict.fromkeys(_NAMES)
    sizes = np.tile(pixels[pixels > 0, None], len(_NAMES))
    found = resample(units, _scores, rule.resamples, sizes=sizes, seed=rule.seed, progress=progress)
    return dict(zip(_NAMES, intervals_of(found), strict=True))


def _scores(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 3) ECE, Brier score and NLL of (..., 3 n + 2) sums."""
    count, right, sure = np.split(sums[..., :-2], 3, axis=-1)
    total = count.sum(-1)
    ece = ratio(np.abs(right - sure).sum(-1), total)
    return np.stack([ece, ratio(sums[..., -2], total), ratio(sums[..., -1], total)], axis=-1)
