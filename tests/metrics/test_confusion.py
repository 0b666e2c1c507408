import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from densa.errors import InputError
from densa.metrics import ConfusionMatrix
from densa.metrics.confusion import _count_pairs

LABELS = st.sampled_from([0, 1, 2, 3, 255])
PAIRS = arrays(np.uint8, st.tuples(st.just(2), st.integers(1, 5), st.integers(1, 7)), elements=LABELS)


def of(counts):
    """A confusion matrix with the given n x n counts."""
    confusion = ConfusionMatrix(len(counts))
    confusion.matrix[:, :-1] = counts
    return confusion


def of_labels(target, predicted, n_classes=4):
    confusion = ConfusionMatrix(n_classes)
    confusion.update(np.asarray(target), np.asarray(predicted))
    return confusion


def test_scores_by_hand():
    """Oracle worked on paper: t = 60, 30, 10; p = 60, 30, 10; 75 of 100 right."""
    summary = of([[50, 5, 5], [10, 20, 0], [0, 5, 5]]).summary()
    assert_allclose(summary.global_accuracy, 0.75)
    assert_allclose(summary.accuracy, [5 / 6, 2 / 3, 1 / 2])
    assert_allclose(summary.precision, [5 / 6, 2 / 3, 1 / 2])
    assert_allclose(summary.class_average, 2 / 3)
    assert_allclose(summary.iou, [0.714286, 0.5, 0.333333], atol=5e-7)
    assert_allclose(summary.mean_iou, 0.515873, atol=5e-7)
    assert_allclose(summary.frequency_weighted_iou, 0.611905, atol=5e-7)
    assert_allclose(summary.f1, [5 / 6, 2 / 3, 1 / 2])
    assert_allclose(summary.kappa, 0.537037, atol=5e-7)  # p_e 0.46
    assert summary.n_pixels == 100


def test_class_absent_from_the_target_by_hand():
    """Two of the fifty go to a fourth class that the target lacks; each rule gives its own mean."""
    confusion = of([[48, 5, 5, 2], [10, 20, 0, 0], [0, 5, 5, 0], [0, 0, 0, 0]])
    skip, zero = confusion.summary(absent="skip"), confusion.summary(absent="zero")
    assert skip.iou[3] == 0
    assert math.isnan(skip.accuracy[3])
    assert_allclose(skip.mean_iou, 0.379762, atol=5e-7)  # t + p > 0: all four
    assert_allclose(skip.iou[confusion.matrix.sum(1) > 0].mean(), 0.506349, atol=5e-7)  # only those with t > 0
    assert_allclose(skip.class_average, 0.655556, atol=5e-7)
    assert_allclose(zero.class_average, 0.491667, atol=5e-7)


def test_class_absent_from_target_and_prediction():
    confusion = of_labels([0, 0, 1, 1], [0, 1, 1, 1], n_classes=4)
    assert_allclose(confusion.summary(absent="skip").mean_iou, (1 / 2 + 2 / 3) / 2)
    assert_allclose(confusion.summary(absent="zero").mean_iou, (1 / 2 + 2 / 3) / 4)
    for rule in ("skip", "zero"):
        assert_array_equal(np.isnan(confusion.summary(absent=rule).iou), [False, False, True, True])


def test_f1_follows_from_iou():
    summary = of([[50, 5, 5], [10, 20, 0], [0, 5, 5]]).summary()
    assert_allclose(summary.f1, 2 * summary.iou / (1 + summary.iou))


