import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import ndimage

from densa.errors import InputError
from densa.training.pieces.border_weights import border_weights, border_weights_of_labels


def test_between_two_walls():
    """Parallel walls 1 px wide with 3 px between: the middle has d1 = d2 = 2, its neighbours 1 and 3."""
    instances = np.zeros((7, 5), int)
    instances[1], instances[5] = 4, 9
    weights = border_weights(instances)
    assert_allclose(weights[2:5], np.full((3, 5), 10 * np.exp(-16 / 50)), rtol=1e-6)
    assert weights[3, 2] == pytest.approx(7.2615, abs=1e-4)
    assert (weights[[1, 5]] == 0).all()


@pytest.mark.parametrize(
    ("d1", "d2", "expected"),
    [(1, 1, 9.231163), (1, 2, 8.352702), (3, 4, 3.753111), (5, 5, 1.353353), (10, 10, 0.003355)],
)
def test_values_of_the_second_term(d1, d2, expected):
    row = np.zeros((1, d1 + d2 + 1), int)
    row[0, 0], row[0, -1] = 1, 2
    assert border_weights(row)[0, d1] == pytest.approx(expected, abs=1e-6)


def test_equals_a_distance_transform_per_object(rng):
    seeds = np.where(rng.random((60, 83)) < 0.004, 1, 0)
    instances = ndimage.label(ndimage.binary_dilation(seeds, iterations=3))[0]
    distances = np.sort([ndimage.distance_transform_edt(instances != i) for i in range(1, instances.max() + 1)], axis=0)
    expected = 10 * np.exp(-((distances[0] + distances[1]) ** 2) / (2 * 9)) * (instances == 0)
    assert instances.max() > 8
    assert_allclose(border_weights(instances, sigma=3.0), expected, atol=10 * 4e-6)


def test_fewer_than_two_objects_weigh_nothing():
    instances = np.zeros((5, 6), np.uint8)
    assert border_weights(instances).sum() == 0
    instances[2] = 3
    assert border_weights(instances).sum() == 0


def test_of_labels_numbers_components_of_every_class():
    labels = np.zeros((1, 12), np.uint8)
    labels[0, [0, 4]], labels[0, 8], labels[0, 2] = 1, 2, 255
    weights = border_weights_of_labels(labels)
    assert weights[0, 1] == pytest.approx(10 * np.exp(-16 / 50), rel=1e-5)
    assert weights[0, 6] == pytest.approx(10 * np.exp(-16 / 50), rel=1e-5)
    assert weights[0, 2] == 0
    swapped = border_weights_of_labels(np.where(labels == 0, 1, 0).astype(np.uint8), background=1)
    assert swapped[0, 6] > 0


def test_refusals():
    with pytest.raises(InputError, match="integers"):
        border_weights(np.zeros((3, 3)))
    with pytest.raises(InputError, match="sigma"):
        border_weights(np.zeros((3, 3), int), sigma=0)
