import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from densa import metrics
from densa.errors import InputError

matrices = st.integers(1, 5).flatmap(lambda n: arrays(np.int64, (n, n), elements=st.integers(0, 50)))


def test_by_hand():
    """Two classes: 60 and 40 true, 50 and 50 predicted; 15 + 5 wrong."""
    found = metrics.disagreement([[45, 15], [5, 35]])
    assert_allclose([found.quantity, found.allocation], [0.10, 0.10])
    assert_allclose(found.class_quantity, [0.1, 0.1])


def test_a_shift_is_allocation_and_a_wrong_amount_is_quantity():
    assert_allclose(metrics.disagreement([[5, 5], [5, 5]]).quantity, 0)
    assert_allclose(metrics.disagreement([[5, 10], [0, 5]]).allocation, 0)


def test_pixels_without_a_class_are_wrong():
    found = metrics.disagreement([[50, 0, 10], [0, 40, 0]])
    assert_allclose([found.quantity, found.allocation], [0.1, 0])
    assert found.class_quantity.shape == (2,)


@given(matrices)
def test_they_add_up_to_the_share_of_wrong_pixels(matrix):
    found = metrics.disagreement(matrix)
    if matrix.sum():
        assert_allclose(found.total, 1 - np.trace(matrix) / matrix.sum(), atol=1e-12)
        assert found.quantity >= 0
        assert found.allocation >= -1e-12
        assert_allclose(metrics.disagreement(matrix.T).quantity, found.quantity, atol=1e-12)
    else:
        assert np.isnan(found.total)


def test_pontius_and_millones_of_a_random_map_by_brute_force():
    """Quantity is what is left of the disagreement when the pixels of the map are rearranged as well as possible."""
    rng = np.random.default_rng(0)
    truth, predicted = np.sort(rng.integers(0, 3, 400)), rng.choice(3, 400, p=[0.6, 0.3, 0.1])
    confusion = metrics.ConfusionMatrix(3)
    confusion.update(truth, predicted)
    left_over = sum(max(0, (truth == k).sum() - (predicted == k).sum()) for k in range(3))
    assert_allclose(metrics.disagreement(confusion.matrix).quantity, left_over / 400)


@pytest.mark.parametrize("void", ["ignore", "false-positive"])
def test_they_are_scores_of_every_summary(void):
    rng = np.random.default_rng(0)
    values = np.array([0, 1, 2, 255], np.uint8)
    confusion = metrics.ConfusionMatrix(3)
    confusion.update(rng.choice(values, 500), rng.choice(values, 500))
    summary = confusion.summary(void=void)
    parts = summary.quantity_disagreement + summary.allocation_disagreement
    assert_allclose(parts, 1 - summary.global_accuracy)
    if void == "ignore":
        assert_allclose(summary.quantity_disagreement, metrics.disagreement(confusion.matrix).quantity)


@pytest.mark.parametrize("matrix", [[[1, 2, 3, 4]], [[-1]], [], [1, 2]])
def test_bad_matrices(matrix):
    with pytest.raises(InputError, match="matrix must be"):
        metrics.disagreement(matrix)
