"""Taps of Gaussians: what they do to polynomials, exactly."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from densa.descriptors.pixels._taps import first_taps, gaussian_taps, radius, second_taps

SIZES = [(0.3, 1), (0.5, 1), (1.0, 2), (1.0, 3), (2.5, 9), (8.0, 24)]


@pytest.mark.parametrize(
    ("sigma", "truncate", "expected"), [(1, 2, 2), (0.1, 2, 1), (1.25, 2, 3), (2, 3.5, 7), (1, 2.4, 2)]
)
def test_radii_are_rounded_and_at_least_one(sigma, truncate, expected):
    assert radius(sigma, truncate) == expected


@pytest.mark.parametrize(("sigma", "n"), SIZES)
def test_gaussian_taps_are_the_sampled_density(sigma, n):
    taps = gaussian_taps(sigma, n).astype(np.float64)
    density = np.exp(-(np.arange(-n, n + 1) ** 2) / (2 * sigma**2))
    assert_allclose(np.concatenate([taps[:0:-1], taps]), density / density.sum(), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(("sigma", "n"), SIZES)
def test_the_first_derivative_of_polynomials(sigma, n):
    """Of u = 1, x and x^2 at 0: 0, 1 and 0; the taps have the shape of a Gaussian's derivative."""
    taps, i = first_taps(sigma, n).astype(np.float64), np.arange(n + 1)
    for power, expected in ((0, 0), (1, 1), (2, 0)):
        found = (taps * (i.astype(float) ** power - (-i.astype(float)) ** power)).sum()
        assert found == pytest.approx(expected, abs=1e-6)
    shape = i * np.exp(-(i**2) / (2 * sigma**2))
    assert_allclose(taps * shape.sum(), shape * taps.sum(), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(("sigma", "n"), SIZES)
def test_the_second_derivative_of_polynomials(sigma, n):
    """Of u = 1, x, x^2 / 2 and x^3 at 0: 0, 0, 1 and 0; all taps together sum to zero."""
    taps, i = second_taps(sigma, n).astype(np.float64), np.arange(n + 1).astype(float)
    for power, expected in ((0, 0), (1, 0), (2, 2), (3, 0)):
        found = (taps[1:] * (i[1:] ** power + (-i[1:]) ** power - (2 if power == 0 else 0))).sum()
        assert found == pytest.approx(expected, abs=1e-5)
    assert taps[0] + 2 * taps[1:].sum() == pytest.approx(0, abs=1e-6)


def test_wide_taps_are_those_of_the_continuous_derivatives():
    """At sigma 8 and 5 deviations sampling and truncation matter no more: -x / s^2 g and (x^2 / s^4 - 1 / s^2) g."""
    sigma, n = 8.0, 40
    i = np.arange(n + 1)
    density = np.exp(-(i**2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
    assert_allclose(gaussian_taps(sigma, n), density, atol=1e-7)
    assert_allclose(first_taps(sigma, n), i / sigma**2 * density, atol=1e-7)
    assert_allclose(second_taps(sigma, n), (i**2 / sigma**4 - 1 / sigma**2) * density, atol=1e-7)
