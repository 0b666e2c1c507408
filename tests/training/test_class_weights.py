import numpy as np
import pytest
from numpy.testing import assert_allclose

from densa.errors import InputError
from densa.training.class_weights import class_weights, count_classes


def test_median_frequency_of_the_toy_example():
    """Images of 100 pixels: {A 80, B 20} and {A 50, C 50}: frequencies .65 .20 .50, median .50."""
    counts = np.array([[80, 20, 0], [50, 0, 50]])
    assert_allclose(class_weights(counts, "median-frequency"), [0.769231, 2.5, 1.0], rtol=1e-6)


def test_inverse_weighs_a_mean_pixel_as_one():
    counts = np.array([[80, 20, 0, 0], [50, 0, 50, 0]])
    weights = class_weights(counts, "inverse")
    assert_allclose(weights, [200 / 3 / 130, 200 / 3 / 20, 200 / 3 / 50, 0])
    assert (weights * counts.sum(axis=0)).sum() / counts.sum() == pytest.approx(1)


def test_none_is_one_and_totals_are_enough():
    assert_allclose(class_weights(np.array([5, 0]), "none"), [1, 1])
    assert_allclose(class_weights(np.array([60, 30, 10]), "median-frequency"), [0.5, 1, 3])


def test_counts_leave_ignored_pixels_out():
    maps = [np.array([[0, 1, 1], [255, 255, 2]], np.uint8), np.array([[0]], np.uint8)]
    assert count_classes(maps, 3).tolist() == [[1, 2, 1], [1, 0, 0]]
    assert count_classes([], 3).shape == (0, 3)


def test_refusals():
    with pytest.raises(InputError, match="one of none, inverse"):
        class_weights(np.ones((1, 2)), "median")
    with pytest.raises(InputError, match="labelled pixels"):
        class_weights(np.zeros((1, 2)), "inverse")
