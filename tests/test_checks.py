"""Checks of arguments: what is taken, and what is said of the rest."""

import numpy as np
import pytest

from densa.checks import as_choices, as_count, as_positive
from densa.errors import InputError


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int8(2)])
def test_a_positive_number_becomes_a_float(value):
    assert as_positive(value, "radius") == 2
    assert type(as_positive(value, "radius", most=2)) is float


@pytest.mark.parametrize("value", [0, -1.5, np.nan, np.inf, 10**400, "2", None, [2.0]])
def test_other_numbers_are_refused_by_name(value):
    with pytest.raises(InputError, match="radius must be a finite number above 0, got"):
        as_positive(value, "radius")


def test_a_positive_number_may_have_a_limit():
    with pytest.raises(InputError, match=r"radius must be a finite number above 0 and at most 16, got 16\.5"):
        as_positive(16.5, "radius", 16)


@pytest.mark.parametrize("value", [3, np.int16(3), np.uint64(3)])
def test_a_count_becomes_an_int(value):
    assert type(as_count(value, "n_bins", 3, 3)) is int


@pytest.mark.parametrize("value", [2, 2.0, True, np.True_, "3", None, np.float32(3)])
def test_other_counts_are_refused_by_name(value):
    with pytest.raises(InputError, match="n_bins must be a whole number from 3, got"):
        as_count(value, "n_bins", 3)


def test_a_count_may_have_a_limit():
    with pytest.raises(InputError, match="n_bins must be a whole number from 1 to 5, got 6"):
        as_count(6, "n_bins", most=5)


def test_choices_come_in_one_order():
    assert as_choices(("b", "a"), ("a", "b", "c"), "features") == ("a", "b")
    assert as_choices("c", ("a", "b", "c"), "features") == ("c",)
    for wrong in ((), ("a", "a"), "d"):
        with pytest.raises(InputError, match="features must be some of a, b, c, each once, got"):
            as_choices(wrong, ("a", "b", "c"), "features")
