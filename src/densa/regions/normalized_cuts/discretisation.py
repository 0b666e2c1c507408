"""From continuous eigenvectors to k labels (Yu & Shi, Multiclass spectral clustering, ICCV 2003).

Method: Discretisation of eigenvectors.
Source: Yu, Shi, ICCV 2003.
As printed: rotation and labels in turn, by singular value decomposition, until the objective is stationary.
Departs: nothing.
Held by: tests/regions/normalized_cuts/test_discretisation.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.jit import kernel_jit

__all__ = ["discretise"]

STEPS = 20


def discretise(vectors: NDArray[np.float32]) -> NDArray[np.int32]:
    """The label, 0 to k - 1, of every node.

    Rows are scaled to unit length; then labels (the largest coordinate) and the rotation that brings the rows nearest
    to these labels are computed in turn, until the fit no longer changes.

    Args:
        vectors: (k, n) smallest eigenvectors y of (D - W) y = lambda D y.
    """
    n_vectors, n_nodes = vectors.shape
    rows = np.ascontiguousarray(vectors.T)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-20))
    labels = np.zeros(n_nodes, np.int32)
    rotation = _first_rotation(rows)
    before = np.inf
    for _ in range(STEPS):
        sums = np.zeros((n_vectors, n_vectors))
        _assign(rows, rotation.astype(np.float32), labels, sums)
        left, singular, right = np.linalg.svd(sums)  # sums = Y'X
        misfit = 2 * (n_nodes - singular.sum())
        if abs(before - misfit) < 1e-6 * n_nodes:
            break
        before, rotation = misfit, (left @ right).T
    return labels


def _first_rotation(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Columns are rows of the data: the middle one, then repeatedly the row most nearly orthogonal to all so far."""
    rows = rows[rows.any(axis=1)]  # nodes without edges do not matter
    if not len(rows):
        return np.eye(rows.shape[1])
    chosen = [len(rows) // 2]
    closeness = np.zeros(len(rows), np.float32)
    while len(chosen) < rows.shape[1]:
        closeness += np.abs(rows @ rows[chosen[-1]])
        chosen.append(int(closeness.argmin()))
    return rows[chosen].T.astype(np.float64)


@kernel_jit
def _assign(rows: Any, rotation: Any, labels: Any, sums: Any) -> None:
    """Label every row by its largest coordinate after rotation; `sums[c]` becomes the sum of the rows of label c."""
    n_nodes, k = rows.shape
    block = np.zeros((k, k), np.float32)
    for node in range(n_nodes):
        best, best_value = 0, np.float32(-1e30)
        for column in range(k):
            value = np.float32(0)
            for i in range(k):
                value += rows[node, i] * rotation[i, column]
            if value > best_value:
                best, best_value = column, value
        labels[node] = best
        for i in range(k):
            block[best, i] += rows[node, i]
        if node % 1024 == 1023 or node == n_nodes - 1:  # short float32 sums stay accurate
            for c in range(k):
                for i in range(k):
                    sums[c, i] += block[c, i]
                    block[c, i] = 0
