"""Refinement of a pixel graph's cut."""

import numpy as np
from numpy.testing import assert_array_equal

from densa.regions.normalized_cuts.pixel_affinity import pixel_affinities
from densa.regions.normalized_cuts.pixel_refinement import refine_pixels
from densa.regions.normalized_cuts.pixels import ncut_value


def test_refinement_never_raises_the_cut(rng):
    graph = pixel_affinities(rng.random((20, 31)), value_scale=0.5)
    labels = rng.integers(0, 4, (20, 31)).astype(np.int32)
    refined = refine_pixels(graph, labels, 4)
    assert ncut_value(graph, refined + 1) < ncut_value(graph, labels + 1)
    assert len(np.unique(refined)) == 4
    labels[3:9, 4:8] = -1
    assert_array_equal(refine_pixels(graph, labels, 4) < 0, labels < 0)
