"""Training of trees by scikit-learn.

Method: Trees on pixels (`pixel-forest`, `pixel-boosting`).
Source: Breiman 2001; Geurts, Ernst, Wehenkel 2006; Friedman 2001.
As printed: random forests, extremely randomised trees and gradient boosting, as scikit-learn has them.
Departs: boosting is of histograms; all classes have the same weight, a prior is multiplied in afterwards.
Held by: tests/shallow/test_classifiers.py, tests/shallow/test_from_sklearn.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.parallel import n_threads
from densa.shallow.from_sklearn import boosted_trees, forest_trees
from densa.shallow.trees import Trees

__all__ = ["CLASSIFIERS", "check_samples", "fit_trees"]

CLASSIFIERS = ("random-forest", "extra-trees", "boosting")
MOST_CLASSES = 254


def fit_trees(
    features: NDArray[np.float32],
    labels: NDArray[Any],
    n_classes: int,
    classifier: str = "random-forest",
    *,
    n_trees: int = 100,
    min_leaf: int = 2,
    learning_rate: float = 0.1,
    n_jobs: int | None = None,
    seed: int = 0,
) -> Trees:
    """Train trees on samples; all classes have the same weight, however many samples each has.

    Args:
        features: (n, f) float32, finite.
        labels: (n,) class of each sample; every class must occur.
        n_classes: number of classes.
        classifier: "random-forest" (Breiman 2001), "extra-trees" (Geurts et al. 2006) or "boosting" (of histograms).
        n_trees: trees of a forest; rounds of boosting, each with a tree per class.
        min_leaf: fewest samples of a leaf (of boosting with more than 200 samples: at least 10).
        learning_rate: learning rate of boosting.
        n_jobs: threads that train a forest; None: as many as kernels may use.
        seed: the same seed gives the same trees.

    Raises:
        InputError: an unknown classifier, numbers out of range, or samples that `check_samples` rejects.

    Examples:
        >>> import numpy as np
        >>> from densa import shallow
        >>> features = np.arange(20, dtype=np.float32)[:, None]
        >>> labels = (features[:, 0] >= 10).astype(np.uint8)
        >>> trees = shallow.fit_trees(features, labels, 2, n_trees=5)
        >>> trees.probabilities(np.array([[[0, 19]]], np.float32)).argmax(axis=0)
        array([[0, 1]])
    """
    check_samples(features, labels, n_classes)
    if classifier not in CLASSIFIERS:
        raise InputError(f"unknown classifier {classifier!r}; choose from {', '.join(CLASSIFIERS)}")
    if not (1 <= n_trees <= 10_000 and min_leaf >= 1):
        raise InputError(f"trees must be 1 to 10000 and min_leaf at least 1, got {n_trees} and {min_leaf}")
    if classifier == "boosting":
        from sklearn.ensemble import HistGradientBoostingClassifier

        boosting = HistGradientBoostingClassifier(
            learning_rate=learning_rate,
            max_iter=n_trees,
            min_samples_leaf=max(10, min_leaf) if len(labels) > 200 else min_leaf,
            early_stopping=False,
            random_state=seed,
        )
        even = _repeated(labels)
        return boosted_trees(boosting.fit(features[even], labels[even]))
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

    kind: Any = RandomForestClassifier if classifier == "random-forest" else ExtraTreesClassifier
    forest = kind(
        n_trees,
        min_samples_leaf=min_leaf,
        class_weight="balanced",
        n_jobs=n_jobs or n_threads(),
        random_state=seed,
    )
    return forest_trees(forest.fit(features, labels))


def _repeated(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Indices of the samples, those of rarer classes repeated until all classes have equally many.

    Sample weights would have the same effect, but scikit-learn's histograms of weighted samples take a hundred times as
    long.
    """
    most = int(np.bincount(labels).max())
    return np.concatenate([np.resize(np.flatnonzero(labels == k), most) for k in np.unique(labels)])


def check_samples(
    features: NDArray[Any], labels: NDArray[Any], n_classes: int, names: tuple[str, ...] | None = None
) -> None:
    """Check samples before trees are trained on them.

    Args:
        features: (n, f) features of the samples.
        labels: (n,) class of each sample.
        n_classes: number of classes.
        names: names of the classes, for the message.

    Raises:
        InputError: shapes that do not fit, features that are not finite, fewer than two classes or more than 254, or a
            class without a sample.
    """
    if not 2 <= n_classes <= MOST_CLASSES:
        raise InputError(f"a classifier needs 2 to {MOST_CLASSES} classes, got {n_classes}")
    if features.ndim != 2 or labels.ndim != 1 or len(features) != len(labels) or 0 in features.shape:
        raise InputError(f"samples need features (n, f) and labels (n,), got {features.shape} and {labels.shape}")
    if not np.isfinite(features).all():
        raise InputError("features of the samples must be finite, got NaN or infinity; leave such pixels unlabelled")
    if labels.min() < 0 or labels.max() >= n_classes:
        raise InputError(f"labels of samples must be classes from 0 to {n_classes - 1}, got {labels.max()}")
    check_counts(np.bincount(labels, minlength=n_classes), names)


def check_counts(counts: NDArray[Any], names: tuple[str, ...] | None = None) -> None:
    """Check that every class is labelled.

    Args:
        counts: (n_classes,) labelled pixels or samples of each class.
        names: names of the classes, for the message.

    Raises:
        InputError: a class has none; the message names the classes.
    """
    named = names or tuple(f"class {i}" for i in range(len(counts)))
    missing = [name for name, n in zip(named, counts, strict=True) if n == 0]
    if len(missing) == len(counts):
        raise InputError("no pixel is labelled; label some of every class")
    if len(missing) == len(counts) - 1:
        only = next(name for name, n in zip(named, counts, strict=True) if n)
        raise InputError(f"all labels are of {only} alone; label pixels of {', '.join(missing[:5])} too")
    if missing:
        raise InputError(
            f"no labelled pixel of {', '.join(missing[:5])}; label some, or take the class out of the legend"
        )
