"""CIE Luv as EDISON computes it: from 8-bit RGB without undoing the gamma, white = RGB (255, 255, 255).

Published range radii of mean shift are in these units. They are not colorimetric: grey 128 has L = 76.2 here and 53.6
in scikit-image, which undoes the gamma first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.parallel import share_pixels

__all__ = ["luv_to_rgb", "rgb_to_luv"]

_TO_XYZ = np.array([[0.4125, 0.3576, 0.1804], [0.2125, 0.7154, 0.0721], [0.0193, 0.1192, 0.9502]])
_TO_RGB = np.linalg.inv(_TO_XYZ)
_WHITE_U, _WHITE_V = 0.19784977571475, 0.46834507665248
_DARK = 0.008856  # below this luminance L is linear


def rgb_to_luv(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(h, w, 3) 8-bit RGB as (h, w, 3) Luv: L 0..100, u about -83..175, v about -134..108."""
    luv = np.empty(rgb.shape, np.float32)
    share_pixels(_to_luv, rgb.shape, rgb, _TO_XYZ, luv)
    return luv


def luv_to_rgb(luv: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w, 3) Luv as (h, w, 3) RGB in 0..255, not rounded."""
    rgb = np.empty(luv.shape, np.float32)
    share_pixels(_to_rgb, luv.shape, luv, _TO_RGB, rgb)
    return rgb


@njit(nogil=True, cache=True, error_model="numpy")
def _to_luv(rgb: Any, matrix: Any, luv: Any, top: int, end: int) -> None:
    for row in range(top, end):
        for column in range(rgb.shape[1]):
            red, green, blue = rgb[row, column, 0] / 255, rgb[row, column, 1] / 255, rgb[row, column, 2] / 255
            x = matrix[0, 0] * red + matrix[0, 1] * green + matrix[0, 2] * blue
            y = matrix[1, 0] * red + matrix[1, 1] * green + matrix[1, 2] * blue
            z = matrix[2, 0] * red + matrix[2, 1] * green + matrix[2, 2] * blue
            lightness = 116 * y ** (1 / 3) - 16 if y > _DARK else 903.3 * y
            total = x + 15 * y + 3 * z
            u, v = (4 * x / total, 9 * y / total) if total > 0 else (_WHITE_U, _WHITE_V)
            luv[row, column, 0] = lightness
            luv[row, column, 1] = 13 * lightness * (u - _WHITE_U)
            luv[row, column, 2] = 13 * lightness * (v - _WHITE_V)


@njit(nogil=True, cache=True, error_model="numpy")
def _to_rgb(luv: Any, matrix: Any, rgb: Any, top: int, end: int) -> None:
    for row in range(top, end):
        for column in range(luv.shape[1]):
            lightness = float(luv[row, column, 0])
            y = ((lightness + 16) / 116) ** 3 if lightness > 903.3 * _DARK else lightness / 903.3
            x = z = 0.0
            if lightness > 1e-3:
                u = luv[row, column, 1] / (13 * lightness) + _WHITE_U
                v = luv[row, column, 2] / (13 * lightness) + _WHITE_V
                x = 9 * y * u / (4 * v)
                z = y * (12 - 3 * u - 20 * v) / (4 * v)
            for band in range(3):
                value = matrix[band, 0] * x + matrix[band, 1] * y + matrix[band, 2] * z
                rgb[row, column, band] = min(max(255 * value, 0.0), 255.0)
