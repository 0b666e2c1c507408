"""Normalized cuts of a partition's region graph."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa.errors import InputError
from densa.regions.normalized_cuts.regions import normalized_cuts_of_regions, region_affinities
from tests.regions.normalized_cuts.graphs import quarters


def test_regions_are_cut_as_their_means(rng):
    image = quarters(rng)
    regions = np.arange(36).reshape(6, 6).repeat(4, axis=0).repeat(4, axis=1) + 1
    graph, numbers = region_affinities(image, regions)
    assert graph.n_nodes == 36
    assert len(graph.edges) == 60
    assert_array_equal(numbers + 1, regions)
    segments = normalized_cuts_of_regions(image, regions, 4)
    assert_array_equal(segments, np.kron([[1, 2], [3, 4]], np.ones((12, 12))))
    assert_array_equal(normalized_cuts_of_regions(image, regions.astype(np.int64) * 10**9, 4), segments)
    holes = np.where(image > 0.8, 0, regions)
    assert_array_equal(normalized_cuts_of_regions(image, holes, 3) == 0, image > 0.8)


def test_regions_that_cannot_be_used_are_said():
    image = np.zeros((3, 3))
    for regions in [np.zeros((3, 3), int), np.ones((2, 3), int), np.ones((3, 3)), -np.ones((3, 3), int)]:
        with pytest.raises(InputError):
            normalized_cuts_of_regions(image, regions, 1)
