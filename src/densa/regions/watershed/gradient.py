"""Gradient magnitude of an image of any number of bands: a relief for the watershed."""

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.jit import kernel_jit
from densa.parallel import share_pixels
from densa.regions.shared.checks import check_pixels

__all__ = ["check_gradient", "gradient_magnitude", "gradient_reach"]


def gradient_magnitude(
    image: NDArray[np.generic], sigma: float = 0.0, *, bands: str = "largest"
) -> NDArray[np.floating]:
    """Steepness of the image at each pixel, in grey values per pixel: a ramp of slope s gives s.

    Args:
        image: (H, W) or (H, W, bands), any real dtype, finite; bands in the same unit (Lab, or all from 0 to 255).
        sigma: 0 for Sobel's operator (over 3 x 3 pixels, divided by 8); otherwise standard deviation, in pixels, of the
            Gaussian whose derivatives are used. Larger values give fewer regions.
        bands: how several bands are combined. "largest": largest magnitude of any band. "di-zenzo": largest rate of
            change of the vector of all bands in any direction (Di Zenzo, CVGIP 1986), to which weak edges in several
            bands add up.

    Returns:
        (H, W) magnitude, 0 or more; float32, or float64 for images of float64 or of integers of 32 bits and more. The
        image is mirrored at its border.

    Raises:
        InputError: the image has another shape, is empty, not real or not finite; sigma is negative or not finite;
            unknown `bands`.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> ramp = np.tile(np.arange(0, 20, 4), (3, 1))  # 4 grey values per pixel
        >>> regions.gradient_magnitude(ramp)[1].tolist()  # the image is mirrored at its border
        [2.0, 4.0, 4.0, 4.0, 2.0]
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
    """Raise InputError for invalid options of `gradient_magnitude`."""
    if not (np.isfinite(sigma) and sigma >= 0):
        raise InputError(f"sigma must be a finite number of pixels from 0, got {sigma}")
    if bands not in ("largest", "di-zenzo"):
        raise InputError(f'bands must be "largest" or "di-zenzo", got {bands!r}')


def gradient_reach(sigma: float) -> int:
    """Distance in pixels up to which `gradient_magnitude` depends on the image: where its filter ends."""
    return int(4 * sigma + 0.5) if sigma > 0 else 1


def _check(image: NDArray[np.generic], sigma: float, bands: str) -> NDArray[np.floating]:
    """The image as (H, W, bands) floats."""
    array = check_pixels(image)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError("image must be finite, it holds NaN or infinite values; replace them first")
    check_gradient(sigma, bands)
    wide = array.dtype.itemsize > (4 if array.dtype.kind == "f" else 2)
    return np.atleast_3d(array).astype(np.float64 if wide else np.float32, copy=False)


def _derivatives(band: NDArray[np.floating], sigma: float) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Change per pixel downwards and to the right."""
    band = np.ascontiguousarray(band)
    down, right = np.empty(band.shape, band.dtype), np.empty(band.shape, band.dtype)
    if sigma == 0:
        share_pixels(_sobel, band.shape, band, down, right)
        return down, right
    reach = gradient_reach(sigma)
    distances = np.arange(reach + 1)
    smooth = np.exp(-0.5 * (distances / sigma) ** 2)
    smooth /= smooth[0] + 2 * smooth[1:].sum()
    slope = smooth * distances / sigma**2
    rows, columns = (np.pad(np.arange(side), reach, "symmetric") for side in band.shape)
    kernels = smooth.astype(band.dtype), slope.astype(band.dtype)
    share_pixels(_gaussian_derivatives, band.shape, band, rows, columns, *kernels, down, right)
    return down, right


@kernel_jit
def _gaussian_derivatives(band, rows, columns, smooth, slope, down, right, top, end):  # type: ignore[no-untyped-def]
    """Correlations with the derivatives of a Gaussian.

    `smooth` and `slope` (reach + 1,): the Gaussian and its derivative from the centre on. `rows` and `columns`: index
    of the pixel at each position from -reach to side + reach, mirrored. Differences are computed before they are
    weighted: constant images are exactly flat, and the result does not depend on where an image was divided.
    """
    width = band.shape[1]
    reach = smooth.size - 1
    for row in range(top, end):
        smoothed, sloped = np.empty((2, width), band.dtype)
        here = band[row]
        for x in range(width):
            smoothed[x] = smooth[0] * here[x]
            sloped[x] = 0
        for k in range(1, reach + 1):
            above, below = band[rows[row + reach - k]], band[rows[row + reach + k]]
            for x in range(width):
                smoothed[x] += smooth[k] * (above[x] + below[x])
                sloped[x] += slope[k] * (below[x] - above[x])
        padded = np.empty((2, width + 2 * reach), band.dtype)
        for x in range(columns.size):
            padded[0, x], padded[1, x] = smoothed[columns[x]], sloped[columns[x]]
        to_right, to_down = right[row], down[row]
        middle = padded[1, reach : reach + width]
        for x in range(width):
            to_right[x] = 0
            to_down[x] = smooth[0] * middle[x]
        for k in range(1, reach + 1):
            before, after = padded[:, reach - k : reach - k + width], padded[:, reach + k : reach + k + width]
            for x in range(width):
                to_right[x] += slope[k] * (after[0, x] - before[0, x])
                to_down[x] += smooth[k] * (before[1, x] + after[1, x])


@kernel_jit
def _sobel(band, down, right, top, end):  # type: ignore[no-untyped-def]
    """Differences over two pixels, averaged 1:2:1 across; the border pixel is its own outer neighbour."""
    height, width = band.shape
    eighth = band.dtype.type(0.125)
    for row in range(top, end):
        up, here, low = band[max(row - 1, 0)], band[row], band[min(row + 1, height - 1)]
        for column in range(width):
            before, after = max(column - 1, 0), min(column + 1, width - 1)
            a, b, c = up[before], up[column], up[after]
            f, g, h = low[before], low[column], low[after]
            down[row, column] = ((f + g + g + h) - (a + b + b + c)) * eighth
            right[row, column] = ((c + here[after] + here[after] + h) - (a + here[before] + here[before] + f)) * eighth
