"""Sums over the neighbours of every pixel of a `PixelGraph`, and the same graph at half the resolution."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.jit import kernel_jit
from densa.parallel import share_pixels
from densa.regions.normalized_cuts.pixel_affinity import PixelGraph

__all__ = ["PixelLaplacian", "coarser_pixel_graph"]


class PixelLaplacian:
    """The operator L = I - D^{-1/2} W D^{-1/2} of a pixel graph, on stacks of images (n, h, w)."""

    def __init__(self, graph: PixelGraph) -> None:
        self.offsets = graph.offsets
        self.shape = graph.degrees.shape
        positive = graph.degrees > 0
        self.roots = np.sqrt(graph.degrees)
        inverse = np.zeros_like(self.roots)
        np.divide(1, self.roots, out=inverse, where=positive)
        self.inverse_roots = inverse
        self.weights = np.empty_like(graph.weights)
        self.diagonal = np.empty_like(self.roots)
        share_pixels(_scale_weights, self.shape, graph.offsets, graph.weights, inverse, self.weights, self.diagonal)

    def apply(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """L times each of the vectors, (n, h, w)."""
        result = np.empty_like(vectors)
        self.recur(vectors, vectors, 1.0, 0.0, 0.0, result)
        return result

    def recur(
        self,
        vectors: NDArray[np.float32],
        before: NDArray[np.float32],
        of_product: float,
        of_vectors: float,
        of_before: float,
        result: NDArray[np.float32],
    ) -> None:
        """result = of_product * L vectors + of_vectors * vectors + of_before * before; `result` may be `before`."""
        factors = np.array([of_product, of_vectors, of_before], np.float32)
        operator = self.offsets, self.weights, self.diagonal
        share_pixels(_recur, self.shape, *operator, vectors, before, factors, result)


@kernel_jit
def _scale_weights(offsets: Any, weights: Any, inverse: Any, scaled: Any, diagonal: Any, top: int, end: int) -> None:
    """w_ij / sqrt(d_i d_j), and the diagonal of L: the share of a pixel's degree that goes to other pixels."""
    _, height, width = weights.shape
    for row in range(top, end):
        total = diagonal[row]
        total[:] = 0
        for k in range(offsets.shape[0]):
            down, across = offsets[k, 0], offsets[k, 1]
            target = scaled[k, row]
            target[:] = 0
            first, n_columns = max(0, -across), width - abs(across)
            if row + down < height:
                source = weights[k, row][first : first + n_columns]
                one = inverse[row][first : first + n_columns]
                other = inverse[row + down][first + across : first + across + n_columns]
                part = target[first : first + n_columns]
                here = total[first : first + n_columns]
                for column in range(n_columns):
                    part[column] = source[column] * one[column] * other[column]
                    here[column] += source[column]
            if row >= down:
                back = weights[k, row - down][first : first + n_columns]
                there = total[first + across : first + across + n_columns]
                for column in range(n_columns):
                    there[column] += back[column]
        for column in range(width):
            total[column] *= inverse[row, column] * inverse[row, column]


@kernel_jit
def _recur(
    offsets: Any, weights: Any, diagonal: Any, vectors: Any, before: Any, factors: Any, result: Any, top: int, end: int
) -> None:
    n_vectors, height, width = vectors.shape
    for row in range(top, end):
        for v in range(n_vectors):
            x, y, target = vectors[v, row], before[v, row], result[v, row]
            for column in range(width):
                own = factors[0] * diagonal[row, column] + factors[1]
                target[column] = own * x[column] + factors[2] * y[column]
        for k in range(offsets.shape[0]):
            down, across = offsets[k, 0], offsets[k, 1]
            first, n_columns = max(0, -across), width - abs(across)
            if row + down < height:
                _subtract(
                    weights[k, row][first : first + n_columns], factors[0], vectors, row + down, first + across,
                    result, row, first,
                )  # fmt: skip
            if row >= down:
                _subtract(
                    weights[k, row - down][first : first + n_columns], factors[0], vectors, row - down, first,
                    result, row, first + across,
                )  # fmt: skip


