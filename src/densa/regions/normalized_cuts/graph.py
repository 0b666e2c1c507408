"""Normalized cuts of any weighted graph, such as the adjacency graph of a partition (Shi & Malik, PAMI 22(8), 2000).

Method: Normalized cuts of graphs (`normalized-cuts`).
Source: Shi, Malik, PAMI 22(8), 2000, doi:10.1109/34.868688.
As printed: cut, association and normalized cut; recursive halving stopped by `max_cut`, and k parts at once.
Departs: LOBPCG in place of Lanczos; a graph in pieces is divided into them first; w_ii = 1 of the paper, which lowers
    every cut, is an option; descent after the discretisation.
Held by: tests/regions/normalized_cuts/test_graph.py, tests/regions/normalized_cuts/test_graph_spectral.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse import csgraph
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from densa.checks import as_count, as_positive
from densa.errors import InputError
from densa.regions.normalized_cuts.discretisation import discretise
from densa.regions.normalized_cuts.graph_refinement import refine_graph
from densa.regions.normalized_cuts.graph_spectral import smallest_positive_eigenvectors

__all__ = [
    "WeightedGraph",
    "best_threshold",
    "graph_eigenvectors",
    "normalized_cuts_of_graph",
    "recursive_cuts_of_graph",
    "weighted_graph",
]

DENSE = 500  # number of nodes up to which a dense matrix is faster
DENSE_OF_MANY_EDGES = 1500  # the same for nodes with ...
MANY_EDGES = 50  # ... so many edges on average
LARGEST = 30_000_000  # numbers in the eigenvectors; a dozen arrays of this size are needed
VANISHING = 1e-150  # smaller weights, relative to the largest, are no edge
THRESHOLDS = 10
STABILITY_BINS = 20


class WeightedGraph(NamedTuple):
    """Undirected graph: node numbers from 0 as (m, 2) edges, each edge once, with weights (m,) >= 0.

    An edge from a node to itself counts once in the node's degree.

    Examples:
        >>> from densa import regions
        >>> graph = regions.weighted_graph(3, [(0, 1), (1, 2)], [1.0, 0.5])
        >>> graph.n_nodes, graph.edges.tolist(), graph.weights.tolist()
        (3, [[0, 1], [1, 2]], [1.0, 0.5])
    """

    n_nodes: int
    edges: NDArray[np.integer[Any]]
    weights: NDArray[np.float64]


def weighted_graph(n_nodes: int, edges: ArrayLike, weights: ArrayLike) -> WeightedGraph:
    """A checked `WeightedGraph`.

    Raises:
        InputError: incompatible shapes, nodes outside 0..n_nodes - 1, negative, NaN or infinite weights.

    Examples:
        >>> from densa import regions
        >>> regions.weighted_graph(3, [(0, 1), (1, 2)], [1.0, 0.5]).edges.tolist()
        [[0, 1], [1, 2]]
    """
    count = as_count(n_nodes, "n_nodes")
    ends, values = np.asarray(edges), np.asarray(weights, np.float64)
    ends = ends.reshape(0, 2).astype(np.int64) if ends.size == 0 else ends
    if ends.ndim != 2 or ends.shape[1] != 2 or ends.dtype.kind not in "ui" or values.shape != ends.shape[:1]:
        raise InputError(f"edges must be (m, 2) integers with weights (m,), got {ends.shape} and {values.shape}")
    if len(ends) and not (int(ends.min()) >= 0 and int(ends.max()) < count):
        raise InputError(f"edges must join nodes 0..{count - 1}, got {ends.min()}..{ends.max()}")
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise InputError("weights must be finite numbers from 0: similarities, not distances")
    return WeightedGraph(count, ends if ends.dtype in (np.int32, np.int64) else ends.astype(np.int64), values)


def normalized_cuts_of_graph(
    n_nodes: int, edges: ArrayLike, weights: ArrayLike, n_segments: int, *, refine: bool = True
) -> NDArray[np.int32]:
    """Cut a graph into `n_segments` parts with few and weak edges between them, none of the parts small.

    Computes the k smallest generalised eigenvectors of (D - W) y = lambda D y and discretises them as Yu & Shi (ICCV
    2003) do. Designed for graphs of up to 10^6 nodes with few edges each.

    Args:
        n_nodes: number of nodes.
        edges: (m, 2) integers, nodes from 0; each edge once; a node's edge to itself is allowed.
        weights: (m,) similarities from 0.
        n_segments: number of parts, 1 to n_nodes; times n_nodes at most 3 * 10^7.
        refine: let nodes between parts change sides while that lowers the k-way cut. False: Yu & Shi's labels.

    Returns:
        (n_nodes,) int32 part of each node, from 1 in the order of their first nodes; sometimes fewer than requested.

    Raises:
        InputError: as `weighted_graph`; more segments than nodes, or `n_segments` times `n_nodes` is too large.

    Examples:
        >>> from densa import regions
        >>> edges = [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)]
        >>> regions.normalized_cuts_of_graph(6, edges, [1, 1, 1, 0.1, 1, 1, 1], 2)
        array([1, 1, 1, 2, 2, 2], dtype=int32)
    """
    graph = weighted_graph(n_nodes, edges, weights)
    count = as_count(n_segments, "n_segments")
    if count > graph.n_nodes:
        raise InputError(f"n_segments must be at most the number of nodes {graph.n_nodes}, got {count}")
    if count == graph.n_nodes:
        return np.arange(1, count + 1, dtype=np.int32)
    if count == 1:
        return np.ones(graph.n_nodes, np.int32)
    labels = discretise(graph_eigenvectors(graph, count)[1].astype(np.float32))
    return in_order_of_first(refine_graph(matrix_of(graph), labels, count) if refine else labels)


def recursive_cuts_of_graph(
    n_nodes: int,
    edges: ArrayLike,
    weights: ArrayLike,
    max_cut: float,
    *,
    stability: float = 0.06,
    max_segments: int = 100,
) -> NDArray[np.int32]:
    """Halve a graph, and the halves again, while the best two-way cut is at most `max_cut` (Shi & Malik, section 3).

    Unconnected pieces are separated first: such a cut costs nothing.

    Args:
        n_nodes, edges, weights: as in `normalized_cuts_of_graph`.
        max_cut: largest Ncut (0..2) of a two-way cut that is still made.
        stability: largest ratio of the emptiest to the fullest of 20 bins of the eigenvector; a vector whose values
            are spread evenly shows no clear cut. 1 disables the test.
        max_segments: stop at so many; larger parts are halved first.

    Returns:
        (n_nodes,) int32 part of each node, from 1 in the order of their first nodes.

    Raises:
        InputError: as `weighted_graph`; a bound that is not above 0.

    Examples:
        >>> from densa import regions
        >>> edges = [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)]
        >>> regions.recursive_cuts_of_graph(6, edges, [1, 1, 1, 0.1, 1, 1, 1], max_cut=0.1)
        array([1, 1, 1, 2, 2, 2], dtype=int32)
    """
    graph = weighted_graph(n_nodes, edges, weights)
    bound, steadiness = as_positive(max_cut, "max_cut"), as_positive(stability, "stability")
    most = as_count(max_segments, "max_segments")
    labels = np.zeros(graph.n_nodes, np.int32)
    waiting, n_labels = [(np.arange(graph.n_nodes), graph)], 1
    while waiting and n_labels < most:
        nodes, part = waiting.pop(int(np.argmax([len(nodes) for nodes, _ in waiting])))
        side = _two_way(part, bound, steadiness)
        if side is None:
            continue
        labels[nodes[side]] = n_labels
        n_labels += 1
        waiting += [(nodes[half], _within(part, half)) for half in (~side, side)]
    return in_order_of_first(labels)


def graph_eigenvectors(graph: WeightedGraph, n_vectors: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n,) smallest values and (n, nodes) vectors y of (D - W) y = lambda D y; nodes without edges get 0.

    Small graphs are solved with a dense matrix; on larger ones values are approximations from above, within 1 %.
    Vectors have unit length in the degrees' norm and a nonnegative sum. In a graph of n or more connected pieces, all
    values are 0: each of the largest pieces has a vector that is constant on it and 0 elsewhere, and the remaining
    pieces share the last vector.

    Raises:
        InputError: more than 3 * 10^7 numbers in the vectors.
    """
    if n_vectors * graph.n_nodes > LARGEST:
        raise InputError(
            f"{n_vectors} vectors of {graph.n_nodes} nodes are too many: at most {LARGEST} numbers; use"
            " fewer segments, or merge regions instead"
        )
    with threadpool_limits(1, user_api="blas"):  # else the order of sums depends on the threads
        return _eigenvectors(graph, n_vectors)


