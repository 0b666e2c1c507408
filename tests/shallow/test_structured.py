"""Structured forest: patches and votes by brute force, leaves whose patch is one of their own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from densa.errors import InputError
from densa.shallow import Trees, fit_structured_forest, patches_at, vote
from densa.shallow.structured import _typical


@given(st.integers(0, 2**32), st.tuples(st.integers(1, 9), st.integers(1, 9)), st.sampled_from([1, 3, 5, 11]))
def test_patches_by_hand(seed, shape, side):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 5, shape).astype(np.uint8)
    rows, columns = rng.integers(0, shape[0], 4), rng.integers(0, shape[1], 4)
    found = patches_at(labels, rows, columns, side).reshape(4, side, side)
    reach = side // 2
    for patch, row, column in zip(found, rows, columns, strict=True):
        for i in range(side):
            for j in range(side):
                y, x = row + i - reach, column + j - reach
                inside = 0 <= y < shape[0] and 0 <= x < shape[1]
                assert patch[i, j] == (labels[y, x] if inside else 255)


def leaves_only(patches, n_classes):
    """Trees of one leaf each; the rows that pixels reach are made up by the test."""
    n = len(patches)
    return Trees(
        np.full(1, -1, np.int32), np.zeros(1, np.float32), np.zeros(1, np.int32), np.array([0, 1]),
        patches.reshape(n, -1), 1, n_classes, "patches",
    )  # fmt: skip


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.tuples(st.integers(1, 9), st.integers(1, 9)), st.sampled_from([3, 5]), st.booleans())
def test_votes_by_brute_force(seed, shape, side, holes):
    rng = np.random.default_rng(seed)
    patches = rng.choice([0, 1, 2, 255], (6, side, side)).astype(np.uint8)
    rows = rng.integers(0, 6, (2, *shape)).astype(np.int32)
    valid = rng.random(shape) < 0.7 if holes else np.ones(shape, bool)
    votes = np.zeros((3, *shape))
    reach = side // 2
    for t, y, x in np.ndindex(rows.shape):
        for i in range(side):
            for j in range(side):
                row, column, label = y + i - reach, x + j - reach, patches[rows[t, y, x], i, j]
                if valid[y, x] and label < 3 and 0 <= row < shape[0] and 0 <= column < shape[1]:
                    votes[label, row, column] += 1
    total = votes.sum(axis=0)
    expected = np.where(total > 0, votes / np.maximum(total, 1), 1 / 3)
    found = vote(leaves_only(patches, 3), rows, valid if holes else None)
    assert_allclose(found, expected, atol=1e-6)


def test_the_typical_patch_is_the_most_probable_of_its_leaf(rng):
    """By brute force: the product over the places of the shares of the labels in the leaf."""
    patches = rng.choice([0, 1, 2], (60, 9), p=[0.6, 0.3, 0.1]).astype(np.uint8)
    leaf_of = rng.choice([1, 4, 7], 60)
    is_leaf = np.isin(np.arange(9), [1, 4, 7])
    chosen = _typical(leaf_of, patches, 3, is_leaf)
    for leaf, best in zip((1, 4, 7), chosen, strict=True):
        members = np.flatnonzero(leaf_of == leaf)
        assert best in members
        shares = np.stack([(patches[members] == k).mean(axis=0) for k in range(3)])
        scores = {m: shares[patches[m], np.arange(9)].prod() for m in members}
        assert scores[best] >= 0.999 * max(scores.values())


def test_leaves_hold_patches_of_the_training(rng):
    labels = (np.indices((40, 40)).sum(axis=0) // 5 % 2).astype(np.uint8)
    rows, columns = rng.integers(0, 40, 500), rng.integers(0, 40, 500)
    patches = patches_at(labels, rows, columns, 5)
    features = np.column_stack([labels[rows, columns], rows, columns]).astype(np.float32)
    trees = fit_structured_forest(features, patches, 2, n_trees=3, seed=2)
    assert trees.n_trees == 3
    assert trees.side == 5
    assert {p.tobytes() for p in trees.values} <= {p.tobytes() for p in patches}
    again = fit_structured_forest(features, patches, 2, n_trees=3, seed=2)
    for name, array in trees.arrays().items():
        assert_array_equal(array, again.arrays()[name])
    reached = trees.values[trees.rows(features.T)]
    assert (reached[:, :, 12] == labels[rows, columns]).mean() > 0.9  # the centre's label is a feature


def test_splits_are_of_the_joint_label(rng):
    """The centre and the labels around it are fair coins; their exclusive or, a feature, tells nothing of either alone.

    Split at it, the joint label keeps one bit of its two; by the rates of each label it looks like noise.
    """
    n = 400
    centre, around = rng.integers(0, 2, (2, n))
    patches = np.repeat(around[:, None], 9, axis=1).astype(np.uint8)
    patches[:, 4] = centre
    together = (centre ^ around).astype(np.float32)
    features = np.column_stack([together, together, together, rng.random(n)]).astype(np.float32)  # 2 are drawn a node
    trees = fit_structured_forest(features, patches, 2, n_trees=40, min_leaf=n // 4)
    roots = trees.feature[trees.starts[:-1]]
    assert (roots >= 0).all()
    # One tree in nine draws the centre as its second place, and has nothing to find.
    assert (roots < 3).mean() > 0.75


@pytest.mark.parametrize(
    ("features", "patches", "said"),
    [
        (np.zeros((4, 2)), np.zeros((3, 9), np.uint8), "as many as features"),
        (np.zeros((4, 2)), np.zeros((4, 8), np.uint8), "odd side squared"),
        (np.zeros((4, 2)), np.zeros((4, 16), np.uint8), "odd side squared"),
        (np.zeros((0, 2)), np.zeros((0, 9), np.uint8), "odd side squared"),
        (np.zeros((4, 2)), np.full((4, 9), 255, np.uint8), "the centre of every patch must have a label below 2"),
    ],
)
def test_patches_that_do_not_fit_are_said(features, patches, said):
    with pytest.raises(InputError, match=said):
        fit_structured_forest(features.astype(np.float32), patches, 2)
