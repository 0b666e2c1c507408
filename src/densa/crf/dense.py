"""Fully connected CRF by mean field (Krähenbühl & Koltun, NIPS 2011, arXiv:1210.5644).

Energy: unary energies plus, over all pairs of pixels, a label compatibility times the sum of two kernels: smoothness, a
Gaussian of the distance, and appearance, a Gaussian of the distance and of the difference of bands.

As in the authors' code and pydensecrf, a pixel is among its own neighbours and the kernels are normalised, so weights
have the same meaning.

Method: Fully connected CRF.
Source: Krähenbühl, Koltun, NIPS 2011, arXiv:1210.5644; pydensecrf.
As printed: energy, kernels and parallel mean field; a pixel is among its own neighbours and kernels are normalised
    symmetrically, as in pydensecrf.
Departs: the smoothness kernel is an exact separable Gaussian truncated at four widths (0.006 % of its mass); Q is p
    exp(messages), without a logarithm; without normalisation the lattice's sums are on the scale of the Gaussian's,
    which pydensecrf's are not.
Held by: tests/crf/test_dense.py.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.crf._checks import check_image, check_probabilities, check_valid
from densa.crf._lanes import WIDTHS
from densa.crf._mean_field import Field, blur, gather, sweep, to_rows
from densa.crf.parameters import DenseCrf, Weights
from densa.crf.permutohedral import Lattice, build_lattice, filter_with, slice_factor
from densa.crf.regions import RegionPotential, region_messages
from densa.crf.unary import CLIP, check_clip
from densa.errors import InputError
from densa.parallel import share_items, share_pixels

__all__ = ["dense_crf"]

TRUNCATE = 4.0  # widths at which the smoothness kernel is truncated
_STRIP_ROWS = 16  # image rows of one task, more in high images
_MOST_STRIPS = 64
_VERTICES = 1024  # of one task
_TINY = 1e-20  # added under the root, as in pydensecrf


def dense_crf(
    probabilities: NDArray[Any],
    image: NDArray[Any],
    parameters: DenseCrf | None = None,
    *,
    valid: NDArray[np.bool_] | None = None,
    regions: RegionPotential | None = None,
    origin: tuple[int, int] = (0, 0),
    clip: float = CLIP,
) -> NDArray[np.float32]:
    """Refine class probabilities by the image: mean field of the fully connected CRF.

    The result is the same for any number of threads. The memory is about 2 (C + 4) + 8 bands numbers per pixel.

    Args:
        probabilities: (C, h, w) floats summing to 1 over the classes, C up to 254, at the image's size.
        image: (bands, h, w), any number of bands, in the units of `parameters.appearance_values`.
        parameters: None for `PYDENSECRF`.
        valid: (h, w), False for pixels without data: they send and receive no messages and keep their probabilities;
            their values may be NaN.
        regions: robust P^n potentials of a region map, in addition.
        origin: row and column of a tile's first pixel in the whole image: the vertices of the lattice then lie where
            they do in the whole image, and a tile differs from it only by the pixels beyond its edges.
        clip: smallest probability of a class.

    Returns:
        (C, h, w) float32 mean-field marginals Q, summing to 1.

    Raises:
        InputError: shapes that do not fit, NaN in valid pixels, probabilities that do not sum to 1, more than 254
            classes, or weights for another number of classes.

    Examples:
        >>> import numpy as np
        >>> from densa import crf
        >>> image = np.array([[[0, 0, 0, 200, 200, 200]]])
        >>> probabilities = np.array([[[0.9, 0.4, 0.9, 0.1, 0.1, 0.1]], [[0.1, 0.6, 0.1, 0.9, 0.9, 0.9]]])
        >>> probabilities.argmax(axis=0)
        array([[0, 1, 0, 1, 1, 1]])
        >>> crf.dense_crf(probabilities, image).argmax(axis=0)
        array([[0, 0, 0, 1, 1, 1]])
    """
    parameters = parameters or DenseCrf()
    check_clip(clip)
    size = np.shape(probabilities)[1:]
    valid = check_valid(valid, size)
    given = check_probabilities(probabilities, valid)
    image = check_image(image, size, valid)
    if regions is not None:
        regions.check(size)
    width = (0,) * next((w for w in WIDTHS if w >= len(given)), WIDTHS[-1])
    rows = _strips(size[0])
    lattice, field = _field(given, image, parameters, valid, origin, clip, rows, len(width))
    out = np.empty(given.shape, np.float32)
    _iterate(field, lattice, rows, size, width, parameters.n_iterations, regions, valid, out)
    if not valid.all():
        out[:, ~valid] = given[:, ~valid]
    return out


def _strips(height: int) -> NDArray[np.int64]:
    """First row of each strip, and the end; they depend on the image's height alone."""
    step = max(_STRIP_ROWS, -(-height // _MOST_STRIPS))
    return np.append(np.arange(0, height, step), height)


def _iterate(
    field: Field,
    lattice: Lattice,
    rows: NDArray[np.int64],
    size: tuple[int, ...],
    width: tuple[int, ...],
    n_iterations: int,
    regions: RegionPotential | None,
    valid: NDArray[np.bool_],
    out: NDArray[np.float32],
) -> None:
    n_lanes = field.prior.shape[1]
    height, columns = size
    values, other = (np.zeros((lattice.neighbours.shape[1], n_lanes), np.float32) for _ in range(2))
    sums = np.empty((len(lattice.vertex_of_slot), n_lanes), np.float32)
    smooth_size = (height, columns * n_lanes) if len(field.taps) else (0, 0)
    smoothed, smoothed_next = (np.empty(smooth_size, np.float32) for _ in range(2))
    extra = np.zeros((height * columns if regions else 0, n_lanes), np.float32)
    for i in range(n_iterations + 1):
        last = i == n_iterations
        share_items(
            sweep, len(rows) - 1, field, lattice, values, sums, smoothed, smoothed_next, extra, rows, columns, out,
            width, i == 0, last,
        )  # fmt: skip
        smoothed, smoothed_next = smoothed_next, smoothed
        if last:
            break
        if len(sums):
            share_items(gather, len(values), lattice.first, lattice.members, sums, values, width, chunk=_VERTICES)
            for neighbours in lattice.neighbours:
                share_items(blur, len(values), neighbours, values, other, width, chunk=_VERTICES)
                values, other = other, values
        if regions is not None:
            messages = region_messages(out, regions, valid)
            extra[:, : len(messages)] = messages.reshape(len(messages), -1).T


def _field(
    probabilities: NDArray[np.float32],
    image: NDArray[Any],
    parameters: DenseCrf,
    valid: NDArray[np.bool_],
    origin: tuple[int, int],
    clip: float,
    rows: NDArray[np.int64],
    step: int,
) -> tuple[Lattice, Field]:
    """The lattice of the appearance kernel, and the constant inputs of the iterations."""
    n_classes, height, width = probabilities.shape
    n_lanes = -(-n_classes // step) * step
    prior = np.empty((height * width, n_lanes), np.float32)
    share_pixels(to_rows, valid.shape, probabilities, valid.reshape(-1), np.float32(clip), prior)
    padding = np.where(np.arange(n_lanes) < n_classes, 0, -1e30).astype(np.float32)
    smooth = _lane_weights(parameters.smooth_weight, n_classes, n_lanes, "smooth_weight")
    bilateral = _lane_weights(parameters.appearance_weight, n_classes, n_lanes, "appearance_weight")
    inside = valid.reshape(-1)
    none = np.empty(0, np.float32)
    taps, smooth_scales = none, (none, none)
    if smooth.any():
        kernel = gaussian_taps(parameters.smooth_px)
        taps = np.pad(kernel, 3)
        smooth_scales = _scales(_plane_gaussian(valid, kernel).reshape(-1), inside, parameters.normalization)
    bilateral_scales = (none, none)
    if bilateral.any():
        lattice = build_lattice(_features(image, parameters, valid, origin), inside, rows * width)
        ones = np.ones(height * width, np.float32)
        share = np.float32(slice_factor(2 + len(image)))
        into, back = _scales(filter_with(lattice, ones, inside), inside, parameters.normalization)
        bilateral_scales = into, back * share
    else:
        lattice = _no_lattice()
    return lattice, Field(prior, padding, inside, taps, *smooth_scales, smooth, *bilateral_scales, bilateral)


def _features(
    image: NDArray[Any], parameters: DenseCrf, valid: NDArray[np.bool_], origin: tuple[int, int]
) -> NDArray[np.float32]:
    """(n, 2 + bands): column, row and values in units of the appearance kernel's widths.

    The lattice has a period of sqrt(3) along the first axis and of 3 along the second, so a distant origin is added
    modulo the period: float32 is then as precise as near the corner of the image.
    """
    width_px = parameters.appearance_px
    down, right = origin[0] / width_px % 3.0, origin[1] / width_px % math.sqrt(3.0)
    n_bands, height, width = image.shape
    features = np.zeros((height, width, 2 + n_bands), np.float32)
    features[..., 0] = np.arange(width) / width_px + right
    features[..., 1] = np.arange(height)[:, None] / width_px + down
    for band in range(n_bands):
        np.multiply(image[band], 1 / parameters.appearance_values, out=features[..., 2 + band], where=valid)
    return features.reshape(-1, 2 + n_bands)


def _lane_weights(weights: Weights, n_classes: int, n_lanes: int, name: str) -> NDArray[np.float32]:
    """Weights with which a class receives the filtered classes: a vector, or -compatibility transposed, flattened."""
    given = np.asarray(weights, np.float32)
    if given.ndim and given.shape != (n_classes,) * given.ndim:
        raise InputError(f"{name} must fit the {n_classes} classes of the probabilities, got the shape {given.shape}")
    if given.ndim < 2:
        lanes = np.zeros(n_lanes, np.float32)
        lanes[:n_classes] = given
        return lanes
    matrix = np.zeros((n_lanes, n_lanes), np.float32)
    matrix[:n_classes, :n_classes] = -given.T
    return matrix.reshape(-1)


def gaussian_taps(width: float) -> NDArray[np.float32]:
    """exp(-t^2 / 2 width^2) at integers t up to `TRUNCATE` widths."""
    radius = max(1, round(TRUNCATE * width))
    return np.exp(-0.5 * (np.arange(-radius, radius + 1) / width) ** 2).astype(np.float32)


def _plane_gaussian(valid: NDArray[np.bool_], taps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum of the smoothness kernel over the valid pixels, for each pixel."""
    radius = len(taps) // 2
    if valid.all():  # separable
        sides = [np.convolve(np.ones(n), taps)[radius : radius + n] for n in valid.shape]
        return np.outer(*sides).astype(np.float32)
    from scipy.ndimage import convolve1d

    plane = convolve1d(valid.astype(np.float32), taps, axis=0, mode="constant")
    return convolve1d(plane, taps, axis=1, mode="constant")


def _scales(
    masses: NDArray[np.float32], valid: NDArray[np.bool_], normalization: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Normalisation of each pixel before and after the filter."""
    ones = np.ones(len(masses), np.float32)
    if normalization == "none":
        return ones * valid, ones
    if normalization == "symmetric":
        root = (1 / np.sqrt(masses + _TINY)).astype(np.float32)
        return root * valid, root
    share = (1 / (masses + _TINY)).astype(np.float32)
    return (share * valid, ones) if normalization == "before" else (ones * valid, share)


def _no_lattice() -> Lattice:
    def empty(dtype: Any, *shape: int) -> NDArray[Any]:
        return np.empty(shape, dtype)

    indices = (empty(np.int32, 0, 1), empty(np.float32, 0, 1), empty(np.int64, 0), empty(np.int32, 0))
    groups = (empty(np.int64, 0), empty(np.int32, 0), np.zeros((1, 1, 2), np.int32))
    return Lattice(empty(np.int64, 0), *indices, *groups)
