"""The fully connected CRF with every pair of pixels: exact sums, and energies of every labelling, for small images.

The fast filters are tested against these, which follow the paper's equations line by line.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.crf import DenseCrf


def kernel_matrix(features: NDArray[Any]) -> NDArray[np.float64]:
    """exp(-|f_i - f_j|^2 / 2) of every pair of the rows of (n, d) features, in units of the kernel's widths."""
    features = np.asarray(features, np.float64)
    squares = np.zeros((len(features), len(features)))
    for column in features.T:
        squares += (column[:, None] - column[None]) ** 2
    return np.exp(-0.5 * squares)


def normalise(kernel: NDArray[np.float64], how: str) -> NDArray[np.float64]:
    """A kernel matrix divided by its row sums: see `DenseCrf.normalization`."""
    mass = kernel.sum(axis=1)
    if how == "symmetric":
        return kernel / np.sqrt(mass[:, None] * mass[None])
    return {"none": kernel, "before": kernel / mass[None], "after": kernel / mass[:, None]}[how]


def mean_field(
    unary: NDArray[Any],
    kernels: Sequence[tuple[NDArray[np.float64], NDArray[Any] | float]],
    n_iterations: int,
    *,
    self_term: bool = True,
) -> NDArray[np.float64]:
    """Parallel mean-field updates with kernels given as matrices (Krähenbühl & Koltun 2011, algorithm 1).

    Args:
        unary: (C, n) energies.
        kernels: pairs of an (n, n) matrix and its compatibility: a number (Potts), a vector, or a matrix mu.
        n_iterations: 0 gives the start, the softmax of the negative unaries.
        self_term: count a pixel among its own neighbours, as the published code does; the equations do not.

    Returns:
        (C, n) marginals.
    """
    unary = np.asarray(unary, np.float64)
    q = _softmax(-unary)
    for _ in range(n_iterations):
        scores = -unary
        for kernel, weights in kernels:
            matrix = kernel if self_term else kernel - np.diag(np.diag(kernel))
            filtered, given = q @ matrix.T, np.asarray(weights, np.float64)
            scores = scores + (-given @ filtered if given.ndim == 2 else given.reshape(-1, 1) * filtered)
        q = _softmax(scores)
    return q


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max(axis=0))
    return powers / powers.sum(axis=0)


def mean_field_of_image(
    probabilities: NDArray[Any], image: NDArray[Any], parameters: DenseCrf, clip: float = 1e-5
) -> NDArray[np.float64]:
    """What `dense_crf` approximates, with exact sums over all pairs; (C, h, w)."""
    probabilities, image = np.asarray(probabilities, np.float64), np.asarray(image, np.float64)
    height, width = probabilities.shape[1:]
    places = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 2).astype(np.float64)
    colors = image.reshape(len(image), -1).T / parameters.appearance_values
    smooth = kernel_matrix(places / parameters.smooth_px)
    appearance = kernel_matrix(np.concatenate([places / parameters.appearance_px, colors], axis=1))
    kernels = [
        (normalise(smooth, parameters.normalization), np.asarray(parameters.smooth_weight)),
        (normalise(appearance, parameters.normalization), np.asarray(parameters.appearance_weight)),
    ]
    unary = -np.log(np.maximum(probabilities, clip)).reshape(len(probabilities), -1)
    return mean_field(unary, kernels, parameters.n_iterations).reshape(probabilities.shape)


def all_energies(
    unary: NDArray[Any], kernel: NDArray[Any], compatibility: NDArray[Any] | float
) -> dict[tuple[int, ...], float]:
    """Energy of every labelling of a few pixels, by the labelling.

    Args:
        unary: (C, n) energies.
        kernel: (n, n), counted once for each pair.
        compatibility: a number for labels that differ (Potts), or a matrix mu.
    """
    unary, kernel = np.asarray(unary, np.float64), np.asarray(kernel, np.float64)
    n_classes, n = unary.shape
    mu = np.asarray(compatibility, np.float64)
    if mu.ndim == 0:
        mu = mu * (1 - np.eye(n_classes))
    energies = {}
    for labels in itertools.product(range(n_classes), repeat=n):
        energy = sum(unary[label, i] for i, label in enumerate(labels))
        for i, j in itertools.combinations(range(n), 2):
            energy += mu[labels[i], labels[j]] * kernel[i, j]
        energies[labels] = float(energy)
    return energies
