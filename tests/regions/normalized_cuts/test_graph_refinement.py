"""Refinement of a graph's cut."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa.regions.normalized_cuts.graph import matrix_of, weighted_graph
from densa.regions.normalized_cuts.graph_refinement import refine_graph
from densa.regions.normalized_cuts.pixels import ncut_value


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
