"""Weighted kappa by hand and by scikit-learn."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import cohen_kappa_score

from densa.errors import InputError
from densa.metrics import ConfusionMatrix, weighted_kappa


@pytest.mark.parametrize("weights", ["linear", "quadratic"])
def test_scikit_learn(rng, weights):
    target = rng.integers(0, 5, 2000)
    predicted = np.clip(target + rng.integers(-1, 2, 2000), 0, 4)
    confusion = ConfusionMatrix(5)
    confusion.update(target, predicted)
    found = weighted_kappa(confusion.matrix[:, :-1], weights)
    assert_allclose(found, cohen_kappa_score(target, predicted, weights=weights))
    assert found > confusion.summary().kappa


def test_by_hand():
    """Two classes: linear and quadratic weights are those of plain kappa."""
    counts = [[20, 5], [10, 15]]
    for weights in ("linear", "quadratic"):
        assert_allclose(weighted_kappa(counts, weights), 0.4)


def test_one_class_and_mistakes():
    assert np.isnan(weighted_kappa([[5, 0], [0, 0]], "linear"))
    assert np.isnan(weighted_kappa(np.zeros((3, 3)), "linear"))
    with pytest.raises(InputError, match="weights must be"):
        weighted_kappa([[1]], "cubic")
    with pytest.raises(InputError, match=r"must be \(n, n\)"):
        weighted_kappa([[1, 2]], "linear")
