"""The scaling under which labelled pixels are most likely: the least negative log-likelihood (NLL)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from densa.errors import InputError
from densa.metrics import LEAST_PROBABILITY
from densa.segmenter.calibration.scaling import LARGEST_BIAS, Scaling, ScalingMethod

__all__ = ["LEAST_PIXELS", "LIMITS", "fit_scaling"]

LIMITS = (0.05, 20.0)
"""Temperatures are sought between these: at them, every pixel is right, or probabilities say nothing."""
LEAST_PIXELS = 20


def fit_scaling(probabilities: NDArray[Any], target: NDArray[Any], method: ScalingMethod = "temperature") -> Scaling:
    """The scaling of the least NLL.

    A class without pixels keeps the temperature of all classes and no bias.

    Args:
        probabilities: (n_classes, n) of pixels that are far enough from each other to count as independent.
        target: (n,) class of each.
        method: see `Scaling`.

    Raises:
        InputError: other shapes, fewer than 20 pixels, or classes that are not 0 to n_classes - 1.

    Examples:
        >>> import numpy as np
        >>> from densa import segmenter
        >>> sure = np.full(100, 0.99)
        >>> target = np.repeat([0, 1], [90, 10])  # 90 % are right, not 99 %
        >>> found = segmenter.fit_scaling(np.stack([sure, 1 - sure]), target)
        >>> round(float(found(np.array([[0.99], [0.01]]))[0, 0]), 3)
        0.9
    """
    given, truth = np.asarray(probabilities, np.float64), np.asarray(target)
    if given.ndim != 2 or truth.shape != given.shape[1:] or truth.dtype.kind not in "iu":
        raise InputError(
            f"a scaling is fitted to (n_classes, n) probabilities and n integers, got {given.shape} and {truth.shape}"
        )
    if truth.size < LEAST_PIXELS:
        raise InputError(f"a scaling is fitted to at least {LEAST_PIXELS} labelled pixels, got {truth.size}")
    if truth.min() < 0 or truth.max() >= len(given):
        raise InputError(f"classes must be 0 to {len(given) - 1}, got {truth.min()} to {truth.max()}")
    logs = np.log(np.clip(given, LEAST_PROBABILITY, 1))
    scale = _one_factor(logs, truth)
    if method == "temperature":
        return Scaling(method, (1 / scale,))
    factors, biases = _factors_and_biases(logs, truth, scale, with_biases=method == "vector")
    temperatures = tuple(float(np.clip(1 / factor, *LIMITS)) for factor in factors)
    return Scaling(method, temperatures, tuple(map(float, biases)) if method == "vector" else ())


def _one_factor(logs: NDArray[np.float64], truth: NDArray[Any]) -> float:
    """1 / T of the least NLL, which is convex in it and so has one minimum over its logarithm."""
    own = logs[truth, np.arange(truth.size)]

    def nll(log_factor: float) -> float:
        factor = np.exp(log_factor)
        return float((_log_sum(factor * logs) - factor * own).mean())

    low, high = np.log(1 / LIMITS[1]), np.log(1 / LIMITS[0])
    found = minimize_scalar(nll, bounds=(low, high), method="bounded", options={"xatol": 1e-7})
    return float(np.exp(found.x))


def _factors_and_biases(
    logs: NDArray[np.float64], truth: NDArray[Any], scale: float, *, with_biases: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n_classes = len(logs)
    hot = np.zeros_like(logs)
    hot[truth, np.arange(truth.size)] = 1
    seen = [bool(row.any()) for row in hot]

    def nll(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = logs * values[:n_classes, None] + values[n_classes:, None]
        total = _log_sum(scores)
        wrong = (np.exp(scores - total) - hot) / truth.size
        gradient = np.concatenate([(wrong * logs).sum(1), wrong.sum(1)])
        return float((total - (scores * hot).sum(0)).mean()), gradient

    within = (1 / LIMITS[1], 1 / LIMITS[0])
    bounds = [within if one else (scale, scale) for one in seen]
    bounds += [(-LARGEST_BIAS, LARGEST_BIAS) if one and with_biases else (0.0, 0.0) for one in seen]
    start = np.concatenate([np.full(n_classes, scale), np.zeros(n_classes)])
    found = minimize(nll, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500, "ftol": 1e-12})
    return found.x[:n_classes], found.x[n_classes:]


def _log_sum(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of the sum over classes of the exponentials."""
    high = scores.max(axis=0)
    return np.asarray(high + np.log(np.exp(scores - high).sum(axis=0)))
