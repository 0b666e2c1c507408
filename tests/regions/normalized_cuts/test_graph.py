"""Normalized cuts of large sparse graphs: the iterative solver against full matrices, pieces, refinement, bad input."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import linalg, ndimage, sparse
from threadpoolctl import threadpool_limits

from densa.errors import InputError
from densa.regions.normalized_cuts import graph as graph_cuts
from densa.regions.normalized_cuts import graph_spectral
from densa.regions.normalized_cuts.discretisation import discretise
from densa.regions.normalized_cuts.graph import (
    graph_eigenvectors,
    matrix_of,
    normalized_cuts_of_graph,
    recursive_cuts_of_graph,
    weighted_graph,
)
from densa.regions.normalized_cuts.graph_multigrid import graph_cycle, graph_levels
from densa.regions.normalized_cuts.graph_refinement import refine_graph
from densa.regions.normalized_cuts.pixels import ncut_value
from densa.regions.normalized_cuts.regions import weigh_by_means


def lattice(height, width, seed=0, value_scale=0.1):
    """The graph of superpixels in rows: 4 neighbours, colours of a smooth field with steps and noise."""
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.standard_normal((3, height, width)), (0, 3, 3))
    means = np.round(field / field.std() * 2) / 8 + rng.normal(0, 0.02, field.shape)
    nodes = np.arange(height * width).reshape(height, width)
    pairs = [(nodes[:, :-1], nodes[:, 1:]), (nodes[:-1], nodes[1:])]
    edges = np.concatenate([np.stack([one.ravel(), other.ravel()], axis=1) for one, other in pairs])
    return weigh_by_means(means.reshape(3, -1).T, edges, value_scale, 1e-6)


def exact(graph, count):
    """Smallest values and vectors by SciPy's generalised solver."""
    matrix = matrix_of(graph).toarray()
    degrees = matrix.sum(axis=1)
    values, columns = linalg.eigh(np.diag(degrees) - matrix, np.diag(degrees), subset_by_index=[0, count - 1])
    return values, columns.T


def apart(*graphs):
    """One graph of several that no edge joins."""
    starts = np.cumsum([0] + [graph.n_nodes for graph in graphs])
    edges = [graph.edges + start for graph, start in zip(graphs, starts[:-1], strict=True)]
    return weighted_graph(int(starts[-1]), np.concatenate(edges), np.concatenate([graph.weights for graph in graphs]))


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


def path(n):
    return weighted_graph(n, np.stack([np.arange(n - 1), np.arange(1, n)], axis=1), np.ones(n - 1))


def cliques(n, count):
    pairs = np.stack(np.triu_indices(n, 1), axis=1)
    edges = np.concatenate([pairs + k * n for k in range(count)] + [[[k * n, k * n + n] for k in range(count - 1)]])
    return weighted_graph(n * count, edges, np.ones(len(edges)))


@pytest.mark.parametrize("graph", [hub(900), loops(), star(700), path(800), cliques(150, 4)])
@pytest.mark.parametrize("count", [2, 5, 20])
def test_graphs_unlike_grids(graph, count):
    assert_allclose(graph_eigenvectors(graph, count)[0], exact(graph, count)[0], rtol=0.01, atol=1e-8)


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


def test_threads_change_nothing():
    graph = lattice(60, 60)
    with threadpool_limits(1):
        one = graph_eigenvectors(graph, 8)
    with threadpool_limits(4):
        several = graph_eigenvectors(graph, 8)
    assert_array_equal(one[0], several[0])
    assert_array_equal(one[1], several[1])


def test_levels_shrink_and_keep_the_constant():
    graph = lattice(50, 50)
    matrix = matrix_of(graph)
    degrees = np.asarray(matrix.sum(axis=1)).ravel()
    levels = graph_levels((sparse.diags_array(degrees) - matrix).tocsr(), degrees, 10)
    sizes = [len(level.masses) for level in levels]
    assert len(sizes) > 1
    assert all(coarse < fine / 2 for fine, coarse in pairwise(sizes))
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal((2, 2500, 1))
    one, other = one - one.mean(), other - other.mean()
    assert_allclose(np.vdot(one, graph_cycle(levels, other)), np.vdot(other, graph_cycle(levels, one)), rtol=1e-6)
    assert np.vdot(one, graph_cycle(levels, one)) > 0


@settings(max_examples=40)
@given(st.integers(2, 30), st.integers(1, 5), st.integers(0, 999))
def test_refinement_moves_downhill(n_nodes, n_labels, seed):
    rng = np.random.default_rng(seed)
    edges = np.argwhere(np.triu(rng.random((n_nodes, n_nodes)) < 0.3))
    graph = weighted_graph(n_nodes, edges, rng.choice([0, 1e-6, 0.5, 1], len(edges)))
    labels = rng.integers(0, n_labels, n_nodes).astype(np.int32)
    refined = refine_graph(matrix_of(graph), labels, n_labels)
    assert_array_equal(np.unique(refined), np.unique(labels))
    before, after = (ncut_value(graph, each + 1) for each in (labels, refined))
    assert after <= before + 1e-9


def test_halving_stops():
    graph = lattice(30, 40, value_scale=0.2)
    parts = recursive_cuts_of_graph(*graph, 0.1, stability=1)
    assert parts.max() > 8
    few = recursive_cuts_of_graph(*graph, 0.1, stability=1, max_segments=5)
    assert few.max() == 5
    assert ncut_value(graph, few) < ncut_value(graph, parts)
    assert recursive_cuts_of_graph(*graph, 0.1, max_segments=1).max() == 1


def test_what_is_too_much_is_said(monkeypatch):
    monkeypatch.setattr(graph_cuts, "LARGEST", 1000)
    with pytest.raises(InputError, match="fewer segments"):
        normalized_cuts_of_graph(*path(501), 2)
    with pytest.raises(InputError, match="max_segments"):
        recursive_cuts_of_graph(*path(3), 0.1, max_segments=0)
