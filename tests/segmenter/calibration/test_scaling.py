"""Scaled probabilities: the formula, labels that stay, pixels that do not depend on the array."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax

from densa.errors import InputError
from densa.metrics import LEAST_PROBABILITY
from densa.segmenter import Scaling


def made(rng, n_classes=5, n=4000):
    return softmax(rng.normal(0, 3, (n_classes, n)), axis=0).astype(np.float32)


@pytest.mark.parametrize(
    "scaling",
    [
        Scaling("temperature", (2.5,)),
        Scaling("class-wise", (0.5, 1, 2, 3, 4)),
        Scaling("vector", (0.5, 1, 2, 3, 4), (0, 1, -1, 2, 0.5)),
    ],
    ids=str,
)
def test_the_formula(rng, scaling):
    p = made(rng)
    temperatures = np.broadcast_to(scaling.temperatures, 5)[:, None]
    biases = np.broadcast_to(scaling.biases or 0, 5)[:, None]
    expected = softmax(np.log(p.clip(LEAST_PROBABILITY).astype(np.float64)) / temperatures + biases, axis=0)
    found = scaling(p)
    assert found.dtype == np.float32
    assert_allclose(found, expected, atol=2e-6)
    assert_allclose(found.sum(0), 1, atol=1e-6)


@given(st.floats(0.01, 100), st.integers(2, 12), st.integers(0, 2**32 - 1))
def test_a_temperature_changes_no_label(temperature, n_classes, seed):
    """Nor where classes are equal, differ by the last bit, or rounding makes them equal."""
    rng = np.random.default_rng(seed)
    p = softmax(rng.normal(0, 1, (n_classes, 500)), axis=0).astype(np.float32)
    order = rng.permutation(n_classes)
    p[order[0]] = p[order[1]]
    p[order[0], ::3] = np.nextafter(p[order[1], ::3], np.float32(1))
    p[:, :20] = 1 / np.float32(n_classes)
    p[:, 20:40] = np.eye(n_classes, dtype=np.float32)[:, rng.integers(0, n_classes, 20)]
    found = Scaling("temperature", (temperature,))(p)
    assert_array_equal(found.argmax(0), p.argmax(0))
    assert found.max() <= 1
    assert found.min() >= 0


def test_a_pixel_is_the_same_in_arrays_of_any_size(rng):
    p = made(rng, n=5 * 40_000).reshape(5, 200, 1000)
    scaling = Scaling("vector", (0.5, 1, 2, 3, 4), (0, 1, -1, 2, 0.5))
    whole = scaling(p)
    assert_array_equal(scaling(p[:, 3:50, 7:90]), whole[:, 3:50, 7:90])


def test_what_is_not_computed_stays_so(rng):
    p = made(rng)
    p[:, 5] = 0
    before = p.copy()
    assert (Scaling("temperature", (3,))(p)[:, 5] == 0).all()
    assert_array_equal(p, before)


@pytest.mark.parametrize(
    ("method", "temperatures", "biases", "message"),
    [
        ("temperature", (), (), "at least one temperature, got 0"),
        ("temperature", (1, 2), (), "has one temperature, got 2"),
        ("temperature", (0,), (), "must be 0.01 to 100, got 0"),
        ("temperature", (-1,), (), "must be 0.01 to 100"),
        ("temperature", (float("nan"),), (), "must be 0.01 to 100"),
        ("class-wise", (1, float("inf")), (), "must be 0.01 to 100"),
        ("temperature", (1,), (0,), "has 0 biases, got 1"),
        ("vector", (1, 1), (0,), "has 2 biases, got 1"),
        ("vector", (1, 1), (0, float("nan")), "within 50 of 0"),
        ("platt", (1,), (), "method must be temperature or vector or class-wise"),
    ],
)
def test_values_are_checked(method, temperatures, biases, message):
    with pytest.raises(InputError, match=message):
        Scaling(method, temperatures, biases)


def test_another_number_of_classes_is_refused(rng):
    with pytest.raises(InputError, match="of 5 classes has 5 temperatures, got 2"):
        Scaling("class-wise", (1, 2))(made(rng))
