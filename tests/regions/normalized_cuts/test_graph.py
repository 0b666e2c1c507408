"""Normalized cuts of any graph: worked by hand, pieces, many segments, bad input."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa.errors import InputError
from densa.regions.normalized_cuts import graph as graph_cuts
from densa.regions.normalized_cuts.discretisation import discretise
from densa.regions.normalized_cuts.graph import (
    graph_eigenvectors,
    normalized_cuts_of_graph,
    recursive_cuts_of_graph,
    two_way_cut,
    weighted_graph,
)
from densa.regions.normalized_cuts.pixels import ncut_value
from tests.regions.normalized_cuts.graphs import apart, lattice, path

PATH = (4, [[0, 1], [1, 2], [2, 3]], [1.0, 0.1, 1.0])


def pairs_graph():
    """Six nodes in three pairs: 1 inside a pair (edges to itself included), 0.02 elsewhere."""
    edges = [(i, j) for i in range(6) for j in range(i, 6)]
    return 6, edges, [1.0 if i // 2 == j // 2 else 0.02 for i, j in edges]


def test_path_of_four_by_hand():
    graph = weighted_graph(*PATH)
    values, vectors = graph_eigenvectors(graph, 4)
    assert_allclose(values, [0, 0.090909, 1.909091, 2], atol=1e-6)
    assert_allclose(vectors[1] / vectors[1][0], [1, 0.909091, -0.909091, -1], atol=1e-6)
    assert_allclose(ncut_value(graph, [1, 1, 2, 2]), 0.095238, atol=1e-6)
    assert_allclose(ncut_value(graph, [1, 2, 2, 2]), 1.3125)
    assert_allclose(two_way_cut(graph, np.array([False, False, False, True])), 1.3125)
    assert_array_equal(normalized_cuts_of_graph(*PATH, 2), [1, 1, 2, 2])
    assert_array_equal(recursive_cuts_of_graph(*PATH, 0.1), [1, 1, 2, 2])
    assert_array_equal(recursive_cuts_of_graph(*PATH, 0.09), [1, 1, 1, 1])


def test_three_pairs_by_hand():
    graph = weighted_graph(*pairs_graph())
    values, vectors = graph_eigenvectors(graph, 6)
    assert_allclose(values, [0, 0.057692, 0.057692, 1, 1, 1], atol=1e-6)
    assert_array_equal(normalized_cuts_of_graph(*pairs_graph(), 3), [1, 1, 2, 2, 3, 3])
    assert_allclose(ncut_value(graph, [1, 1, 2, 2, 3, 3]), 0.115385, atol=1e-6)
    assert_allclose(values[:3].sum(), 0.115385, atol=1e-6)
    assert len(np.unique(discretise(vectors[:3].astype(np.float32)))) == 3


def test_scaled_weights_and_renumbered_nodes(rng):
    n_nodes = 30
    edges = np.argwhere(np.triu(rng.random((n_nodes, n_nodes)) < 0.8, 1))
    weights = np.where(edges[:, 0] // 10 == edges[:, 1] // 10, 1.0, 0.05) * rng.uniform(0.8, 1, len(edges))
    parts = normalized_cuts_of_graph(n_nodes, edges, weights, 3)
    assert_array_equal(parts, np.arange(n_nodes) // 10 + 1)
    assert_array_equal(normalized_cuts_of_graph(n_nodes, edges, 64 * weights, 3), parts)
    new = rng.permutation(n_nodes)
    renamed = normalized_cuts_of_graph(n_nodes, new[edges], weights, 3)[new]
    assert_array_equal(renamed[:, None] == renamed, parts[:, None] == parts)


def test_pieces_come_first():
    graph = apart(lattice(25, 25, 1), lattice(10, 10, 2), path(3), path(1), path(1))
    values, vectors = graph_eigenvectors(graph, 8)
    assert_allclose(values[:3], 0, atol=1e-12)
    assert (values[3:7] > 1e-9).all()
    alone = graph_eigenvectors(lattice(25, 25, 1), 6)[0][1:]
    beside = graph_eigenvectors(lattice(10, 10, 2), 6)[0][1:]
    assert_allclose(values[3:], np.sort(np.concatenate([alone, beside, [1, 1.0]]))[:5], rtol=0.01)
    assert (vectors[:, -2:] == 0).all()  # without edges
    assert_array_equal(np.unique(normalized_cuts_of_graph(*graph, 3)[:625]), [1])
    assert ncut_value(graph, normalized_cuts_of_graph(*graph, 3)) == 0


def test_more_pieces_than_segments_part_the_largest():
    graph = apart(*(path(n) for n in (5, 900, 40, 7, 60)), path(1))
    labels = normalized_cuts_of_graph(*graph, 3)
    assert_array_equal(np.unique(labels[5:905]), [2])
    assert_array_equal(np.unique(labels[-61:-1]), [3])
    assert_array_equal(np.unique(np.concatenate([labels[:5], labels[905:-61]])), [1])
    parts = recursive_cuts_of_graph(*apart(lattice(25, 25, value_scale=10.0), path(1), path(2)), 1e-5, stability=1)
    assert_array_equal(parts, [1] * 626 + [2] * 2)


def test_weights_of_any_size():
    graph = lattice(25, 25)
    values, vectors = graph_eigenvectors(graph, 4)
    for scale in (1e-290, 1e290):
        others, turned = graph_eigenvectors(graph._replace(weights=graph.weights * scale), 4)
        assert_allclose(others, values, rtol=1e-6, atol=1e-12)
        assert_allclose(turned * np.sqrt(scale), vectors, rtol=1e-5, atol=1e-9)
    weights = graph.weights.copy()
    weights[::7] = 5e-324
    assert np.isfinite(graph_eigenvectors(graph._replace(weights=weights), 4)[1]).all()


def test_many_segments():
    graph = lattice(23, 23)
    labels = normalized_cuts_of_graph(*graph, 200)
    assert labels.max() <= 200
    assert len(np.unique(labels)) == labels.max() > 100


def test_halving_stops():
    graph = lattice(30, 40, value_scale=0.2)
    parts = recursive_cuts_of_graph(*graph, 0.1, stability=1)
    assert parts.max() > 8
    few = recursive_cuts_of_graph(*graph, 0.1, stability=1, max_segments=5)
    assert few.max() == 5
    assert ncut_value(graph, few) < ncut_value(graph, parts)
    assert recursive_cuts_of_graph(*graph, 0.1, max_segments=1).max() == 1


def test_graph_without_edges():
    assert_array_equal(normalized_cuts_of_graph(3, [], [], 3), [1, 2, 3])
    assert normalized_cuts_of_graph(3, [], [], 2).min() == 1
    assert_array_equal(recursive_cuts_of_graph(3, [], [], 0.5), [1, 1, 1])


def test_graphs_that_cannot_be_used_are_said():
    for arguments in [
        (0, [], [], 1),
        (3, [[0, 3]], [1.0], 2),
        (3, [[-1, 2]], [1.0], 2),
        (3, [[0, 1]], [-1.0], 2),
        (3, [[0, 1]], [np.nan], 2),
        (3, [[0, 1]], [1.0, 2.0], 2),
        (3, [[0.0, 1.0]], [1.0], 2),
        (3, [[0, 1]], [1.0], 4),
    ]:
        with pytest.raises(InputError):
            normalized_cuts_of_graph(*arguments)


def test_what_is_too_much_is_said(monkeypatch):
    monkeypatch.setattr(graph_cuts, "LARGEST", 1000)
    with pytest.raises(InputError, match="fewer segments"):
        normalized_cuts_of_graph(*path(501), 2)
    with pytest.raises(InputError, match="max_segments"):
        recursive_cuts_of_graph(*path(3), 0.1, max_segments=0)
