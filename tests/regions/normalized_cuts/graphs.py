"""Graphs that the tests of normalized cuts share, and what they are by definition."""

import numpy as np
from scipy import linalg, ndimage

from densa.regions.normalized_cuts.graph import matrix_of, weighted_graph
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


def path(n):
    """Nodes in a row."""
    return weighted_graph(n, np.stack([np.arange(n - 1), np.arange(1, n)], axis=1), np.ones(n - 1))


def apart(*graphs):
    """One graph of several that no edge joins."""
    starts = np.cumsum([0] + [graph.n_nodes for graph in graphs])
    edges = [graph.edges + start for graph, start in zip(graphs, starts[:-1], strict=True)]
    return weighted_graph(int(starts[-1]), np.concatenate(edges), np.concatenate([graph.weights for graph in graphs]))


def exact(graph, count):
    """Smallest values and vectors by SciPy's generalised solver."""
    matrix = matrix_of(graph).toarray()
    degrees = matrix.sum(axis=1)
    values, columns = linalg.eigh(np.diag(degrees) - matrix, np.diag(degrees), subset_by_index=[0, count - 1])
    return values, columns.T


def quarters(rng, side=24):
    """Four flat quarters with noise."""
    image = np.kron([[0.1, 0.5], [0.9, 0.3]], np.ones((side // 2, side // 2)))
    return image + rng.normal(0, 0.02, image.shape)


def dense(graph):
    """The pixel graph's matrix W by its definition."""
    height, width = graph.degrees.shape
    matrix = np.zeros((height, width, height, width))
    for (down, across), plane in zip(graph.offsets, graph.weights, strict=True):
        for row, column in np.ndindex(height, width):
            if row + down < height and 0 <= column + across < width:
                matrix[row, column, row + down, column + across] = plane[row, column]
            else:
                assert plane[row, column] == 0
    matrix = matrix.reshape(height * width, -1)
    return matrix + matrix.T
