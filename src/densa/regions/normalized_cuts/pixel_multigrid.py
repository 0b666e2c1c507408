"""Multigrid cycle for a pixel graph's normalised Laplacian L = I - D^{-1/2} W D^{-1/2}.

Levels by aggregation: cells of 2x2 nodes are the nodes of the next graph, whose weights are sums of weights. In the
scaling of L, the transfer T = D^{1/2} P D_c^{-1/2} (P: piecewise constant) has orthonormal columns, and T' L T is the L
of the coarse graph.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from densa.regions.normalized_cuts.pixel_affinity import PixelGraph
from densa.regions.normalized_cuts.pixel_stencil import PixelLaplacian, coarser_pixel_graph

__all__ = ["PixelLevel", "pixel_cycle", "pixel_levels"]

DENSE = 200  # number of nodes up to which a dense matrix is used
SMOOTHING = 2  # degree of the Chebyshev smoother
SMOOTHED_SHARE = 0.15  # the smoother damps the eigenvalues above this share of the largest
# A piecewise constant vector has more energy than a smooth one: the coarse correction is too small by this factor.
OVERCORRECTION = 1.4

Vectors = NDArray[np.float32]  # (n, pixels)


class PixelLevel:
    """One graph of the hierarchy with its Laplacian; the coarsest one also has all eigenvectors."""

    def __init__(self, graph: PixelGraph, is_coarsest: bool) -> None:
        self.shape = graph.degrees.shape
        self.laplacian = PixelLaplacian(graph)
        self.roots, self.inverse_roots = self.laplacian.roots, self.laplacian.inverse_roots
        if is_coarsest:
            self.eigenvalues, self.eigenvectors = self._all_eigenvectors()
        else:
            self.largest = self._upper_bound()

    def apply(self, vectors: Vectors) -> Vectors:
        """L times each of the vectors."""
        return self.laplacian.apply(vectors.reshape(-1, *self.shape)).reshape(vectors.shape)

    def to_coarser(self, vectors: Vectors, coarse: PixelLevel) -> Vectors:
        """T' times each of the vectors."""
        height, width = self.shape
        planes = vectors.reshape(-1, height, width) * self.roots
        planes = np.pad(planes, ((0, 0), (0, height % 2), (0, width % 2)))
        rows = planes[:, ::2] + planes[:, 1::2]
        return ((rows[:, :, ::2] + rows[:, :, 1::2]) * coarse.inverse_roots).reshape(len(vectors), -1)

    def from_coarser(self, vectors: Vectors, coarse: PixelLevel) -> Vectors:
        """T times each of the coarse vectors."""
        height, width = self.shape
        cells = vectors.reshape(-1, *coarse.shape) * coarse.inverse_roots
        planes = np.repeat(np.repeat(cells, 2, axis=2)[:, :, :width], 2, axis=1)[:, :height]
        return (planes * self.roots).reshape(len(vectors), -1)

    def smooth(self, target: Vectors, start: Vectors | None) -> Vectors:
        """A few Chebyshev steps towards L x = target (Saad, Iterative Methods, algorithm 12.1)."""
        upper, lower = self.largest, SMOOTHED_SHARE * self.largest
        centre, half = (upper + lower) / 2, (upper - lower) / 2
        sigma = centre / half
        rho = 1 / sigma
        residual = target if start is None else target - self.apply(start)
        step = residual * np.float32(1 / centre)
        result = step if start is None else start + step
        for _ in range(SMOOTHING - 1):
            residual = residual - self.apply(step)
            following = 1 / (2 * sigma - rho)
            step = np.float32(following * rho) * step + np.float32(2 * following / half) * residual
            result = result + step
            rho = following
        return result

    def solve(self, target: Vectors) -> Vectors:
        """L^+ times each of the vectors, on the coarsest level."""
        inverse = np.where(self.eigenvalues > 1e-7, 1 / np.maximum(self.eigenvalues, 1e-7), 0).astype(np.float32)
        return np.asarray(((target @ self.eigenvectors.T) * inverse) @ self.eigenvectors, np.float32)

    def _all_eigenvectors(self) -> tuple[NDArray[np.float64], Vectors]:
        """Of the nodes of positive degree, smallest value first."""
        n_pixels = self.shape[0] * self.shape[1]
        nodes = np.flatnonzero(self.roots)
        unit = np.zeros((len(nodes), n_pixels), np.float32)
        unit[np.arange(len(nodes)), nodes] = 1
        matrix = self.apply(unit)[:, nodes].astype(np.float64)
        values, columns = np.linalg.eigh((matrix + matrix.T) / 2)
        vectors = np.zeros((len(nodes), n_pixels), np.float32)
        vectors[:, nodes] = columns.T
        return values, vectors

    def _upper_bound(self, steps: int = 8) -> float:
        """Upper bound of L's largest eigenvalue: that of a few Lanczos steps plus the residual's norm; at most 2."""
        rows, columns = np.mgrid[: self.shape[0], : self.shape[1]]
        start = np.cos(2.4 * rows + 0.3) * np.cos(2.6 * columns + 0.2) * (self.roots > 0)
        vector = (start / max(float(np.linalg.norm(start)), 1e-30)).astype(np.float32).reshape(1, -1)
        before, beta = np.zeros_like(vector), 0.0
        matrix = np.zeros((steps, steps))
        for step in range(steps):
            product = self.apply(vector) - np.float32(beta) * before
            matrix[step, step] = float(np.vdot(product, vector))
            product -= np.float32(matrix[step, step]) * vector
            beta = float(np.linalg.norm(product))
            if step + 1 == steps or beta < 1e-6:
                break
            matrix[step, step + 1] = matrix[step + 1, step] = beta
            before, vector = vector, product / np.float32(beta)
        return min(2.0, float(np.linalg.eigvalsh(matrix)[-1]) + beta)


def pixel_levels(graph: PixelGraph, n_vectors: int) -> list[PixelLevel]:
    """The levels of the graph, finest first; the coarsest has few nodes, but enough for `n_vectors` where possible."""
    graphs = [graph]
    while np.count_nonzero(graphs[-1].degrees) > max(DENSE, 4 * n_vectors):
        graphs.append(coarser_pixel_graph(graphs[-1]))
    return [PixelLevel(each, is_coarsest=each is graphs[-1]) for each in graphs]


def pixel_cycle(levels: list[PixelLevel], depth: int, target: Vectors) -> Vectors:
    """An approximation of L^+ target: a V cycle on the finest two levels, a W cycle on the cheap ones below."""
    level = levels[depth]
    if depth == len(levels) - 1:
        return level.solve(target)
    coarse = levels[depth + 1]
    result = level.smooth(target, None)
    for _ in range(1 if depth < 2 else 2):
        below = level.to_coarser(target - level.apply(result), coarse)
        correction = level.from_coarser(pixel_cycle(levels, depth + 1, below), coarse)
        result = level.smooth(target, result + np.float32(OVERCORRECTION) * correction)
    return result
