"""Images, labels and probabilities made small."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa.reports.thumbnails import shrink_image, shrink_labels, shrink_probabilities, thumbnail_size


@pytest.mark.parametrize(("shape", "expected"), [((100, 400), (12, 48)), ((30, 20), (30, 20)), ((1, 9000), (1, 48))])
def test_thumbnail_size(shape, expected):
    assert thumbnail_size(shape, 48) == expected


def test_image_is_shrunk_by_means_over_valid_pixels():
    image = np.arange(24, dtype=np.uint8).reshape(1, 4, 6)
    valid = np.ones((4, 6), bool)
    valid[0, 0] = False
    valid[2:, 4:] = False
    small = shrink_image(image, valid, (2, 3))
    assert small.shape == (2, 3, 3)
    assert_array_equal(small[0, 0], [round((1 + 6 + 7) / 3)] * 3)
    assert_array_equal(small[0, 1], [round((2 + 3 + 8 + 9) / 4)] * 3)
    assert_array_equal(small[1, 2], [190] * 3)  # nothing valid there


def test_other_types_are_stretched(rng):
    image = np.zeros((4, 20, 30), np.float32)
    image[:3] = rng.normal(1000, 50, (3, 20, 30))
    image[3] = 1e6  # a fourth band is not shown
    image[:, 3, 4] = np.nan
    small = shrink_image(image, np.isfinite(image[0]), (20, 30))
    assert small.min() == 0
    assert small.max() == 255
    assert_array_equal(small[3, 4], [190] * 3)
    flat = shrink_image(np.full((1, 5, 6), 7, np.uint16), np.ones((5, 6), bool), (5, 6))
    assert flat.shape == (5, 6, 3)
    assert shrink_image(np.zeros((2, 1, 1)), np.zeros((1, 1), bool), (1, 1)).shape == (1, 1, 3)


def test_labels_and_probabilities_are_sampled():
    labels = np.arange(12).reshape(1, 12) % 5
    assert_array_equal(shrink_labels(labels, (1, 4)), labels[:, [1, 4, 7, 10]])
    assert_array_equal(shrink_labels(labels, (1, 12)), labels)
    probabilities = np.stack([np.linspace(0, 1, 12)[None], 1 - np.linspace(0, 1, 12)[None]])
    small = shrink_probabilities(probabilities, (1, 4), [1])
    assert list(small) == [1]
    assert_allclose(small[1] / 255, probabilities[1][:, [1, 4, 7, 10]], atol=1 / 255)
    stored = np.round(probabilities * 255).astype(np.uint8)
    assert_array_equal(shrink_probabilities(stored, (1, 4), [1])[1], small[1])
