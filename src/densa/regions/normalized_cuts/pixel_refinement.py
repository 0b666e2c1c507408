"""Local descent of the k-way normalized cut: pixels at segment borders change sides while that lowers the cut."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.jit import inner_jit, kernel_jit
from densa.regions.normalized_cuts.pixel_affinity import PixelGraph
from densa.regions.normalized_cuts.pixel_stencil import coarser_pixel_graph

__all__ = ["best_label", "cut_and_association", "refine_pixels"]

DEPTH = 2  # number of halvings: the largest cells that move have 2**DEPTH pixels a side


def refine_pixels(graph: PixelGraph, labels: NDArray[np.int32], n_labels: int, sweeps: int = 40) -> NDArray[np.int32]:
    """Labels (h, w) from 0 of a k-way cut not above the given labels' cut; every label keeps at least one pixel.

    First single pixels move. Then cells of 4x4 and of 2x2 pixels move, followed by the pixels again: cells can cross
    barriers of the cut that stop a single pixel. Each attempt is kept if it lowers the cut. Negative labels remain.
    """
    best = _descended(graph, labels, n_labels, sweeps)
    best_cut, n_present = _cut(graph, best, n_labels), _n_present(labels)
    graphs = [graph]
    for _ in range(DEPTH):
        graphs.append(coarser_pixel_graph(graphs[-1]))
    for depth in range(DEPTH, 0, -1):
        tried = np.ascontiguousarray(best[:: 2**depth, :: 2**depth])
        for level in graphs[depth:0:-1]:
            tried = _descended(level, _fitted(tried, level.degrees.shape), n_labels, sweeps)
        tried = _fitted(tried, labels.shape)
        tried = _descended(graph, np.where((labels < 0) | (tried < 0), best, tried), n_labels, sweeps)
        cut = _cut(graph, tried, n_labels)
        if cut < best_cut and _n_present(tried) == n_present:
            best, best_cut = tried, cut
    return best


def _descended(graph: PixelGraph, labels: NDArray[np.int32], n_labels: int, sweeps: int) -> NDArray[np.int32]:
    """The labels after moves of single nodes; sweeps in row order revisit a node only after a neighbour moved."""
    moved = labels.copy()
    cut, association = cut_and_association(graph, moved, n_labels)
    _descend(graph.offsets, graph.weights, graph.degrees, moved, association - cut, association, sweeps)
    return moved


def _fitted(labels: NDArray[np.int32], shape: tuple[int, ...]) -> NDArray[np.int32]:
    """The labels of cells as labels of their pixels, unless they have the shape of the pixels already."""
    if labels.shape == shape:
        return labels
    return np.ascontiguousarray(labels.repeat(2, axis=0).repeat(2, axis=1)[: shape[0], : shape[1]])


def _n_present(labels: NDArray[np.int32]) -> int:
    return len(np.unique(labels[labels >= 0]))


def _cut(graph: PixelGraph, labels: NDArray[np.int32], n_labels: int) -> float:
    cut, association = cut_and_association(graph, labels, n_labels)
    return float(np.divide(cut, association, out=np.zeros_like(cut), where=association > 0).sum())


def cut_and_association(
    graph: PixelGraph, labels: NDArray[np.int32], n_labels: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each label from 0: weight of the edges that leave it, and of all its edges; negative labels are ignored."""
    cut = np.zeros((labels.shape[0], n_labels))
    association = np.zeros((labels.shape[0], n_labels))
    _sum_cuts(graph.offsets, graph.weights, graph.degrees, labels, cut, association)
    return cut.sum(axis=0), association.sum(axis=0)


@kernel_jit
def _sum_cuts(offsets: Any, weights: Any, degrees: Any, labels: Any, cut: Any, association: Any) -> None:
    """Sums per row and label: short sums are accurate."""
    height, width = labels.shape
    for row in range(height):
        for column in range(width):
            if labels[row, column] >= 0:
                association[row, labels[row, column]] += degrees[row, column]
        for k in range(offsets.shape[0]):
            if row + offsets[k, 0] >= height:
                continue
            first, last = max(0, -offsets[k, 1]), min(width, width - offsets[k, 1])
            for column in range(first, last):
                one, other = labels[row, column], labels[row + offsets[k, 0], column + offsets[k, 1]]
                if one != other:
                    if one >= 0:
                        cut[row, one] += weights[k, row, column]
                    if other >= 0:
                        cut[row, other] += weights[k, row, column]


