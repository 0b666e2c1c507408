"""Local descent of a graph's k-way normalized cut: nodes change sides while that lowers the cut."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.jit import kernel_jit
from densa.regions.normalized_cuts.pixel_refinement import best_label

__all__ = ["refine_graph"]


def refine_graph(matrix: Any, labels: NDArray[np.int32], n_labels: int, sweeps: int = 40) -> NDArray[np.int32]:
    """Labels (nodes,) from 0 of a k-way cut not above the given labels' cut; every label keeps at least one node.

    Sweeps in the order of nodes revisit a node only after a neighbour moved.

    Args:
        matrix: (nodes, nodes) csr, symmetric weights; a node's weight to itself is on the diagonal.
        labels: (nodes,) from 0 to n_labels - 1.
    """
    moved = labels.copy()
    degrees = np.asarray(matrix.sum(axis=1)).ravel()
    association = np.bincount(labels, degrees, n_labels)
    own = np.repeat(labels, np.diff(matrix.indptr))
    inner = np.bincount(own, matrix.data * (own == labels[matrix.indices]), n_labels)
    _descend(matrix.indptr, matrix.indices, matrix.data, degrees, moved, inner, association, sweeps)
    return moved


@kernel_jit
def _descend(
    starts: Any, columns: Any, entries: Any, degrees: Any, labels: Any, inner: Any, association: Any, sweeps: int
) -> None:
    """Move nodes while the sum of inner / association grows (the k-way cut is k minus it)."""
    n_labels = inner.size
    links = np.zeros(n_labels)
    counts = np.zeros(n_labels, np.int64)
    for node in range(labels.size):
        counts[labels[node]] += 1
    stale = np.ones(labels.size, np.bool_)
    for _ in range(sweeps):
        n_moved = 0
        for node in range(labels.size):
            own = labels[node]
            if not stale[node] or counts[own] == 1:
                continue
            stale[node] = False
            at_border, itself = False, 0.0
            for place in range(starts[node], starts[node + 1]):
                at_border |= labels[columns[place]] != own
            if not at_border:
                continue
            links[:] = 0
            for place in range(starts[node], starts[node + 1]):
                if columns[place] == node:
                    itself += entries[place]
                else:
                    links[labels[columns[place]]] += entries[place]
            best = best_label(own, degrees[node], itself, links, inner, association)
            if best == own:
                continue
            inner[own] -= 2 * links[own] + itself
            inner[best] += 2 * links[best] + itself
            association[own] -= degrees[node]
            association[best] += degrees[node]
            counts[own] -= 1
            counts[best] += 1
            labels[node] = best
            n_moved += 1
            for place in range(starts[node], starts[node + 1]):
                stale[columns[place]] = True
        if n_moved == 0:
            break
