import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from densa import metrics
from densa.errors import InputError


def maps(seed=0, shape=(23, 31)):
    rng = np.random.default_rng(seed)
    target = rng.choice(np.array([0, 1, 255], np.uint8), shape)
    return target, rng.choice(np.array([0, 1, 255], np.uint8), shape)


@pytest.mark.parametrize("void", ["ignore", "false-positive"])
@pytest.mark.parametrize("block", [1, 5, 8, 100])
def test_counts_by_brute_force(block, void):
    target, predicted = maps()
    blocks = metrics.ErrorBlocks(block, void=void)
    blocks.update("a", target, predicted)
    for one in blocks.blocks():
        t, p = (
            part[one.row : one.row + one.height, one.column : one.column + one.width] for part in (target, predicted)
        )
        counted = t != 255 if void == "ignore" else (t != 255) | (p != 255)
        assert one.pixels == counted.sum()
        assert one.wrong == (counted & (t != p)).sum()
    confusion = metrics.ConfusionMatrix(2)
    confusion.update(target, predicted)
    summary = confusion.summary(void=void)
    assert_allclose(
        sum(one.wrong for one in blocks.blocks()) / sum(one.pixels for one in blocks.blocks()),
        1 - summary.global_accuracy,
    )


@given(st.integers(1, 22), st.integers(1, 30), st.integers(1, 12))
def test_windows_give_what_the_whole_gives(row, column, block):
    target, predicted = maps()
    whole, parts = metrics.ErrorBlocks(block), metrics.ErrorBlocks(block)
    whole.update("a", target, predicted)
    for rows in (slice(row, None), slice(0, row)):
        for columns in (slice(0, column), slice(column, None)):
            corner = rows.start, columns.start
            parts.update("a", target[rows, columns], predicted[rows, columns], corner=corner)
    assert_array_equal(parts.images["a"].pixels, whole.images["a"].pixels)
    assert_array_equal(parts.images["a"].wrong, whole.images["a"].wrong)


def test_the_worst_come_first_and_splinters_do_not_count():
    target = np.zeros((4, 9), np.uint8)
    predicted = target.copy()
    predicted[:, 8] = 1  # a splinter of 4 pixels, all wrong
    predicted[:2, :4] = 1  # half of a block
    blocks = metrics.ErrorBlocks(4)
    blocks.update("a", target, predicted)
    assert [(one.column, one.rate) for one in blocks.worst()] == [(8, 1.0), (0, 0.5), (4, 0.0)]
    large = metrics.ErrorBlocks(8)
    large.update("a", target, predicted)
    assert [one.column for one in large.worst()] == [0]  # 4 of 64 pixels
    assert large.to_json()["blocks"] == 2


def test_a_block_has_a_side():
    with pytest.raises(InputError, match="block must be a whole number from 1"):
        metrics.ErrorBlocks(0)
