import numpy as np
import pytest
from numpy.testing import assert_allclose

from densa.metrics import BoundaryF1, ConfusionMatrix
from densa.metrics.intervals.sums import HEADLINE, PER_CLASS, Columns, numbers_of, scores_of, sizes_of


def images(rng, n, n_classes, shape=(13, 17)):
    for _ in range(n):
        target = rng.integers(0, n_classes, shape).astype(np.uint8)
        predicted = np.where(rng.random(shape) < 0.3, rng.integers(0, n_classes, shape), target).astype(np.uint8)
        target[rng.random(shape) < 0.1] = 255
        predicted[rng.random(shape) < 0.05] = 255
        yield target, predicted


@pytest.mark.parametrize("void", ["ignore", "false-positive"])
@pytest.mark.parametrize("absent", ["skip", "zero"])
def test_scores_of_sums_are_those_of_the_confusion_matrix(rng, void, absent):
    columns, total = Columns(5), ConfusionMatrix(5)
    border = BoundaryF1(5, void=void)
    sums = np.zeros((3, columns.width))
    for row, (target, predicted) in zip(sums, images(rng, 3, 4), strict=True):  # the fifth class is absent
        own, edge = ConfusionMatrix(5), BoundaryF1(5, void=void)
        own.update(target, predicted)
        edge.update(target, predicted)
        row[: columns.n_pixel_columns], row[columns.n_pixel_columns :] = columns.of_matrix(own.counts, void), edge.sums
        total.merge(own)
        border.merge(edge)
    found = dict(zip(numbers_of(5), scores_of(sums.sum(0), 5, absent), strict=True))
    summary = total.summary(void=void, absent=absent)
    for name in set(HEADLINE) - {"boundary_f1", "share_without_label", "share_without_class"}:
        assert_allclose(found[name, None], getattr(summary, name), rtol=1e-12)
    for name in set(PER_CLASS) - {"boundary_f1"}:
        assert_allclose([found[name, k] for k in range(5)], getattr(summary, name), rtol=1e-12)
    assert_allclose(found["boundary_f1", None], border.value)
    assert_allclose([found["boundary_f1", k] for k in range(5)], border.per_class)
    assert_allclose(found["share_without_label", None], total.counts[-1].sum() / total.counts.sum())
    assert_allclose(found["share_without_class", None], total.matrix[:, -1].sum() / total.matrix.sum())


def test_a_stack_is_scored_as_its_parts(rng):
    sums = rng.integers(1, 99, (4, 6, Columns(3).width)).astype(float)
    found = scores_of(sums, 3, "skip")
    assert found.shape == (4, 6, len(numbers_of(3)))
    assert_allclose(found[2, 5], scores_of(sums[2, 5], 3, "skip"))


def test_sizes_are_pixels_that_count_for_each_score():
    confusion, columns = ConfusionMatrix(2), Columns(2)
    confusion.update(np.array([[0, 0, 0, 255, 1]]), np.array([[0, 1, 255, 1, 1]]))
    sums = np.zeros((1, columns.width))
    sums[0, : columns.n_pixel_columns] = columns.of_matrix(confusion.counts, "ignore")
    sizes = dict(zip(numbers_of(2), sizes_of(sums, 2)[0], strict=True))
    assert sizes["mean_iou", None] == sizes["share_without_class", None] == 4
    assert sizes["share_without_label", None] == 5
    assert sizes["accuracy", 0] == 3
    assert sizes["precision", 1] == 2
    assert sizes["iou", 0] == 4
