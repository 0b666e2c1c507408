"""Multigrid cycle for the Laplacian L = D - W of any sparse graph, by smoothed aggregation.

Strongly coupled nodes become one node of the next level (Vanek, Mandel & Brezina, Computing 56(3), 1996);
interpolation from it is smoothed by a Jacobi step, and the next matrix is the Galerkin product. Coupling is relative to
the diagonal, |l_ij| > s sqrt(l_ii l_jj), since weights of neighbouring regions differ by a factor of 10^6. Nodes weakly
coupled to all others are left to the smoother, except those with the weakest coupling for their mass: each is nearly an
eigenvector by itself, and is kept on all levels. Nothing is random.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from densa.jit import inner_jit, kernel_jit

__all__ = ["GraphLevel", "graph_cycle", "graph_levels"]

STRONG = 0.05  # minimum coupling of nodes that may be joined
DENSE = 500  # number of nodes up to which a dense matrix is used
DAMPING = 2 / 3  # of the interpolation's Jacobi step: 4/3 by the bound 2 of the eigenvalues of diagonal^-1 L
CROWDED = 10  # times the mean number of neighbours: such a node would connect all others on the next level
NOTHING = 1e-13  # smaller eigenvalues are 0 apart from rounding

Vectors = NDArray[Any]  # (nodes, n), of 32 or 64 bits


class GraphLevel:
    """One matrix of the hierarchy, its nodes' masses, and the interpolation from the next level; the coarsest has none.

    Attributes:
        matrix: (nodes, nodes) csr, symmetric.
        masses: (nodes,) D on the finest level, its share of each coarse node on the others.
        interpolation: (nodes, coarse nodes) csr, or None.
    """

    def __init__(self, matrix: Any, masses: NDArray[np.float64], n_kept: int) -> None:
        self.matrix = matrix
        self.masses = masses
        diagonal = matrix.diagonal()
        self.inverse = np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0)
        self.interpolation = self._interpolation(diagonal, n_kept)
        if self.interpolation is None:
            self.eigenvalues, self.eigenvectors = self._all_eigenvectors()

    def smooth(self, target: Vectors, result: Vectors, backward: bool) -> None:
        """A Gauss-Seidel sweep towards L x = target, in place."""
        _sweep(self.matrix.indptr, self.matrix.indices, self.matrix.data, self.inverse, target, result, backward)

    def passed_down(self, target: Vectors, result: Vectors) -> Vectors:
        """The residual of L x = target, restricted to the next level."""
        below = np.zeros((self.interpolation.shape[1], target.shape[1]), target.dtype)
        matrix, interpolation = self.matrix, self.interpolation
        _restrict(
            matrix.indptr, matrix.indices, matrix.data, interpolation.indptr, interpolation.indices, interpolation.data,
            target, result, below,
        )  # fmt: skip
        return below

    def correct(self, below: Vectors, result: Vectors) -> None:
        """Add the next level's correction, in place."""
        _interpolate(self.interpolation.indptr, self.interpolation.indices, self.interpolation.data, below, result)

    def coarser(self, n_kept: int) -> GraphLevel:
        """The next level: the Galerkin product."""
        restriction = self.interpolation.T.tocsr()
        matrix = (restriction @ (self.matrix @ self.interpolation)).tocsr()
        return GraphLevel(matrix, np.abs(restriction @ self.masses), n_kept)

    def solve(self, target: Vectors) -> Vectors:
        """L^+ target, up to constants per component, on the coarsest level."""
        inverse = np.divide(
            1.0, self.eigenvalues, out=np.zeros_like(self.eigenvalues), where=self.eigenvalues > NOTHING
        )
        result = self.eigenvectors @ (inverse[:, np.newaxis] * (self.eigenvectors.T @ target))
        return np.asarray(result, target.dtype)

    def _all_eigenvectors(self) -> tuple[NDArray[np.float64], Vectors]:
        """Of L y = lambda M y (M: the masses), smallest value first."""
        roots = 1 / np.sqrt(np.maximum(self.masses, 1e-300))
        values, columns = np.linalg.eigh(roots[:, np.newaxis] * self.matrix.toarray() * roots)
        return values, columns * roots[:, np.newaxis]

    def _interpolation(self, diagonal: NDArray[np.float64], n_kept: int) -> Any:
        n_nodes = len(diagonal)
        if n_nodes <= max(DENSE, 4 * n_kept):
            return None
        groups = self._groups(diagonal, n_kept, STRONG)
        inside = groups >= 0
        starts = np.zeros(n_nodes + 1, self.matrix.indptr.dtype)  # 32 bits where they suffice
        np.cumsum(inside, out=starts[1:])
        shape = (n_nodes, int(groups.max()) + 1)
        tentative = sparse.csr_array((np.ones(starts[-1]), groups[inside], starts), shape)
        smoothed = self.matrix @ tentative
        steps = np.where(self._is_crowded(), 0.0, -DAMPING * self.inverse)
        smoothed.data *= np.repeat(steps, np.diff(smoothed.indptr))
        smoothed.eliminate_zeros()
        return (tentative + smoothed).tocsr()

    def _is_crowded(self) -> NDArray[np.bool_]:
        n_neighbours = np.diff(self.matrix.indptr)
        return np.asarray(n_neighbours > CROWDED * n_neighbours.mean())

    def _groups(self, diagonal: NDArray[np.float64], n_kept: int, strong: float) -> NDArray[np.int32]:
        """Number of each node's group on the next level, -1: none."""
        groups = np.empty(len(diagonal), np.int32)
        roots = np.sqrt(np.maximum(diagonal, 0))
        graph = self.matrix.indptr, self.matrix.indices, self.matrix.data
        n_groups = _aggregate(*graph, roots, strong, groups) or _aggregate(*graph, roots, 0.0, groups)
        crowded = np.flatnonzero(self._is_crowded() & (groups < 0))
        groups[crowded] = n_groups + np.arange(len(crowded))
        n_groups += len(crowded)
        alone = np.flatnonzero((groups < 0) & (diagonal > 0))
        kept = alone[np.argsort(diagonal[alone] / np.maximum(self.masses[alone], 1e-300), kind="stable")[:n_kept]]
        groups[kept] = n_groups + np.arange(len(kept))
        return groups


