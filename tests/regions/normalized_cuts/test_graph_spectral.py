"""The iterative eigensolver for graphs beside full matrices."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from threadpoolctl import threadpool_limits

from densa.regions.normalized_cuts import graph_spectral
from densa.regions.normalized_cuts.discretisation import discretise
from densa.regions.normalized_cuts.graph import (
    graph_eigenvectors,
    matrix_of,
    normalized_cuts_of_graph,
    weighted_graph,
)
from densa.regions.normalized_cuts.graph_multigrid import graph_cycle
from densa.regions.normalized_cuts.graph_refinement import refine_graph
from densa.regions.normalized_cuts.pixels import ncut_value
from tests.regions.normalized_cuts.graphs import exact, lattice, path


@pytest.mark.parametrize("value_scale", [0.1, 0.3, 10.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_values_and_cuts_are_those_of_full_matrices(seed, value_scale):
    graph = lattice(30, 40, seed, value_scale)
    for count in (2, 8):
        expected, columns = exact(graph, count)
        values, vectors = graph_eigenvectors(graph, count)
        assert (values >= expected - 1e-9).all()
        assert_allclose(values, expected, rtol=0.01, atol=1e-9)
        cuts = []
        for each in (vectors, columns):
            labels = discretise(np.ascontiguousarray(each, np.float32))
            cuts.append(ncut_value(graph, refine_graph(matrix_of(graph), labels, count) + 1))
        assert cuts[0] <= 1.05 * cuts[1]  # local optima of nearly equal vectors


@pytest.mark.parametrize(("least", "kind"), [(1e-6, "float32"), (1e-14, "float64")])
def test_corrections_have_32_bits_where_weights_allow_it(monkeypatch, least, kind):
    graph = lattice(40, 50, 2)
    graph = graph._replace(weights=np.where(np.arange(len(graph.weights)) % 7, graph.weights, least))
    kinds = set()

    def noted(levels, target, depth=0):
        kinds.add(target.dtype.name)
        return graph_cycle(levels, target, depth)

    monkeypatch.setattr(graph_spectral, "graph_cycle", noted)
    values, vectors = graph_eigenvectors(graph, 6)
    assert kinds == {kind}
    assert vectors.dtype == np.float64
    assert_allclose(values, exact(graph, 6)[0], rtol=0.01, atol=1e-12)
    monkeypatch.setattr(graph_spectral, "MODERATE", 2.0)
    assert_allclose(values, graph_eigenvectors(graph, 6)[0], rtol=0.003)
    assert kinds == {kind, "float64"}


def test_vectors_are_orthonormal_in_the_degrees_norm():
    graph = lattice(40, 40)
    matrix = matrix_of(graph)
    degrees = matrix.sum(axis=1)
    values, vectors = graph_eigenvectors(graph, 6)
    assert_allclose((vectors * degrees) @ vectors.T, np.eye(6), atol=1e-6)
    assert_allclose(vectors[0], 1 / np.sqrt(degrees.sum()))
    assert (vectors.sum(axis=1) > -1e-9).all()
    energies = ((vectors * degrees) - (matrix @ vectors.T).T) * vectors
    assert_allclose(energies.sum(axis=1), values, atol=1e-9)


def test_an_island_that_hardly_holds_is_not_missed():
    whole = lattice(40, 50, value_scale=10.0)
    nodes = np.arange(2000).reshape(40, 50)
    island = np.isin(whole.edges, nodes[20:23, 20:24])
    weights = np.where(island.sum(axis=1) == 1, 1e-6, whole.weights)
    graph = whole._replace(weights=weights)
    assert_allclose(graph_eigenvectors(graph, 2)[0], exact(graph, 2)[0], rtol=0.01, atol=1e-12)
    labels = normalized_cuts_of_graph(*graph, 2)
    assert_array_equal(np.flatnonzero(labels == 2), nodes[20:23, 20:24].ravel())


def hub(n):
    """One node beside all others, which lie on a line: a large region with small ones in it."""
    line = np.arange(1, n)
    edges = np.concatenate([np.stack([np.zeros_like(line), line], axis=1), np.stack([line[:-1], line[1:]], axis=1)])
    return weighted_graph(n, edges, np.where(edges[:, 0] == 0, 0.01, 1.0))


def loops():
    """Edges of nodes to themselves, many of them heavy."""
    graph = lattice(30, 30)
    nodes = np.arange(900)
    edges = np.concatenate([graph.edges, np.stack([nodes, nodes], axis=1)])
    return weighted_graph(900, edges, np.concatenate([graph.weights, (nodes * 7919 % 13).astype(float)]))


def star(n):
    return weighted_graph(n, np.stack([np.zeros(n - 1, int), np.arange(1, n)], axis=1), np.ones(n - 1))


def cliques(n, count):
    pairs = np.stack(np.triu_indices(n, 1), axis=1)
    edges = np.concatenate([pairs + k * n for k in range(count)] + [[[k * n, k * n + n] for k in range(count - 1)]])
    return weighted_graph(n * count, edges, np.ones(len(edges)))


@pytest.mark.parametrize("graph", [hub(900), loops(), star(700), path(800), cliques(150, 4)])
@pytest.mark.parametrize("count", [2, 5, 20])
def test_graphs_unlike_grids(graph, count):
    assert_allclose(graph_eigenvectors(graph, count)[0], exact(graph, count)[0], rtol=0.01, atol=1e-8)


def test_threads_change_nothing():
    graph = lattice(60, 60)
    with threadpool_limits(1):
        one = graph_eigenvectors(graph, 8)
    with threadpool_limits(4):
        several = graph_eigenvectors(graph, 8)
    assert_array_equal(one[0], several[0])
    assert_array_equal(one[1], several[1])
