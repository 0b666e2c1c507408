"""Smallest eigenvectors of (D - W) y = lambda D y on any sparse graph, by preconditioned block iterations.

LOBPCG (Knyazev, SIAM J. Sci. Comput. 23(2), 2001): residuals are preconditioned by a multigrid cycle
(`graph_multigrid.py`), and Rayleigh-Ritz takes the best vectors from the span of the old ones, the corrections and the
last directions. It starts from the vectors of the coarsest level; two to four iterations suffice. Nothing is random.
Vectors have 64 bits; corrections and directions, which only span the search space, have 32 bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.jit import kernel_jit
from densa.regions.normalized_cuts.graph_multigrid import GraphLevel, graph_cycle, graph_levels

__all__ = ["smallest_positive_eigenvectors"]

NOTICED = 1e-9  # lower bound of the values in the test of convergence
STANDSTILL = 5  # largest gain of the last step, in tolerances; unlike the estimate, it does not rely on the cycle
GUARDS = 3  # extra vectors: those wanted converge faster
MODERATE = 1e-12  # least entry, relative to the largest, of a matrix whose residuals fit in 32 bits
_BLOCK = 2**14

Vectors = NDArray[Any]  # (nodes, n), of 32 or 64 bits


def smallest_positive_eigenvectors(
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
        n_vectors: requested number, well below the number of nodes.
        steps: maximum number of iterations.
        tolerance: estimated relative error at which a value has converged.

    Returns:
        (n,) values, smallest first, and (nodes, n) vectors, of unit length, orthogonal to each other and to the
        indicators of the components, in the degrees' norm.
    """
    means = _Means(components, degrees)
    count = n_vectors + GUARDS + means.count
    levels = graph_levels(laplacian, degrees, count)
    start = _start(levels, count)
    lengths = _lengths(start)
    means.take_off(start)
    left = _lengths(start) > 1e-6 * lengths  # the others were constant on the components
    entries = np.abs(laplacian.data)
    kind = np.float32 if entries.min() > MODERATE * entries.max() else np.float64
    del entries
    start = start if left.all() else start[:, left]
    return _iterate(levels, means, start, n_vectors, steps, tolerance, np.dtype(kind))


class _Means:
    """The eigenvectors of the value 0: those that are constant on each component."""

    def __init__(self, components: NDArray[np.int32], degrees: NDArray[np.float64]) -> None:
        masses = np.bincount(components, degrees)
        self.count = len(masses)
        self.components = components
        self.shares = degrees / masses[components]

    def take_off(self, vectors: Vectors) -> None:
        """Subtract the vectors' mean on each component, in place."""
        _take_off(self.components, self.shares, np.zeros((self.count, vectors.shape[1])), vectors)


def _iterate(
    levels: list[GraphLevel],
    means: _Means,
    vectors: Vectors,
    n_wanted: int,
    steps: int,
    tolerance: float,
    kind: np.dtype[Any],
) -> tuple[NDArray[np.float64], Vectors]:
    """The iterations; at the peak there are four arrays of vectors: these, directions, residuals and corrections."""
    fine = levels[0]
    count = n_wanted + GUARDS
    values, turn = _best_basis(fine, [vectors], count)
    vectors = _turned([vectors], turn)[0]
    directions: list[Vectors] = []
    before = np.full(count, np.inf)
    for _ in range(steps):
        residuals = _residuals(fine, vectors, values, kind)
        corrections = graph_cycle(levels, residuals)
        # The cycle approximates L^+, so the error of a value is about the length of its residual in that norm.
        excess = np.einsum("ij,ij->j", residuals, corrections, dtype=np.float64)
        allowed = np.maximum(values, NOTICED) * tolerance
        if ((excess <= allowed) & (before - values <= STANDSTILL * allowed))[:n_wanted].all():
            break
        del residuals
        means.take_off(corrections)
        before = values
        basis = [vectors, corrections, *directions]
        values, turn = _best_basis(fine, basis, count)
        vectors, *directions = _turned(basis, turn)
        del basis, corrections
    return values[:n_wanted], vectors[:, :n_wanted]


