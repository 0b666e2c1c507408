"""Decision trees as flat arrays: trained by scikit-learn, stored and evaluated without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.shallow._tree_kernels import (
    block_length,
    mean_of_leaves,
    packed_nodes,
    rows_of_leaves,
    share_blocks,
    softmax_of_leaves,
)

__all__ = ["Trees", "with_classes"]

MOST_NODES = 2**30
_NEVER = -1e4  # its exponential is 0


@dataclass(frozen=True, eq=False)
class Trees:
    """A forest, a boosted ensemble, or trees whose leaves hold label patches.

    A pixel goes to `child` where its feature is at most the threshold, otherwise to the node after `child`. The nodes
    of a tree are adjacent, the root first, children after their parents: no path is circular.

    Attributes:
        feature: (n,) int32, -1 at leaves.
        threshold: (n,) float32.
        child: (n,) int32, relative to the tree's first node; at leaves the row of `values`.
        starts: (trees + 1,) int64, first node of each tree, and the number of nodes.
        values: rows that leaves point to: (r, C) float32 class shares ("mean"), (r, 1) float64 increments ("softmax"),
            or (r, side * side) uint8 label patches ("patches").
        n_features: number of features of a pixel.
        n_classes: number of classes.
        combine: "mean" of the shares, "softmax" of the summed increments, or "patches" of labels that vote.
        classes: (trees,) int32 class that each tree increments; empty unless "softmax".
        baseline: (C,) float64 that the increments are added to; empty unless "softmax".

    Raises:
        InputError: arrays that do not fit together, or children outside of their tree.

    Examples:
        >>> import numpy as np
        >>> from densa import shallow
        >>> features = np.arange(20, dtype=np.float32)[:, None]
        >>> labels = (features[:, 0] >= 10).astype(np.uint8)
        >>> trees = shallow.fit_trees(features, labels, 2, n_trees=5)
        >>> trees.n_trees, trees.n_features, trees.combine
        (5, 1, 'mean')
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    child: NDArray[np.int32]
    starts: NDArray[np.int64]
    values: NDArray[Any]
    n_features: int
    n_classes: int
    combine: Literal["mean", "softmax", "patches"] = "mean"
    classes: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    baseline: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        _check(self)
        packed = packed_nodes(self.feature, self.threshold, self.child, self.starts, self.n_features)
        object.__setattr__(self, "_nodes", packed)

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return len(self.starts) - 1

    @property
    def side(self) -> int:
        """Side of the label patches in pixels; 1 where leaves hold none."""
        return round(self.values.shape[1] ** 0.5) if self.combine == "patches" else 1

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Class probabilities of every pixel, as scikit-learn's `predict_proba` gives them.

        Args:
            features: (n_features, ...) float32, feature first, as `densa.descriptors` computes them; finite.

        Returns:
            (C, ...) float32, summing to 1.

        Raises:
            InputError: another number of features, or the leaves hold label patches.
        """
        if self.combine == "patches":
            raise InputError("leaves with label patches have no probabilities of a pixel alone; count their votes")
        flat, shape = self._flat(features)
        out = np.empty((self.n_classes, flat.shape[1]), np.float32)
        nodes = self._nodes  # type: ignore[attr-defined]
        block = block_length(self.n_features)
        if self.combine == "mean":
            share_blocks(mean_of_leaves, flat.shape[1], block, flat, nodes, self.starts, self.values, out)
        else:
            arguments = (flat, nodes, self.starts, self.values, self.classes, self.baseline, out)
            share_blocks(softmax_of_leaves, flat.shape[1], block, *arguments)
        return out.reshape(self.n_classes, *shape)

    def rows(self, features: NDArray[np.float32]) -> NDArray[np.int32]:
        """Row of `values` that the leaf of each tree points to, for each pixel: (trees, ...) int32.

        Args:
            features: as for `probabilities`.

        Raises:
            InputError: another number of features.
        """
        flat, shape = self._flat(features)
        out = np.empty((self.n_trees, flat.shape[1]), np.int32)
        nodes = self._nodes  # type: ignore[attr-defined]
        block = block_length(self.n_features)
        share_blocks(rows_of_leaves, flat.shape[1], block, flat, nodes, self.starts, out)
        return out.reshape(self.n_trees, *shape)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays to be stored, by name; see `from_arrays`."""
        names = ("feature", "threshold", "child", "starts", "values", "classes", "baseline")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], n_features: int, n_classes: int, combine: Any) -> Trees:
        """Trees from arrays that may come from an untrusted file.

        Raises:
            InputError: arrays are missing or do not fit together, or children are outside of their tree.
        """
        names = ("feature", "threshold", "child", "starts", "values", "classes", "baseline")
        if missing := [name for name in names if name not in arrays]:
            raise InputError(f"trees need the arrays {', '.join(names)}; {missing[0]} is missing")
        chosen: dict[str, Any] = {name: np.ascontiguousarray(arrays[name]) for name in names}
        return cls(**chosen, n_features=n_features, n_classes=n_classes, combine=combine)

    def _flat(self, features: NDArray[np.float32]) -> tuple[NDArray[np.uint32], tuple[int, ...]]:
        """Bits of the features, feature first, and the shape of the pixels."""
        array = np.asarray(features)
        if array.ndim < 2 or array.shape[0] != self.n_features:
            raise InputError(f"the trees are for {self.n_features} features, got an array of shape {array.shape}")
        flat = np.ascontiguousarray(array, np.float32).reshape(self.n_features, -1)
        return flat.view(np.uint32), array.shape[1:]


