"""Groups are shared out so that every part has its share of every class."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from densa.datasets.splits.stratify import deviations, stratify
from densa.errors import InputError


def squared(amounts, shares, part):
    """The sum that is made small, written out."""
    total = 0.0
    for kind in range(amounts.shape[1]):
        whole = sum(amounts[:, kind])
        for k, share in enumerate(shares):
            own = sum(a for a, p in zip(amounts[:, kind], part, strict=True) if p == k)
            total += (own / whole - share) ** 2
    return total


def test_near_the_best_of_all_divisions():
    """Oracle: every division of 9 groups into 3 parts."""
    rng, shares = np.random.default_rng(0), (0.5, 0.3, 0.2)
    ours, best, random = [], [], []
    for seed in range(8):
        amounts = rng.pareto(1, (9, 4)) + 0.01
        all_ways = (np.array(way) for way in itertools.product(range(3), repeat=9) if len(set(way)) == 3)
        best.append(min(squared(amounts, shares, way) for way in list(all_ways)[::7]))
        ours.append(squared(amounts, shares, stratify(amounts, shares, seed=seed)))
        random.append(squared(amounts, shares, rng.permutation(np.arange(9) % 3)))
    assert sum(ours) <= 1.1 * sum(best) < 0.5 * sum(random)


@given(st.integers(0, 1000), st.integers(2, 6), st.integers(6, 40))
def test_no_part_is_empty_and_parts_follow_the_seed(seed, n_parts, n_groups):
    amounts = np.random.default_rng(seed).poisson(0.5, (n_groups, 3))
    part = stratify(amounts, [1] * n_parts, seed=seed)
    assert set(part.tolist()) == set(range(n_parts))
    assert_array_equal(part, stratify(amounts, [1] * n_parts, seed=seed))


def test_equal_groups_give_equal_parts():
    part = stratify(np.ones((20, 3)), [1] * 5)
    assert_array_equal(np.bincount(part), [4] * 5)


def test_a_rare_class_reaches_every_part():
    amounts = np.zeros((50, 2))
    amounts[:, 0] = 1000
    amounts[[3, 9, 14, 15, 40], 1] = 1
    part = stratify(amounts, [1] * 5)
    assert sorted(part[[3, 9, 14, 15, 40]].tolist()) == [0, 1, 2, 3, 4]


def test_deviations_by_hand():
    amounts = np.array([[8, 2], [4, 6]])  # 60 % and 40 % in all
    assert_allclose(deviations(amounts, np.array([0, 1]), 2), [[0.2, -0.2], [-0.2, 0.2]])


@pytest.mark.parametrize(
    ("amounts", "shares", "said"),
    [
        (np.ones((2, 1)), (1, 1, 1), "3 parts need a group each, there are 2"),
        (np.ones(4), (1, 1), "amounts must be"),
        (-np.ones((4, 1)), (1, 1), "amounts must be"),
        (np.ones((4, 1)), (1, 0), "shares must be above 0"),
    ],
)
def test_refusals(amounts, shares, said):
    with pytest.raises(InputError, match=said):
        stratify(amounts, shares)
