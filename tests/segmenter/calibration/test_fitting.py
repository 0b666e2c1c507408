"""Scalings fitted to pixels whose probabilities are known to be off by a scaling."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

from densa.errors import InputError
from densa.segmenter import fit_scaling


def drawn(rng, n, temperatures, biases, n_classes=4):
    """Probabilities of a model, and classes drawn as if they were scaled so."""
    p = softmax(rng.normal(0, 2, (n_classes, n)), axis=0)
    temperatures, biases = (np.broadcast_to(v, n_classes)[:, None] for v in (temperatures, biases))
    true = softmax(np.log(p) / temperatures + biases, axis=0)
    return p, (true.cumsum(0) < rng.random(n)).sum(0).clip(0, n_classes - 1)


def nll(p, target):
    return -np.log(p[target, np.arange(target.size)]).mean()


def test_the_temperature_is_found(rng):
    p, target = drawn(rng, 40_000, 1.8, 0)
    assert_allclose(fit_scaling(p, target).temperatures[0], 1.8, rtol=0.03)


def test_temperatures_and_biases_of_classes_are_found(rng):
    biases = np.array([1.0, -1, 0.5, -0.5])
    p, target = drawn(rng, 100_000, (1.5, 1, 2, 1.2), biases)
    found = fit_scaling(p, target, "vector")
    assert_allclose(found.temperatures, (1.5, 1, 2, 1.2), rtol=0.08)
    assert_allclose(np.array(found.biases) - np.mean(found.biases), biases, atol=0.1)
    classes = fit_scaling(*drawn(rng, 100_000, (1.5, 1, 2, 1.2), 0), "class-wise")
    assert classes.biases == ()
    assert_allclose(classes.temperatures, (1.5, 1, 2, 1.2), rtol=0.08)


def test_no_other_values_are_more_likely(rng):
    """Against a search without gradient, from other starts."""
    p, target = drawn(rng, 500, (1.5, 1, 2, 1.2), (1, -1, 0.5, -0.5))
    found = nll(fit_scaling(p, target, "vector")(p).astype(np.float64), target)

    def other(values):
        scores = np.log(p) * values[:4, None] + values[4:, None]
        return (logsumexp(scores, axis=0) - scores[target, np.arange(500)]).mean()

    searched = min(minimize(other, rng.uniform(0.5, 1.5, 8), method="Powell").fun for _ in range(3))
    assert found <= searched + 1e-4
    one = nll(fit_scaling(p, target)(p).astype(np.float64), target)
    grid = min(nll(softmax(np.log(p) / t, axis=0), target) for t in np.geomspace(0.1, 10, 2000))
    assert_allclose(one, grid, atol=1e-6)
    assert found <= nll(fit_scaling(p, target, "class-wise")(p).astype(np.float64), target) + 1e-6 <= one + 2e-6


def test_a_class_without_pixels_keeps_the_temperature_of_all(rng):
    p, target = drawn(rng, 2000, 1.8, 0)
    kept = target != 3
    found = fit_scaling(p[:, kept], target[kept], "vector")
    assert found.biases[3] == 0
    assert_allclose(found.temperatures[3], fit_scaling(p[:, kept], target[kept]).temperatures[0], rtol=1e-6)


def test_hard_probabilities_become_the_share_that_is_right():
    p = np.array([[1.0], [0.0]]).repeat(100, axis=1)
    found = fit_scaling(p, np.repeat([0, 1], [80, 20]))
    assert_allclose(found(p)[0], 0.8, atol=1e-3)


def test_all_right_is_at_the_limit():
    p = np.array([[0.7], [0.3]]).repeat(100, axis=1)
    assert_allclose(fit_scaling(p, np.zeros(100, int)).temperatures[0], 0.05, rtol=1e-3)


@pytest.mark.parametrize(
    ("n", "target", "message"),
    [
        (19, np.zeros(19, int), "at least 20 labelled pixels, got 19"),
        (30, np.full(30, 2), "classes must be 0 to 1, got 2 to 2"),
        (30, np.zeros(29, int), r"got \(2, 30\) and \(29,\)"),
        (30, np.zeros(30), "n integers"),
    ],
)
def test_what_cannot_be_fitted_is_refused(n, target, message):
    with pytest.raises(InputError, match=message):
        fit_scaling(np.full((2, n), 0.5), target)