def _start(levels: list[GraphLevel], count: int) -> Vectors:
    """The smallest vectors of the coarsest level, interpolated to the finest; cosines are added if they are too few."""
    vectors = levels[-1].eigenvectors[:, :count]
    for level in levels[-2::-1]:
        vectors = level.interpolation @ vectors
    waves = np.arange(1, count + 1 - vectors.shape[1])
    if len(waves):
        n_nodes = len(levels[0].masses)
        vectors = np.hstack([vectors, np.cos(np.outer(np.arange(n_nodes), np.pi / n_nodes * waves))])
    return np.ascontiguousarray(vectors)


def _lengths(vectors: Vectors) -> NDArray[np.float64]:
    return np.sqrt(np.einsum("ij,ij->j", vectors, vectors))


def _residuals(level: GraphLevel, vectors: Vectors, values: NDArray[np.float64], kind: np.dtype[Any]) -> Vectors:
    """L x - value M x of each vector."""
    residuals = np.empty(vectors.shape, kind)
    for rows in _blocks(len(vectors)):
        part = vectors[rows]
        residuals[rows] = _products(level, vectors, rows) - part * level.masses[rows, np.newaxis] * values
    return residuals


def _turned(basis: list[Vectors], turn: Vectors) -> list[Vectors]:
    """The new vectors, and their part outside the span of the old vectors: the next directions.

    Where the numbers match, they overwrite the old vectors and the last array of the basis.
    """
    n, width = basis[0].shape[1], turn.shape[1]
    out = [
        one if one.shape[1] == width else np.empty((len(one), width), one.dtype) for one in (basis[0], *basis[1:][-1:])
    ]
    for rows in _blocks(len(basis[0])):
        vectors = basis[0][rows] @ turn[:n]
        if len(basis) > 1:
            directions = np.hstack([one[rows] for one in basis[1:]]) @ turn[n:]
            vectors += directions
            out[1][rows] = directions
        out[0][rows] = vectors
    return out


def _best_basis(level: GraphLevel, basis: list[Vectors], count: int) -> tuple[NDArray[np.float64], Vectors]:
    """Rayleigh-Ritz: the smallest values in the span, and columns of the coefficients of their vectors."""
    width = sum(one.shape[1] for one in basis)
    gram, energy = np.zeros((2, width, width))
    for rows in _blocks(len(level.masses)):
        part = np.hstack([one[rows] for one in basis])
        gram += part.T @ (level.masses[rows, np.newaxis] * part)
        energy += part.T @ np.hstack([_products(level, one, rows) for one in basis])
    scales = 1 / np.sqrt(np.maximum(np.diag(gram), 1e-300))
    # Omit directions that are linearly dependent apart from rounding.
    lengths, axes = np.linalg.eigh(scales[:, np.newaxis] * (gram + gram.T) / 2 * scales)
    kept = lengths > 1e-10 * lengths[-1]
    axes = scales[:, np.newaxis] * axes[:, kept] / np.sqrt(lengths[kept])
    values, turns = np.linalg.eigh(axes.T @ (energy + energy.T) / 2 @ axes)
    return values[:count], axes @ turns[:, :count]


def _blocks(n_nodes: int) -> Iterator[slice]:
    """Rows that are processed at once; fixed, since the order of sums depends on them."""
    for begin in range(0, n_nodes, _BLOCK):
        yield slice(begin, min(begin + _BLOCK, n_nodes))


def _products(level: GraphLevel, vectors: Vectors, rows: slice) -> Vectors:
    """Rows of L vectors."""
    out = np.zeros((rows.stop - rows.start, vectors.shape[1]))
    _multiply(level.matrix.indptr, level.matrix.indices, level.matrix.data, vectors, rows.start, out)
    return out


@kernel_jit
def _multiply(starts: Any, columns: Any, entries: Any, vectors: Any, begin: int, out: Any) -> None:
    for row in range(out.shape[0]):
        for place in range(starts[begin + row], starts[begin + row + 1]):
            other, entry = columns[place], entries[place]
            for v in range(out.shape[1]):
                out[row, v] += entry * vectors[other, v]


@kernel_jit
def _take_off(components: Any, shares: Any, means: Any, vectors: Any) -> None:
    n_nodes, n = vectors.shape
    for node in range(n_nodes):
        component, share = components[node], shares[node]
        for v in range(n):
            means[component, v] += share * vectors[node, v]
    for node in range(n_nodes):
        component = components[node]
        for v in range(n):
            vectors[node, v] -= means[component, v]
