"""sRGB to CIE Lab, CIE Luv and HSV in float32, a row at a time; white D65, 2 degree observer, as in scikit-image."""

from typing import Any

import numpy as np
from numba import njit

MATRIX = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]], np.float32
)
WHITE = np.array([0.95047, 1.0, 1.08883], np.float32)
_DARK = 0.008856


@njit(nogil=True, cache=True)
def to_lab_and_luv(rgb: Any, matrix: Any, white: Any, slots: Any, out: Any, top: int, end: int) -> None:
    """Fill three planes of `out` with Lab and three with Luv; `rgb` (3, h, w) is from 0 to 1.

    `slots`: the first plane of Lab and that of Luv, -1 where the space is not requested.
    """
    lab, luv = slots
    xyz = np.empty(3, np.float32)
    total = white[0] + 15 * white[1] + 3 * white[2]
    white_u, white_v = 4 * white[0] / total, 9 * white[1] / total
    for y in range(top, end):
        for x in range(rgb.shape[2]):
            for k in range(3):
                xyz[k] = 0
            for c in range(3):
                linear = _linear(rgb[c, y, x])
                for k in range(3):
                    xyz[k] += matrix[k, c] * linear
            fy = _root(xyz[1] / white[1])
            light = np.float32(116) * fy - np.float32(16)
            if lab >= 0:
                out[lab, y, x] = light
                out[lab + 1, y, x] = np.float32(500) * (_root(xyz[0] / white[0]) - fy)
                out[lab + 2, y, x] = np.float32(200) * (fy - _root(xyz[2] / white[2]))
            if luv >= 0:
                total = xyz[0] + 15 * xyz[1] + 3 * xyz[2]
                out[luv, y, x] = light
                out[luv + 1, y, x] = 13 * light * (4 * xyz[0] / total - white_u) if total > 0 else 0
                out[luv + 2, y, x] = 13 * light * (9 * xyz[1] / total - white_v) if total > 0 else 0


@njit(nogil=True, cache=True)
def to_hsv(rgb: Any, out: Any, top: int, end: int) -> None:
    """Hue, saturation and value (3, h, w), each from 0 to 1; a grey has hue 0."""
    for y in range(top, end):
        for x in range(rgb.shape[2]):
            r, g, b = rgb[0, y, x], rgb[1, y, x], rgb[2, y, x]
            most, least = max(r, g, b), min(r, g, b)
            span = most - least
            hue = np.float32(0)
            if span > 0:
                if b == most:
                    hue = 4 + (r - g) / span
                elif g == most:
                    hue = 2 + (b - r) / span
                else:
                    hue = (g - b) / span
            hue /= 6
            out[0, y, x] = hue - np.floor(hue)
            out[1, y, x] = span / most if most > 0 else 0
            out[2, y, x] = most


@njit(nogil=True, cache=True)
def _linear(value: Any) -> Any:
    """Undo the gamma of sRGB."""
    if value <= np.float32(0.04045):
        return value / np.float32(12.92)
    return np.float32(((value + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4))


@njit(nogil=True, cache=True)
def _root(value: Any) -> Any:
    """Cube root of CIE Lab, linear for dark values."""
    if value > _DARK:
        return np.float32(np.cbrt(value))
    return np.float32(7.787) * value + np.float32(16 / 116)
