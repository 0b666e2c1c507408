"""Normalized cuts of pixels: quarters, masks, laws, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from scipy import linalg

from densa.errors import InputError
from densa.regions.normalized_cuts.graph import weighted_graph
from densa.regions.normalized_cuts.pixel_affinity import pixel_affinities
from densa.regions.normalized_cuts.pixels import (
    ncut_eigenvectors,
    ncut_value,
    normalized_cuts,
    recursive_normalized_cuts,
)
from tests.regions.normalized_cuts.graphs import dense, quarters


def test_quarters_are_found(rng):
    image = quarters(rng)
    truth = np.kron([[1, 2], [3, 4]], np.ones((12, 12)))
    assert_array_equal(normalized_cuts(pixel_affinities(image), 4), truth)
    assert_array_equal(recursive_normalized_cuts(pixel_affinities(image), 0.1), truth)
    graph = pixel_affinities(np.dstack([image] * 3), affinity="contour", value_scale=0.3)
    assert_array_equal(normalized_cuts(graph, 4).max(), 4)


# Two pairs of equal pixels; only 4-neighbours count, and the edge between the pairs is the floor: weights
# 1, 0.1, 1 in a row, once the equal ones are not lowered by their distance.
PAIRS = {"image": np.array([[0.0, 0, 1, 1]]), "radius": 1.5, "space_scale": 1e6, "floor": 0.1}


def test_cuts_with_and_without_edges_of_pixels_to_themselves_by_hand():
    plain, with_loops = pixel_affinities(**PAIRS), pixel_affinities(**PAIRS, self_affinity=1)
    halves = [[1, 1, 2, 2]]
    # degrees 1, 1.1, 1.1, 1: two times 0.1 / 2.1. With weights w_ii = 1 each is 1 more: two times 0.1 / 4.1
    assert_allclose([ncut_value(plain, halves), ncut_value(with_loops, halves)], [0.2 / 2.1, 0.2 / 4.1], rtol=1e-5)
    assert_array_equal(recursive_normalized_cuts(plain, 0.07), [[1, 1, 1, 1]])
    assert_array_equal(recursive_normalized_cuts(with_loops, 0.07), halves)
    # inside a pair, 1 / 1 + 1 / 1 without, and 1 / 2 + 1 / 2 with them, in the graph of the pair alone
    assert recursive_normalized_cuts(plain, 1.1).max() == 2
    assert recursive_normalized_cuts(with_loops, 1.1).max() == 4


def test_relaxed_cuts_with_edges_of_pixels_to_themselves_are_those_of_scipy(rng):
    graph = pixel_affinities(rng.random((5, 6)), value_scale=0.5, self_affinity=1)
    matrix = dense(graph) + np.eye(30)
    degrees = np.diag(matrix.sum(axis=1))
    expected = linalg.eigh(degrees - matrix, degrees, eigvals_only=True)[:4]
    assert_allclose(ncut_eigenvectors(graph, 4)[0], expected, rtol=1e-3, atol=1e-5)


def test_masked_pixels_have_no_segment(rng):
    image = quarters(rng)
    mask = np.ones(image.shape, bool)
    mask[:5, :7] = False
    image[~mask] = np.nan
    graph = pixel_affinities(image, mask=mask)
    assert_array_equal(normalized_cuts(graph, 4) == 0, ~mask)
    assert_array_equal(recursive_normalized_cuts(graph, 0.1) == 0, ~mask)
    _, vectors = ncut_eigenvectors(graph, 3)
    assert (vectors[:, ~mask] == 0).all()


def test_an_empty_mask_has_no_segment(rng):
    graph = pixel_affinities(rng.random((4, 5)), mask=np.zeros((4, 5), bool))
    assert_array_equal(recursive_normalized_cuts(graph, 0.1), np.zeros((4, 5)))


images = st.one_of(
    hnp.arrays(st.sampled_from([np.uint8, np.int16, np.bool_]), hnp.array_shapes(min_dims=2, max_dims=3, max_side=8)),
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.floats(0, 1, width=32)),
)


def test_weights_that_vanish_beside_others_divide_nothing_by_zero():
    image = np.array([[0.75, 0, 0], [0, 0, 0]], np.float32)
    segments = normalized_cuts(pixel_affinities(image, affinity="contour", floor=0), 2)
    assert set(np.unique(segments)) <= {1, 2}


@settings(max_examples=50, deadline=None)
@given(images, st.integers(1, 9), st.sampled_from(["color", "intensity", "contour"]), st.data())
def test_segments_cover_and_count_from_1(image, n_segments, affinity, data):
    n_segments = min(n_segments, image.shape[0] * image.shape[1])
    floor = data.draw(st.sampled_from([0, 0.01]))
    graph = pixel_affinities(image, affinity=affinity, floor=floor)
    segments = normalized_cuts(graph, n_segments)
    assert segments.dtype == np.int32
    assert segments.shape == image.shape[:2]
    first_seen = list(dict.fromkeys(segments.ravel().tolist()))
    assert first_seen == list(range(1, len(first_seen) + 1))
    assert len(first_seen) <= n_segments
    assert_array_equal(segments, normalized_cuts(graph, n_segments))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (4, 5), (30, 40), (4, 5, 3)])
def test_constant_image_works(shape):
    n_pixels = shape[0] * shape[1]
    graph = pixel_affinities(np.zeros(shape))
    assert normalized_cuts(graph, min(3, n_pixels)).max() == min(3, n_pixels)
    assert normalized_cuts(graph, 1).max() == 1
    assert recursive_normalized_cuts(graph, 1e-6).max() == 1
    assert len(np.unique(normalized_cuts(graph, n_pixels) if n_pixels < 50 else [])) in (0, n_pixels)


@pytest.mark.parametrize(
    ("n_segments", "mask", "message"),
    [
        (0, None, "n_segments"),
        (17, None, "number of pixels 16"),
        (2.0, None, "n_segments"),
        (2, np.zeros((4, 4), bool), "number of pixels 0"),
    ],
)
def test_what_cannot_be_used_is_said(n_segments, mask, message):
    graph = pixel_affinities(np.zeros((4, 4)), mask=mask)
    with pytest.raises(InputError, match=message):
        normalized_cuts(graph, n_segments)


def test_cuts_that_cannot_be_measured_are_said():
    graph = pixel_affinities(np.zeros((3, 3)))
    with pytest.raises(InputError, match="regions"):
        ncut_value(graph, np.zeros((2, 2), int))
    with pytest.raises(InputError, match="region 0"):
        ncut_value(weighted_graph(4, [[0, 1], [1, 2], [2, 3]], [1.0, 0.1, 1.0]), [0, 1, 1, 2])
    with pytest.raises(InputError, match="n_vectors"):
        ncut_eigenvectors(graph, 10)