def test_void_rules_by_hand():
    # Void pixels are predicted 0, 0, 1 and no class; one labelled pixel has no class predicted.
    confusion = of_labels([0, 0, 1, 1, 1, 255, 255, 255, 255], [0, 1, 1, 1, 255, 0, 0, 1, 255], n_classes=2)
    assert_array_equal(confusion.matrix, [[1, 1, 0], [0, 2, 1]])
    ignore, counted = confusion.summary(), confusion.summary(void="false-positive")
    assert (ignore.n_pixels, counted.n_pixels) == (5, 8)
    assert_allclose(ignore.global_accuracy, 3 / 5)
    assert_allclose(counted.global_accuracy, 3 / 8)
    assert_allclose(ignore.iou, [1 / 2, 2 / 4])
    assert_allclose(counted.iou, [1 / 4, 2 / 5])
    assert_allclose(counted.precision, [1 / 3, 2 / 4])
    assert_allclose(ignore.accuracy, [1 / 2, 2 / 3])
    assert_array_equal(ignore.accuracy, counted.accuracy)
    assert_allclose(counted.frequency_weighted_iou, (2 * 1 / 4 + 3 * 2 / 5) / 5)
    assert_allclose(ignore.kappa, (3 / 5 - (2 * 1 + 3 * 3) / 25) / (1 - (2 * 1 + 3 * 3) / 25))
    assert_allclose(counted.kappa, (3 / 8 - (2 * 3 + 3 * 4) / 64) / (1 - (2 * 3 + 3 * 4) / 64))


def test_nothing_counted_is_nan():
    confusion = of_labels([255, 255], [255, 255])
    for void in ("ignore", "false-positive"):
        for absent in ("skip", "zero"):
            summary = confusion.summary(void=void, absent=absent)
            for name in ("global_accuracy", "class_average", "mean_iou", "frequency_weighted_iou", "kappa"):
                assert math.isnan(getattr(summary, name)), name


def test_one_class_everywhere_has_no_kappa():
    summary = of_labels(np.zeros((3, 4), int), np.zeros((3, 4), int)).summary()
    assert summary.global_accuracy == summary.mean_iou == 1
    assert math.isnan(summary.kappa)  # chance alone agrees everywhere


def test_kernel_is_its_python_twin(rng):
    target, predicted = rng.integers(0, 256, (2, 500)).astype(np.uint8)
    compiled, plain = np.zeros((2, 256, 256), np.int64)
    _count_pairs(target, predicted, compiled)
    _count_pairs.py_func(target, predicted, plain)
    assert_array_equal(compiled, plain)


def test_scores_match_scikit_learn(rng):
    metrics = pytest.importorskip("sklearn.metrics")
    target, predicted = rng.integers(0, 5, (2, 40, 61))
    target[:, :2] = 255
    valid = target != 255
    t, p = target[valid], predicted[valid]
    summary = of_labels(target, predicted, n_classes=5).summary()
    assert_array_equal(of_labels(target, predicted, 5).matrix[:, :-1], metrics.confusion_matrix(t, p))
    assert_allclose(summary.iou, metrics.jaccard_score(t, p, average=None))
    assert_allclose(summary.f1, metrics.f1_score(t, p, average=None))
    assert_allclose(summary.precision, metrics.precision_score(t, p, average=None))
    assert_allclose(summary.accuracy, metrics.recall_score(t, p, average=None))
    assert_allclose(summary.global_accuracy, metrics.accuracy_score(t, p))
    assert_allclose(summary.class_average, metrics.balanced_accuracy_score(t, p))
    assert_allclose(summary.frequency_weighted_iou, metrics.jaccard_score(t, p, average="weighted"))
    assert_allclose(summary.kappa, metrics.cohen_kappa_score(t, p))


def test_scores_match_torchmetrics(rng):
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchmetrics warns about optional packages on import
        functional = pytest.importorskip("torchmetrics.functional.classification")
    target, predicted = rng.integers(0, 4, (2, 50, 33))
    target[0] = 255
    summary = of_labels(target, predicted).summary()
    arguments = (torch.tensor(predicted), torch.tensor(target))
    options = {"num_classes": 4, "ignore_index": 255}
    expected = functional.multiclass_jaccard_index(*arguments, average="macro", **options)
    assert_allclose(summary.mean_iou, float(expected), rtol=1e-6)
    expected = functional.multiclass_accuracy(*arguments, average=None, **options)
    assert_allclose(summary.accuracy, expected.numpy(), rtol=1e-6)
    assert_allclose(summary.kappa, float(functional.multiclass_cohen_kappa(*arguments, **options)), rtol=1e-4)


