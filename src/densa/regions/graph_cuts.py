"""Normalized cuts of any weighted graph, such as the adjacency graph of a partition (Shi & Malik, PAMI 22(8), 2000)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, sparse
from scipy.sparse.linalg import eigsh

from densa.errors import InputError
from densa.regions.discretisation import discretise
from densa.regions.image_values import as_count, as_positive

__all__ = [
    "WeightedGraph",
    "best_threshold",
    "graph_eigenvectors",
    "normalized_cuts_of_graph",
    "recursive_cuts_of_graph",
    "weighted_graph",
]

DENSE = 1500  # nodes up to which a full matrix is the quicker one
THRESHOLDS = 10
STABILITY_BINS = 20


class WeightedGraph(NamedTuple):
    """Undirected graph: node numbers from 0 as (m, 2) edges, each edge once, with weights (m,) >= 0.

    An edge from a node to itself counts once in the node's degree.
    """

    n_nodes: int
    edges: NDArray[np.int64]
    weights: NDArray[np.float64]


def weighted_graph(n_nodes: int, edges: ArrayLike, weights: ArrayLike) -> WeightedGraph:
    """A checked `WeightedGraph`.

    Raises:
        InputError: shapes that do not fit, nodes outside 0..n_nodes - 1, negative, NaN or infinite weights.
    """
    count = as_count(n_nodes, "n_nodes")
    ends, values = np.asarray(edges), np.asarray(weights, np.float64)
    ends = ends.reshape(0, 2).astype(np.int64) if ends.size == 0 else ends
    if ends.ndim != 2 or ends.shape[1] != 2 or ends.dtype.kind not in "ui" or values.shape != ends.shape[:1]:
        raise InputError(f"edges must be (m, 2) integers with weights (m,), got {ends.shape} and {values.shape}")
    if len(ends) and not (int(ends.min()) >= 0 and int(ends.max()) < count):
        raise InputError(f"edges must join nodes 0..{count - 1}, got {ends.min()}..{ends.max()}")
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise InputError("weights must be finite numbers from 0; similarities, not distances")
    return WeightedGraph(count, ends.astype(np.int64), values)


def normalized_cuts_of_graph(n_nodes: int, edges: ArrayLike, weights: ArrayLike, n_segments: int) -> NDArray[np.int32]:
    """Cut a graph into `n_segments` parts with few and weak edges between them, none of the parts small.

    The k smallest generalised eigenvectors of (D - W) y = lambda D y, discretised as Yu & Shi (ICCV 2003) do.

    Args:
        n_nodes: number of nodes.
        edges: (m, 2) integers, nodes from 0; each edge once; a node's edge to itself is allowed.
        weights: (m,) similarities from 0.
        n_segments: number of parts, 1 to n_nodes.

    Returns:
        (n_nodes,) int32 part of each node, from 1 in the order of their first nodes; now and then fewer than asked.

    Raises:
        InputError: as `weighted_graph`; more segments than nodes.
    """
    graph = weighted_graph(n_nodes, edges, weights)
    count = as_count(n_segments, "n_segments")
    if count > graph.n_nodes:
        raise InputError(f"n_segments must be at most the number of nodes {graph.n_nodes}, got {count}")
    if count == graph.n_nodes:
        return np.arange(1, count + 1, dtype=np.int32)
    if count == 1:
        return np.ones(graph.n_nodes, np.int32)
    _, vectors = graph_eigenvectors(graph, count)
    return in_order_of_first(discretise(vectors.astype(np.float32)))


def recursive_cuts_of_graph(
    n_nodes: int, edges: ArrayLike, weights: ArrayLike, max_cut: float, *, stability: float = 0.06
) -> NDArray[np.int32]:
    """Halve a graph, and the halves again, while the best two-way cut is at most `max_cut` (Shi & Malik, section 3).

    Args:
        n_nodes, edges, weights: as in `normalized_cuts_of_graph`.
        max_cut: largest Ncut (0..2) of a two-way cut that is still made.
        stability: largest ratio of the emptiest to the fullest of 20 bins of the eigenvector; a vector whose values
            spread evenly shows no clear cut. 1 switches the test off.

    Returns:
        (n_nodes,) int32 part of each node, from 1 in the order of their first nodes.

    Raises:
        InputError: as `weighted_graph`; a bound that is not above 0.
    """
    graph = weighted_graph(n_nodes, edges, weights)
    bound, steadiness = as_positive(max_cut, "max_cut"), as_positive(stability, "stability")
    labels = np.zeros(graph.n_nodes, np.int64)
    waiting, n_labels = [0], 1
    while waiting:
        part = waiting.pop(0)
        nodes = np.flatnonzero(labels == part)
        if len(nodes) < 2:
            continue
        within = (labels[graph.edges] == part).all(axis=1)
        number = np.zeros(graph.n_nodes, np.int64)
        number[nodes] = np.arange(len(nodes))
        half = WeightedGraph(len(nodes), number[graph.edges[within]], graph.weights[within])
        _, vectors = graph_eigenvectors(half, 2)

        def value(side: NDArray[np.bool_], half: WeightedGraph = half) -> float:
            return two_way_cut(half, side)

        side = best_threshold(vectors[1], value, bound, steadiness)
        if side is None:
            continue
        labels[nodes[side]] = n_labels
        waiting += [part, n_labels]
        n_labels += 1
    return in_order_of_first(labels.astype(np.int32))


def graph_eigenvectors(graph: WeightedGraph, n_vectors: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n,) smallest values and (n, nodes) vectors y of (D - W) y = lambda D y; nodes without edges get 0.

    Vectors have unit length in the degrees' norm and a sum that is not negative.
    """
    matrix = _matrix(graph)
    degrees = np.asarray(matrix.sum(axis=1)).ravel()
    inverse = np.zeros(graph.n_nodes)
    np.divide(1, np.sqrt(degrees), out=inverse, where=degrees > 0)
    scaled = sparse.diags_array(inverse) @ matrix @ sparse.diags_array(inverse)
    if graph.n_nodes <= DENSE or n_vectors >= graph.n_nodes:
        last = graph.n_nodes - 1
        similarities, columns = linalg.eigh(scaled.toarray(), subset_by_index=[last + 1 - n_vectors, last])
    else:
        start = np.cos(np.arange(graph.n_nodes))  # any fixed vector that no symmetry is likely to make orthogonal
        similarities, columns = eigsh(scaled, n_vectors, which="LA", v0=start)
    order = np.argsort(-similarities, kind="stable")
    vectors = (columns[:, order] * inverse[:, np.newaxis]).T
    vectors *= np.where(vectors.sum(axis=1) < 0, -1.0, 1.0)[:, np.newaxis]
    return np.maximum(1 - similarities[order], 0.0), vectors


