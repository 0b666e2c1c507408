"""Parameters of the fully connected CRF, and the values used in papers and public code."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from densa.errors import InputError

__all__ = ["DECONVNET", "DEEPLAB_PYTORCH", "KRAHENBUHL_KOLTUN", "PUBLISHED", "PYDENSECRF", "DenseCrf"]

Weights = float | tuple[float, ...] | tuple[tuple[float, ...], ...]
Normalization = Literal["symmetric", "none", "before", "after"]


@dataclass(frozen=True)
class DenseCrf:
    """Parameters of `dense_crf` (Krähenbühl & Koltun, NIPS 2011, equation 3).

    Args:
        smooth_px: width theta_gamma of the smoothness kernel, a Gaussian of the distance, in pixels; above 0.
        smooth_weight: weight of the smoothness kernel; 0 disables it.
        appearance_px: width theta_alpha of the appearance kernel for the distance, in pixels; above 0.
        appearance_values: width theta_beta of the appearance kernel for the difference of bands, in units of the
            image's values (0 to 255 for an 8-bit photograph); above 0.
        appearance_weight: weight of the appearance kernel; 0 disables it.
        n_iterations: number of mean-field iterations; 5 to 10 are usual.
        normalization: divisor of the kernels: "symmetric" (pydensecrf's default): the roots of the masses of both
            pixels; "before": the mass of the sender; "after": the mass of the receiver; "none". The mass of a pixel is
            the sum of its kernel over all pixels; with "none", suitable weights are smaller by orders of magnitude, and
            a weight w of pydensecrf's NO_NORMALIZATION is 0.71 w here for three bands, 0.83 w for one (0.88 w for the
            smoothness kernel): its lattice's sums are that much below the Gaussian's. They cancel in all the others.

    A weight is a number w (Potts: w for two labels that differ), a vector of one per class (the gain of a class from
    neighbours of the same class), or a (classes, classes) matrix, the label compatibility mu(l, l'): the penalty of l
    next to l'. The Potts model is the matrix with w off the diagonal.

    Raises:
        InputError: a width that is not above 0, a weight that is not finite, a negative number or vector as weight, no
            iteration, or an unknown normalization.

    Examples:
        >>> from densa import crf
        >>> parameters = crf.DenseCrf(appearance_px=40, appearance_values=10, n_iterations=10)
        >>> parameters.smooth_px, parameters.smooth_weight
        (3.0, 3.0)
    """

    smooth_px: float = 3.0
    smooth_weight: Weights = 3.0
    appearance_px: float = 80.0
    appearance_values: float = 13.0
    appearance_weight: Weights = 10.0
    n_iterations: int = 5
    normalization: Normalization = "symmetric"

    def __post_init__(self) -> None:
        for name in ("smooth_px", "appearance_px", "appearance_values"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"{name}, the width of a kernel, must be above 0, got {value}")
        for name in ("smooth_weight", "appearance_weight"):
            weights = np.asarray(getattr(self, name), np.float64)
            if weights.ndim > 2 or not np.isfinite(weights).all():
                raise InputError(f"{name} must be a finite number, one per class or a matrix, got {weights}")
            if weights.ndim < 2 and (weights < 0).any():
                raise InputError(f"{name} must not be negative, got {getattr(self, name)}; give a matrix for repulsion")
        if not 1 <= self.n_iterations <= 10_000:
            raise InputError(f"n_iterations must be from 1 to 10000, got {self.n_iterations}")
        if self.normalization not in ("symmetric", "none", "before", "after"):
            raise InputError(f"normalization must be symmetric, none, before or after, got {self.normalization!r}")


KRAHENBUHL_KOLTUN = DenseCrf(1.0, 1.0, 61.0, 11.0, 10.0, 10)
"""Krähenbühl & Koltun 2011, as quoted in public code; the appearance weight was tuned on validation images."""

PYDENSECRF = DenseCrf(3.0, 3.0, 80.0, 13.0, 10.0, 5)
"""The example of pydensecrf's README."""

DEEPLAB_PYTORCH = DenseCrf(1.0, 3.0, 67.0, 3.0, 4.0, 10)
"""kazuto1011/deeplab-pytorch, configuration for PASCAL VOC."""

DECONVNET = DenseCrf(3.0, 3.0, 20.0, 3.0, 5.0, 10)
"""DeconvNet's inference code (Noh, Hong, Han 2015)."""

# pydensecrf and deeplab-pytorch normalise by both pixels, the authors' first code by the receiver: the scale of the
# lattice's sums cancels. What DeconvNet's Matlab wrapper of that code sets could not be read.
PUBLISHED = {
    "krahenbuhl-koltun": KRAHENBUHL_KOLTUN,
    "pydensecrf": PYDENSECRF,
    "deeplab-pytorch": DEEPLAB_PYTORCH,
    "deconvnet": DECONVNET,
}
