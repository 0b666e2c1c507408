import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from densa import accuracy
from densa.errors import InputError

SIZES = (200_000, 150_000, 3_200_000, 6_450_000)
EXPECTED = (0.70, 0.60, 0.90, 0.95)


def test_olofsson_2014_sample_size():
    """Section 5.1.1: a standard error of 0.01 of the overall accuracy needs 641 points."""
    assert accuracy.sample_size(0.0196, SIZES, EXPECTED) == 641


def test_cochran_for_a_simple_random_sample():
    """Cochran 1977, equation 4.2: 2401 at the worst case, fewer of a small population."""
    assert accuracy.sample_size(0.02, [10**9], stratified=False) == 2401
    assert accuracy.sample_size(0.02, [5000], stratified=False) == math.ceil(2400.91 / (1 + 2400.91 / 5000))
    overall = 0.92375  # mean of the expected accuracies by size
    n = math.ceil(1.95996**2 * overall * (1 - overall) / 0.0025)
    assert accuracy.sample_size(0.05, SIZES, EXPECTED, stratified=False) == n


def test_olofsson_2014_allocations():
    """Table 5 of the paper: equal 160 each; proportional 13, 10, 205, 413."""
    assert accuracy.allocate(640, SIZES, "equal").tolist() == [160] * 4
    assert accuracy.allocate(641, SIZES).tolist() == [13, 10, 205, 413]


def test_neyman_is_in_proportion_to_size_and_deviation():
    found = accuracy.allocate(10_000, SIZES, "neyman", EXPECTED)
    weight = np.array(SIZES) * np.sqrt(np.array(EXPECTED) * (1 - np.array(EXPECTED)))
    assert np.abs(found - 10_000 * weight / weight.sum()).max() < 1


def test_a_small_stratum_is_sampled_whole_and_the_others_take_the_rest():
    assert accuracy.allocate(90, (3, 1000, 1000), "equal").tolist() == [3, 44, 43]
    assert accuracy.allocate(20, (1, 1000, 1000)).tolist() == [1, 10, 9]


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=30), st.data())
def test_an_allocation_adds_up_within_its_limits(sizes, data):
    least = sum(min(size, 2) for size in sizes)
    total = data.draw(st.integers(least, min(sum(sizes), 5000 + least)))
    for how in ("equal", "proportional", "neyman"):
        found = accuracy.allocate(total, sizes, how, 0.9)
        assert found.sum() == total
        assert (found <= sizes).all()
        assert (found >= np.minimum(sizes, 2)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: accuracy.sample_size(0, [9]), "half_width must be a share between 0 and 1"),
        (lambda: accuracy.sample_size(0.1, [9], 1.5), "expected must be an accuracy from 0 to 1"),
        (lambda: accuracy.sample_size(0.1, [9, 9], [0.5] * 3), "or one of each stratum"),
        (lambda: accuracy.sample_size(0.1, [0]), "sizes must be numbers of units from 1"),
        (lambda: accuracy.allocate(5, [9, 9, 9]), "total must be at least 6, 2 in each of the 3 strata, got 5"),
        (lambda: accuracy.allocate(50, [9, 9]), "total must be at most 18"),
        (lambda: accuracy.allocate(6, [9, 9], "best"), "allocation must be one of equal, proportional, neyman"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(InputError, match=message):
        call()
