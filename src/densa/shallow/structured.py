"""Structured forest (Kontschieder, Rota Bulò, Bischof, Pelillo, ICCV 2011): leaves hold label patches that vote.

A split is chosen by its information gain on the joint label of two places of the patch, the centre and another one. A
leaf keeps the training patch of the highest joint probability, taken as the product over the places (the paper's
equation 6). A pixel's label is voted by all patches that cover it.

Departures: the second place is drawn once per tree, the paper draws it anew in every node; where it has no label, the
centre's stands for it; a node takes the best threshold of its features, the paper the best of random tests.

Method: Structured forest (`structured-forest`).
Source: Kontschieder, Rota Bulò, Bischof, Pelillo, ICCV 2011.
As printed: splits by the information gain of the joint label of the centre and a second place; leaves keep the patch of
    the highest joint probability (equation 6); all patches that cover a pixel vote.
Departs: the second place is drawn once per tree, the paper draws it in every node; a node takes the best threshold of
    its features, the paper the best of random tests; patches are not selected again by their agreement with their
    neighbours.
Held by: tests/shallow/test_structured.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.errors import InputError
from densa.legend import IGNORE
from densa.parallel import share_rows
from densa.shallow.from_sklearn import flat_trees
from densa.shallow.trees import Trees

__all__ = ["fit_structured_forest", "patches_at", "vote"]

_CHUNK = 4096  # patches compared with their leaves' shares at once


def patches_at(labels: NDArray[np.uint8], rows: NDArray[Any], columns: NDArray[Any], side: int) -> NDArray[np.uint8]:
    """Label patches around pixels.

    Args:
        labels: (h, w) label map, 255 where not labelled.
        rows, columns: (n,) rows and columns of the pixels.
        side: side of a patch in pixels, odd.

    Returns:
        (n, side * side) uint8, 255 beyond the map.

    Examples:
        >>> import numpy as np
        >>> from densa.shallow import patches_at
        >>> labels = np.array([[0, 1], [2, 3]], np.uint8)
        >>> patches_at(labels, np.array([0]), np.array([1]), 3).reshape(3, 3)
        array([[255, 255, 255],
               [  0,   1, 255],
               [  2,   3, 255]], dtype=uint8)
    """
    reach = side // 2
    around = np.pad(labels, reach, constant_values=IGNORE)
    window = np.lib.stride_tricks.sliding_window_view(around, (side, side))
    return np.ascontiguousarray(window[rows, columns]).reshape(len(rows), side * side)


def fit_structured_forest(
    features: NDArray[np.float32],
    patches: NDArray[np.uint8],
    n_classes: int,
    *,
    n_trees: int = 12,
    min_leaf: int = 5,
    seed: int = 0,
) -> Trees:
    """Train trees whose leaves hold label patches.

    Args:
        features: (n, f) float32 features of the patches' centre pixels, finite.
        patches: (n, side * side) labels, 255 where not labelled; the centre must be labelled.
        n_classes: number of classes.
        n_trees: number of trees; every pixel gets side * side votes of each, so few are enough.
        min_leaf: fewest samples of a leaf.
        seed: of the samples, features and places that are drawn.

    Raises:
        InputError: shapes that do not fit, or a centre that is not labelled.

    Examples:
        >>> import numpy as np
        >>> from densa import shallow
        >>> labels = np.zeros((8, 8), np.uint8)
        >>> labels[:, 4:] = 1
        >>> rows, columns = np.mgrid[:8, :8].reshape(2, -1)
        >>> features = columns[:, None].astype(np.float32)
        >>> patches = shallow.patches_at(labels, rows, columns, 3)
        >>> trees = shallow.fit_structured_forest(features, patches, 2, n_trees=2)
        >>> trees.combine, trees.side
        ('patches', 3)
    """
    from sklearn.tree import DecisionTreeClassifier

    n, area = patches.shape
    side = round(area**0.5)
    if side * side != area or side % 2 == 0 or len(features) != n or n == 0:
        raise InputError(f"label patches must be (n, odd side squared) as many as features, got {patches.shape}")
    centre = patches[:, area // 2]
    if (centre >= n_classes).any():
        raise InputError(f"the centre of every patch must have a label below {n_classes}")
    rng = np.random.default_rng(seed)
    trees, kept, rows, n_kept = [], [], [], 0
    for _ in range(n_trees):
        drawn = rng.integers(0, n, n)
        place = int(rng.integers(0, area))
        there = np.where(patches[drawn, place] < n_classes, patches[drawn, place], centre[drawn])
        joint = centre[drawn].astype(np.int64) * n_classes + there  # two labels apart would hide what joins them
        tree = DecisionTreeClassifier(
            criterion="entropy",
            max_features="sqrt",
            min_samples_leaf=min_leaf,
            random_state=int(rng.integers(2**31)),
        ).fit(features[drawn], joint)
        chosen = _typical(tree.apply(features[drawn]), patches[drawn], n_classes, tree.tree_.children_left < 0)
        trees.append(tree.tree_)
        kept.append(patches[drawn][chosen])
        rows.append(n_kept + np.arange(len(chosen)))
        n_kept += len(chosen)
    # Many patches are equal, those of a single class above all: each is kept once.
    values, numbers = np.unique(np.concatenate(kept), axis=0, return_inverse=True)
    numbered = numbers.ravel()[np.concatenate(rows)]
    return flat_trees(trees, numbered, values, features.shape[1], combine="patches", n_classes=n_classes)


def vote(trees: Trees, rows: NDArray[np.int32], valid: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """Class probabilities: shares of the votes of all label patches that cover a pixel.

    Args:
        trees: trees whose leaves hold label patches.
        rows: (trees, h, w) as `trees.rows` gives them.
        valid: (h, w), False where there is no data: no patch of such a pixel votes. None: everywhere.

    Returns:
        (C, h, w) float32 summing to 1; uniform where there is no vote.

    Examples:
        >>> import numpy as np
        >>> from densa import shallow
        >>> labels = np.zeros((8, 8), np.uint8)
        >>> labels[:, 4:] = 1
        >>> rows, columns = np.mgrid[:8, :8].reshape(2, -1)
        >>> image = np.tile(np.arange(8, dtype=np.float32), (1, 8, 1))
        >>> patches = shallow.patches_at(labels, rows, columns, 3)
        >>> trees = shallow.fit_structured_forest(image.reshape(1, -1).T, patches, 2, n_trees=4)
        >>> found = shallow.vote(trees, trees.rows(image))
        >>> found.shape, found.argmax(axis=0)[3].tolist()
        ((2, 8, 8), [0, 0, 0, 0, 1, 1, 1, 1])
    """
    height, width = rows.shape[1:]
    mask = np.ones((height, width), np.bool_) if valid is None else np.ascontiguousarray(valid)
    out = np.empty((trees.n_classes, height, width), np.float32)
    share_rows(_count_votes, height, rows, trees.values, trees.side, mask, out)
    return out


def _typical(
    leaf_of: NDArray[Any], patches: NDArray[np.uint8], n_classes: int, is_leaf: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The sample whose patch is the most probable of its leaf, for every leaf in the order of the nodes."""
    leaves = np.flatnonzero(is_leaf)
    number = np.searchsorted(leaves, leaf_of)
    area = patches.shape[1]
    best, score = np.zeros(len(leaves), np.int64), np.full(len(leaves), -np.inf)
    order = np.argsort(number, kind="stable")
    bounds = np.searchsorted(number[order], np.arange(len(leaves) + 1))
    first = 0
    while first < len(leaves):  # some leaves at a time: the table of all would have leaves x area x classes entries
        last = first + max(1, _CHUNK * 64 // (area * (n_classes + 1)))
        last = min(last, len(leaves))
        members = order[bounds[first] : bounds[last]]
        own, labels = number[members] - first, np.minimum(patches[members], n_classes).astype(np.int64)
        table = np.zeros((last - first, area, n_classes + 1))
        places = np.arange(area)
        np.add.at(table, (own[:, None], places[None, :], labels), 1.0)
        known = table[:, :, :n_classes].sum(axis=2, keepdims=True)
        logs = np.log((table + 1e-3) / (np.maximum(known, 1) + 1e-3))
        logs[:, :, n_classes] = -np.log(n_classes)  # a place without a label counts for no patch
        scores = logs[own[:, None], places[None, :], labels].sum(axis=1)
        for member, leaf, value in zip(members, own + first, scores, strict=True):
            if value > score[leaf]:
                best[leaf], score[leaf] = member, value
        first = last
    return best


@njit(nogil=True, cache=True)
def _count_votes(rows: Any, values: Any, side: int, valid: Any, out: Any, top: int, end: int) -> None:
    """Every pixel counts the votes of the patches around it: integers, so the order does not matter."""
    n_trees, height, width = rows.shape
    n_classes, reach = out.shape[0], side // 2
    counts = np.empty((width, n_classes + 1), np.int32)
    for y in range(top, end):
        counts[:] = 0
        for sy in range(max(0, y - reach), min(height, y + reach + 1)):
            for t in range(n_trees):
                for sx in range(width):
                    if not valid[sy, sx]:
                        continue
                    row = rows[t, sy, sx]
                    first = (y - sy + reach) * side
                    left, right = max(0, sx - reach), min(width, sx + reach + 1)
                    for x in range(left, right):
                        label = min(np.int32(values[row, first + x - sx + reach]), n_classes)
                        counts[x, label] += 1
        for x in range(width):
            total = 0
            for k in range(n_classes):
                total += counts[x, k]
            for k in range(n_classes):
                out[k, y, x] = counts[x, k] / total if total > 0 else 1.0 / n_classes
