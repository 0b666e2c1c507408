"""Robust P^n potentials: worked examples, and messages beside the enumeration of all labellings."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa.crf import RegionPotential, region_weights, robust_pn
from densa.crf.regions import region_messages
from densa.errors import InputError


def test_costs_by_hand():
    """|c| = 8, Q = 2, gamma 4: violations 0 to 3 cost 0, 2, 4, 4; the share 0.25 of 8 pixels: 0, 0.5, 1, 1."""
    assert_array_equal(robust_pn(np.arange(4), 4, 2), [0, 2, 4, 4])
    assert_array_equal(robust_pn(np.arange(4), 1, 0.25 * 8), [0, 0.5, 1, 1])
    assert_array_equal(robust_pn(np.arange(3), 4, 0), [0, 4, 4])


def expected_messages(q, weight, truncation_px):
    """Minus the expected cost of the region for each label of each pixel, summed over all labellings of the others."""
    n_classes, n = q.shape
    messages = np.zeros(q.shape)
    for i, label in itertools.product(range(n), range(n_classes)):
        others = [j for j in range(n) if j != i]
        for labels in itertools.product(range(n_classes), repeat=n - 1):
            counts = np.bincount([*labels, label], minlength=n_classes)
            cost = robust_pn(n - counts.max(), weight, truncation_px)
            messages[label, i] -= cost * np.prod([q[c, j] for c, j in zip(labels, others, strict=True)])
    return messages - messages.mean(axis=0)


@pytest.mark.parametrize(("truncation", "tolerance"), [(0.0, 1e-6), (0.29, 0.02), (0.5, 0.02)])
def test_messages_equal_the_expectation(rng, truncation, tolerance):
    """Exact where strict; as good as a normal distribution of seven events can be where robust."""
    q = rng.dirichlet(np.ones(3) * 0.4, 7).T.astype(np.float32)
    q[:, :5] = 0.85 * np.eye(3)[:, [1]] + 0.05
    potential = RegionPotential(np.full((1, 7), 3), 4.0, truncation)
    found = region_messages(q.reshape(3, 1, 7), potential).reshape(3, 7)
    expected = expected_messages(q, 4.0, max(1.0, truncation * 7))
    assert_allclose(found - found.mean(axis=0), expected, atol=tolerance * 4)
    assert np.abs(expected).max() > 5 * tolerance


def test_decided_regions_send_the_cost_by_hand():
    """Eight pixels, T = 2, seven sure of label 0: the eighth gains gamma / T by agreeing."""
    q = np.zeros((2, 2, 4), np.float32)
    q[0] = 1
    q[:, 1, 3] = 0.5
    messages = region_messages(q, RegionPotential(np.ones((2, 4), int), 4.0, 0.25))
    assert_allclose(messages[:, 1, 3], [2, 0], atol=1e-6)


def test_regions_are_apart(rng):
    q = rng.dirichlet(np.ones(3), (4, 6)).transpose(2, 0, 1).astype(np.float32)
    regions = np.zeros((4, 6), np.int32)
    regions[:2, :3], regions[2:, 2:] = 9, 4
    weights = np.zeros(10)
    weights[9], weights[4] = 2.0, 3.0
    valid = np.ones((4, 6), bool)
    valid[0, 0] = False
    messages = region_messages(q, RegionPotential(regions, weights, 0.3), valid)
    assert not messages[:, (regions == 0) | ~valid].any()
    part = region_messages(q[:, 2:, 2:], RegionPotential(np.ones((2, 4), int), 3.0, 0.3))
    assert_array_equal(messages[:, 2:, 2:], part)
    other = q.copy()
    other[:, 2:, 2:] = 1 / 3
    assert_array_equal(region_messages(other, RegionPotential(regions, weights, 0.3), valid)[:, :2], messages[:, :2])


def test_weights_by_hand():
    regions = np.array([[0, 1, 1, 1, 1, 3]])
    quality = np.array([0.0, 0.5, 9.0, 1.0])
    assert_allclose(region_weights(regions, 0.5, 2.0, quality, 4.0), [0, 2 * 4, 0, 1 * 6])


@pytest.mark.parametrize(
    "call",
    [
        lambda: RegionPotential(np.zeros((2, 2))),
        lambda: RegionPotential(np.zeros(2, int)),
        lambda: RegionPotential(np.ones((2, 2), int), -1.0),
        lambda: RegionPotential(np.ones((2, 2), int), np.ones(1)),
        lambda: RegionPotential(np.ones((2, 2), int), truncation=0.6),
        lambda: region_weights(np.ones((2, 2), int), 1, 1, np.ones(5)),
        lambda: region_weights(np.ones((2, 2), int), 1, -1),
    ],
)
def test_bad_input(call):
    with pytest.raises(InputError):
        call()
