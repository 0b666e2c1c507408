"""Robust P^n potentials of regions (Kohli, Ladický, Torr, CVPR 2008), as messages of a mean field.

psi_c(x_c) = min over labels l of min(gamma N_l / T, gamma), with N_l the number of pixels of region c that are not
labelled l and T the truncation. If T is at most half the region, at most one label has N_l < T, so psi_c is gamma minus
the sum over l of max(0, gamma (1 - N_l / T)), and under a product of marginals Q its expectation is a sum over labels.
The gain of pixel i from label l is the expected decrease of one term:

    gamma / T * P(N_l < T), N_l counted over the other pixels,

whose last step, if T is not an integer, is scaled by the fraction of T (compare Vineet, Warrell, Torr, ECCV 2012). For
the strict potential (T <= 1) that probability is the product of the others' Q(l), which is computed exactly. For robust
ones N_l, a sum of independent events, is approximated by a normal distribution with its mean and variance (continuity
corrected); the error of the probability is at most about 0.56 divided by the standard deviation (Berry-Esseen), and
none where the labels of the region are certain.

Method: Robust P^n potentials.
Source: Kohli, Ladický, Torr, CVPR 2008; Vineet, Warrell, Torr, ECCV 2012.
As printed: the potential with a linear truncation.
Departs: minimised by mean field in place of graph cuts; the number of deviating pixels is taken as normal where the
    potential is robust.
Held by: tests/crf/test_regions.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.checks import largest_number
from densa.errors import InputError
from densa.parallel import share_items

__all__ = ["RegionPotential", "region_messages", "region_weights", "robust_pn"]

_LEAST = 1e-30  # smallest probability whose logarithm is taken


@dataclass(frozen=True, eq=False)
class RegionPotential:
    """Robust P^n potentials of the regions of a map.

    Args:
        regions: (h, w) integers; 0 or less for pixels without region. Regions need not be connected.
        weight: gamma, the cost of a region with mixed labels: one number, or an array indexed by the region's number
            (see `region_weights`).
        truncation: eta, 0 to 0.5: the share of deviating pixels from which on the cost of a region is gamma: T = eta n
            for n pixels. 0 is the strict P^n Potts model: one deviating pixel costs gamma.

    Raises:
        InputError: not a map of integers, weights that are negative, not finite or too few, a truncation out of range.

    Examples:
        >>> import numpy as np
        >>> from densa import crf
        >>> probabilities = np.full((2, 2, 3), 0.5)
        >>> probabilities[:, 0, 0] = 0.9, 0.1  # one pixel knows its class
        >>> regions = crf.RegionPotential(np.array([[1, 1, 1], [2, 2, 2]]), weight=5.0, truncation=0.5)
        >>> refined = crf.grid_crf(probabilities, np.zeros((1, 2, 3)), 0, regions=regions)
        >>> (refined[0] > 0.6).astype(int)  # its region follows
        array([[1, 1, 1],
               [0, 0, 0]])
    """

    regions: NDArray[Any]
    weight: float | NDArray[Any] = 1.0
    truncation: float = 0.25

    def __post_init__(self) -> None:
        regions = np.asarray(self.regions)
        if regions.ndim != 2 or regions.dtype.kind not in "iu" or 0 in regions.shape:
            raise InputError(f"regions must be (h, w) integers, got {regions.dtype} of shape {regions.shape}")
        weight = np.asarray(self.weight, np.float64)
        if weight.ndim > 1 or not (np.isfinite(weight).all() and (weight >= 0).all()):
            raise InputError(
                f"weight must be a finite number from 0, or an array of them indexed by region, got {self.weight}"
            )
        if weight.ndim == 1 and len(weight) <= regions.max():
            raise InputError(
                f"weight must have a value for each region up to {regions.max()}, after one for index 0, which is no"
                f" region, got {len(weight)}"
            )
        if not 0 <= self.truncation <= 0.5:
            raise InputError(f"truncation must be a share of the region from 0 to 0.5, got {self.truncation}")

    def check(self, size: tuple[int, ...]) -> None:
        """Raise an InputError if the region map does not have the size (h, w)."""
        if np.shape(self.regions) != size:
            raise InputError(f"regions must have the size of the probabilities {size}, got {np.shape(self.regions)}")


def region_weights(
    regions: NDArray[Any], exponent: float, constant: float, quality: NDArray[Any] | None = None, slope: float = 0.0
) -> NDArray[np.float64]:
    """gamma of each region: n^exponent (constant + slope * quality) for n pixels.

    Args:
        regions: (h, w) integers from 1; 0 for pixels without region.
        exponent: power of the region's size in pixels.
        constant, slope: theta_p and theta_v.
        quality: quality of each region, indexed by its number: larger for more homogeneous regions.

    Returns:
        (regions + 1,) weights; index 0 is unused (0).

    Raises:
        InputError: not a region map, a `quality` of another length, or negative weights.

    Examples:
        >>> import numpy as np
        >>> from densa import crf
        >>> crf.region_weights(np.array([[1, 1, 1, 1, 2]]), exponent=0.5, constant=3.0).tolist()
        [0.0, 6.0, 3.0]
    """
    check = RegionPotential(regions)  # the same requirements
    numbers = np.maximum(check.regions, 0)
    sizes = np.bincount(numbers.reshape(-1), minlength=largest_number(numbers) + 1).astype(np.float64)
    homogeneity = np.zeros(len(sizes)) if quality is None else np.asarray(quality, np.float64)
    if homogeneity.shape != sizes.shape:
        raise InputError(f"quality must have {len(sizes)} values, for regions from 0, got {homogeneity.shape}")
    sizes[0] = 0
    weights = np.where(sizes > 0, np.maximum(sizes, 1) ** exponent * (constant + slope * homogeneity), 0)
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise InputError("constant + slope * quality must be finite and at least 0 in every region")
    return weights


def robust_pn(n_deviating: NDArray[Any] | float, weight: float, truncation_px: float) -> NDArray[np.float64]:
    """Cost of a region with N = `n_deviating` pixels off its dominant label: min(gamma N / T, gamma).

    Args:
        n_deviating: N, number of pixels.
        weight: gamma.
        truncation_px: T, pixels.

    Examples:
        >>> from densa import crf
        >>> crf.robust_pn([0, 5, 10, 50], weight=2.0, truncation_px=10).tolist()
        [0.0, 1.0, 2.0, 2.0]
    """
    return np.minimum(np.asarray(n_deviating, np.float64) / max(truncation_px, 1e-300), 1.0) * weight


def region_messages(
    q: NDArray[np.float32], potential: RegionPotential, valid: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Gain of each pixel from each label through its region, under the marginals of the other pixels.

    Args:
        q: (C, h, w) marginals.
        potential: the regions.
        valid: (h, w); pixels that are not valid belong to no region.

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
    share_items(
        _messages, len(weights), q.reshape(len(q), -1), order, bounds, weights, potential.truncation, messages, chunk=8
    )
    return messages.reshape(q.shape)


@njit(nogil=True, cache=True)
def _normal(x):  # type: ignore[no-untyped-def]
    return 0.5 * math.erfc(-x * math.sqrt(0.5))


@njit(nogil=True, cache=True)
def _below(n, mean, variance):  # type: ignore[no-untyped-def]
    """P(N <= n) of a count, by the normal approximation (continuity corrected)."""
    if n < 0:
        return 0.0
    return _normal((n + 0.5 - mean) / math.sqrt(max(variance, 1e-12)))


@njit(nogil=True, cache=True)
def _messages(q, order, bounds, weights, truncation, messages, first, end):  # type: ignore[no-untyped-def]
    for c in range(first, end):
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
