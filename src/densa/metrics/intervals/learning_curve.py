"""Learning curves: a power law of accuracy against the number of training images, and what more of them would bring.

Method: Learning curve.
Source: Hestness et al. 2017, arXiv:1712.00409; Rosenfeld et al., ICLR 2020, arXiv:1909.12673, section 4.
As printed: error falls as a power of the number of training images, to a limit.
Departs: nothing; the exponent is kept from 0.05 to 2 and the limit at a score of 1 or less.
Held by: tests/metrics/intervals/test_learning_curve.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError

__all__ = ["LearningCurve", "fit_learning_curve"]

_EXPONENTS = np.geomspace(0.05, 2, 60)
_FEWEST_POINTS = 3
_NOISE_EXPONENT = 0.5
_LEAST_POINTS = 0.001  # of a score: less is no gain

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LearningCurve:
    """A score over the number of training images, with the power law score = limit - scale * images^-exponent.

    Attributes:
        images: (k,) numbers of training images.
        scores: (k,) the score of each.
        limit: score that the curve approaches; NaN where nothing was fitted, as are `scale` and `exponent`.
        scale: distance from the limit at one image.
        exponent: how fast the distance falls.
        more: number of further images that the gain is of: as many as there are.
        gain: what they would bring, by the curve.
        gain_ends: 95 % interval of the gain; None where nothing was fitted.
        curve: (m, 4) images, and the curve there with the ends of its 95 % interval, up to twice the images.

    Examples:
        >>> import numpy as np
        >>> from densa.metrics import intervals
        >>> images = np.array([25, 50, 100, 200])
        >>> found = intervals.fit_learning_curve(images, 0.9 - 2.0 * images**-0.5)
        >>> round(found.limit, 2), round(found.exponent, 1)
        (0.9, 0.5)
        >>> found.sentence("mean IoU")
        '200 more images (twice as many) would bring 4.1 points of mean IoU'
    """

    images: NDArray[np.int64]
    scores: Array
    limit: float = float("nan")
    scale: float = float("nan")
    exponent: float = float("nan")
    more: int = 0
    gain: float = float("nan")
    gain_ends: tuple[float, float] | None = None
    curve: Array | None = None

    @property
    def is_fitted(self) -> bool:
        """Whether there are enough points for a curve."""
        return self.gain_ends is not None

    @property
    def is_rising(self) -> bool:
        """Whether more images would bring something, by the whole interval."""
        return self.gain_ends is not None and self.gain_ends[0] >= _LEAST_POINTS

    def sentence(self, score: str) -> str:
        """What more images would bring, in words; `score` is its name."""
        if self.gain_ends is None:
            return f"no curve: it takes {_FEWEST_POINTS} numbers of training images or more"
        low, high = (f"{100 * end:.1f}" for end in self.gain_ends)
        more = f"{self.more} more image{'' if self.more == 1 else 's'} (twice as many)"
        if not self.is_rising:
            return f"{more} would bring {high} points of {score} at most; it is not certain that they would bring any"
        return f"{more} would bring {low if low == high else f'{low} to {high}'} points of {score}"

    def to_json(self) -> dict[str, Any]:
        """The fit as in the JSON of a comparison."""
        if self.gain_ends is None:
            return {"fit": None, "more_images": None, "gain": None}
        return {
            "fit": {"limit": self.limit, "scale": self.scale, "exponent": self.exponent},
            "more_images": self.more,
            "gain": {"value": self.gain, "interval": list(self.gain_ends), "certain": self.is_rising},
        }


def fit_learning_curve(
    images: NDArray[np.int64], scores: Array, resamples: Array | None = None, *, seed: int = 0
) -> LearningCurve:
    """Fit a power law by least squares.

    Two things make the curve uncertain: the test images, of which `resamples` are drawn, and the training, whose
    scatter about a curve of fixed exponent is drawn anew for each of them.

    Args:
        images: (k,) numbers of training images, each once.
        scores: (k,) score of each, from 0 to 1.
        resamples: (n_resamples, k) scores of resamples of the test images, the same ones for all; None: `scores`.
        seed: decides the scatter.

    Returns:
        The curve; not fitted for fewer than 3 points or undefined scores.

    Raises:
        InputError: shapes that do not fit, or a number of images that occurs twice or is not positive.

    Examples:
        >>> import numpy as np
        >>> from densa.metrics import intervals
        >>> intervals.fit_learning_curve(np.array([10, 20]), np.array([0.5, 0.6])).is_fitted
        False
    """
    images, scores = np.asarray(images, np.int64), np.asarray(scores, np.float64)
    if (
        images.ndim != 1
        or images.shape != scores.shape
        or (images < 1).any()
        or len(set(images.tolist())) < images.size
    ):
        raise InputError(f"images must be different numbers from 1, one for each score, got {images.tolist()}")
    if images.size < _FEWEST_POINTS or np.isnan(scores).any():
        return LearningCurve(images, scores)
    drawn = np.tile(scores, (200, 1)) if resamples is None else np.asarray(resamples, np.float64)
    drawn = drawn[~np.isnan(drawn).any(1)]
    if not len(drawn):
        return LearningCurve(images, scores)
    noise = _scatter(images, scores)
    drawn = drawn + np.random.default_rng(seed).normal(0, 1, drawn.shape) * noise
    limit, scale, exponent = (float(part[0]) for part in _fit(images, scores[None]))
    parts = _fit(images, drawn)
    last = int(images.max())
    at = np.unique(np.round(np.geomspace(images.min(), 2 * last, 40)).astype(np.int64))
    curves = parts[0][:, None] - parts[1][:, None] * at[None] ** -parts[2][:, None]
    ends = np.quantile(curves, (0.025, 0.975), axis=0)
    gains = parts[1] * (last ** -parts[2] - (2.0 * last) ** -parts[2])
    low, high = np.quantile(gains, (0.025, 0.975))
    own = limit - scale * at.astype(np.float64) ** -exponent
    return LearningCurve(
        images,
        scores,
        limit,
        scale,
        exponent,
        last,
        scale * (last**-exponent - (2.0 * last) ** -exponent),
        (float(low), float(high)),
        np.stack([at, own, *ends], 1),
    )


def _scatter(images: NDArray[np.int64], scores: Array) -> float:
    """Standard deviation of the scores about the curve of one fixed exponent, which leaves a degree of freedom."""
    _, _, _, squares = _of_exponent(images, scores[None], _NOISE_EXPONENT)
    return float(np.sqrt(squares[0] / (images.size - 2)))


def _fit(images: NDArray[np.int64], scores: Array) -> tuple[Array, Array, Array]:
    """(n,) limit, scale and exponent of each row of (n, k) scores: the best of a grid of exponents."""
    best = tuple(np.full(len(scores), np.inf if part == 3 else np.nan) for part in range(4))
    for exponent in _EXPONENTS:
        found = _of_exponent(images, scores, exponent)
        better = found[3] < best[3] - 1e-15
        for mine, other in zip(best, found, strict=True):
            mine[better] = other[better]
    return best[0], best[1], best[2]


def _of_exponent(images: NDArray[np.int64], scores: Array, exponent: float) -> tuple[Array, Array, Array, Array]:
    """Limit, scale, exponent and sum of squares of each row by least squares; limit 1 or less, scale 0 or more."""
    x = images.astype(np.float64) ** -exponent
    mean_x, mean_y = x.mean(), scores.mean(1)
    slope = ((scores - mean_y[:, None]) * (x - mean_x)).sum(1) / ((x - mean_x) ** 2).sum()
    scale = np.maximum(-slope, 0)
    limit = mean_y + scale * mean_x
    above = limit > 1
    through_one = np.maximum(((1 - scores) * x).sum(1) / (x**2).sum(), 0)
    limit, scale = np.where(above, 1.0, limit), np.where(above, through_one, scale)
    squares = ((scores - limit[:, None] + scale[:, None] * x) ** 2).sum(1)
    return limit, scale, np.full(len(scores), exponent), squares
