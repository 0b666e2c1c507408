"""Smallest eigenvectors of a pixel graph's normalised Laplacian, coarse to fine.

The graph is halved (2x2 cells summed: algebraic multigrid by aggregation) until dense matrices are feasible. On the way
back every level starts from the vectors of the coarser one and improves them by preconditioned block iterations
(LOBPCG: Knyazev, SIAM J. Sci. Comput. 23(2), 2001): residuals are preconditioned by a multigrid cycle over the coarser
levels, and Rayleigh-Ritz takes the best vectors from the span of the old ones, the corrections and the last directions.
Nothing is random.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from densa.regions.normalized_cuts.pixel_affinity import PixelGraph
from densa.regions.normalized_cuts.pixel_multigrid import PixelLevel, pixel_cycle, pixel_levels

__all__ = ["pixel_eigenvectors"]

GUARDS = 1  # extra vectors: those wanted converge faster
COARSE_STEPS = 4  # iterations on every level except the finest; they are cheap

Vectors = NDArray[np.float32]  # (n, pixels)


def pixel_eigenvectors(
    graph: PixelGraph, n_vectors: int, *, steps: int = 5, tolerance: float = 0.02
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Eigenvalues and eigenvectors y of (D - W) y = lambda D y, smallest first.

    Args:
        graph: the pixel graph; pixels of degree 0 get 0 in every vector.
        n_vectors: requested number, at most the number of pixels of positive degree.
        steps: maximum number of iterations on the finest level.
        tolerance: stop when the sum of the wanted values changes by a smaller share of itself.

    Returns:
        (n,) values, 0..2, and (n, h, w) vectors of unit length in the degrees' norm, each of positive sum.
    """
    # The products are of few and long vectors: more threads cost more than they bring, and change the order of sums.
    with threadpool_limits(1, user_api="blas"):
        return _coarse_to_fine(graph, n_vectors, steps, tolerance)


def _coarse_to_fine(
    graph: PixelGraph, n_vectors: int, steps: int, tolerance: float
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    levels = pixel_levels(graph, n_vectors + GUARDS)
    vectors = levels[-1].eigenvectors[: n_vectors + GUARDS]
    values = levels[-1].eigenvalues[: n_vectors + GUARDS]
    for depth in range(len(levels) - 2, -1, -1):
        vectors = levels[depth].from_coarser(vectors, levels[depth + 1])
        values, vectors = _improve(levels, depth, vectors, n_vectors, steps if depth == 0 else COARSE_STEPS, tolerance)
    values, vectors = values[:n_vectors], vectors[:n_vectors]
    wanted = (vectors * levels[0].inverse_roots.ravel()).reshape(-1, *graph.degrees.shape)
    wanted *= np.where(wanted.sum(axis=(1, 2)) < 0, np.float32(-1), np.float32(1))[:, np.newaxis, np.newaxis]
    return np.maximum(values, 0.0), wanted


def _improve(
    levels: list[PixelLevel], depth: int, vectors: Vectors, n_wanted: int, steps: int, tolerance: float
) -> tuple[NDArray[np.float64], Vectors]:
    level = levels[depth]
    products = level.apply(vectors)
    values, turn = _best_basis(vectors, products, len(vectors))
    vectors, products = turn @ vectors, turn @ products
    directions = np.zeros((0, vectors.shape[1]), np.float32)
    direction_products = directions
    for _ in range(steps):
        # The first vector, D^{1/2} 1, is exact already on the coarser level.
        residuals = products[1:] - values[1:].astype(np.float32)[:, np.newaxis] * vectors[1:]
        corrections = pixel_cycle(levels, depth, residuals)
        corrections -= (corrections @ vectors.T) @ vectors
        corrections /= np.maximum(np.linalg.norm(corrections, axis=1, keepdims=True), np.float32(1e-20))
        basis = np.concatenate([vectors, corrections, directions])
        basis_products = np.concatenate([products, level.apply(corrections), direction_products])
        before = values[:n_wanted].sum()
        values, turn = _best_basis(basis, basis_products, len(vectors))
        count = len(vectors)
        vectors, products = turn @ basis, turn @ basis_products
        directions, direction_products = turn[:, count:] @ basis[count:], turn[:, count:] @ basis_products[count:]
        lengths = np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), np.float32(1e-20))
        directions, direction_products = directions / lengths, direction_products / lengths
        if before - values[:n_wanted].sum() < tolerance * before:
            break
    return values, vectors


def _best_basis(basis: Vectors, products: Vectors, count: int) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Rayleigh-Ritz: the `count` smallest values in the span, and rows of the coefficients of their vectors."""
    gram = (basis @ basis.T).astype(np.float64)
    energy = (basis @ products.T).astype(np.float64)
    # Omit directions that are linearly dependent apart from rounding in float32.
    lengths, axes = np.linalg.eigh(gram)
    kept = lengths > 1e-5 * lengths[-1]
    axes = axes[:, kept] / np.sqrt(lengths[kept])
    values, turns = np.linalg.eigh(axes.T @ (energy + energy.T) / 2 @ axes)
    return values[:count], (axes @ turns[:, :count]).T.astype(np.float32)
