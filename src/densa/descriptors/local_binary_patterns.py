"""Local binary patterns (Ojala, Pietikäinen, Mäenpää, TPAMI 2002, doi:10.1109/TPAMI.2002.1017623)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.descriptors._check import as_count, as_positive
from densa.descriptors._rows import mirror
from densa.descriptors._threads import share_rows
from densa.descriptors.pixel import Place, PlaneDescriptor
from densa.errors import InputError

__all__ = ["LocalBinaryPatterns"]

METHODS = ("riu2", "plain")
MAX_POINTS = 24  # codes below 2^24 are exact in float32


@dataclass(frozen=True)
class LocalBinaryPatterns(PlaneDescriptor):
    """Which of the points on a circle are at least as bright as the pixel, as a number; one per band.

    Points between pixels are interpolated bilinearly. The differences to the middle are interpolated, so that flat
    areas have all bits set whatever the rounding; a difference to a pixel without data counts as 0.

    Attributes:
        n_points: on the circle, beginning to the right and going counter-clockwise; bit k belongs to point k.
        radius: of the circle, in pixels.
        method: "riu2": the number of bits set where at most two neighbouring bits differ, `n_points` + 1 elsewhere
            (equation 9; unchanged by rotation). "plain": the bits as a number below 2^n_points.

    Raises:
        InputError: not 2 to 24 points, a radius that is not above 0, or an unknown method.
    """

    n_points: int = 8
    radius: float = 1.0
    method: str = "riu2"

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_points", as_count(self.n_points, "n_points", 2, MAX_POINTS))
        object.__setattr__(self, "radius", as_positive(self.radius, "radius", 100))
        if self.method not in METHODS:
            raise InputError(f"method must be one of {', '.join(METHODS)}, got {self.method!r}")

    @property
    def n_codes(self) -> int:
        """Number of different codes: what a histogram of them needs."""
        return self.n_points + 2 if self.method == "riu2" else 2**self.n_points

    @property
    def halo(self) -> int:
        """The radius, rounded up."""
        return math.ceil(self.radius)

    def names(self, n_bands: int) -> list[str]:
        """As "band 1: local binary pattern riu2 (8, 1)"."""
        return [
            f"band {i + 1}: local binary pattern {self.method} ({self.n_points}, {self.radius:g})"
            for i in range(n_bands)
        ]

    def _fill(
        self, planes: NDArray[np.float32], valid: NDArray[np.bool_] | None, out: NDArray[np.float32], place: Place
    ) -> None:
        angles = 2 * np.pi * np.arange(self.n_points) / self.n_points
        points = np.round(self.radius * np.stack((-np.sin(angles), np.cos(angles)), axis=1), 5)
        whole = np.floor(points).astype(np.int64)
        mask = np.empty((0, 0), np.bool_) if valid is None else valid
        for plane, codes in zip(planes, out, strict=True):
            share_rows(_codes, plane.shape[0], plane, mask, whole, points - whole, self.method == "riu2", codes)


@njit(nogil=True, cache=True)
def _codes(plane: Any, mask: Any, whole: Any, parts: Any, riu2: bool, out: Any, top: int, end: int) -> None:
    width = plane.shape[1]
    n = whole.shape[0]
    bits = np.empty(n, np.int64)
    for y in range(top, end):
        for x in range(width):
            code = 0
            for k in range(n):
                bits[k] = _brightness(plane, mask, y, x, whole[k], parts[k]) >= 0
                code |= bits[k] << k
            if riu2:
                code = changes = 0
                for k in range(n):
                    code += bits[k]
                    changes += bits[k] != bits[k - 1]
                code = code if changes <= 2 else n + 1
            out[y, x] = code


@njit(nogil=True, cache=True)
def _brightness(plane: Any, mask: Any, y: int, x: int, whole: Any, parts: Any) -> float:
    """How much brighter a point is than its middle pixel (y, x)."""
    height, width = plane.shape
    middle = np.float64(plane[y, x])
    total = 0.0
    for i in range(2):
        down = parts[0] if i else 1 - parts[0]
        if down > 0:
            row = mirror(y + whole[0] + i, height)
            for j in range(2):
                across = parts[1] if j else 1 - parts[1]
                if across > 0:
                    column = mirror(x + whole[1] + j, width)
                    if mask.size == 0 or mask[row, column]:
                        total += down * across * (plane[row, column] - middle)
    return total
