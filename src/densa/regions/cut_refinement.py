"""Local descent of the k-way normalized cut: pixels at segment borders change sides while that lowers the cut."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.regions.affinity import PixelGraph

__all__ = ["cut_and_association", "refine"]


def refine(graph: PixelGraph, labels: NDArray[np.int32], n_labels: int, sweeps: int = 40) -> NDArray[np.int32]:
    """Labels (h, w) from 0 of a k-way cut not above the given labels' cut; every label keeps at least one pixel.

    Rows are swept in order; a pixel is looked at again only after a pixel beside it has moved.
    """
    refined = labels.copy()
    cut, association = cut_and_association(graph, refined, n_labels)
    _descend(graph.offsets, graph.weights, graph.degrees, refined, association - cut, association, sweeps)
    return refined


def cut_and_association(
    graph: PixelGraph, labels: NDArray[np.int32], n_labels: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each label from 0: weight of the edges that leave it, and of all its edges; negative labels are left out."""
    cut = np.zeros((labels.shape[0], n_labels))
    association = np.zeros((labels.shape[0], n_labels))
    _sum_cuts(graph.offsets, graph.weights, graph.degrees, labels, cut, association)
    return cut.sum(axis=0), association.sum(axis=0)


@njit(nogil=True, cache=True)
def _sum_cuts(offsets: Any, weights: Any, degrees: Any, labels: Any, cut: Any, association: Any) -> None:
    """Sums per row and label: short sums lose no digits."""
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


@njit(nogil=True, cache=True)
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
                rest = association[own] - degree
                own_after = (inner[own] - 2 * links[own]) / rest if rest > 0 else 0.0
                loss = inner[own] / association[own] - own_after
                best, best_gain = own, loss + 1e-12
                for other in range(n_labels):
                    if other != own and links[other] > 0:
                        after = (inner[other] + 2 * links[other]) / (association[other] + degree)
                        gain = after - inner[other] / association[other]
                        if gain > best_gain:
                            best, best_gain = other, gain
                if best != own:
                    inner[own] -= 2 * links[own]
                    inner[best] += 2 * links[best]
                    association[own] -= degree
                    association[best] += degree
                    counts[own] -= 1
                    counts[best] += 1
                    labels[row, column] = best
                    stale[row : row + 3, column : column + 3] = True
                    moved = True
        if not moved:
            break


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
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
