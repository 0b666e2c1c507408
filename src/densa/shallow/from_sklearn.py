"""Conversion of scikit-learn's trained models to `Trees`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.shallow._tree_kernels import order_tree
from densa.shallow.trees import Trees

__all__ = ["boosted_trees", "flat_trees", "forest_trees"]


def forest_trees(forest: Any) -> Trees:
    """Trees of a `RandomForestClassifier` or `ExtraTreesClassifier` of one output."""
    parts = [estimator.tree_ for estimator in forest.estimators_]
    shares = [tree.value[:, 0, :] / tree.value[:, 0, :].sum(axis=1, keepdims=True) for tree in parts]
    rows = np.concatenate([share[tree.children_left < 0] for tree, share in zip(parts, shares, strict=True)])
    # Most leaves hold a single class, or the same shares as another leaf: each row is kept once.
    values, numbers = np.unique(rows.astype(np.float32), axis=0, return_inverse=True)
    return _assembled([_plain(tree) for tree in parts], numbers.ravel(), values, int(forest.n_features_in_))


def boosted_trees(boosting: Any) -> Trees:
    """Trees of a `HistGradientBoostingClassifier` of numeric features without missing values."""
    rounds = boosting._predictors
    per_round = len(rounds[0])
    n_classes = len(boosting.classes_)
    nodes = [predictor.nodes for one in rounds for predictor in one]
    parts, leaves = [], []
    for tree in nodes:
        leaf = tree["is_leaf"].astype(bool)
        left = np.where(leaf, -1, tree["left"].astype(np.int64))
        right = np.where(leaf, -1, tree["right"].astype(np.int64))
        parts.append((left, right, tree["feature_idx"].astype(np.int64), tree["num_threshold"]))
        leaves.append(tree["value"][leaf])
    values = np.concatenate(leaves).reshape(-1, 1)
    baseline = np.zeros(n_classes)
    found = np.asarray(boosting._baseline_prediction, np.float64).ravel()
    baseline[n_classes - len(found) :] = found  # of two classes only the second has a score
    classes = np.tile(np.arange(per_round) if per_round > 1 else np.ones(1), len(rounds)).astype(np.int32)
    rows = np.arange(len(values))
    n_features = int(boosting.n_features_in_)
    return _assembled(parts, rows, values, n_features, combine="softmax", classes=classes, baseline=baseline)


def flat_trees(trees: Sequence[Any], rows: NDArray[Any], values: NDArray[Any], n_features: int, **more: Any) -> Trees:
    """Trees of scikit-learn's `tree_` objects; their leaves, in the order of the nodes, point to `rows` of `values`."""
    return _assembled([_plain(tree) for tree in trees], rows, values, n_features, **more)


def _plain(tree: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    return tree.children_left, tree.children_right, tree.feature, tree.threshold


def _assembled(
    parts: Sequence[tuple[NDArray[Any], ...]],
    rows: NDArray[Any],
    values: NDArray[Any],
    n_features: int,
    *,
    combine: str = "mean",
    n_classes: int | None = None,
    **more: Any,
) -> Trees:
    feature, threshold, child, starts, n_leaves = [], [], [], [0], 0
    for left, right, features, thresholds in parts:
        left, right = np.asarray(left, np.int64), np.asarray(right, np.int64)
        new = np.empty(len(left), np.int64)
        order_tree(left, right, new)
        leaf = left < 0
        names = np.empty(len(left), np.int64)
        names[leaf] = rows[n_leaves : n_leaves + int(leaf.sum())]
        n_leaves += int(leaf.sum())
        feature.append(_moved(np.where(leaf, -1, features), new, np.int32))
        threshold.append(_moved(_float32_below(np.where(leaf, 0, thresholds)), new, np.float32))
        child.append(_moved(np.where(leaf, names, new[np.maximum(left, 0)]), new, np.int32))
        starts.append(starts[-1] + len(left))
    classes = n_classes or (len(more["baseline"]) if combine == "softmax" else values.shape[1])
    return Trees(
        np.concatenate(feature),
        np.concatenate(threshold),
        np.concatenate(child),
        np.array(starts, np.int64),
        np.ascontiguousarray(values),
        n_features,
        classes,
        combine,  # type: ignore[arg-type]
        **more,
    )


def _moved(array: NDArray[Any], new: NDArray[np.int64], dtype: Any) -> NDArray[Any]:
    out = np.empty(len(array), dtype)
    out[new] = array
    return out


def _float32_below(thresholds: NDArray[Any]) -> NDArray[np.float32]:
    """Largest float32 that is at most the threshold: a float32 x is <= both or neither."""
    rounded = thresholds.astype(np.float32)
    above = rounded.astype(np.float64) > thresholds
    rounded[above] = np.nextafter(rounded[above], np.float32(-np.inf))
    return rounded
