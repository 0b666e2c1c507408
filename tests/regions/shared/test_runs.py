"""Runs of equal labels, the pieces they make up, and where these are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal
from scipy import ndimage

from densa.regions.shared.runs import connected_runs, paint, piece_extents

label_images = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda s: arrays(np.int32, s, elements=st.integers(0, 3))
)


@settings(deadline=None, max_examples=60)
@given(label_images, st.sampled_from([1, 2]))
def test_pieces_have_their_extents(labels, connectivity):
    runs = connected_runs(labels, connectivity)
    pieces = np.empty_like(labels)
    paint(runs, np.arange(1, runs.n_pieces + 1, dtype=np.int32), pieces)
    structure = ndimage.generate_binary_structure(2, connectivity)
    assert runs.n_pieces == sum(ndimage.label(labels == k, structure)[1] for k in (1, 2, 3))
    extents = piece_extents(runs, labels.shape[1])
    assert_array_equal(extents.sizes, np.bincount(pieces.ravel(), minlength=runs.n_pieces + 1)[1:])
    rows = [np.flatnonzero((pieces == k).any(axis=1)) for k in range(1, runs.n_pieces + 1)]
    assert_array_equal(extents.last_rows, [r[-1] for r in rows])
    assert_array_equal(extents.begun, [sum(r[0] < y for r in rows) for y in range(labels.shape[0] + 1)])


@pytest.mark.parametrize(("background", "n_pieces"), [(True, 2), (False, 3)])
def test_label_0_is_the_background_or_a_label(background, n_pieces):
    assert connected_runs(np.array([[1, 0, 1]]), 1, background).n_pieces == n_pieces
