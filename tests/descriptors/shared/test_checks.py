"""Checks of parameters: what passes, in its type, and what is refused."""

import math

import numpy as np
import pytest

from densa.descriptors.shared.checks import as_choices, as_count, as_positive
from densa.errors import InputError


@pytest.mark.parametrize("value", [1, 0.5, np.float32(2), np.int64(3), 5.0])
def test_positive_numbers(value):
    found = as_positive(value, "width", 5)
    assert type(found) is float
    assert found == value


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, 5.001, "bright", None, [1]])
def test_what_is_not_positive(value):
    with pytest.raises(InputError, match="width must be a finite number above 0 and at most 5, got"):
        as_positive(value, "width", 5)


@pytest.mark.parametrize("value", [2, np.uint8(7), 9])
def test_counts(value):
    found = as_count(value, "n", 2, 9)
    assert type(found) is int
    assert found == value


@pytest.mark.parametrize("value", [1, 10, 2.0, True, "3", None, np.float64(3)])
def test_what_is_no_count(value):
    with pytest.raises(InputError, match="n must be a whole number from 2 to 9, got"):
        as_count(value, "n", 2, 9)


def test_choices_are_put_in_order():
    assert as_choices(("c", "a"), ("a", "b", "c"), "kinds") == ("a", "c")
    assert as_choices("b", ("a", "b", "c"), "kinds") == ("b",)
    assert as_choices(iter("ab"), ("a", "b"), "kinds") == ("a", "b")


@pytest.mark.parametrize("values", [(), ("a", "a"), ("d",), ("a", "d"), "ab"])
def test_what_is_no_choice(values):
    with pytest.raises(InputError, match="kinds must be some of a, b, c, each once, got"):
        as_choices(values, ("a", "b", "c"), "kinds")
