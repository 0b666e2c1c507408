"""Pixel graphs at half the resolution."""

import numpy as np
from numpy.testing import assert_allclose

from densa.regions.normalized_cuts.pixel_affinity import pixel_affinities
from densa.regions.normalized_cuts.pixel_stencil import PixelLaplacian, coarser_pixel_graph
from densa.regions.normalized_cuts.pixels import ncut_value
from tests.regions.normalized_cuts.graphs import dense


def test_coarse_graph_keeps_cuts(rng):
    graph = pixel_affinities(rng.random((13, 18)))
    coarse = coarser_pixel_graph(graph)
    cells = rng.integers(1, 4, coarse.degrees.shape)
    pixels = cells.repeat(2, axis=0).repeat(2, axis=1)[:13, :18]
    assert_allclose(ncut_value(coarse, cells), ncut_value(graph, pixels), rtol=1e-5)


def test_the_laplacian_is_that_of_the_matrix(rng):
    graph = pixel_affinities(rng.random((7, 9)))
    matrix = dense(graph)
    roots = np.sqrt(matrix.sum(axis=1))
    expected = np.eye(63) - matrix / roots[:, None] / roots
    vectors = rng.random((3, 7, 9)).astype(np.float32)
    assert_allclose(PixelLaplacian(graph).apply(vectors).reshape(3, -1), vectors.reshape(3, -1) @ expected, atol=1e-5)
