"""Hausdorff distances against all pairs of outline pixels, scikit-image, MONAI and medpy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage
from skimage.metrics import hausdorff_distance

from densa.errors import InputError
from densa.metrics import Hausdorff, hausdorff
from tests.metrics.test_boundary_iou import blobs


def outline(mask):
    """Without the pixels that an erosion leaves; beyond the image's edge is outside."""
    return mask & ~ndimage.binary_erosion(mask, border_value=0)


def directed(a, b):
    pairs = np.sqrt(((np.argwhere(a)[:, None] - np.argwhere(b)[None]) ** 2).sum(-1))
    return pairs.min(1)


def pairs_of_maps(rng, n=3):
    for _ in range(n):
        target = blobs(rng)
        yield target, np.where(rng.random(target.shape) < 0.01, blobs(rng), np.roll(target, 2, axis=1))


@pytest.mark.parametrize("percentile", [95, 100, 50])
def test_all_pairs_of_pixels(rng, percentile):
    for target, predicted in pairs_of_maps(rng):
        larger = hausdorff(target, predicted, 3, percentile=percentile)
        pooled = hausdorff(target, predicted, 3, percentile=percentile, together="pooled")
        for k in range(3):
            a, b = outline(target == k), outline(predicted == k)
            there, back = directed(a, b), directed(b, a)
            assert_allclose(larger[k], max(np.percentile(there, percentile), np.percentile(back, percentile)))
            assert_allclose(pooled[k], np.percentile(np.hstack([there, back]), percentile))


def test_scikit_image(rng):
    """Of the outlines themselves, its Hausdorff distance is the percentile 100."""
    for target, predicted in pairs_of_maps(rng):
        found = hausdorff(target, predicted, 3, percentile=100)
        expected = [hausdorff_distance(outline(target == k), outline(predicted == k)) for k in range(3)]
        assert_allclose(found, expected)


def test_void_is_cut_out(rng):
    target = np.zeros((30, 30), np.uint8)
    target[5:15, 5:15] = 1
    predicted = target.copy()
    predicted[20:25, 20:25] = 1
    assert hausdorff(target, predicted, 2)[1] > 5
    target[18:27, 18:27] = 255
    assert_array_equal(hausdorff(target, predicted, 2), 0)
    assert hausdorff(target, predicted, 2, void="false-positive")[1] > 5


def test_a_class_in_one_map_has_no_distance_and_is_counted():
    target = np.zeros((9, 9), np.uint8)
    target[2:4, 2:4] = 1
    score = Hausdorff(3)
    score.update(target, np.zeros_like(target))
    score.update(target, target)
    assert score.per_class[0] > 0  # the background has no hole there
    assert_array_equal(score.per_class[1:], [0, np.nan])
    assert_array_equal(score.n_images, [2, 1, 0])
    assert_array_equal(score.n_one_sided, [0, 1, 0])
    assert_allclose(score.value, score.per_class[0] / 2)
    assert np.isnan(Hausdorff(2).value)


def test_merged_and_mistakes(rng):
    whole, merged = Hausdorff(3), Hausdorff(3)
    for pair in pairs_of_maps(rng):
        whole.update(*pair)
        part = Hausdorff(3)
        part.update(*pair)
        merged.merge(part)
    assert_allclose(merged.per_class, whole.per_class)
    with pytest.raises(InputError, match="cannot be merged"):
        whole.merge(Hausdorff(3, percentile=90))
    with pytest.raises(InputError, match="percentile must be"):
        hausdorff(np.zeros((2, 2), int), np.zeros((2, 2), int), 1, percentile=101)
    with pytest.raises(InputError, match="together must be"):
        Hausdorff(3, together="both")


def test_monai(rng):
    metrics = pytest.importorskip("monai.metrics")
    import torch

    for target, predicted in pairs_of_maps(rng, 2):
        masks = [np.stack([m == k for k in range(3)])[None].astype(float) for m in (predicted, target)]
        given = map(torch.from_numpy, masks)
        expected = metrics.compute_hausdorff_distance(*given, include_background=True, percentile=95)
        assert_allclose(hausdorff(target, predicted, 3), expected[0], rtol=1e-6)


def test_medpy(rng):
    binary = pytest.importorskip("medpy.metric.binary")
    for target, predicted in pairs_of_maps(rng, 2):
        expected = [binary.hd95(predicted == k, target == k) for k in range(3)]
        assert_allclose(hausdorff(target, predicted, 3, together="pooled"), expected)
        whole = [binary.hd(predicted == k, target == k) for k in range(3)]
        assert_allclose(hausdorff(target, predicted, 3, percentile=100), whole)
