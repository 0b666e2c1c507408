"""Gradient magnitude of an image of any number of bands: the relief that the watershed floods."""

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray
from scipy import ndimage

from densa.errors import InputError

__all__ = ["check_gradient", "gradient_magnitude", "gradient_reach"]


def gradient_magnitude(
    image: NDArray[np.generic], sigma: float = 0.0, *, bands: str = "largest"
) -> NDArray[np.floating]:
    """Steepness of the image at each pixel, in grey values per pixel: a ramp of slope s gives s.

    Args:
        image: (H, W) or (H, W, bands), any real dtype, finite; bands in one unit (Lab, or all of 0 to 255).
        sigma: 0 for Sobel's operator (over 3 x 3 pixels, divided by 8); otherwise standard deviation, in pixels, of the
            Gaussian whose derivatives are taken. More gives fewer regions.
        bands: how several bands become one number. "largest": magnitude of the band where it is largest. "di-zenzo":
            largest rate of change of the vector of all bands in any direction (Di Zenzo, CVGIP 1986), so that an edge
            that shows a little in every band counts.

    Returns:
        (H, W) magnitude, 0 or more; float32, or float64 for images of float64 or of integers of 32 bits and more. The
        image is continued beyond its border by mirroring.

    Raises:
        InputError: the image has another shape, is empty, not real or not finite; sigma is negative or not finite;
            unknown `bands`.
    """
    stack = _check(image, sigma, bands)
    height, width, n_bands = stack.shape
    if bands == "largest":
        squared = np.zeros((height, width), stack.dtype)
        for i in range(n_bands):
            down, right = _derivatives(stack[:, :, i], sigma)
            np.maximum(squared, down * down + right * right, out=squared)
        return np.sqrt(squared)
    tensor = np.zeros((3, height, width), stack.dtype)  # of the squares down x down, down x right, right x right
    for i in range(n_bands):
        down, right = _derivatives(stack[:, :, i], sigma)
        tensor += down * down, down * right, right * right
    mean, half_difference = (tensor[0] + tensor[2]) / 2, (tensor[0] - tensor[2]) / 2
    return np.sqrt(mean + np.hypot(half_difference, tensor[1]))  # the tensor's larger eigenvalue


def check_gradient(sigma: float, bands: str) -> None:
    """Refuse what `gradient_magnitude` refuses of its options."""
    if not (np.isfinite(sigma) and sigma >= 0):
        raise InputError(f"sigma must be a finite number of pixels from 0, got {sigma}")
    if bands not in ("largest", "di-zenzo"):
        raise InputError(f'bands must be "largest" or "di-zenzo", got {bands!r}')


def gradient_reach(sigma: float) -> int:
    """How many pixels away an image decides its `gradient_magnitude`: where its Gaussian is cut off, 1 for Sobel's."""
    return int(4 * sigma + 0.5) if sigma > 0 else 1


def _check(image: NDArray[np.generic], sigma: float, bands: str) -> NDArray[np.floating]:
    """The image as (H, W, bands) floats."""
    array = np.asarray(image)
    if array.ndim not in (2, 3) or array.size == 0:
        raise InputError(f"image must be (height, width) or (height, width, bands), not empty, got {array.shape}")
    if array.dtype.kind not in "buif":
        raise InputError(f"the image must hold real numbers, got dtype {array.dtype}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError("the image holds NaN or infinite values; replace them before taking gradients")
    check_gradient(sigma, bands)
    wide = array.dtype.itemsize > (4 if array.dtype.kind == "f" else 2)
    return np.atleast_3d(array).astype(np.float64 if wide else np.float32, copy=False)


def _derivatives(band: NDArray[np.floating], sigma: float) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Change per pixel downwards and to the right."""
    if sigma > 0:
        down = ndimage.gaussian_filter(band, sigma, order=(1, 0), truncate=4)
        return down, ndimage.gaussian_filter(band, sigma, order=(0, 1), truncate=4)
    down, right = np.empty(band.shape, band.dtype), np.empty(band.shape, band.dtype)
    _sobel(band, down, right)
    return down, right


@njit(nogil=True, cache=True, parallel=True)
def _sobel(band, down, right):  # type: ignore[no-untyped-def]
    """Differences over two pixels, averaged 1:2:1 across; the border pixel is its own outer neighbour."""
    height, width = band.shape
    eighth = band.dtype.type(0.125)
    for row in prange(height):
        up, here, low = band[max(row - 1, 0)], band[row], band[min(row + 1, height - 1)]
        for column in range(width):
            before, after = max(column - 1, 0), min(column + 1, width - 1)
            a, b, c = up[before], up[column], up[after]
            f, g, h = low[before], low[column], low[after]
            down[row, column] = ((f + g + g + h) - (a + b + b + c)) * eighth
            right[row, column] = ((c + here[after] + here[after] + h) - (a + here[before] + here[before] + f)) * eighth
