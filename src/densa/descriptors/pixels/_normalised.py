"""Gaussian responses of an image with missing pixels: derivatives of S = N / D, where N is the smoothed image (0 where
missing) and D the smoothed weight of the valid pixels (normalised convolution, Knutsson and Westin, CVPR 1993).

By the quotient rule S' = (N' - S D') / D and S'' = (N'' - 2 S' D' - S D'') / D. Where all pixels in reach are valid, D
is exactly 1 and its derivatives exactly 0, so the response is bit for bit the one without missing pixels.
"""

import numpy as np
from numpy.typing import NDArray

from densa.descriptors.pixels._rows import Filter, separable
from densa.descriptors.pixels._taps import FIRST, SECOND, SMOOTH, first_taps, gaussian_taps, second_taps

Plane = NDArray[np.float32]


class Responses:
    """Responses of (h, w) planes that are 0 where not `valid`; at invalid pixels the responses mean nothing."""

    def __init__(self, valid: NDArray[np.bool_] | None) -> None:
        self.weight = None if valid is None else valid.astype(np.float32)

    def gaussian(self, plane: Plane, sigma: float, n: int) -> Plane:
        """Smoothed by a Gaussian of `n` taps on either side."""
        smooth = (gaussian_taps(sigma, n), SMOOTH)
        return self._quotient(plane, smooth, smooth)[0]

    def first(self, plane: Plane, sigma: float, across: float, radii: tuple[int, int]) -> Plane:
        """Derivative along the rows at scale `sigma`, smoothed by `across` along the columns.

        A transposed plane gives the other derivative; the mask turns with it.
        """
        down = (gaussian_taps(across, radii[1]), SMOOTH)
        derivative = (first_taps(sigma, radii[0]), FIRST)
        if self.weight is None:
            return separable(np.ascontiguousarray(plane), down, derivative)
        turned = plane.shape != self.weight.shape or not plane.flags.c_contiguous
        weight = np.ascontiguousarray(self.weight.T) if turned else self.weight
        plane = np.ascontiguousarray(plane)
        smoothed, d = _quotient(plane, weight, down, (gaussian_taps(sigma, radii[0]), SMOOTH))
        change = separable(plane, down, derivative) - smoothed * separable(weight, down, derivative)
        return np.asarray(change / d, np.float32)

    def laplacian(self, plane: Plane, sigma: float, n: int) -> Plane:
        """Sum of the second derivatives along both axes."""
        smooth, first, second = (
            (gaussian_taps(sigma, n), SMOOTH),
            (first_taps(sigma, n), FIRST),
            (second_taps(sigma, n), SECOND),
        )
        if self.weight is None:
            return separable(plane, smooth, second) + separable(plane, second, smooth)
        smoothed, d = self._quotient(plane, smooth, smooth)
        total = np.zeros(plane.shape, np.float32)
        for once, twice in (((smooth, first), (smooth, second)), ((first, smooth), (second, smooth))):
            slope = separable(self.weight, *once)
            change = (separable(plane, *once) - smoothed * slope) / d
            total += (separable(plane, *twice) - 2 * change * slope - smoothed * separable(self.weight, *twice)) / d
        return total

    def _quotient(self, plane: Plane, down: Filter, across: Filter) -> tuple[Plane, Plane]:
        if self.weight is None:
            return separable(plane, down, across), np.empty(0, np.float32)
        return _quotient(plane, self.weight, down, across)


def _quotient(plane: Plane, weight: Plane, down: Filter, across: Filter) -> tuple[Plane, Plane]:
    """S and D; D is 1 where there is no valid pixel in reach."""
    d = separable(weight, down, across)
    d[d <= 0] = 1
    return separable(plane, down, across) / d, d
