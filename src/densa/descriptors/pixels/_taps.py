"""Taps of truncated Gaussians and of their derivatives, right half only: entry i belongs to the offsets i and -i.

Every filter is summed over differences, so that a constant passes without any rounding: with t the taps,

    smoothing          u(x) + sum over i of t[i] ((u(x + i) - u(x)) + (u(x - i) - u(x)))
    first derivative   sum over i of t[i] (u(x + i) - u(x - i))
    second derivative  sum over i of t[i] ((u(x + i) - u(x)) + (u(x - i) - u(x)))
"""

import math

import numpy as np
from numpy.typing import NDArray

# Kinds of filters, by the order of the derivative; sized integers, or numba would compile every kernel once per kind.
SMOOTH, FIRST, SECOND = np.int64(0), np.int64(1), np.int64(2)


def radius(sigma: float, truncate: float) -> int:
    """Taps on either side of the centre: `truncate` standard deviations, rounded, at least one."""
    return max(1, math.floor(truncate * sigma + 0.5))


def gaussian_taps(sigma: float, n: int) -> NDArray[np.float32]:
    """(n + 1,) smoothing taps, which sum to one over both halves."""
    weights = np.exp(-0.5 * (np.arange(n + 1) / sigma) ** 2)
    return (weights / (weights[0] + 2 * weights[1:].sum())).astype(np.float32)


def first_taps(sigma: float, n: int) -> NDArray[np.float32]:
    """(n + 1,) taps of the first derivative, scaled so that a ramp of slope 1 gives 1."""
    i = np.arange(n + 1)
    weights = i * np.exp(-0.5 * (i / sigma) ** 2)
    return (weights / (2 * (i * weights).sum())).astype(np.float32)


def second_taps(sigma: float, n: int) -> NDArray[np.float32]:
    """(n + 1,) taps of the second derivative: made to sum to zero, scaled so that x^2 / 2 gives 1."""
    i = np.arange(n + 1)
    weights = ((i / sigma) ** 2 - 1) * np.exp(-0.5 * (i / sigma) ** 2)
    weights -= (weights[0] + 2 * weights[1:].sum()) / (2 * n + 1)
    return (weights / (i**2 * weights).sum()).astype(np.float32)
