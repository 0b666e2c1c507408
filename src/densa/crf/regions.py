"""Robust P^n potentials of regions (Kohli, Ladický, Torr, CVPR 2008), as messages of a mean field.

psi_c(x_c) = min over labels l of min(gamma N_l / T, gamma), N_l the pixels of region c that are not labelled l, T the
truncation. With T of half the region or less at most one label has N_l < T, so psi_c is gamma minus the sum over l of
max(0, gamma (1 - N_l / T)), and under a product of marginals Q its expectation is a sum over labels. What pixel i gains
by taking l is the expected fall of one term:

    gamma / T * P(N_l < T), N_l counted over the other pixels,

with its last step, where T is not whole, only as high as T's fraction (compare Vineet, Warrell, Torr, ECCV 2012). For
the strict potential (T <= 1) that probability is the product of the others' Q(l), exact here. For robust ones N_l, a
sum of independent events, is taken as normal with its mean and variance (continuity corrected); the probability is then
wrong by about 0.56 divided by its standard deviation at most (Berry-Esseen), and right where the region is decided.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from densa.errors import InputError

__all__ = ["RegionPotential", "region_messages", "region_weights", "robust_pn"]

_LEAST = 1e-30  # probability under a logarithm


@dataclass(frozen=True, eq=False)
class RegionPotential:
    """Robust P^n potentials of the regions of a map.

    Args:
        regions: (h, w) integers; 0 and below: in no region. Regions need not be connected.
        weight: gamma, the cost of a region whose labels are mixed: one number, or an array indexed by the region's
            number (see `region_weights`).
        truncation: eta, 0 to 0.5: the share of a region's pixels whose deviation costs as much as any mixture,
            T = eta n of n pixels. 0 is the strict P^n Potts model: one deviating pixel costs all.

    Raises:
        InputError: no map of integers, weights that are negative, not finite or too few, a truncation out of range.
    """

    regions: NDArray[Any]
    weight: float | NDArray[Any] = 1.0
    truncation: float = 0.25

    def __post_init__(self) -> None:
        regions = np.asarray(self.regions)
        if regions.ndim != 2 or regions.dtype.kind not in "iu" or 0 in regions.shape:
            raise InputError(f"a region map must be (h, w) integers, got {regions.dtype} of shape {regions.shape}")
        weight = np.asarray(self.weight, np.float64)
        if weight.ndim > 1 or not (np.isfinite(weight).all() and (weight >= 0).all()):
            raise InputError("weights of regions must be finite numbers of 0 or more: one, or a list indexed by region")
        if weight.ndim == 1 and len(weight) <= regions.max():
            raise InputError(f"{len(weight)} weights do not reach region {regions.max()}; index 0 is no region's")
        if not 0 <= self.truncation <= 0.5:
            raise InputError(f"truncation must be a share of the region from 0 to 0.5, got {self.truncation}")

    def check(self, size: tuple[int, ...]) -> None:
        """Refuse an image of another size.

        Raises:
            InputError: the region map has not the size (h, w).
        """
        if np.shape(self.regions) != size:
            raise InputError(f"the region map must have the probabilities' size {size}, got {np.shape(self.regions)}")


def region_weights(
    regions: NDArray[Any], exponent: float, constant: float, quality: NDArray[Any] | None = None, slope: float = 0.0
) -> NDArray[np.float64]:
    """gamma of each region: n^exponent (constant + slope * quality) for n pixels.

    Args:
        regions: (h, w) integers from 1; 0: in no region.
        exponent: power of the region's size in pixels.
        constant, slope: theta_p and theta_v.
        quality: by region's number, larger where a region is more homogeneous.

    Returns:
        (regions + 1,) weights, index 0 unused (0).

    Raises:
        InputError: a map that is none, qualities that do not reach its last region, or negative weights.
    """
    check = RegionPotential(regions)  # the same demands on the map
    sizes = np.bincount(np.maximum(check.regions, 0).reshape(-1)).astype(np.float64)
    homogeneity = np.zeros(len(sizes)) if quality is None else np.asarray(quality, np.float64)
    if homogeneity.shape != sizes.shape:
        raise InputError(f"quality needs {len(sizes)} values, from region 0 to the last, got {homogeneity.shape}")
    sizes[0] = 0
    weights = np.where(sizes > 0, np.maximum(sizes, 1) ** exponent * (constant + slope * homogeneity), 0)
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise InputError("constant + slope * quality must be 0 or more in every region, and finite")
    return weights


def robust_pn(n_deviating: NDArray[Any] | float, weight: float, truncation_px: float) -> NDArray[np.float64]:
    """Cost of a region with that many pixels off its dominant label: min(gamma N / T, gamma); T = `truncation_px`."""
    return np.minimum(np.asarray(n_deviating, np.float64) / max(truncation_px, 1e-300), 1.0) * weight


def region_messages(
    q: NDArray[np.float32], potential: RegionPotential, valid: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """What each pixel gains by each label from its region, under the marginals of the others.

    Args:
        q: (C, h, w) marginals.
        potential: the regions; pixels that are not `valid` (h, w) are in none.

    Returns:
        (C, h, w) float32, to be added to the negative energies.
    """
    regions = np.asarray(potential.regions)
    used = regions if valid is None else np.where(valid, regions, 0)
    flat = np.maximum(used, 0).reshape(-1)
    order = np.argsort(flat, kind="stable")
    numbers, first = np.unique(flat[order], return_index=True)
    inside = numbers > 0
    bounds = np.append(first, flat.size)[np.flatnonzero(inside)[0] :] if inside.any() else np.zeros(1, np.int64)
    weight = np.asarray(potential.weight, np.float64)
    weights = np.full(inside.sum(), weight) if weight.ndim == 0 else weight[numbers[inside]]
    messages = np.zeros((len(q), flat.size), np.float32)
    _messages(q.reshape(len(q), -1), order, bounds, weights, potential.truncation, messages)
    return messages.reshape(q.shape)


@njit(nogil=True, cache=True)
def _normal(x):  # type: ignore[no-untyped-def]
    return 0.5 * math.erfc(-x * math.sqrt(0.5))


@njit(nogil=True, cache=True)
def _below(n, mean, variance):  # type: ignore[no-untyped-def]
    """P(N <= n) of a count, as of a normal number (continuity corrected)."""
    if n < 0:
        return 0.0
    return _normal((n + 0.5 - mean) / math.sqrt(max(variance, 1e-12)))


@njit(nogil=True, cache=True, parallel=True)
def _messages(q, order, bounds, weights, truncation, messages):  # type: ignore[no-untyped-def]
    for c in prange(bounds.size - 1):
        members = order[bounds[c] : bounds[c + 1]]
        limit = max(1.0, truncation * members.size)
        whole = math.floor(limit)
        for label in range(q.shape[0]):
            mean, variance, log_all = 0.0, 0.0, 0.0
            for i in members:
                value = np.float64(q[label, i])
                mean += 1 - value
                variance += value * (1 - value)
                log_all += math.log(max(value, _LEAST))
            for i in members:
                value = np.float64(q[label, i])
                if limit == 1.0:
                    gain = math.exp(log_all - math.log(max(value, _LEAST)))
                else:
                    others, spread = mean - (1 - value), variance - value * (1 - value)
                    gain = _below(whole - 1, others, spread) / limit
                    if limit > whole:
                        last = _below(whole, others, spread) - _below(whole - 1, others, spread)
                        gain += last * (1 - whole / limit)
                messages[label, i] = weights[c] * gain
