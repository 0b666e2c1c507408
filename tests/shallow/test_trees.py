"""Trees as arrays: examples by hand, arrays that anybody may have written."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa import parallel
from densa.errors import InputError
from densa.shallow import Trees, fit_trees
from densa.shallow.trees import with_classes
from tests.shallow.class_samples import samples


def small():
    """One split of two features: x1 <= 0.5."""
    return {
        "feature": np.array([1, -1, -1], np.int32),
        "threshold": np.array([0.5, 0, 0], np.float32),
        "child": np.array([1, 0, 1], np.int32),
        "starts": np.array([0, 3], np.int64),
        "values": np.array([[1, 0], [0.25, 0.75]], np.float32),
        "classes": np.empty(0, np.int32),
        "baseline": np.empty(0),
    }


def test_a_tree_by_hand():
    trees = Trees.from_arrays(small(), 2, 2, "mean")
    asked = np.array([[9, 9, 9], [0.5, 0.500001, -1]], np.float32)
    assert_array_equal(trees.probabilities(asked), np.array([[1, 0.25, 1], [0, 0.75, 0]], np.float32))


def test_shape_of_the_pixels_is_kept(rng):
    features, labels = samples(rng)
    trees = fit_trees(features, labels, 3, n_trees=3)
    block = rng.normal(size=(7, 5, 9)).astype(np.float32)
    found = trees.probabilities(block)
    assert found.shape == (3, 5, 9)
    assert_array_equal(found.reshape(3, -1), trees.probabilities(block.reshape(7, -1)))
    assert_allclose(found.sum(axis=0), 1, atol=1e-6)


def test_same_for_any_number_of_threads(rng, monkeypatch):
    features, labels = samples(rng)
    trees = fit_trees(features, labels, 3, n_trees=5)
    asked = np.tile(samples(rng, 5000)[0], (8, 1)).T
    found = []
    for n in (1, 3):
        monkeypatch.setattr(parallel, "n_threads", lambda n=n: n)
        found.append(trees.probabilities(asked))
    assert_array_equal(*found)


def test_arrays_come_back(rng):
    features, labels = samples(rng)
    for kind in ("extra-trees", "boosting"):
        trees = fit_trees(features, labels, 3, kind, n_trees=4)
        again = Trees.from_arrays(trees.arrays(), trees.n_features, trees.n_classes, trees.combine)
        assert_array_equal(again.probabilities(features.T), trees.probabilities(features.T))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("child", [0, 0, 1], "after it"),  # a circle
        ("child", [2, 0, 1], "after it"),  # the right child would lie outside
        ("child", [1, 0, 2], "none of the 2"),
        ("child", [1, -1, 1], "none of the 2"),
        ("feature", [2, -1, -1], "none of the 2"),
        ("feature", [-2, -1, -1], "none of the 2"),
        ("starts", [0, 2], "ascend"),
        ("starts", [0, 0, 3], "ascend"),
        ("threshold", [np.nan, 0, 0], "no number"),
        ("values", [[1, 0], [0.5, 0.75]], "do not fit"),
        ("values", [[1, 0, 0], [0, 0, 1]], "do not fit"),
    ],
)
def test_arrays_that_lead_astray_are_refused(name, value, said):
    arrays = small()
    arrays[name] = np.array(value, arrays[name].dtype)
    with pytest.raises(InputError, match=said):
        Trees.from_arrays(arrays, 2, 2, "mean")


def test_missing_arrays_and_other_types_are_said():
    arrays = small()
    with pytest.raises(InputError, match="child is missing"):
        Trees.from_arrays({k: v for k, v in arrays.items() if k != "child"}, 2, 2, "mean")
    with pytest.raises(InputError, match="starts must be int64"):
        Trees.from_arrays({**arrays, "starts": arrays["starts"].astype(np.int32)}, 2, 2, "mean")
    with pytest.raises(InputError, match="combine"):
        Trees.from_arrays(arrays, 2, 2, "median")
    with pytest.raises(InputError, match="for 2 features"):
        Trees.from_arrays(arrays, 2, 2, "mean").probabilities(np.zeros((3, 4), np.float32))


def rows_one_by_one(trees, features):
    """The leaf of each pixel in each tree, as the definition says it."""
    found = np.empty((trees.n_trees, features.shape[1]), np.int32)
    for t, start in enumerate(trees.starts[:-1]):
        for i in range(features.shape[1]):
            node = start
            while trees.feature[node] >= 0:
                above = features[trees.feature[node], i] > trees.threshold[node]
                node = start + trees.child[node] + above
            found[t, i] = trees.child[node]
    return found


def chain(thresholds, n_features, leaves=0):
    """A tree that compares its features in turn and ends where one is at most its threshold; unused leaves follow."""
    n = len(thresholds)
    feature, child = np.full(2 * n + 1 + leaves, -1, np.int32), np.zeros(2 * n + 1 + leaves, np.int32)
    threshold = np.zeros(2 * n + 1 + leaves, np.float32)
    for i, value in enumerate(thresholds):
        node = 2 * i
        feature[node], child[node], threshold[node] = i % n_features, 2 * i + 1, value
        child[2 * i + 1] = i  # the leaf
    child[2 * n] = n
    values = np.eye(2, dtype=np.float32)[np.arange(n + 1) % 2]
    starts = np.array([0, len(feature)], np.int64)
    return Trees(feature, threshold, child, starts, values, n_features, 2)


EXTREMES = np.array([0, -0.0, 1e-45, -1e-45, 1, -1, 3e38, -3e38, np.inf, -np.inf, np.nan], np.float32)


@pytest.mark.parametrize("leaves", [0, 70_000], ids=["narrow nodes", "wide nodes"])
def test_floats_are_compared_as_floats(rng, leaves):
    thresholds = np.array([-np.inf, -3e38, -1, -1e-45, -0.0, 0, 1e-45, 0.5, 1, 3e38], np.float32)
    trees = chain(rng.permutation(thresholds), 3, leaves)
    asked = rng.choice(EXTREMES, (3, 501))
    assert_array_equal(trees.rows(asked), rows_one_by_one(trees, asked))


def test_rows_of_trees_of_any_depth(rng):
    features, labels = samples(rng)
    trees = fit_trees(features, labels, 3, n_trees=4, min_leaf=1)
    asked = np.ascontiguousarray(samples(rng, 333)[0].T)
    assert_array_equal(trees.rows(asked), rows_one_by_one(trees, asked))


@pytest.mark.parametrize("classifier", ["random-forest", "boosting"])
def test_classes_without_a_sample_have_the_probability_0(classifier):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 2)).astype(np.float32)
    labels = (features[:, 0] > 0).astype(int) + (features[:, 1] > 0.5)
    trees = fit_trees(features, labels, 3, classifier, n_trees=4)
    wider = with_classes(trees, np.array([1, 4, 5]), 7)
    found = wider.probabilities(features.T)
    assert_allclose(found[[1, 4, 5]], trees.probabilities(features.T), atol=1e-6)
    assert not found[[0, 2, 3, 6]].any()