def graph_levels(laplacian: Any, masses: NDArray[np.float64], n_kept: int) -> list[GraphLevel]:
    """The hierarchy over a Laplacian (csr, connected or not) with the nodes' masses, finest first.

    Args:
        n_kept: number of the most weakly coupled nodes that every level keeps as they are; above the number of
            connected components.
    """
    levels = [GraphLevel(laplacian, masses, n_kept)]
    while levels[-1].interpolation is not None:
        levels.append(levels[-1].coarser(n_kept))
    return levels


def graph_cycle(levels: list[GraphLevel], target: Vectors, depth: int = 0) -> Vectors:
    """An approximation of L^+ target, up to constants per component: one V, a symmetric operator."""
    level = levels[depth]
    if level.interpolation is None:
        return level.solve(target)
    result = np.zeros_like(target)
    level.smooth(target, result, backward=False)
    level.correct(graph_cycle(levels, level.passed_down(target, result), depth + 1), result)
    level.smooth(target, result, backward=True)
    return result


@kernel_jit
def _sweep(starts: Any, columns: Any, entries: Any, inverse: Any, target: Any, result: Any, backward: bool) -> None:
    n_nodes, n = target.shape
    rest = np.empty(n)
    for step in range(n_nodes):
        node = n_nodes - 1 - step if backward else step
        rest[:] = target[node]
        for place in range(starts[node], starts[node + 1]):
            other = columns[place]
            if other != node:
                entry = entries[place]
                for v in range(n):
                    rest[v] -= entry * result[other, v]
        for v in range(n):
            result[node, v] = rest[v] * inverse[node]


@kernel_jit
def _restrict(
    starts: Any, columns: Any, entries: Any, coarse_starts: Any, coarse_columns: Any, shares: Any,
    target: Any, result: Any, below: Any,
) -> None:  # fmt: skip
    """Add P^T (target - L result) to `below`, row by row: no array of all residuals."""
    n_nodes, n = target.shape
    rest = np.empty(n)
    for node in range(n_nodes):
        rest[:] = target[node]
        for place in range(starts[node], starts[node + 1]):
            other, entry = columns[place], entries[place]
            for v in range(n):
                rest[v] -= entry * result[other, v]
        for place in range(coarse_starts[node], coarse_starts[node + 1]):
            group, share = coarse_columns[place], shares[place]
            for v in range(n):
                below[group, v] += share * rest[v]


@kernel_jit
def _interpolate(starts: Any, columns: Any, shares: Any, below: Any, result: Any) -> None:
    """Add P below."""
    n_nodes, n = result.shape
    for node in range(n_nodes):
        for place in range(starts[node], starts[node + 1]):
            group, share = columns[place], shares[place]
            for v in range(n):
                result[node, v] += share * below[group, v]


@inner_jit
def _coupling(entries: Any, roots: Any, place: int, node: int, other: int) -> float:
    product = roots[node] * roots[other]
    return -entries[place] / product if other != node and product > 0 else 0.0


@kernel_jit
def _aggregate(starts: Any, columns: Any, entries: Any, roots: Any, strong: float, groups: Any) -> int:
    """Fill `groups` with the aggregate of each node, -1: strongly coupled to none; returns the number of aggregates."""
    n_nodes = roots.size
    n_groups = 0
    groups[:] = -1
    for node in range(n_nodes):  # a node whose strong neighbours are all free forms a group with them
        n_strong, free = 0, groups[node] < 0
        for place in range(starts[node], starts[node + 1]):
            if free and _coupling(entries, roots, place, node, columns[place]) > strong:
                n_strong += 1
                free = groups[columns[place]] < 0
        if not (free and n_strong):
            continue
        groups[node] = n_groups
        for place in range(starts[node], starts[node + 1]):
            if _coupling(entries, roots, place, node, columns[place]) > strong:
                groups[columns[place]] = n_groups
        n_groups += 1
    first = groups.copy()
    for node in range(n_nodes):  # the others join the group of their most strongly coupled neighbour
        if first[node] >= 0:
            continue
        best = strong
        for place in range(starts[node], starts[node + 1]):
            other = columns[place]
            coupling = _coupling(entries, roots, place, node, other)
            if coupling > best and first[other] >= 0:
                best = coupling
                groups[node] = first[other]
    return n_groups
