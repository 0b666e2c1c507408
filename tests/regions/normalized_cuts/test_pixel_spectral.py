"""Eigenvectors of a pixel graph beside SciPy's."""

import numpy as np
from numpy.testing import assert_allclose
from scipy import linalg

from densa.regions.normalized_cuts.pixel_affinity import pixel_affinities
from densa.regions.normalized_cuts.pixel_multigrid import pixel_levels
from densa.regions.normalized_cuts.pixel_spectral import pixel_eigenvectors
from tests.regions.normalized_cuts.graphs import dense, quarters


def test_eigenvectors_match_scipy(rng):
    image = quarters(rng, 30)
    graph = pixel_affinities(image)
    matrix = dense(graph)
    degrees = matrix.sum(axis=1)
    exact, columns = linalg.eigh(np.diag(degrees) - matrix, np.diag(degrees), subset_by_index=[0, 5])
    values, vectors = pixel_eigenvectors(graph, 4, steps=20, tolerance=0)
    assert len(pixel_levels(graph, 8)) > 2  # the coarse levels took part
    assert_allclose(values, exact[:4], rtol=0.01, atol=1e-6)
    # cosines between the spans in the degrees' norm
    cosines = np.linalg.svd(columns[:, :4].T @ (degrees[:, None] * vectors.reshape(4, -1).T))[1]
    assert cosines.min() > 0.995
    first = vectors[0]
    assert_allclose(first, first.mean(), rtol=1e-3)
