"""The region graph: against a pixel-by-pixel count, and by hand."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from densa.errors import InputError
from densa.regions.partition.graph import adjacent_pairs, region_graph

shapes = st.tuples(st.integers(1, 9), st.integers(1, 9))
label_images = shapes.flatmap(lambda s: arrays(np.int32, s, elements=st.integers(0, 12)))
STEPS = {1: ((0, 1), (1, 0)), 2: ((0, 1), (1, 0), (1, 1), (1, -1))}


def contacts(regions, connectivity):
    """Pairs of neighbouring pixels in different regions."""
    height, width = regions.shape
    for y in range(height):
        for x in range(width):
            for dy, dx in STEPS[connectivity]:
                if y + dy < height and 0 <= x + dx < width:
                    i, j = regions[y, x], regions[y + dy, x + dx]
                    if i != j and i and j:
                        yield (min(i, j), max(i, j)), (y, x), (y + dy, x + dx)


@settings(max_examples=120, deadline=None)
@given(label_images, st.sampled_from([1, 2]), st.integers(1, 3))
def test_edges_lengths_and_strengths_match_a_count(regions, connectivity, n_bands):
    image = np.random.default_rng(1).normal(size=(*regions.shape, n_bands))
    graph = region_graph(image, regions, connectivity=connectivity)
    lengths, totals = Counter(), Counter()
    for pair, p, q in contacts(regions, connectivity):
        lengths[pair] += 1
        totals[pair] += np.linalg.norm(image[p] - image[q])
    pairs = sorted(lengths)
    assert [tuple(e) for e in graph.edges] == pairs
    assert_array_equal(graph.lengths, [lengths[p] for p in pairs])
    assert_allclose(graph.strengths, [totals[p] / lengths[p] for p in pairs])
    edges, alone = adjacent_pairs(regions, connectivity)
    assert_array_equal(edges, graph.edges)
    assert_array_equal(alone, graph.lengths)


def test_an_edge_map_gives_the_strength():
    regions = np.array([[1, 2], [1, 2]])
    graph = region_graph(np.zeros((2, 2)), regions, edge_map=np.array([[1, 3], [5, 7.0]]))
    assert_allclose(graph.strengths, [(2 + 6) / 2])


def test_many_regions_outgrow_the_first_table(rng):
    """Every pixel a region: the edges are the pixel grid's."""
    regions = rng.permutation(np.arange(1, 60 * 50 + 1)).reshape(60, 50)
    graph = region_graph(np.zeros((60, 50)), regions)
    assert len(graph.edges) == 59 * 50 + 60 * 49
    assert (graph.lengths == 1).all()
    pointers, indices = graph.neighbours()
    k = regions[10, 20]
    around = sorted([regions[9, 20], regions[11, 20], regions[10, 19], regions[10, 21]])
    assert_array_equal(indices[pointers[k] : pointers[k + 1]], around)


def test_weights_by_hand():
    """Regions by hand: means 10 (2 px), 12 (2 px), 20 (1 px), 21 (3 px)."""
    graph = region_graph(np.array([[10, 10, 12, 12, 20, 21, 21, 21]]), [[1, 1, 2, 2, 3, 4, 4, 4]])
    assert_allclose(graph.color_distances(), [2, 8, 1])
    assert_allclose(graph.ward_costs(), [4, 42.667, 0.75], atol=1e-3)


def test_bad_input():
    with pytest.raises(InputError, match="edge_map must have"):
        region_graph(np.zeros((2, 2)), np.ones((2, 2), int), edge_map=np.zeros((3, 2)))
    with pytest.raises(InputError, match="edge_map must be finite"):
        region_graph(np.zeros((1, 2)), [[1, 2]], edge_map=[[0.0, np.nan]])
    with pytest.raises(InputError, match="connectivity"):
        region_graph(np.zeros((1, 2)), [[1, 2]], connectivity=3)
