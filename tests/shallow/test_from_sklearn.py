"""Trees from scikit-learn's models: the probabilities that scikit-learn gives."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa.shallow.from_sklearn import _float32_below, boosted_trees, forest_trees
from tests.shallow.class_samples import samples


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
