"""Local binary patterns (Ojala, Pietikäinen, Mäenpää, TPAMI 2002, doi:10.1109/TPAMI.2002.1017623).

Method: Local binary patterns.
Source: Ojala, Pietikäinen, Mäenpää, TPAMI 24(7), 2002, doi:10.1109/TPAMI.2002.1017623.
As printed: patterns of P points on a circle of radius R, bilinearly interpolated; uniform and rotation-invariant ones
    (equation 9).
Departs: nothing.
Held by: tests/descriptors/pixels/test_local_binary_patterns.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.checks import as_count, as_positive
from densa.descriptors.pixels._rows import mirror, mirror_pad
from densa.descriptors.pixels.descriptor import PlaneDescriptor
from densa.descriptors.pixels.place import Place
from densa.errors import InputError
from densa.parallel import share_rows

__all__ = ["LocalBinaryPatterns"]

METHODS = ("riu2", "plain")
MAX_POINTS = 24  # codes below 2^24 are exact in float32


@dataclass(frozen=True)
class LocalBinaryPatterns(PlaneDescriptor):
    """Which points of a circle around the pixel are at least as bright as the pixel, as a number; one per band.

    Points between pixels are interpolated bilinearly. The differences to the middle are interpolated, so that flat
    areas have all bits set whatever the rounding; a difference to a pixel without data counts as 0.

    Attributes:
        n_points: number of points on the circle, counter-clockwise from the right; bit k belongs to point k.
        radius: of the circle in pixels.
        method: "riu2": the number of bits set where at most two neighbouring bits differ, `n_points` + 1 elsewhere
            (equation 9; unchanged by rotation). "plain": the bits as a number below 2^n_points.

    Raises:
        InputError: not 2 to 24 points, a radius that is not above 0, or an unknown method.

    Examples:
        >>> import numpy as np
        >>> from densa.descriptors import LocalBinaryPatterns
        >>> image = np.zeros((1, 3, 3))
        >>> image[0, 1, 1] = 1  # a bright spot: no point of the circle is as bright
        >>> LocalBinaryPatterns().compute(image)[0, 1, 1].item()
        0.0
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
        """Number of different codes: bins of their histogram."""
        return self.n_points + 2 if self.method == "riu2" else 2**self.n_points

    @property
    def halo(self) -> int:
        """The radius, rounded up."""
        return math.ceil(self.radius)

    def names(self, n_bands: int) -> list[str]:
        """One name per band, such as "band 1: local binary pattern riu2 (8, 1)"."""
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
        mask = np.empty((0, 0), np.float32) if valid is None else valid.astype(np.float32)
        for plane, codes in zip(planes, out, strict=True):
            share_rows(_codes, plane.shape[0], plane, mask, whole, points - whole, self.method == "riu2", codes)


@njit(nogil=True, cache=True)
def _codes(plane: Any, mask: Any, whole: Any, parts: Any, riu2: bool, out: Any, top: int, end: int) -> None:
    """A row at a time, all points of the circle against it: the inner loops run along the row."""
    height, width = plane.shape
    reach = max(abs(whole.min()), whole.max()) + 1
    rows, weights = np.empty((2, width + 2 * reach), np.float32), np.ones((2, width + 2 * reach), np.float32)
    difference, code = np.empty(width), np.empty(width, np.int32)
    for y in range(top, end):
        for x in range(width):
            code[x] = 0
        for k in range(whole.shape[0]):
            for i in range(2):
                row = mirror(y + whole[k, 0] + i, height)
                mirror_pad(plane[row], rows[i])
                if mask.size:
                    mirror_pad(mask[row], weights[i])
            _compare(plane[y], rows, weights, reach + whole[k, 1], parts[k], difference)
            bit = np.int32(1 << k)
            for x in range(width):
                code[x] |= bit if difference[x] >= 0 else np.int32(0)
        if riu2:
            _uniform(code, whole.shape[0])
        for x in range(width):
            out[y, x] = code[x]


@njit(nogil=True, cache=True)
def _compare(middle: Any, rows: Any, weights: Any, shift: int, parts: Any, out: Any) -> None:
    """How much brighter the points at one offset are than the pixels at the centres of their circles."""
    down, across = parts
    a, b, c, d = (1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across
    for x in range(middle.size):
        j, m = x + shift, middle[x]
        out[x] = (
            a * (weights[0, j] * (rows[0, j] - m))
            + b * (weights[0, j + 1] * (rows[0, j + 1] - m))
            + c * (weights[1, j] * (rows[1, j] - m))
            + d * (weights[1, j + 1] * (rows[1, j + 1] - m))
        )


@njit(nogil=True, cache=True)
def _uniform(code: Any, n: int) -> None:
    """The number of bits set where at most two neighbouring bits of the circle differ, n + 1 elsewhere."""
    for x in range(code.size):
        bits = code[x]
        turned = (bits >> 1) | ((bits & 1) << (n - 1))
        ones = changes = 0
        for k in range(n):
            ones += (bits >> k) & 1
            changes += ((bits ^ turned) >> k) & 1
        code[x] = ones if changes <= 2 else n + 1
