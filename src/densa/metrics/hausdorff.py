"""Hausdorff distance of the outlines of a class in target and prediction, or a percentile of it.

Method: Hausdorff distance (95 %).
Source: Huttenlocher, Klanderman, Rucklidge, PAMI 1993 (partial distances); as computed by MONAI 1.6 and medpy 0.5.
As printed: the larger one of the two directed percentiles of the distance from one outline to the other.
Departs: medpy's percentile is of the distances of both directions together, an option; void makes no outline.
Held by: tests/metrics/test_hausdorff.py.
"""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from densa.errors import InputError
from densa.legend import IGNORE
from densa.metrics.boundaries import checked_maps
from densa.metrics.confusion import VoidRule, check_rule
from densa.metrics.scores import ratio

__all__ = ["Hausdorff", "Together", "hausdorff"]

Together = Literal["larger", "pooled"]


def hausdorff(
    target: NDArray[Any],
    predicted: NDArray[Any],
    n_classes: int,
    *,
    percentile: float = 95,
    together: Together = "larger",
    void: VoidRule = "ignore",
) -> NDArray[np.float64]:
    """Distance of the outlines of each class, in pixels.

    The outline of a class consists of its pixels at the image's edge or of which one of the 4 neighbours has another
    label.

    Args:
        target: (H, W) integers, each a class or 255 (void).
        predicted: (H, W) integers, each a class or 255 (no class predicted).
        n_classes: number of classes.
        percentile: of the distances from each pixel of an outline to the nearest of the other; 100 is the Hausdorff
            distance itself.
        together: "larger" takes the larger one of the two directions (MONAI), "pooled" the percentile over the
            distances of both (medpy).
        void: "ignore" cuts void pixels out of both maps, and no outline runs along them; "false-positive" treats void
            as another label.

    Returns:
        (n_classes,) NaN where a class is missing in target or prediction.

    Raises:
        InputError: shapes or labels that do not fit, a percentile outside 0..100, or an unknown rule.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> target = np.zeros((20, 20), np.uint8)
        >>> target[5:10, 5:10] = 1
        >>> metrics.hausdorff(target, np.roll(target, 3, axis=1), 2).tolist()
        [3.0, 3.0]
    """
    check_rule("together", together, get_args(Together))
    if not 0 <= percentile <= 100:
        raise InputError(f"percentile must be 0 to 100, got {percentile}")
    truth, found = (_outlines(labels) for labels in checked_maps(target, predicted, n_classes, void))
    distances = np.full(n_classes, np.nan)
    for k in range(n_classes):
        ours, theirs = truth == k, found == k
        if ours.any() and theirs.any():
            there, back = _nearest(ours, theirs), _nearest(theirs, ours)
            if together == "pooled":
                distances[k] = np.percentile(np.concatenate([there, back]), percentile)
            else:
                distances[k] = max(np.percentile(there, percentile), np.percentile(back, percentile))
    return distances


class Hausdorff:
    """`hausdorff` of each class, averaged over the images in which target and prediction have the class.

    Args:
        n_classes: number of classes.
        percentile, together, void: see `hausdorff`.

    Attributes:
        n_images: (n_classes,) images that have the class in both.
        n_one_sided: (n_classes,) images that have it in only one, where there is no distance.

    Raises:
        InputError: see `hausdorff`.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> target = np.zeros((20, 20), np.uint8)
        >>> target[5:10, 5:10] = 1
        >>> score = metrics.Hausdorff(2)
        >>> score.update(target, np.roll(target, 3, axis=1))
        >>> score.update(target, np.zeros_like(target))
        >>> float(score.per_class[1]), score.n_one_sided.tolist()
        (3.0, [0, 1])
    """

    def __init__(
        self, n_classes: int, *, percentile: float = 95, together: Together = "larger", void: VoidRule = "ignore"
    ) -> None:
        check_rule("together", together, get_args(Together))
        self.n_classes, self.percentile, self.together, self.void = n_classes, percentile, together, void
        self._sums = np.zeros(n_classes)
        self.n_images: NDArray[np.int64] = np.zeros(n_classes, np.int64)
        self.n_one_sided: NDArray[np.int64] = np.zeros(n_classes, np.int64)

    def update(self, target: NDArray[Any], predicted: NDArray[Any]) -> None:
        """Add one image; see `hausdorff`."""
        found = hausdorff(
            target, predicted, self.n_classes, percentile=self.percentile, together=self.together, void=self.void
        )
        measured = ~np.isnan(found)
        self._sums[measured] += found[measured]
        self.n_images += measured
        truth, seen = checked_maps(target, predicted, self.n_classes, self.void)
        here, there = (np.bincount(one.ravel(), minlength=256)[: self.n_classes] > 0 for one in (truth, seen))
        self.n_one_sided += here != there

    def merge(self, other: Hausdorff) -> None:
        """Add the images of another one with the same rules.

        Raises:
            InputError: the rules differ.
        """
        mine, theirs = ((o.n_classes, o.percentile, o.together, o.void) for o in (self, other))
        if mine != theirs:
            raise InputError(f"Hausdorff distances under different rules cannot be merged: {mine} and {theirs}")
        self._sums += other._sums
        self.n_images += other.n_images
        self.n_one_sided += other.n_one_sided

    @property
    def sums(self) -> NDArray[np.float64]:
        """(2, n_classes) sum of the distances, and number of images; `per_class` is their ratio."""
        return np.stack([self._sums, self.n_images])

    @property
    def per_class(self) -> NDArray[np.float64]:
        """(n_classes,) mean distance in pixels, NaN for classes that no image has in both."""
        return ratio(self._sums, self.n_images)

    @property
    def value(self) -> float:
        """Mean over the classes that have a distance, NaN if there are none."""
        scores = self.per_class
        return float(np.nanmean(scores)) if (~np.isnan(scores)).any() else math.nan


def _outlines(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The label of each pixel of an outline, 255 elsewhere."""
    edge = np.ones(labels.shape, bool)
    edge[1:-1, 1:-1] = False
    for axis in (0, 1):
        first, second = np.moveaxis(labels, axis, 0)[:-1], np.moveaxis(labels, axis, 0)[1:]
        differs = (first != second) & (first != IGNORE) & (second != IGNORE)
        of_axis = np.moveaxis(edge, axis, 0)
        of_axis[:-1] |= differs
        of_axis[1:] |= differs
    return np.where(edge, labels, np.uint8(IGNORE))


def _nearest(these: NDArray[np.bool_], others: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance from each pixel of an outline to the nearest of another one, those in common first."""
    alone = np.argwhere(these & ~others)
    distances = np.zeros(int(these.sum()))
    if len(alone):
        distances[len(distances) - len(alone) :] = cKDTree(np.argwhere(others)).query(alone)[0]
    return distances
