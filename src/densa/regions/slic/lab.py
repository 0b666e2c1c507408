"""sRGB to CIELAB in integers: the same numbers on every machine, without a floating-point image.

sRGB gamma (threshold 0.04045), D65 white (0.950456, 1, 1.088754), as in the code of the SLIC authors.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.jit import kernel_jit
from densa.parallel import share_pixels

DIAMETER = 259.0  # largest distance of two sRGB colours in CIELAB (green to blue: 258.7)
_INDEX_BITS = 14  # resolution of X/Xn, Y/Yn, Z/Zn in the cube root table
_ROOT_BITS = 15  # resolution of the cube roots
_MATRIX = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))


def empty_planes(n_bands: int, height: int, width: int) -> NDArray[np.int16]:
    """Uninitialised (n_bands, height, width); a kernel may read a whole vector from any pixel, beyond the end too."""
    n = n_bands * height * width
    flat = np.empty(n + 64, np.int16)
    flat[n:] = 0
    return flat[:n].reshape(n_bands, height, width)


def lab_planes(rgb: NDArray[np.generic], scale: float) -> NDArray[np.int16]:
    """CIELAB of an sRGB image in steps of `1 / scale`.

    Args:
        rgb: (H, W, 3) uint8.
        scale: steps per unit of CIELAB, at most 100.

    Returns:
        (3, H, W) int16: `scale` times L (from 0 to 100), a and b (-108 to 99); at most 0.2 units (L, b) or 0.3 (a) off.
    """
    planes = empty_planes(3, *rgb.shape[:2])
    linear, roots, matrix = _tables()
    gains = tuple(round(g * scale) for g in (116, 16, 500, 200))
    share_pixels(_convert_rows, rgb.shape, rgb, linear, roots, matrix, gains, planes)
    return planes


def _tables() -> tuple[NDArray[np.int32], NDArray[np.uint16], tuple[tuple[int, ...], ...]]:
    """Linear intensity of a byte, cube root of an index, matrix whose rows sum to one (so that grey has a = b = 0)."""
    s = np.arange(256) / 255
    linear = np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
    t = np.arange((1 << _INDEX_BITS) + 1) / (1 << _INDEX_BITS)
    roots = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    rows = np.array(_MATRIX) / np.sum(_MATRIX, axis=1, keepdims=True)
    matrix = np.round(rows * (1 << 14)).astype(np.int32)
    matrix[:, 1] += (1 << 14) - matrix.sum(axis=1)
    return (
        np.round(linear * ((1 << 16) - 1)).astype(np.int32),
        np.round(roots * (1 << _ROOT_BITS)).astype(np.uint16),  # at most 32768
        tuple(tuple(int(m) for m in row) for row in matrix),
    )


def _convert_rows(rgb: NDArray[np.generic], *arguments: Any) -> None:
    """Rows of any layout in memory; the kernel is compiled for one alone."""
    *tables, top, end = arguments
    _convert(np.ascontiguousarray(rgb[top:end]), *tables, top)


@kernel_jit
def _convert(rgb, linear, roots, matrix, gains, planes, top):  # type: ignore[no-untyped-def]
    shift = np.int32(14 + 16 - _INDEX_BITS)
    half = np.int32(1 << (14 + 16 - _INDEX_BITS - 1))
    root_half = 1 << (_ROOT_BITS - 1)
    (x_r, x_g, x_b), (y_r, y_g, y_b), (z_r, z_g, z_b) = matrix
    l_gain, l_offset, a_gain, b_gain = gains
    for y in range(rgb.shape[0]):
        for x in range(rgb.shape[1]):
            r = linear[rgb[y, x, 0]]
            g = linear[rgb[y, x, 1]]
            b = linear[rgb[y, x, 2]]
            fx = np.int64(roots[(x_r * r + x_g * g + x_b * b + half) >> shift])
            fy = np.int64(roots[(y_r * r + y_g * g + y_b * b + half) >> shift])
            fz = np.int64(roots[(z_r * r + z_g * g + z_b * b + half) >> shift])
            planes[0, top + y, x] = ((l_gain * fy + root_half) >> _ROOT_BITS) - l_offset
            planes[1, top + y, x] = (a_gain * (fx - fy) + root_half) >> _ROOT_BITS
            planes[2, top + y, x] = (b_gain * (fy - fz) + root_half) >> _ROOT_BITS
