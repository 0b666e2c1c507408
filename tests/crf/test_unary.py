"""Unary energies by hand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from densa.crf import unary_from_labels, unary_from_probabilities
from densa.errors import InputError


def test_labels_by_hand():
    """21 classes, confidence 0.7: 0.356675 for the label, 4.199705 for each other; label 0 is a class."""
    unary = unary_from_labels(np.array([[0, 20, 255]]), 21, 0.7)
    assert_allclose(unary[[0, 1], 0, 0], [0.356675, 4.199705], atol=5e-7)
    assert_allclose(unary[[20, 0], 0, 1], [0.356675, 4.199705], atol=5e-7)
    assert_allclose(unary[:, 0, 2], np.log(21), rtol=1e-6)
    assert_allclose(np.exp(-unary).sum(axis=0), 1, rtol=1e-5)


def test_probabilities_are_clipped():
    unary = unary_from_probabilities(np.array([1.0, 0.0, 0.0]).reshape(3, 1, 1))
    assert_allclose(unary.ravel(), [0, -np.log(1e-5), -np.log(1e-5)], rtol=1e-6)


@pytest.mark.parametrize(
    "call",
    [
        lambda: unary_from_labels(np.array([[3]]), 3),
        lambda: unary_from_labels(np.array([[-1]]), 3),
        lambda: unary_from_labels(np.array([0]), 3),
        lambda: unary_from_labels(np.array([[0.0]]), 3),
        lambda: unary_from_labels(np.array([[0]]), 1),
        lambda: unary_from_labels(np.array([[0]]), 255),
        lambda: unary_from_labels(np.array([[0]]), 3, 1.0),
        lambda: unary_from_probabilities(np.full((2, 1, 1), 0.4)),
        lambda: unary_from_probabilities(np.full((2, 1, 1), 0.5), clip=1.0),
    ],
)
def test_bad_input(call):
    with pytest.raises(InputError):
        call()
