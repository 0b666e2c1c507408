"""Training of trees: classes count alike, and samples from which nothing can be learnt are refused."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa.errors import InputError
from densa.shallow import CLASSIFIERS, fit_trees
from densa.shallow.classifiers import _repeated, check_counts
from tests.shallow.class_samples import samples


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


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_a_frequent_class_is_no_more_probable(rng, classifier):
    """Features that say nothing, and nine samples in ten of class 0: both classes are equally probable."""
    features = rng.normal(size=(3000, 3)).astype(np.float32)
    labels = (np.arange(3000) % 10 == 0).astype(int)
    trees = fit_trees(features, labels, 2, classifier, n_trees=20, min_leaf=200)
    found = trees.probabilities(rng.normal(size=(3, 2000)).astype(np.float32))
    assert_allclose(found.mean(axis=1), 0.5, atol=0.1)


def test_every_class_is_repeated_until_all_have_as_many():
    labels = np.array([2, 0, 0, 1, 0, 2, 0])
    found = _repeated(labels)
    assert_array_equal(np.bincount(labels[found]), [4, 4, 4])
    assert_array_equal(np.bincount(found, minlength=7), [2, 1, 1, 4, 1, 2, 1])


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_seed_leaves_and_number_of_trees(rng, classifier):
    features, labels = samples(rng)
    one, two = (fit_trees(features, labels, 3, classifier, n_trees=4, min_leaf=30, seed=5) for _ in range(2))
    for name, array in one.arrays().items():
        assert_array_equal(array, two.arrays()[name])
    assert one.n_trees == (12 if classifier == "boosting" else 4)  # a tree per class and round
    if classifier != "boosting":  # forests draw samples with repetition: 30 of them may be fewer different ones
        leaves = np.unique(one.rows(features.T)[0], return_counts=True)[1]
        assert leaves.min() >= (30 if classifier == "extra-trees" else 10)


def test_the_learning_rate_is_that_of_boosting(rng):
    features, labels = samples(rng)
    slow, fast = (
        fit_trees(features, labels, 3, "boosting", n_trees=5, learning_rate=rate).probabilities(features.T)
        for rate in (1e-4, 0.3)
    )
    assert_allclose(slow, 1 / 3, atol=1e-3)
    assert fast.max() > 0.6


@pytest.mark.parametrize(
    ("options", "said"), [({"n_trees": 0}, "1 to 10000"), ({"min_leaf": 0}, "min_leaf at least 1")]
)
def test_numbers_out_of_range_are_said(rng, options, said):
    with pytest.raises(InputError, match=said):
        fit_trees(*samples(rng), 3, **options)


@pytest.mark.parametrize(
    ("features", "labels"),
    [(np.zeros((4, 2)), np.zeros(3, int)), (np.zeros(4), np.zeros(4, int)), (np.zeros((0, 2)), np.zeros(0, int))],
)
def test_shapes_that_do_not_fit_are_said(features, labels):
    with pytest.raises(InputError, match=r"features \(n, f\) and labels \(n,\)"):
        fit_trees(features, labels, 2)


def test_missing_classes_are_named():
    check_counts(np.array([3, 1]))
    for counts, said in (
        ([0, 0, 0], "no pixel is labelled"),
        ([0, 7, 0], "all labels are of road alone; label pixels of sea, tree too"),
        ([2, 7, 0], "no labelled pixel of tree; label some, or take the class out of the legend"),
    ):
        with pytest.raises(InputError, match=said):
            check_counts(np.array(counts), ("sea", "road", "tree"))