def best_threshold(
    vector: NDArray[Any], cut_value: Callable[[NDArray[np.bool_]], float], bound: float, stability: float
) -> NDArray[np.bool_] | None:
    """Items above the threshold of least cut, of ten between the vector's ends; None: no good or steady cut."""
    least, most = float(vector.min()), float(vector.max())
    if not most - least > 1e-9 * max(abs(most), abs(least), 1e-300):
        return None
    bins = np.histogram(vector, STABILITY_BINS, (least, most))[0]
    if bins.min() > stability * bins.max():
        return None
    thresholds = np.linspace(least, most, THRESHOLDS + 2)[1:-1]
    values = [cut_value(vector > threshold) for threshold in thresholds]
    best = int(np.argmin(values))
    return vector > thresholds[best] if values[best] <= bound else None


def two_way_cut(graph: WeightedGraph, side: NDArray[np.bool_]) -> float:
    """Ncut of a set of nodes and the rest; a side without edges counts 1."""
    return float(cut_of_labels(graph, side.astype(np.int64), 2))


def cut_of_labels(graph: WeightedGraph, labels: NDArray[np.int64], n_labels: int) -> float:
    """Sum over the labels 0..n_labels - 1 of cut / association; a label without edges counts 1."""
    one, other = labels[graph.edges].reshape(-1, 2).T
    itself = graph.edges[:, 0] == graph.edges[:, 1]
    association = np.bincount(one, graph.weights, n_labels) + np.bincount(other, graph.weights * ~itself, n_labels)
    crossing = graph.weights * (one != other)
    cut = np.bincount(one, crossing, n_labels) + np.bincount(other, crossing, n_labels)
    return float(np.divide(cut, association, out=np.ones(n_labels), where=association > 0).sum())


def in_order_of_first(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """The labels renumbered from 1 in the order of their first items; negative labels become 0."""
    flat = labels.ravel()
    names, first = np.unique(flat, return_index=True)
    first = first[names >= 0]
    names = names[names >= 0]
    numbers = np.zeros(max(int(flat.max(initial=0)), 0) + 1, np.int32)
    numbers[names[np.argsort(first)]] = np.arange(1, len(names) + 1)
    return np.where(flat >= 0, numbers[np.maximum(flat, 0)], 0).astype(np.int32).reshape(labels.shape)


def _matrix(graph: WeightedGraph) -> Any:
    """Symmetric sparse matrix of the weights."""
    rows, columns = graph.edges.T
    other = rows != columns
    entries = np.concatenate([graph.weights, graph.weights[other]])
    places = (np.concatenate([rows, columns[other]]), np.concatenate([columns, rows[other]]))
    return sparse.coo_array((entries, places), shape=(graph.n_nodes, graph.n_nodes)).tocsr()
