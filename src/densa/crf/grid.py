"""Pairwise CRF on the grid of pixels with contrast weights, by mean field.

Energy: unary energies, plus w exp(-|difference|^2 / (2 mean |difference|^2)) / distance for every pair of 8-neighbours
whose labels differ, plus robust P^n potentials of regions (Kohli, Ladický, Torr, CVPR 2008). Pixels are updated in four
turns, by even and odd rows and columns: no two pixels of a turn are neighbours, so without regions no turn raises the
free energy.

Method: CRF on the grid of pixels.
Source: Rother, Kolmogorov, Blake (GrabCut), SIGGRAPH 2004.
As printed: contrast weights exp(-|difference|^2 / (2 mean |difference|^2)) / distance between 8-neighbours.
Departs: mean field in four turns in place of graph cuts.
Held by: tests/crf/test_grid.py.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.crf._checks import check_image, check_probabilities, check_valid
from densa.crf.regions import RegionPotential, region_messages
from densa.crf.unary import CLIP, check_clip
from densa.errors import InputError
from densa.parallel import share_pixels

__all__ = ["contrast_weights", "grid_crf", "grid_energy"]

STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))  # four directions, which give each pair of neighbours once


def contrast_weights(image: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """Weights of the pairs of neighbours, from 1 (alike) to 0.

    Args:
        image: (bands, h, w) in any units: differences are measured against their mean square over the image.
        valid: (h, w); pairs with a pixel that is not valid have the weight 0.

    Returns:
        (4, h, w) float32: weights of pixel (y, x) with the pixel to the right, below, below right and below left,
        diagonal ones divided by sqrt(2); 0 if there is no such pixel.

    Raises:
        InputError: not an image, or NaN in valid pixels.

    Examples:
        >>> import numpy as np
        >>> from densa import crf
        >>> right, below, _, _ = crf.contrast_weights(np.array([[[0.0, 0.0, 9.0]]]))
        >>> print(right.round(2))  # alike; across the edge; there is no pixel to the right
        [[1.   0.37 0.  ]]
    """
    valid = check_valid(valid, np.shape(image)[1:])
    image = check_image(image, np.shape(image)[1:], valid)
    height, width = valid.shape
    squares, both = np.zeros((4, height, width)), np.zeros((4, height, width), np.bool_)
    values = np.where(valid, image, 0).astype(np.float64)
    for k, (down, right) in enumerate(STEPS):
        here, there = _pair(height, width, down, right)
        squares[k][here] = ((values[:, here[0], here[1]] - values[:, there[0], there[1]]) ** 2).sum(axis=0)
        both[k][here] = valid[here] & valid[there]
    beside = both[:2]  # the mean is over horizontal and vertical neighbours
    mean = float(squares[:2][beside].mean()) if beside.any() else 0.0
    scale = 1 / (2 * mean) if mean > 0 else 0.0
    distance = np.sqrt([1.0, 1.0, 2.0, 2.0])[:, None, None]
    return np.where(both, np.exp(-squares * scale) / distance, 0).astype(np.float32)


def _pair(height: int, width: int, down: int, right: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of the first and of the second pixels of all pairs in one direction."""
    rows, rows_there = slice(0, max(0, height - down)), slice(down, height)
    if right >= 0:
        return (rows, slice(0, max(0, width - right))), (rows_there, slice(right, width))
    return (rows, slice(-right, width)), (rows_there, slice(0, max(0, width + right)))


