import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa.metrics import ConfusionMatrix
from densa.metrics.intervals._cell_kernels import count_lags, mark_errors, sum_cells
from densa.metrics.intervals.sums import Columns


def maps(rng, shape=(23, 31)):
    target, predicted = rng.integers(0, 3, (2, *shape)).astype(np.uint8)
    target[rng.random(shape) < 0.2] = 255
    predicted[rng.random(shape) < 0.2] = 255
    return target, predicted


@pytest.mark.parametrize("void", ["ignore", "false-positive"])
@pytest.mark.parametrize("corner", [(0, 0), (5, 14)])
def test_a_cell_holds_the_sums_of_its_confusion_matrix(rng, void, corner):
    target, predicted = maps(rng)
    side, columns = 8, Columns(3)
    shape = tuple((c + n - 1) // side - c // side + 1 for c, n in zip(corner, target.shape, strict=True))
    sums = np.zeros((*shape, columns.width))
    sum_cells(target, predicted, corner, side, 3, void == "false-positive", sums)
    rows, cols = (np.arange(n) + c for n, c in zip(target.shape, corner, strict=True))
    for r, c in np.ndindex(shape):
        part = np.ix_(rows // side == r + corner[0] // side, cols // side == c + corner[1] // side)
        confusion = ConfusionMatrix(3)
        confusion.update(target[part], predicted[part])
        assert_array_equal(sums[r, c, : columns.n_pixel_columns], columns.of_matrix(confusion.counts, void))


@pytest.mark.parametrize("void", [False, True])
def test_pairs_at_a_lag_are_counted(rng, void):
    target, predicted = maps(rng)
    errors = np.empty(target.shape, np.uint8)
    mark_errors(target, predicted, void, errors)
    expected = np.where(target == 255, 255, target != predicted)
    if void:
        expected = np.where((target == 255) & (predicted != 255), 1, expected)
    assert_array_equal(errors, expected)
    lags = np.array([1, 4, 30])
    counts = np.zeros((3, 4), np.int64)
    count_lags(errors, lags, 1, counts)
    for lag, found in zip(lags, counts, strict=True):
        pairs = [(errors[:, :-lag], errors[:, lag:]), (errors[:-lag], errors[lag:])]
        first, second = (np.concatenate([pair[i].reshape(-1) for pair in pairs]) for i in (0, 1))
        known = (first != 255) & (second != 255)
        first, second = first[known].astype(int), second[known].astype(int)
        assert_array_equal(found, [known.sum(), (first & second).sum(), first.sum(), second.sum()])
