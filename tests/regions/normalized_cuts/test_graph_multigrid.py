"""The multigrid cycle over a graph."""

from itertools import pairwise

import numpy as np
from numpy.testing import assert_allclose
from scipy import sparse

from densa.regions.normalized_cuts.graph import matrix_of
from densa.regions.normalized_cuts.graph_multigrid import graph_cycle, graph_levels
from tests.regions.normalized_cuts.graphs import lattice


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
