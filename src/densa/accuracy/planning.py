"""How many units to sample for a wished precision, and how to divide them among the strata.

Sizes from Cochran 1977: equation 5.25 for stratified samples (equation 13 of Olofsson et al. 2014),
n = (sum_h W_h S_h)^2 / (V + sum_h W_h S_h^2 / N), and 4.2 for simple random ones, n = V / (d^2 / z^2 + V / N) with
S_h^2 = U_h (1 - U_h), V = O (1 - O); Neyman's allocation is n_h = n W_h S_h / sum (equation 5.26).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densa.accuracy.estimation import Z_95
from densa.checks import as_count
from densa.errors import InputError

__all__ = ["Allocation", "allocate", "sample_size"]

Allocation = Literal["equal", "proportional", "neyman"]
"""How a sample is divided among strata."""
LEAST = 2
"""Units of a stratum that the variance needs."""


def sample_size(
    half_width: float, sizes: ArrayLike, expected: ArrayLike = 0.5, *, stratified: bool = True, z: float = Z_95
) -> int:
    """Number of units for which the 95 % interval of the overall accuracy has a wished half-width.

    Args:
        half_width: half of the interval's width, as a share: 0.02 for 2 points on both sides.
        sizes: (n_strata,) number of units of each stratum.
        expected: expected user's accuracy of each stratum, or one for all; 0.5 is the worst case.
        stratified: of a stratified sample with Neyman's allocation; False: of a simple random one.
        z: half-widths in standard errors.

    Returns:
        The number, rounded up, at most that of all units.

    Raises:
        InputError: a half-width or an accuracy that is not between 0 and 1.

    Examples:
        >>> from densa import accuracy
        >>> sizes = (200_000, 150_000, 3_200_000, 6_450_000)  # Olofsson et al. 2014, section 5.1.1
        >>> accuracy.sample_size(0.01, sizes, (0.70, 0.60, 0.90, 0.95), z=1)
        641
        >>> accuracy.sample_size(0.02, [10**9])
        2401
    """
    if not (isinstance(half_width, (int, float)) and 0 < half_width < 1):
        raise InputError(f"half_width must be a share between 0 and 1, such as 0.02, got {half_width!r}")
    units, shares, deviation = _strata(sizes, expected)
    error = half_width / z
    variance = shares @ deviation**2
    if not stratified:
        overall = shares @ np.broadcast_to(np.asarray(expected, np.float64), shares.shape)
        variance = overall * (1 - overall)
    spread = (shares @ deviation) ** 2 if stratified else variance
    n = math.ceil(spread / (error**2 + variance / units.sum()) - 1e-9)
    return int(min(max(n, 1), units.sum()))


def allocate(
    total: int, sizes: ArrayLike, allocation: Allocation = "proportional", expected: ArrayLike = 0.5
) -> NDArray[np.int64]:
    """Divide a sample among strata.

    Each stratum gets 2 units at least, without which it has no variance, and never more than it has; what a small
    stratum cannot take goes to the others.

    Args:
        total: number of units to sample.
        sizes: (n_strata,) number of units of each stratum.
        allocation: "equal", "proportional" to the sizes, or "neyman": to the sizes times the standard deviation.
        expected: expected user's accuracy of each stratum, or one for all; used by "neyman".

    Returns:
        (n_strata,) int64 number of units of each stratum.

    Raises:
        InputError: too few units for two in each stratum, an unknown allocation, or an accuracy outside 0..1.

    Examples:
        >>> from densa import accuracy
        >>> accuracy.allocate(100, (900, 90, 10)).tolist()
        [89, 9, 2]
        >>> accuracy.allocate(100, (900, 90, 10), "equal").tolist()
        [45, 45, 10]
        >>> accuracy.allocate(100, (900, 90, 10), "neyman", (0.95, 0.7, 0.5)).tolist()
        [81, 17, 2]
    """
    total = as_count(total, "total")
    if allocation not in get_args(Allocation):
        raise InputError(f"allocation must be one of {', '.join(get_args(Allocation))}, got {allocation!r}")
    units, shares, deviation = _strata(sizes, expected)
    if total > units.sum():
        raise InputError(f"total must be at most {int(units.sum())}, the units of the map, got {total}")
    weight = {"equal": np.ones_like(shares), "proportional": shares, "neyman": shares * deviation}[allocation]
    if not weight.any():  # all strata are expected to be right
        weight = shares
    least = np.minimum(units, LEAST)
    if total < least.sum():
        raise InputError(
            f"total must be at least {int(least.sum())}, {LEAST} in each of the {len(units)} strata, got {total}"
        )
    return _divided(total, weight, least, units)


def _divided(
    total: int, weight: NDArray[np.float64], least: NDArray[np.int64], most: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Whole numbers in proportion to weights, within limits: the largest remainders are rounded up."""
    fixed = np.zeros(len(weight), bool)
    found = np.zeros(len(weight))
    while not fixed.all():
        left = total - found[fixed].sum()
        share = weight[~fixed] if weight[~fixed].any() else np.ones((~fixed).sum())
        found[~fixed] = left * share / share.sum()
        low, high = ~fixed & (found < least), ~fixed & (found > most)
        # Of the limits that are passed those count first that leave the rest nearer to its share.
        short, over = (least - found)[low].sum(), (found - most)[high].sum()
        passed = low if short >= over else high
        if not passed.any():
            break
        found[passed] = np.where(low, least, most)[passed]
        fixed |= passed
    whole = np.floor(found + 1e-9).astype(np.int64)
    room = np.flatnonzero(whole < most)
    order = room[np.argsort(-(found - whole)[room], kind="stable")]
    whole[order[: total - whole.sum()]] += 1
    return whole


def _strata(
    sizes: ArrayLike, expected: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Units, share of the map and standard deviation of each stratum."""
    units = np.atleast_1d(np.asarray(sizes, np.int64))
    if units.ndim != 1 or not len(units) or units.min() < 1:
        raise InputError(f"sizes must be numbers of units from 1, one of each stratum, got {sizes!r}")
    accuracy = np.asarray(expected, np.float64)
    if accuracy.shape not in ((), units.shape) or not ((accuracy >= 0) & (accuracy <= 1)).all():
        raise InputError(f"expected must be an accuracy from 0 to 1, or one of each stratum, got {expected!r}")
    return units, units / units.sum(), np.sqrt(np.broadcast_to(accuracy * (1 - accuracy), units.shape))


def least_of(sizes: Sequence[int], per_class: int) -> NDArray[np.int64]:
    """As many units in each stratum, or all where it has fewer."""
    return np.minimum(np.asarray(sizes, np.int64), as_count(per_class, "per_class", least=LEAST))