_TYPES = {"feature": np.int32, "threshold": np.float32, "child": np.int32, "starts": np.int64, "classes": np.int32}
_VALUES = {"mean": np.float32, "softmax": np.float64, "patches": np.uint8}


def with_classes(trees: Trees, present: NDArray[Any], n_classes: int) -> Trees:
    """Trees whose classes are some of `n_classes`; the others have the probability 0.

    Args:
        trees: whose leaves hold shares or increments.
        present: (C,) the number of each of their classes among all, increasing.
        n_classes: number of all classes.
    """
    if trees.combine == "mean":
        values = np.zeros((len(trees.values), n_classes), trees.values.dtype)
        values[:, present] = trees.values
        return replace(trees, values=values, n_classes=n_classes)
    baseline = np.full(n_classes, _NEVER)
    baseline[present] = trees.baseline
    classes = np.asarray(present, np.int32)[trees.classes]
    return replace(trees, classes=classes, baseline=baseline, n_classes=n_classes)


def _check(trees: Trees) -> None:
    if trees.combine not in _VALUES:
        raise InputError(f"trees combine their leaves by {', '.join(_VALUES)}, got {trees.combine!r}")
    for name, dtype in {**_TYPES, "baseline": np.float64, "values": _VALUES[trees.combine]}.items():
        array = getattr(trees, name)
        if array.dtype != dtype or array.ndim != (2 if name == "values" else 1):
            raise InputError(f"trees: {name} must be {np.dtype(dtype).name}, got {array.dtype} of shape {array.shape}")
    if not (1 <= trees.n_features < 2**20 and 2 <= trees.n_classes <= 254):
        raise InputError(f"trees need features and 2 to 254 classes, got {trees.n_features} and {trees.n_classes}")
    _check_starts(trees)
    _check_nodes(trees)
    _check_values(trees)


def _check_starts(trees: Trees) -> None:
    n, starts = len(trees.feature), trees.starts
    if not (0 < n <= MOST_NODES and len(trees.threshold) == len(trees.child) == n):
        raise InputError(f"trees need as many thresholds and children as features, up to 2^30 nodes, got {n} nodes")
    if len(starts) < 2 or starts[0] != 0 or starts[-1] != n or (np.diff(starts) < 1).any():
        raise InputError(f"trees: starts must ascend from 0 to the number of nodes {n}")


def _check_nodes(trees: Trees) -> None:
    leaf = trees.feature < 0
    if (trees.feature >= trees.n_features).any() or (trees.feature < -1).any():
        raise InputError(f"trees: a node reads a feature that is none of the {trees.n_features}")
    if np.isnan(trees.threshold[~leaf]).any():
        raise InputError("trees: a threshold is no number")
    sizes = np.repeat(np.diff(trees.starts), np.diff(trees.starts))
    own = np.arange(len(trees.feature)) - np.repeat(trees.starts[:-1], np.diff(trees.starts))
    child = trees.child.astype(np.int64)
    if (~leaf & ((child <= own) | (child + 1 >= sizes))).any():
        raise InputError("trees: children of a node must come after it in its own tree")
    if (leaf & ((child < 0) | (child >= len(trees.values)))).any():
        raise InputError(f"trees: a leaf points to a row that is none of the {len(trees.values)}")


def _check_values(trees: Trees) -> None:
    values, n_classes = trees.values, trees.n_classes
    if trees.combine == "softmax":
        fits = values.shape[1] == 1 and len(trees.classes) == trees.n_trees and len(trees.baseline) == n_classes
        fits = fits and bool(((trees.classes >= 0) & (trees.classes < n_classes)).all())
        fits = fits and bool(np.isfinite(trees.baseline).all())
    elif trees.combine == "mean":
        fits = values.shape[1] == n_classes and bool((values >= 0).all())
        with np.errstate(over="ignore", invalid="ignore"):
            fits = fits and bool((np.abs(values.sum(axis=1) - 1) < 1e-3).all())
    else:
        fits = round(values.shape[1] ** 0.5) ** 2 == values.shape[1] and 0 < values.shape[1] < 128**2
        fits = fits and bool(((values < n_classes) | (values == 255)).all())
    if not (fits and np.isfinite(values).all()):
        raise InputError(f"trees: the leaves' values {values.shape} do not fit {trees.combine} of {n_classes} classes")