def grid_crf(
    probabilities: NDArray[Any],
    image: NDArray[Any],
    weight: float = 1.0,
    *,
    n_iterations: int = 10,
    regions: RegionPotential | None = None,
    valid: NDArray[np.bool_] | None = None,
    clip: float = CLIP,
) -> NDArray[np.float32]:
    """Refine class probabilities by their neighbours: mean field of the contrast-sensitive Potts model.

    Args:
        probabilities: (C, h, w) floats summing to 1 over the classes, C up to 254.
        image: (bands, h, w) in any units.
        weight: cost of different labels at two neighbours of the same colour; 0 or more.
        n_iterations: number of iterations; each updates every pixel once, and the messages of regions.
        regions: robust P^n potentials, in addition.
        valid: (h, w), False for pixels without data: they send and receive no messages and keep their probabilities;
            their values may be NaN.
        clip: smallest probability of a class.

    Returns:
        (C, h, w) float32 mean-field marginals.

    Raises:
        InputError: shapes that do not fit, NaN in valid pixels, probabilities that do not sum to 1, a negative weight.

    Examples:
        >>> import numpy as np
        >>> from densa import crf
        >>> image = np.array([[[0, 0, 0, 200, 200, 200]]])
        >>> probabilities = np.array([[[0.9, 0.4, 0.9, 0.1, 0.1, 0.1]], [[0.1, 0.6, 0.1, 0.9, 0.9, 0.9]]])
        >>> crf.grid_crf(probabilities, image).argmax(axis=0)
        array([[0, 0, 0, 1, 1, 1]])
    """
    if not (math.isfinite(weight) and weight >= 0):
        raise InputError(f"weight must be at least 0, got {weight}")
    if n_iterations < 1:
        raise InputError(f"n_iterations must be at least 1, got {n_iterations}")
    check_clip(clip)
    size = np.shape(probabilities)[1:]
    valid = check_valid(valid, size)
    given = check_probabilities(probabilities, valid)
    pairs = contrast_weights(check_image(image, size, valid), valid) * np.float32(weight)
    if regions is not None:
        regions.check(size)
    prior = np.where(valid, np.maximum(given, np.float32(clip)), np.float32(1))
    log_prior = np.log(prior)
    q: NDArray[np.float32] = np.ascontiguousarray(np.moveaxis(prior / prior.sum(axis=0), 0, -1))
    log_prior = np.ascontiguousarray(np.moveaxis(log_prior, 0, -1))
    extra = np.zeros((0, 0, 0), np.float32)
    for _ in range(n_iterations):
        if regions is not None:
            planes = np.ascontiguousarray(np.moveaxis(q, -1, 0))
            extra = np.ascontiguousarray(np.moveaxis(region_messages(planes, regions, valid), 0, -1))
        for turn in range(4):
            odd_row, odd_column = divmod(turn, 2)
            n_rows = (q.shape[0] - odd_row + 1) // 2
            share_pixels(_update, (n_rows, q.shape[1]), q, log_prior, pairs, extra, odd_row, odd_column)
    out: NDArray[np.float32] = np.ascontiguousarray(np.moveaxis(q, -1, 0))
    if not valid.all():
        out[:, ~valid] = given[:, ~valid]
    return out


@njit(nogil=True, cache=True)
def _receive(q, y, x, weight, messages):  # type: ignore[no-untyped-def]
    if weight > 0:
        for c in range(messages.size):
            messages[c] += weight * q[y, x, c]


@njit(nogil=True, cache=True)
def _update(q, log_prior, pairs, extra, odd_row, odd_column, first, end):  # type: ignore[no-untyped-def]
    """Marginals of the pixels of one turn, given those of their neighbours; (h, w, C) arrays."""
    height, width, n_classes = q.shape
    for row in range(first, end):
        y = 2 * row + odd_row
        messages = np.empty(n_classes, np.float32)
        for x in range(odd_column, width, 2):
            for c in range(n_classes):
                messages[c] = log_prior[y, x, c]
            if extra.size > 0:
                for c in range(n_classes):
                    messages[c] += extra[y, x, c]
            for k in range(4):
                down, right = np.int64(k > 0), (1, 0, 1, -1)[k]
                if y + down < height and 0 <= x + right < width:
                    _receive(q, y + down, x + right, pairs[k, y, x], messages)
                if y - down >= 0 and 0 <= x - right < width:
                    _receive(q, y - down, x - right, pairs[k, y - down, x - right], messages)
            top = messages.max()
            mass = np.float32(0)
            for c in range(n_classes):
                messages[c] = math.exp(messages[c] - top)
                mass += messages[c]
            for c in range(n_classes):
                q[y, x, c] = messages[c] / mass


def grid_energy(labels: NDArray[Any], unary: NDArray[Any], pairs: NDArray[Any]) -> float:
    """Energy of a labelling: unary energies, plus the weights of neighbours whose labels differ.

    Args:
        labels: (h, w) class indices.
        unary: (C, h, w) energies.
        pairs: (4, h, w) weights, as returned by `contrast_weights`.

    Raises:
        InputError: shapes that do not fit.

    Examples:
        >>> import numpy as np
        >>> from densa import crf
        >>> pairs = np.zeros((4, 1, 3))
        >>> pairs[0, 0, :2] = 1.0, 0.5  # weights of the two pairs
        >>> crf.grid_energy(np.array([[0, 0, 1]]), np.zeros((2, 1, 3)), pairs)
        0.5
    """
    labels = np.asarray(labels)
    if labels.ndim != 2 or np.shape(unary)[1:] != labels.shape or np.shape(pairs) != (4, *labels.shape):
        raise InputError(
            f"labels (h, w), unary (C, h, w) and pairs (4, h, w) must have the same h and w, "
            f"got {labels.shape}, {np.shape(unary)} and {np.shape(pairs)}"
        )
    energy = float(np.take_along_axis(np.asarray(unary), labels[None], axis=0).sum(dtype=np.float64))
    for k, (down, right) in enumerate(STEPS):
        here, there = _pair(labels.shape[0], labels.shape[1], down, right)
        energy += float((pairs[k][here] * (labels[here] != labels[there])).sum(dtype=np.float64))
    return energy
