"""Bands along boundaries by distances to every boundary pixel, and their scores."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa.errors import InputError
from densa.metrics import ConfusionMatrix, Trimap, trimap
from tests.metrics.test_boundary_iou import blobs


def test_bands_by_all_distances(rng):
    target = blobs(rng, (40, 50))
    target[10:14, 10:30] = 255
    edge = np.zeros(target.shape, bool)
    for row, column in np.ndindex(target.shape):
        for other in ((row + 1, column), (row, column + 1)):
            if other[0] < 40 and other[1] < 50:
                a, b = target[row, column], target[other]
                if a != b and 255 not in (a, b):
                    edge[row, column] = edge[other] = True
    places = np.argwhere(edge)
    distances = np.sqrt(((np.indices(target.shape).reshape(2, -1).T[:, None] - places) ** 2).sum(-1)).min(1)
    for width, band in zip((0, 2.5, 1, 7), trimap(target, [0, 2.5, 1, 7]), strict=True):
        assert_array_equal(band, distances.reshape(target.shape) <= width)


def test_scores_are_those_of_the_pixels_in_the_band(rng):
    score, whole = Trimap(3, [2, 1000]), ConfusionMatrix(3)
    expected = ConfusionMatrix(3)
    for _ in range(2):
        target, predicted = blobs(rng), blobs(rng)
        target[:3] = 255
        score.update(target, predicted)
        band = trimap(target, [2])[0]
        expected.update(target[band], predicted[band])
        whole.update(target, predicted)
    assert_allclose(score.iou(), [expected.summary().mean_iou, whole.summary().mean_iou])
    assert_allclose(score.error(), [1 - expected.summary().global_accuracy, 1 - whole.summary().global_accuracy])


def test_merged_and_without_boundaries(rng):
    images = [(blobs(rng), blobs(rng)) for _ in range(2)]
    whole, merged = Trimap(3), Trimap(3)
    for pair in images:
        whole.update(*pair)
        part = Trimap(3)
        part.update(*pair)
        merged.merge(part)
    assert_array_equal(merged.iou(), whole.iou())
    empty = Trimap(2)
    empty.update(np.zeros((5, 5), int), np.zeros((5, 5), int))
    assert np.isnan(empty.iou()).all()
    with pytest.raises(InputError, match="cannot be merged"):
        whole.merge(empty)
    for widths in ((), (-1,), (float("nan"),)):
        with pytest.raises(InputError, match="widths of a trimap"):
            Trimap(2, widths)
