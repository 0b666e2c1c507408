"""Boundary IoU against a search of every window, and against erosion as in the authors' code."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from densa.errors import InputError
from densa.metrics import BoundaryIou, mask_bands


def blobs(rng, shape=(60, 80), n_classes=3):
    scores = ndimage.gaussian_filter(rng.normal(size=(n_classes, *shape)), (0, 5, 5))
    return scores.argmax(0).astype(np.uint8)


def test_bands_by_looking_at_every_window(rng):
    labels = blobs(rng, (25, 31))
    labels[5:9, 10:20] = 255
    for width in (1, 3):
        band = mask_bands(labels, width)
        for row, column in np.ndindex(labels.shape):
            label = labels[row, column]
            rows, columns = (slice(max(at - width, 0), at + width + 1) for at in (row, column))
            around = labels[rows, columns]
            beyond = around.size < (2 * width + 1) ** 2
            expected = label != 255 and (beyond or ((around != label) & (around != 255)).any())
            assert band[row, column] == expected


def by_erosion(target, predicted, k, side):
    """The released code: a mask without what is left of it after `side` erosions, beyond the image is outside."""
    masks = [labels == k for labels in (target, predicted)]
    kept = [m & ~ndimage.binary_erosion(m, np.ones((3, 3)), side, border_value=0) for m in masks]
    return (kept[0] & kept[1]).sum(), (kept[0] | kept[1]).sum()


def test_the_authors_code(rng):
    score = BoundaryIou(3)
    total = np.zeros((3, 2))
    for _ in range(3):
        target, predicted = blobs(rng), blobs(rng)
        predicted[:, :40] = target[:, :40]
        score.update(target, predicted)
        total += [by_erosion(target, predicted, k, 2) for k in range(3)]
    assert_array_equal(score.counts, total)
    assert_allclose(score.value, (total[:, 0] / total[:, 1]).mean())


def test_identical_maps_are_1_and_void_is_cut_out(rng):
    target = blobs(rng)
    target[20:30, 20:50] = 255
    predicted = np.where(target == 255, 1, target)
    score = BoundaryIou(3)
    score.update(target, predicted)
    assert_array_equal(score.per_class, 1)
    strict = BoundaryIou(3, void="false-positive")
    strict.update(target, predicted)
    assert strict.per_class[1] < 1


def test_images_are_pooled_and_merged(rng):
    images = [(blobs(rng), blobs(rng)) for _ in range(3)]
    whole, merged = BoundaryIou(3), BoundaryIou(3)
    for pair in images:
        whole.update(*pair)
        part = BoundaryIou(3)
        part.update(*pair)
        merged.merge(part)
    assert_array_equal(merged.counts, whole.counts)
    with pytest.raises(InputError, match="cannot be merged"):
        whole.merge(BoundaryIou(3, distance=0.1))


def test_a_class_without_a_band_and_mistakes(rng):
    score = BoundaryIou(4)
    assert np.isnan(score.value)
    score.update(blobs(rng), blobs(rng))
    assert np.isnan(score.per_class[3])
    with pytest.raises(InputError, match="distance must be"):
        BoundaryIou(2, distance=-1)
    with pytest.raises(InputError, match="same size"):
        score.update(np.zeros((3, 4), int), np.zeros((4, 3), int))
