import numpy as np
import pytest
from numpy.testing import assert_allclose

from densa.errors import InputError
from densa.training.pieces.class_weights import class_weights


def test_median_frequency_of_the_toy_example():
    """Images of 100 pixels: {A 80, B 20} and {A 50, C 50}: frequencies .65 .20 .50, median .50."""
    weights = class_weights([130, 20, 50], "median-frequency", pixels_of_images=[200, 100, 100])
    assert_allclose(weights, [0.769231, 2.5, 1.0], rtol=1e-6)


def test_void_counts_as_a_part_of_the_images():
    """Images of 100 pixels, half of the first void: A has 50 of 100, not of 50; frequencies .5 and .25, median .375."""
    weights = class_weights([50, 25], "median-frequency", pixels_of_images=[100, 100])
    assert_allclose(weights, [0.75, 1.5])


def test_inverse_weighs_a_mean_pixel_as_one():
    counts = np.array([130, 20, 50, 0])
    weights = class_weights(counts, "inverse")
    assert_allclose(weights, [200 / 3 / 130, 200 / 3 / 20, 200 / 3 / 50, 0])
    assert (weights * counts).sum() / counts.sum() == pytest.approx(1)


def test_none_is_one_and_totals_are_enough():
    assert_allclose(class_weights([5, 0], "none"), [1, 1])
    assert_allclose(class_weights([60, 30, 10], "median-frequency"), [0.5, 1, 3])


def test_a_class_that_never_occurs_does_not_move_the_median():
    weights = class_weights([60, 0, 30, 10], "median-frequency", pixels_of_images=[100, 0, 100, 100])
    assert_allclose(weights, [0.5, 0, 1, 3])


def test_refusals():
    with pytest.raises(InputError, match="one of none, inverse"):
        class_weights([1, 2], "median")
    with pytest.raises(InputError, match="labelled pixels"):
        class_weights([0, 0], "inverse")
    with pytest.raises(InputError, match="one count per class"):
        class_weights([1, 2], "inverse", pixels_of_images=[3])
    with pytest.raises(InputError, match="not negative"):
        class_weights([1, -2], "inverse")


def test_tempered_weights_are_the_roots():
    counts = {"pixels": [130, 0, 20, 50], "pixels_of_images": [200, 0, 100, 100]}
    assert_allclose(class_weights(rule="tempered", **counts), class_weights(rule="median-frequency", **counts) ** 0.5)
