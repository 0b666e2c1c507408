"""The multigrid cycle over a pixel graph."""

import numpy as np
from numpy.testing import assert_allclose

from densa.regions.normalized_cuts.pixel_affinity import pixel_affinities
from densa.regions.normalized_cuts.pixel_multigrid import pixel_cycle, pixel_levels
from tests.regions.normalized_cuts.graphs import quarters


def test_the_transfer_between_levels_is_orthonormal(rng):
    fine, coarse, *_ = pixel_levels(pixel_affinities(quarters(rng, 30)), 8)
    vectors = rng.random((2, 225)).astype(np.float32)
    assert_allclose(fine.to_coarser(fine.from_coarser(vectors, coarse), coarse), vectors, rtol=1e-5)


def test_a_cycle_comes_nearer_to_the_solution(rng):
    levels = pixel_levels(pixel_affinities(quarters(rng, 30)), 8)
    solution = rng.standard_normal((1, 900)).astype(np.float32)
    constant = levels[0].roots.ravel() / np.linalg.norm(levels[0].roots)  # L's eigenvector of 0
    solution -= (solution @ constant)[:, None] * constant
    found = pixel_cycle(levels, 0, levels[0].apply(solution))
    found -= (found @ constant)[:, None] * constant
    assert np.linalg.norm(found - solution) < 0.5 * np.linalg.norm(solution)
