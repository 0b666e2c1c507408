"""Kernels of the trees against a walk down each tree, pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from densa.shallow import Trees
from densa.shallow import trees as module
from densa.shallow._tree_kernels import GROUP, block_length, order_tree


def grown(rng, n_leaves):
    """Left and right child of each node (-1 at leaves) of a random tree, in the order in which it grew."""
    left, right, leaves = [-1], [-1], [0]
    while len(leaves) < n_leaves:
        node = leaves.pop(int(rng.integers(len(leaves))))
        left[node], right[node] = len(left), len(left) + 1
        left += [-1, -1]
        right += [-1, -1]
        leaves += [left[node], right[node]]
    return np.array(left), np.array(right)


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 60))
def test_nodes_are_numbered_depth_first_with_siblings_adjacent(seed, n_leaves):
    left, right = grown(np.random.default_rng(seed), n_leaves)
    new = np.empty(len(left), np.int64)
    order_tree(left, right, new)
    expected, count = {0: 0}, 1

    def visit(node):
        nonlocal count
        if left[node] >= 0:
            expected[left[node]], expected[right[node]] = count, count + 1
            count += 2
            visit(left[node])
            visit(right[node])

    visit(0)
    assert dict(enumerate(new)) == expected


def forest(rng, combine, n_classes=3, n_features=5):
    """Random trees of 1 to 40 leaves."""
    feature, threshold, child, starts = [], [], [], [0]
    n_rows = 17
    for _ in range(6):
        left, right = grown(rng, int(rng.integers(1, 41)))
        new = np.empty(len(left), np.int64)
        order_tree(left, right, new)
        leaf = left < 0
        f = np.where(leaf, -1, rng.integers(0, n_features, len(left)))
        t = np.where(leaf, 0, rng.integers(0, 4, len(left)))
        c = np.where(leaf, rng.integers(0, n_rows, len(left)), new[np.maximum(left, 0)])
        order = np.argsort(new)
        feature.append(f[order])
        threshold.append(t[order])
        child.append(c[order])
        starts.append(starts[-1] + len(left))
    values = {
        "mean": lambda: rng.dirichlet(np.ones(n_classes), n_rows).astype(np.float32),
        "softmax": lambda: rng.normal(size=(n_rows, 1)),
        "patches": lambda: rng.integers(0, n_classes, (n_rows, 9)).astype(np.uint8),
    }[combine]()
    softmax = combine == "softmax"
    return Trees(
        np.concatenate(feature).astype(np.int32),
        np.concatenate(threshold).astype(np.float32),
        np.concatenate(child).astype(np.int32),
        np.array(starts, np.int64),
        values,
        n_features,
        n_classes,
        combine,
        classes=rng.integers(0, n_classes, 6).astype(np.int32) if softmax else np.empty(0, np.int32),
        baseline=rng.normal(size=n_classes) if softmax else np.empty(0),
    )


def walked(trees, features):
    """(trees, n) rows of the leaves, by a walk down each tree."""
    found = np.empty((trees.n_trees, features.shape[1]), int)
    for t in range(trees.n_trees):
        first = trees.starts[t]
        for i in range(features.shape[1]):
            node = first
            while trees.feature[node] >= 0:
                goes_left = features[trees.feature[node], i] <= trees.threshold[node]
                node = first + trees.child[node] + (not goes_left)
            found[t, i] = trees.child[node]
    return found


@pytest.mark.parametrize("n_pixels", [1, GROUP - 1, GROUP, 37])
@pytest.mark.parametrize("combine", ["mean", "softmax", "patches"])
def test_leaves_and_probabilities_by_a_walk(rng, combine, n_pixels):
    trees = forest(rng, combine)
    features = rng.integers(0, 4, (5, n_pixels)).astype(np.float32)  # often equal to a threshold
    rows = walked(trees, features)
    assert_array_equal(trees.rows(features), rows)
    if combine == "mean":
        assert_allclose(trees.probabilities(features), trees.values[rows].astype(float).mean(axis=0).T, atol=1e-6)
    elif combine == "softmax":
        score = np.tile(trees.baseline[:, None], n_pixels)
        for t, k in enumerate(trees.classes):
            score[k] += trees.values[rows[t], 0]
        expected = np.exp(score - score.max(axis=0))
        assert_allclose(trees.probabilities(features), expected / expected.sum(axis=0), atol=1e-6)


@pytest.mark.parametrize("combine", ["mean", "softmax"])
def test_blocks_change_nothing(rng, combine, monkeypatch):
    trees = forest(rng, combine)
    features = rng.random((5, 333)).astype(np.float32) * 4
    whole, rows = trees.probabilities(features), trees.rows(features)
    monkeypatch.setattr(module, "block_length", lambda n: GROUP)
    assert_array_equal(trees.probabilities(features), whole)
    assert_array_equal(trees.rows(features), rows)


def test_blocks_are_multiples_of_the_group():
    for n_features in (1, 7, 100, 10**6):
        assert block_length(n_features) % GROUP == 0
        assert block_length(n_features) >= GROUP
