"""Trees as arrays: scikit-learn's probabilities, and arrays that anybody may have written."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa.errors import InputError
from densa.shallow import Trees, fit_trees
from densa.shallow.from_sklearn import _float32_below, boosted_trees, forest_trees


def samples(rng, n=600, n_features=7, n_classes=3):
    features = rng.normal(size=(n, n_features)).astype(np.float32)
    features[:, 0] = np.rint(features[:, 0] * 4) / 4  # many equal values: thresholds fall between them
    score = features[:, :n_classes] + 0.7 * rng.normal(size=(n, n_classes))
    return features, score.argmax(axis=1)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_forests_give_what_scikit_learn_gives(rng, n_classes):
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

    features, labels = samples(rng, n_classes=n_classes)
    asked = samples(rng, 1013)[0]  # no multiple of a block
    for kind in (RandomForestClassifier, ExtraTreesClassifier):
        forest = kind(20, class_weight="balanced", min_samples_leaf=2, random_state=0).fit(features, labels)
        found = forest_trees(forest).probabilities(asked.T)
        assert_allclose(found.T, forest.predict_proba(asked), atol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_boosting_gives_what_scikit_learn_gives(rng, n_classes):
    from sklearn.ensemble import HistGradientBoostingClassifier

    features, labels = samples(rng, n_classes=n_classes)
    asked = samples(rng, 777)[0]
    boosting = HistGradientBoostingClassifier(max_iter=25, random_state=0).fit(features, labels)
    found = boosted_trees(boosting).probabilities(asked.T)
    assert_allclose(found.T, boosting.predict_proba(asked), atol=1e-6)


def test_the_threshold_itself_goes_left(rng):
    thresholds = np.concatenate([rng.normal(size=1000) * 10.0 ** rng.integers(-3, 4, 1000), [0.1, 0.5, -0.1]])
    below = _float32_below(thresholds)
    for step in (-np.inf, np.inf):
        beside = np.nextafter(below, np.float32(step))
        assert_array_equal(beside <= below, beside.astype(np.float64) <= thresholds)
    assert (below.astype(np.float64) <= thresholds).all()


def test_a_painted_label_needs_a_stump():
    """The oracle of the lecture's toy: the label in a channel is learnt by trees of one split."""
    from sklearn.ensemble import RandomForestClassifier

    labels = np.repeat([0, 1], 50)
    features = np.column_stack([labels, np.zeros(100)]).astype(np.float32)
    trees = forest_trees(RandomForestClassifier(5, max_depth=1, max_features=None).fit(features, labels))
    assert_array_equal(trees.probabilities(features.T).argmax(axis=0), labels)


def test_shape_of_the_pixels_is_kept(rng):
    features, labels = samples(rng)
    trees = fit_trees(features, labels, 3, n_trees=3)
    block = rng.normal(size=(7, 5, 9)).astype(np.float32)
    found = trees.probabilities(block)
    assert found.shape == (3, 5, 9)
    assert_array_equal(found.reshape(3, -1), trees.probabilities(block.reshape(7, -1)))
    assert_allclose(found.sum(axis=0), 1, atol=1e-6)


def test_same_for_any_number_of_threads(rng):
    import numba

    features, labels = samples(rng)
    trees = fit_trees(features, labels, 3, n_trees=5)
    asked = np.tile(samples(rng, 5000)[0], (8, 1)).T
    threads = numba.get_num_threads()
    found = []
    for n in (1, min(2, threads)):
        numba.set_num_threads(n)
        found.append(trees.probabilities(asked))
    numba.set_num_threads(threads)
    assert_array_equal(*found)


def test_arrays_come_back(rng):
    features, labels = samples(rng)
    for kind in ("extra-trees", "boosting"):
        trees = fit_trees(features, labels, 3, kind, n_trees=4)
        again = Trees.from_arrays(trees.arrays(), trees.n_features, trees.n_classes, trees.combine)
        assert_array_equal(again.probabilities(features.T), trees.probabilities(features.T))


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


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("child", [0, 0, 1], "behind it"),  # a circle
        ("child", [2, 0, 1], "behind it"),  # the right child would lie outside
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
    with pytest.raises(InputError, match="know 2 features"):
        Trees.from_arrays(arrays, 2, 2, "mean").probabilities(np.zeros((3, 4), np.float32))


@pytest.mark.parametrize(
    ("labels", "value", "said"),
    [
        ([0, 0, 0, 0], 0, "all labels are of class 0 alone; label pixels of class 1, class 2"),
        ([0, 1, 0, 1], 0, "no labelled pixel of class 2"),
        ([0, 1, 2, 3], 0, "classes from 0 to 2"),
        ([0, 1, 2, 2], np.nan, "must be finite"),
    ],
)
def test_samples_that_nothing_can_be_learnt_of(labels, value, said):
    features = np.zeros((4, 2), np.float32)
    features[0, 0] = value
    with pytest.raises(InputError, match=said):
        fit_trees(features, np.array(labels), 3)


def test_more_classes_than_labels_hold_are_refused():
    with pytest.raises(InputError, match="2 to 254 classes, got 300"):
        fit_trees(np.zeros((300, 2), np.float32), np.arange(300), 300)
    with pytest.raises(InputError, match="unknown classifier"):
        fit_trees(np.zeros((2, 2), np.float32), np.arange(2), 2, "perceptron")
