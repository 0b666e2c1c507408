"""Dice per image and pooled, each by hand and by other libraries."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import f1_score

from densa.errors import InputError
from densa.metrics import ConfusionMatrix, DicePerImage
from tests.metrics.test_boundary_iou import blobs


def test_per_image_and_pooled_by_scikit_learn(rng):
    images = [(blobs(rng), blobs(rng)) for _ in range(4)]
    score, confusion = DicePerImage(3), ConfusionMatrix(3)
    for pair in images:
        score.update(*pair)
        confusion.update(*pair)
    each = [f1_score(t.ravel(), p.ravel(), average=None, labels=range(3)) for t, p in images]
    assert_allclose(score.per_class, np.mean(each, axis=0))
    assert_allclose(score.value, np.mean(each))
    pooled = f1_score(*(np.concatenate([pair[i].ravel() for pair in images]) for i in (0, 1)), average=None)
    assert_allclose(confusion.summary().f1, pooled)
    assert abs(score.value - pooled.mean()) > 1e-4  # two measures


def test_a_class_that_is_absent_from_an_image_is_left_out_of_its_mean():
    score = DicePerImage(3)
    score.update(np.array([[0, 1]]), np.array([[0, 1]]))
    score.update(np.array([[0, 0]]), np.array([[0, 2]]))
    assert_allclose(score.per_class, [(1 + 2 / 3) / 2, 1, 0])
    assert_allclose(score.value, (1 + 1 / 3) / 2)
    score.update(np.array([[255]]), np.array([[1]]))
    assert score.n_images == 2


def test_merged(rng):
    whole, merged = DicePerImage(3), DicePerImage(3)
    for _ in range(3):
        pair = blobs(rng), blobs(rng)
        whole.update(*pair)
        part = DicePerImage(3)
        part.update(*pair)
        merged.merge(part)
    assert_allclose([merged.value, *merged.per_class], [whole.value, *whole.per_class])
    with pytest.raises(InputError, match="cannot be merged"):
        whole.merge(DicePerImage(2))


def one_hot(labels):
    return np.stack([labels == k for k in range(3)])


def test_monai(rng):
    """Its DiceMetric is per image; the mean of classes that both maps have."""
    metrics = pytest.importorskip("monai.metrics")
    import torch

    images = [(blobs(rng), blobs(rng)) for _ in range(3)]
    score = DicePerImage(3)
    for pair in images:
        score.update(*pair)
    given = [torch.from_numpy(np.stack([one_hot(pair[i]) for pair in images]).astype(float)) for i in (1, 0)]
    metric = metrics.DiceMetric(include_background=True, reduction="mean_batch")
    metric(*given)
    assert_allclose(score.per_class, metric.aggregate(), rtol=1e-6)


def test_medpy(rng):
    binary = pytest.importorskip("medpy.metric.binary")
    target, predicted = blobs(rng), blobs(rng)
    score = DicePerImage(3)
    score.update(target, predicted)
    assert_allclose(score.per_class, [binary.dc(predicted == k, target == k) for k in range(3)])