@given(PAIRS)
def test_every_pixel_is_counted_once(pair):
    target, predicted = pair
    confusion = of_labels(target, predicted)
    assert confusion.counts.sum() == target.size
    assert_array_equal(confusion.matrix.sum(1), [(target == k).sum() for k in range(4)])
    assert_array_equal(confusion.counts[:, :-1].sum(0), [(predicted == k).sum() for k in range(4)])


@given(PAIRS, PAIRS)
def test_merge_equals_one_stream(first, second):
    merged, one = of_labels(*first), of_labels(*first)
    merged.merge(of_labels(*second))
    one.update(*second)
    assert_array_equal(merged.counts, one.counts)


@given(PAIRS, st.permutations(range(4)), st.sampled_from(["ignore", "false-positive"]))
def test_scores_follow_a_renaming_of_classes(pair, new, void):
    table = np.full(256, 255, np.uint8)
    table[:4] = new
    before = of_labels(*pair).summary(void=void)
    after = of_labels(table[pair[0]], table[pair[1]]).summary(void=void)
    assert_allclose(after.iou[list(new)], before.iou)
    for name in ("global_accuracy", "class_average", "mean_iou", "frequency_weighted_iou", "kappa"):
        assert_allclose(getattr(after, name), getattr(before, name), atol=1e-12, err_msg=name)


@given(PAIRS)
def test_false_positives_on_void_never_help(pair):
    confusion = of_labels(*pair)
    ignore, counted = confusion.summary(), confusion.summary(void="false-positive")
    assert not (counted.iou > ignore.iou + 1e-12).any()
    assert not counted.global_accuracy > ignore.global_accuracy
    assert not confusion.summary(absent="zero").mean_iou > ignore.mean_iou + 1e-12


@given(PAIRS)
def test_scores_stay_in_their_range(pair):
    summary = of_labels(*pair).summary(void="false-positive")
    scores = np.concatenate([summary.iou, summary.f1, summary.accuracy, summary.precision])
    scores = np.append(scores, [summary.global_accuracy, summary.frequency_weighted_iou])
    assert not ((scores < 0) | (scores > 1)).any()
    assert not abs(summary.kappa) > 1 + 1e-12


def test_any_integer_type_and_layout(rng):
    target, predicted = rng.integers(0, 4, (2, 8, 9))
    expected = of_labels(target.astype(np.uint8), predicted.astype(np.uint8)).counts
    assert_array_equal(of_labels(target.astype(np.int32), predicted).counts, expected)
    assert_array_equal(of_labels(target.T, predicted.T.astype(np.uint8)).counts, expected)


@pytest.mark.parametrize(
    ("target", "predicted", "message"),
    [
        ([0, 1], [0, 1, 2], "the same shape"),
        ([0, 4], [0, 1], "target has the value 4, but there are 4 classes"),
        ([0, 1], [0, 254], "predicted has the value 254"),
        ([0, -1], [0, 1], "target must hold classes, or 255"),
        ([0, 1], [0, 256], "got 256"),
        ([0.0, 1.0], [0, 1], "integers"),
    ],
)
def test_wrong_labels_are_refused_and_nothing_added(target, predicted, message):
    confusion = ConfusionMatrix(4)
    with pytest.raises(InputError, match=message):
        confusion.update(np.array(target), np.array(predicted))
    assert not confusion.counts.any()


def test_wrong_rules_are_refused():
    with pytest.raises(InputError, match="void must be 'ignore' or 'false-positive', got 'skip'"):
        ConfusionMatrix(2).summary(void="skip")
    with pytest.raises(InputError, match="absent must be"):
        ConfusionMatrix(2).summary(absent="ignore")
    with pytest.raises(InputError, match="1 to 254"):
        ConfusionMatrix(0)
    with pytest.raises(InputError, match="2 and 3 classes"):
        ConfusionMatrix(2).merge(ConfusionMatrix(3))
