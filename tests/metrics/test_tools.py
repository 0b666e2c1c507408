"""What other tools print, from densa's counts by the rule of each; docs/metrics.md names the rules."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn import metrics as sklearn_metrics

from densa.metrics import ConfusionMatrix, DicePerImage
from tests.metrics.test_boundary_iou import blobs


@pytest.fixture
def images(rng):
    """Images of unequal size; class 3 is in one image alone, class 4 in none."""
    found = [(blobs(rng, (40 + 10 * i, 60)), blobs(rng, (40 + 10 * i, 60))) for i in range(3)]
    found[0][0][:9] = 3
    return found


def confusion_of(pairs, n_classes=5):
    confusion = ConfusionMatrix(n_classes)
    for pair in pairs:
        confusion.update(*pair)
    return confusion


def flat(images):
    return [np.concatenate([pair[i].ravel() for pair in images]) for i in (0, 1)]


def test_scikit_learn_pools_and_counts_a_class_that_does_not_occur_as_0(images):
    """jaccard_score, recall_score and f1_score of given labels are densa's with absent="zero"."""
    target, predicted = flat(images)
    summary = confusion_of(images).summary(absent="zero")
    options = {"labels": range(5), "average": "macro", "zero_division": 0}
    assert_allclose(summary.mean_iou, sklearn_metrics.jaccard_score(target, predicted, **options))
    assert_allclose(summary.class_average, sklearn_metrics.recall_score(target, predicted, **options))
    skipped = confusion_of(images).summary()
    # Without labels: the classes that occur in either; balanced accuracy: those in the target.
    assert_allclose(skipped.mean_iou, sklearn_metrics.jaccard_score(target, predicted, average="macro"))
    assert_allclose(skipped.class_average, sklearn_metrics.balanced_accuracy_score(target, predicted))
    assert_allclose(skipped.global_accuracy, sklearn_metrics.accuracy_score(target, predicted))
    assert_allclose(skipped.kappa, sklearn_metrics.cohen_kappa_score(target, predicted))
    weighted = sklearn_metrics.jaccard_score(target, predicted, average="weighted")
    assert_allclose(skipped.frequency_weighted_iou, weighted)


@pytest.fixture
def torchmetrics():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns about optional packages on import
        pytest.importorskip("torchmetrics.segmentation")
        return pytest.importorskip("torchmetrics")


def test_torchmetrics_segmentation_averages_images(torchmetrics, images):
    """MeanIoU is the mean over all pairs of an image and a class that occurs in it; JaccardIndex pools."""
    import torch

    segmentation, classification = torchmetrics.segmentation, torchmetrics.classification
    per_image = segmentation.MeanIoU(num_classes=5, input_format="index")
    pooled = classification.MulticlassJaccardIndex(num_classes=5)
    void = classification.MulticlassJaccardIndex(num_classes=5, ignore_index=255)
    marked = []
    for target, predicted in images:
        truth, found = (torch.from_numpy(m.astype(np.int64))[None] for m in (target, predicted))
        per_image.update(found, truth)
        pooled.update(found, truth)
        with_void = np.where(np.arange(target.shape[1]) < 7, 255, target)
        marked.append((with_void, predicted))
        void.update(found, torch.from_numpy(with_void.astype(np.int64))[None])
    each = np.concatenate([confusion_of([pair]).summary().iou for pair in images])
    assert_allclose(np.nanmean(each), float(per_image.compute()), rtol=1e-5)
    assert_allclose(confusion_of(images).summary().mean_iou, float(pooled.compute()), rtol=1e-5)
    assert_allclose(confusion_of(marked).summary().mean_iou, float(void.compute()), rtol=1e-5)
    assert abs(np.nanmean(each) - confusion_of(images).summary().mean_iou) > 1e-3  # two measures


def test_torchmetrics_dice(torchmetrics, images):
    """DiceScore of images is the per-image Dice, of all of them the pooled one; here every class occurs in each."""
    import torch

    plain = [(target % 3, predicted) for target, predicted in images]
    score = DicePerImage(3)
    for pair in plain:
        score.update(*pair)
    for level, expected in (
        ("samplewise", score.value),
        ("global", confusion_of(plain, 3).summary().f1.mean()),
    ):
        metric = torchmetrics.segmentation.DiceScore(
            num_classes=3, average="macro", input_format="index", aggregation_level=level
        )
        for target, predicted in plain:
            metric.update(*(torch.from_numpy(m.astype(np.int64))[None] for m in (predicted, target)))
        assert_allclose(expected, float(metric.compute()), rtol=1e-5)


def test_monai_leaves_out_classes_without_target(images):
    """MeanIoU is per image; an image where the target lacks a class is left out of its mean, false positives or not."""
    monai = pytest.importorskip("monai.metrics")
    import torch

    metric = monai.MeanIoU(reduction="mean_batch")
    each = []
    for target, predicted in images:
        hot = [torch.from_numpy(np.stack([m == k for k in range(5)])[None].astype(float)) for m in (predicted, target)]
        metric(*hot)
        confusion = confusion_of([(target, predicted)])
        each.append(np.where(confusion.matrix.sum(1) > 0, confusion.summary().iou, np.nan))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = np.nan_to_num(np.nanmean(each, axis=0))
    assert_allclose(expected, metric.aggregate(), rtol=1e-5)


def as_espnet_logs(images, n_classes=5):
    """The mIOU of ESPNet's trainValLog.txt, as its train/IOUEval.py computes it of one image a batch."""
    total, count = 0.0, 1  # the count of batches begins at 1
    for target, predicted in images:
        inside = target < n_classes
        counts = np.bincount(n_classes * target[inside].astype(int) + predicted[inside], minlength=n_classes**2)
        counts = counts.reshape(n_classes, n_classes)
        right = np.diag(counts)
        total += (right / (counts.sum(1) + counts.sum(0) - right + 1e-8)).mean()
        count += 1
    return total / count


def test_espnet_averages_batches_and_divides_by_one_more(images):
    """Its log: mean over classes, absent ones 0, of each batch; the sum over n batches is divided by n + 1."""
    each = [confusion_of([pair]).summary(absent="zero").mean_iou for pair in images]
    assert_allclose(sum(each) / (len(each) + 1), as_espnet_logs(images), rtol=1e-6)
    # Of perfect maps of 3 classes of 5, three batches: 3/5 of 3/4.
    perfect = [(predicted, predicted) for _, predicted in images]
    assert_allclose(as_espnet_logs(perfect), 0.45, rtol=1e-6)


def test_fcn_score_py_is_pooled_and_skips(images):
    """FCN's score.py: one histogram; the nanmean of IU is that over classes that occur in target or prediction."""
    histogram = confusion_of(images).matrix[:, :-1]
    with np.errstate(invalid="ignore"):
        iu = np.diag(histogram) / (histogram.sum(1) + histogram.sum(0) - np.diag(histogram))
    summary = confusion_of(images).summary()
    assert_allclose(summary.mean_iou, np.nanmean(iu))
    frequency = histogram.sum(1) / histogram.sum()
    assert_allclose(summary.frequency_weighted_iou, (frequency[frequency > 0] * iu[frequency > 0]).sum())