@kernel_jit
def _descend(offsets: Any, weights: Any, degrees: Any, labels: Any, inner: Any, association: Any, sweeps: int) -> None:
    """Move pixels while the sum of inner / association grows (the k-way cut is k minus it)."""
    height, width = labels.shape
    n_labels = inner.size
    links = np.zeros(n_labels)
    counts = np.zeros(n_labels, np.int64)
    for row in range(height):
        for column in range(width):
            if labels[row, column] >= 0:
                counts[labels[row, column]] += 1
    stale = np.ones((height + 2, width + 2), np.bool_)
    for _ in range(sweeps):
        moved = False
        for row in range(height):
            for column in range(width):
                own = labels[row, column]
                if not stale[row + 1, column + 1] or own < 0 or counts[own] == 1:
                    continue
                stale[row + 1, column + 1] = False
                if not _at_border(labels, row, column):
                    continue
                _sum_links(offsets, weights, labels, row, column, links)
                degree = degrees[row, column]
                itself = max(degree - links.sum(), 0.0)  # the edges inside the cell of a coarse node
                best = best_label(own, degree, itself, links, inner, association)
                if best != own:
                    inner[own] -= 2 * links[own] + itself
                    inner[best] += 2 * links[best] + itself
                    association[own] -= degree
                    association[best] += degree
                    counts[own] -= 1
                    counts[best] += 1
                    labels[row, column] = best
                    stale[row : row + 3, column : column + 3] = True
                    moved = True
        if not moved:
            break


@inner_jit
def best_label(own: int, degree: float, itself: float, links: Any, inner: Any, association: Any) -> int:
    """The best label for a node; its own if no move lowers the cut.

    Args:
        own, degree, itself: label of the node, weight of all of its edges, and of its edge to itself.
        links: weight of its edges to each label.
        inner, association: of each label, weight of the edges inside it (both ways), and of all of its edges.
    """
    rest = association[own] - degree
    own_after = (inner[own] - 2 * links[own] - itself) / rest if rest > 0 else 0.0
    loss = inner[own] / association[own] - own_after if association[own] > 0 else 0.0
    best, best_gain = own, loss + 1e-12
    for other in range(inner.size):
        if other != own and links[other] > 0:
            # After many differences, a very small association may be 0 or less.
            total = association[other] + degree
            after = (inner[other] + 2 * links[other] + itself) / total if total > 0 else 0.0
            before = inner[other] / association[other] if association[other] > 0 else 0.0
            gain = after - before
            if gain > best_gain:
                best, best_gain = other, gain
    return best


@inner_jit
def _at_border(labels: Any, row: int, column: int) -> bool:
    """Whether a 4-neighbour has another label."""
    height, width = labels.shape
    own = labels[row, column]
    return (
        (row > 0 and labels[row - 1, column] != own)
        or (row + 1 < height and labels[row + 1, column] != own)
        or (column > 0 and labels[row, column - 1] != own)
        or (column + 1 < width and labels[row, column + 1] != own)
    )


@inner_jit
def _sum_links(offsets: Any, weights: Any, labels: Any, row: int, column: int, links: Any) -> None:
    """Weight of the pixel's edges to each label."""
    height, width = labels.shape
    links[:] = 0
    for k in range(offsets.shape[0]):
        for way in range(2):
            sign = 1 - 2 * way
            other_row, other_column = row + sign * offsets[k, 0], column + sign * offsets[k, 1]
            if 0 <= other_row < height and 0 <= other_column < width and labels[other_row, other_column] >= 0:
                weight = weights[k, row, column] if way == 0 else weights[k, other_row, other_column]
                links[labels[other_row, other_column]] += weight
