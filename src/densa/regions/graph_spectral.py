"""Smallest eigenvectors of (D - W) y = lambda D y on any sparse graph, by preconditioned block iterations.

LOBPCG (Knyazev, SIAM J. Sci. Comput. 23(2), 2001): residuals go through a multigrid cycle (`graph_multigrid.py`), and
Rayleigh-Ritz takes the best vectors from the span of the old ones, the corrections and the last directions. It starts
from the coarsest level's vectors: two to four iterations do. Nothing is random.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from densa.regions.graph_multigrid import GraphLevel, graph_cycle, graph_levels

__all__ = ["smallest_positive"]

NOTICED = 1e-9  # smaller values count as this one where accuracy is judged
STANDSTILL = 5  # tolerances that the last step may have gained: the estimate trusts the cycle, this does not
GUARDS = 3  # vectors carried beyond those wanted: the wanted ones converge faster

Vectors = NDArray[np.float64]  # (nodes, n)


def smallest_positive(
    laplacian: Any,
    degrees: NDArray[np.float64],
    components: NDArray[np.int32],
    n_vectors: int,
    *,
    steps: int = 40,
    tolerance: float = 0.001,
) -> tuple[NDArray[np.float64], Vectors]:
    """The smallest positive eigenvalues and their vectors.

    Args:
        laplacian: (nodes, nodes) csr matrix D - W.
        degrees: (nodes,) above 0.
        components: (nodes,) number of each node's connected component, from 0.
        n_vectors: wanted number, well below the number of nodes.
        steps: iterations at most.
        tolerance: share of itself by which each wanted value may be too large, as estimated.

    Returns:
        (n,) values, smallest first, and (nodes, n) vectors, of unit length and at right angles to each other and to
        the components' indicators in the degrees' norm.
    """
    means = _Means(components, degrees)
    count = n_vectors + GUARDS + means.count
    levels = graph_levels(laplacian, degrees, count)
    start = _start(levels, count)
    lengths = np.linalg.norm(start, axis=0)
    start = means.taken_off(start)
    start = start[:, np.linalg.norm(start, axis=0) > 1e-6 * lengths]  # what was constant on the components is gone
    return _iterate(levels, means, start, n_vectors, steps, tolerance)


class _Means:
    """What the eigenvalue 0 belongs to: vectors that are constant on each component."""

    def __init__(self, components: NDArray[np.int32], degrees: NDArray[np.float64]) -> None:
        masses = np.bincount(components, degrees)
        starts = np.arange(len(components) + 1)
        self.count = len(masses)
        self.spread = sparse.csr_array((np.ones(len(components)), components, starts), (len(components), self.count))
        self.mean = sparse.csr_array((degrees / masses[components], components, starts), self.spread.shape).T.tocsr()

    def taken_off(self, vectors: Vectors) -> Vectors:
        """The vectors less their mean on each component."""
        return np.asarray(vectors - self.spread @ (self.mean @ vectors))


def _iterate(
    levels: list[GraphLevel], means: _Means, vectors: Vectors, n_wanted: int, steps: int, tolerance: float
) -> tuple[NDArray[np.float64], Vectors]:
    laplacian, masses = levels[0].matrix, levels[0].masses[:, np.newaxis]
    count = n_wanted + GUARDS
    products = laplacian @ vectors
    values, turn = _best_basis([vectors], [products], masses, count)
    vectors, products = vectors @ turn, products @ turn
    basis, basis_products = [vectors], [products]
    before = np.full(count, np.inf)
    for _ in range(steps):
        residuals = products - vectors * masses * values
        corrections = graph_cycle(levels, residuals)
        # The cycle is nearly L^+: what the values lie too high by is nearly the residuals' length in it.
        excess = np.einsum("ij,ij->j", residuals, corrections)
        allowed = np.maximum(values, NOTICED) * tolerance
        if ((excess <= allowed) & (before - values <= STANDSTILL * allowed))[:n_wanted].all():
            break
        del residuals
        corrections = means.taken_off(corrections)
        basis.insert(1, corrections)
        basis_products.insert(1, laplacian @ corrections)
        del corrections
        before = values
        values, turn = _best_basis(basis, basis_products, masses, count)
        basis = _turned(basis, turn)
        basis_products = _turned(basis_products, turn)
        vectors, products = basis[0], basis_products[0]
    return values[:n_wanted], vectors[:, :n_wanted]


def _start(levels: list[GraphLevel], count: int) -> Vectors:
    """The coarsest level's smallest vectors as vectors of the finest, waves beside them if these are too few."""
    vectors = levels[-1].eigenvectors[:, :count]
    for level in levels[-2::-1]:
        vectors = level.interpolation @ vectors
    waves = np.arange(1, count + 1 - vectors.shape[1])
    if len(waves):
        n_nodes = len(levels[0].masses)
        vectors = np.hstack([vectors, np.cos(np.outer(np.arange(n_nodes), np.pi / n_nodes * waves))])
    return np.ascontiguousarray(vectors)


def _turned(basis: list[Vectors], turn: Vectors) -> list[Vectors]:
    """The new vectors, and the part of them that the old vectors do not span: the next directions."""
    n = basis[0].shape[1]
    directions = basis[1] @ turn[n : n + basis[1].shape[1]]
    if len(basis) > 2:
        directions += basis[2] @ turn[n + basis[1].shape[1] :]
    vectors = basis[0] @ turn[:n]
    vectors += directions
    return [vectors, directions]


def _best_basis(
    basis: list[Vectors], products: list[Vectors], masses: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], Vectors]:
    """Rayleigh-Ritz: the smallest values in the span, and the columns that combine the basis to their vectors."""
    gram = np.block([[one.T @ (masses * other) for other in basis] for one in basis])
    energy = np.block([[one.T @ product for product in products] for one in basis])
    scales = 1 / np.sqrt(np.maximum(np.diag(gram), 1e-300))
    # Leave out directions that rounding cannot tell from the others.
    lengths, axes = np.linalg.eigh(scales[:, np.newaxis] * (gram + gram.T) / 2 * scales)
    kept = lengths > 1e-10 * lengths[-1]
    axes = scales[:, np.newaxis] * axes[:, kept] / np.sqrt(lengths[kept])
    values, turns = np.linalg.eigh(axes.T @ (energy + energy.T) / 2 @ axes)
    return values[:count], axes @ turns[:, :count]