@njit(nogil=True, cache=True, fastmath={"contract"})  # multiply and add in one instruction
def _subtract(
    along: Any, factor: float, vectors: Any, row: int, column: int, result: Any, target_row: int, target_column: int
) -> None:
    """result[:, target row] -= factor * weights * vectors[:, row], from the given columns on."""
    n_columns = along.size
    n_vectors = vectors.shape[0]
    v = 0
    while v + 4 <= n_vectors:
        x0 = vectors[v, row][column : column + n_columns]
        x1 = vectors[v + 1, row][column : column + n_columns]
        x2 = vectors[v + 2, row][column : column + n_columns]
        x3 = vectors[v + 3, row][column : column + n_columns]
        y0 = result[v, target_row][target_column : target_column + n_columns]
        y1 = result[v + 1, target_row][target_column : target_column + n_columns]
        y2 = result[v + 2, target_row][target_column : target_column + n_columns]
        y3 = result[v + 3, target_row][target_column : target_column + n_columns]
        for i in range(n_columns):
            weight = factor * along[i]
            y0[i] -= weight * x0[i]
            y1[i] -= weight * x1[i]
            y2[i] -= weight * x2[i]
            y3[i] -= weight * x3[i]
        v += 4
    while v < n_vectors:
        x = vectors[v, row][column : column + n_columns]
        y = result[v, target_row][target_column : target_column + n_columns]
        for i in range(n_columns):
            y[i] -= factor * along[i] * x[i]
        v += 1


def coarser_pixel_graph(graph: PixelGraph) -> PixelGraph:
    """The graph of 2x2 cells: weights and degrees summed, so that a cut along cells has its value in both graphs."""
    _, height, width = graph.weights.shape
    shape = ((height + 1) // 2, (width + 1) // 2)
    reach = [int(np.abs(graph.offsets[:, axis]).max(initial=0) + 1) // 2 for axis in (0, 1)]
    down, across = (min(r, side - 1) for r, side in zip(reach, shape, strict=True))
    offsets = np.array(
        [(row, column) for row in range(down + 1) for column in range(-across, across + 1) if row > 0 or column > 0],
        np.int64,
    ).reshape(-1, 2)
    place = np.full((reach[0] + 1, 2 * reach[1] + 1), -1, np.int64)
    for number, (row, column) in enumerate(offsets):
        place[row, column + reach[1]] = number
    weights = np.zeros((len(offsets), *shape), np.float32)
    degrees = np.zeros(shape, np.float32)
    share_pixels(_sum_cells, shape, graph.offsets, graph.weights, graph.degrees, place, reach[1], weights, degrees)
    return PixelGraph(offsets, weights, degrees)


@kernel_jit
def _sum_cells(
    offsets: Any,
    weights: Any,
    degrees: Any,
    place: Any,
    centre: int,
    coarse_weights: Any,
    coarse_degrees: Any,
    top: int,
    end: int,
) -> None:
    _, height, width = weights.shape
    for cell_row in range(top, end):
        for row in range(2 * cell_row, min(2 * cell_row + 2, height)):
            for column in range(width):
                coarse_degrees[cell_row, column // 2] += degrees[row, column]
            for k in range(offsets.shape[0]):
                down = (row + offsets[k, 0]) // 2 - cell_row
                if row + offsets[k, 0] >= height:
                    continue
                for odd in range(2):
                    across = (odd + offsets[k, 1]) // 2
                    line = weights[k, row][odd:]
                    if down > 0 or across > 0:
                        number = place[down, across + centre]
                        if number >= 0:
                            target = coarse_weights[number, cell_row]
                            for cell in range((line.size + 1) // 2):
                                target[cell] += line[2 * cell]
                    elif across < 0:  # the edge is stored from its other end, in the same row of cells
                        number = place[0, -across + centre]
                        if number >= 0:
                            target = coarse_weights[number, cell_row]
                            for cell in range(-across, (line.size + 1) // 2):
                                target[cell + across] += line[2 * cell]
