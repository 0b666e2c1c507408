"""Measures of superpixels: the worked example, special cases, and sums over sets written out."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from densa.errors import InputError
from densa.metrics.superpixels import (
    boundary_recall,
    compactness,
    explained_variation,
    superpixel_overlap,
)

S, G = np.array([[1, 1, 1, 2, 2, 2]]), np.array([[1, 1, 2, 2, 2, 2]])
pairs = st.tuples(st.integers(1, 7), st.integers(1, 7)).flatmap(
    lambda s: st.tuples(*[arrays(np.int32, s, elements=st.integers(0, 4))] * 2)
)


def test_overlap_by_hand():
    found = superpixel_overlap(S, G)
    assert found.achievable_accuracy == pytest.approx(0.833333, abs=1e-6)
    assert found.undersegmentation == pytest.approx(0.333333, abs=1e-6)
    assert found.undersegmentation_levinshtein == pytest.approx(0.5)
    assert found.n_superpixels == 2


@settings(max_examples=100, deadline=None)
@given(pairs)
def test_overlap_matches_sums_over_sets(pair):
    s, g = pair
    inside = (s > 0) & (g > 0)
    if not inside.any():
        with pytest.raises(InputError, match="share labelled pixels"):
            superpixel_overlap(s, g)
        return
    regions = [inside & (s == k) for k in range(1, 5) if (inside & (s == k)).any()]
    truths = [inside & (g == k) for k in range(1, 5) if (inside & (g == k)).any()]
    n = inside.sum()
    touching = [[r for r in regions if (r & t).any()] for t in truths]
    np_form = sum(min((r & t).sum(), (r & ~t).sum()) for t, rs in zip(truths, touching, strict=True) for r in rs) / n
    levin = np.mean([(sum(r.sum() for r in rs) - t.sum()) / t.sum() for t, rs in zip(truths, touching, strict=True)])
    accuracy = sum(max((r & t).sum() for t in truths) for r in regions) / n
    found = superpixel_overlap(s, g)
    assert_allclose(
        [found.undersegmentation, found.undersegmentation_levinshtein, found.achievable_accuracy],
        [np_form, levin, accuracy],
    )
    assert found.n_superpixels == len(regions)


def test_boundary_recall_by_distance():
    truth, found = np.ones((20, 40), int), np.ones((20, 40), int)
    truth[:, 20:] = 2  # boundary pixels in columns 19 and 20
    for shift, expected in [(0, 1), (2, 1), (3, 0.5), (4, 0)]:
        found[:] = 1
        found[:, 20 + shift :] = 2
        assert boundary_recall(found, truth, 2) == expected
    assert boundary_recall(found, truth, 3) == 0.5
    assert math.isnan(boundary_recall(truth, np.ones((20, 40), int)))
    assert boundary_recall(np.ones((20, 40), int), truth) == 0


def test_boundary_recall_takes_a_radius_from_the_diagonal():
    truth, found = np.ones((321, 481), int), np.ones((321, 481), int)
    truth[:, 200:] = 2
    found[:, 201:] = 2  # 0.0025 * 578 = 1.4, so the radius is 1 pixel
    assert boundary_recall(found, truth) == 1
    found[:, 201] = 1
    assert boundary_recall(found, truth) == 0.5


def test_compactness_of_squares_and_bars():
    squares = np.kron(np.arange(1, 7).reshape(2, 3), np.ones((5, 5), int))
    assert compactness(squares) == pytest.approx(math.pi / 4)
    bar = np.ones((1, 9), int)
    assert compactness(bar) == pytest.approx(4 * math.pi * 9 / 20**2)
    mixed = np.array([[1, 1, 2, 2, 2, 0]])
    expected = (2 * 4 * math.pi * 2 / 36 + 3 * 4 * math.pi * 3 / 64) / 5
    assert compactness(mixed) == pytest.approx(expected)


def test_explained_variation_by_hand():
    image = np.array([[0.0, 2.0, 10.0, 12.0]])
    # mean 6, total 36 + 16 + 16 + 36 = 104; means 1 and 11: 2 * 25 + 2 * 25 = 100
    assert explained_variation(image, [[1, 1, 2, 2]]) == pytest.approx(100 / 104)
    assert explained_variation(image, [[1, 2, 3, 4]]) == pytest.approx(1)
    assert explained_variation(image, [[1, 1, 1, 1]]) == pytest.approx(0)
    assert explained_variation(np.ones((1, 4)), [[1, 1, 2, 2]]) == 1
    both = np.stack((image, np.zeros_like(image)), axis=2)
    assert explained_variation(both, [[1, 1, 2, 2]]) == pytest.approx(100 / 104)
    assert explained_variation(np.array([[np.nan, 0.0, 1.0]]), [[0, 1, 2]]) == pytest.approx(1)


def test_bad_input():
    with pytest.raises(InputError, match="the same shape"):
        superpixel_overlap(S, G[:, :3])
    with pytest.raises(InputError, match="superpixels must be integers"):
        compactness(np.ones((2, 2)))
    with pytest.raises(InputError, match="from 0 below"):
        boundary_recall(-S, G)
    with pytest.raises(InputError, match="radius must be at least 0 pixels, got -1"):
        boundary_recall(S, G, -1)
    with pytest.raises(InputError, match="above 0"):
        compactness(np.zeros((2, 2), int))
    with pytest.raises(InputError, match="above 0"):
        explained_variation(np.zeros((1, 6)), 0 * S)
    with pytest.raises(InputError, match="image must be"):
        explained_variation(np.zeros((2, 6)), S)
    with pytest.raises(InputError, match="NaN or infinite"):
        explained_variation(np.full((1, 6), np.nan), S)
    with pytest.raises(InputError, match="truth must be"):
        superpixel_overlap(S, np.ones(3, int))
    with pytest.raises(InputError, match="integers or real"):
        explained_variation(np.zeros((1, 6), complex), S)
