"""Recall by the size of objects, against a loop over components."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage

from densa.errors import InputError
from densa.metrics import SizeRecall
from tests.metrics.test_boundary_iou import blobs


def test_a_loop_over_components(rng):
    limits = [10, 200]
    score, expected = SizeRecall(3, limits), np.zeros((3, 3, 4), int)
    for _ in range(3):
        target, predicted = blobs(rng), blobs(rng)
        target[rng.random(target.shape) < 0.02] = 255
        score.update(target, predicted)
        for k in range(3):
            components, n = ndimage.label(target == k)
            for number in range(1, n + 1):
                inside = components == number
                size, right = inside.sum(), (predicted[inside] == k).sum()
                expected[k, np.searchsorted(limits, size, side="right")] += [1, right > size / 2, size, right]
    assert_array_equal(score.counts, expected)
    row = score.rows()[1]
    assert (row.least, row.most) == (10, 199)
    assert row.n_objects == expected[:, 1, 0].sum()
    assert row.found == expected[:, 1, 1].sum() / row.n_objects
    assert row.pixel_recall == expected[:, 1, 3].sum() / row.n_pixels


def test_limits_are_sizes_of_coco():
    score = SizeRecall(1)
    for side in (31, 32, 96):
        score.update(np.zeros((side, side), int), np.zeros((side, side), int))
    assert [row.n_objects for row in score.rows()] == [1, 1, 1]
    assert [(row.least, row.most) for row in score.rows()] == [(1, 1023), (1024, 9215), (9216, None)]


def test_empty_merged_and_mistakes(rng):
    assert np.isnan(SizeRecall(2).rows()[0].found)
    whole, merged = SizeRecall(3), SizeRecall(3)
    for _ in range(2):
        pair = blobs(rng), blobs(rng)
        whole.update(*pair)
        part = SizeRecall(3)
        part.update(*pair)
        merged.merge(part)
    assert_array_equal(merged.counts, whole.counts)
    with pytest.raises(InputError, match="cannot be merged"):
        whole.merge(SizeRecall(3, [5]))
    for limits in ([1], [5, 5], [9, 3]):
        with pytest.raises(InputError, match="must rise"):
            SizeRecall(2, limits)
