"""Disjoint sets beside sets of Python."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa.union_find import find, number_sets, unite

pairs = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30)


def united(pairs):
    """The set of each item, and the parents."""
    parents = np.arange(20, dtype=np.int32)
    sets = [{i} for i in range(20)]
    for i, j in pairs:
        unite(parents, i, j)
        both = sets[i] | sets[j]
        for k in both:
            sets[k] = both
    return sets, parents


@settings(deadline=None)
@given(pairs)
def test_the_root_is_the_smallest_item(pairs):
    sets, parents = united(pairs)
    assert [find(parents, i) for i in range(20)] == [min(items) for items in sets]


@settings(deadline=None)
@given(pairs)
def test_sets_are_numbered_by_their_first_item(pairs):
    sets, parents = united(pairs)
    numbers = np.empty(20, np.int32)
    firsts = sorted({min(items) for items in sets})
    assert number_sets(parents, numbers) == len(firsts)
    assert_array_equal(numbers, [firsts.index(min(items)) + 1 for items in sets])


def test_the_root_may_be_any_item():
    parents, numbers = np.array([2, 1, 2, 1], np.int32), np.empty(4, np.int32)
    assert number_sets(parents, numbers) == 2
    assert_array_equal(numbers, [1, 2, 1, 2])