def best_threshold(
    vector: NDArray[Any], cut_value: Callable[[NDArray[np.bool_]], float], bound: float, stability: float
) -> NDArray[np.bool_] | None:
    """Items above the threshold of least cut, of ten between the vector's extremes; None: no good or stable cut."""
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


def matrix_of(graph: WeightedGraph) -> Any:
    """Symmetric sparse matrix of the weights."""
    kind = np.int32 if 2 * len(graph.edges) < 2**31 else np.int64
    rows, columns = graph.edges.T.astype(kind)
    other = (rows != columns) & (graph.weights > 0)
    entries = np.concatenate([graph.weights, graph.weights[other]])
    places = (np.concatenate([rows, columns[other]]), np.concatenate([columns, rows[other]]))
    matrix = sparse.coo_array((entries, places), shape=(graph.n_nodes, graph.n_nodes)).tocsr()
    matrix.eliminate_zeros()
    return matrix


def _eigenvectors(graph: WeightedGraph, n_vectors: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    matrix = matrix_of(graph)
    largest = matrix.data.max(initial=0)
    if largest > 0:
        matrix.data /= largest
        matrix.data[matrix.data < VANISHING] = 0
        matrix.eliminate_zeros()
    degrees = np.asarray(matrix.sum(axis=1)).ravel()
    joined = np.flatnonzero(degrees > 0)
    vectors = np.zeros((n_vectors, graph.n_nodes))
    values = np.ones(n_vectors)  # a node without edges is an eigenvector of 1
    if not len(joined):
        return values, vectors
    if len(joined) < graph.n_nodes:
        matrix, degrees = matrix[joined][:, joined], degrees[joined]
    n_found = min(n_vectors, len(joined))
    n_pieces, pieces = csgraph.connected_components(matrix, directed=False)
    if n_pieces >= n_found:
        found_values, found = np.zeros(n_found), _indicators(pieces, degrees, n_found)
    elif len(joined) <= _most_of_full_matrix(matrix) or n_vectors > len(joined) // 10:
        found_values, found = _all_at_once(matrix, degrees, n_found)
    else:
        matrix = (sparse.diags_array(degrees) - matrix).tocsr()  # the Laplacian
        found_values, found = smallest_positive_eigenvectors(matrix, degrees, pieces, n_found - n_pieces)
        del matrix
        found_values = np.concatenate([np.zeros(n_pieces), found_values])
        found = np.vstack([_indicators(pieces, degrees, n_pieces), found.T])
    found *= np.where(found.sum(axis=1) < 0, -1.0, 1.0)[:, np.newaxis]
    values[:n_found], vectors[:n_found, joined] = found_values, found / np.sqrt(largest)
    return values, vectors


def _most_of_full_matrix(matrix: Any) -> int:
    return DENSE if matrix.nnz < MANY_EDGES * matrix.shape[0] else DENSE_OF_MANY_EDGES


def _all_at_once(matrix: Any, degrees: NDArray[np.float64], count: int) -> tuple[Any, Any]:
    """Smallest values and (count, nodes) vectors, from a dense matrix."""
    inverse = 1 / np.sqrt(degrees)
    # All eigenvalues: LAPACK's search for some of them fails where many are equal.
    similarities, columns = np.linalg.eigh(inverse[:, np.newaxis] * matrix.toarray() * inverse)
    wanted = columns[:, ::-1][:, :count]
    return np.maximum(1 - similarities[::-1][:count], 0.0), (wanted * inverse[:, np.newaxis]).T


def _indicators(pieces: NDArray[np.int32], degrees: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """(count, nodes) vectors, one for each of the pieces with the largest sums of degrees; the last for all others."""
    masses = np.bincount(pieces, degrees)
    rank = np.empty(len(masses), np.int64)
    rank[np.argsort(-masses, kind="stable")] = np.minimum(np.arange(len(masses)), count - 1)
    numbers = rank[pieces]
    vectors = np.zeros((count, len(pieces)))
    vectors[numbers, np.arange(len(pieces))] = (1 / np.sqrt(np.bincount(numbers, degrees)))[numbers]
    return vectors


def _within(graph: WeightedGraph, inside: NDArray[np.bool_]) -> WeightedGraph:
    """The graph of some of the nodes and the edges between them."""
    numbers = np.cumsum(inside) - 1
    kept = inside[graph.edges].all(axis=1)
    ends = numbers[graph.edges[kept]].astype(graph.edges.dtype, copy=False)
    return WeightedGraph(int(numbers[-1]) + 1, ends, graph.weights[kept])


def _two_way(graph: WeightedGraph, bound: float, stability: float) -> NDArray[np.bool_] | None:
    """Nodes to be split off; None: the graph stays whole."""
    if graph.n_nodes < 2:
        return None
    _, vectors = graph_eigenvectors(graph, 2)
    return best_threshold(vectors[1], lambda side: two_way_cut(graph, side), bound, stability)
