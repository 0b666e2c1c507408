"""Boundary IoU (Cheng, Girshick, Dollár, Berg, Kirillov 2021): the IoU of bands along the boundaries of the masks.

Method: Boundary IoU.
Source: Cheng, Girshick, Dollár, Berg, Kirillov, CVPR 2021, arXiv:2103.16562, section 4, and their released code.
As printed: the pixels of each mask within d of its contour, inside it; d = 2 % of the image's diagonal; IoU of the two.
Departs: intersections and unions are summed over the images before they are divided; void pixels are cut out of both.
Held by: tests/metrics/test_boundary_iou.py.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from densa.errors import InputError
from densa.legend import IGNORE
from densa.metrics.boundaries import checked_maps
from densa.metrics.confusion import VoidRule
from densa.metrics.scores import ratio

__all__ = ["BoundaryIou", "mask_bands"]

_NEUTRAL = 1000  # above all labels


class BoundaryIou:
    """Boundary IoU of each class, accumulated over images.

    A pixel belongs to the band of its class if its distance to a pixel of another label, or to beyond the image's edge,
    is at most `distance` of the diagonal, counted in steps to any of the 8 neighbours, and at least one.

    Args:
        n_classes: number of classes, 1 to 254.
        distance: width of the band as a fraction of the image's diagonal.
        void: "ignore" cuts void pixels out of both maps, and no band runs along them; "false-positive" treats void as
            another label, without a score.

    Attributes:
        counts: (n_classes, 2) int64 pixels of the intersection and of the union; to sum over processes, add these.

    Raises:
        InputError: arguments out of range.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> target = np.zeros((40, 40), np.uint8)
        >>> target[10:30, 10:30] = 1
        >>> score = metrics.BoundaryIou(2)
        >>> score.update(target, np.roll(target, 1, axis=1))
        >>> score.per_class.round(2), round(score.value, 2)
        (array([0.7 , 0.33]), 0.52)
    """

    def __init__(self, n_classes: int, *, distance: float = 0.02, void: VoidRule = "ignore") -> None:
        if not (math.isfinite(distance) and distance >= 0):
            raise InputError(f"distance must be at least 0 (a share of the image's diagonal), got {distance}")
        self.n_classes, self.distance, self.void = n_classes, distance, void
        self.counts: NDArray[np.int64] = np.zeros((n_classes, 2), np.int64)

    def update(self, target: NDArray[Any], predicted: NDArray[Any]) -> None:
        """Add one image.

        Args:
            target, predicted: (H, W) integers, each a class or 255 (void; no class predicted).

        Raises:
            InputError: shapes or labels that do not fit.
        """
        truth, found = checked_maps(target, predicted, self.n_classes, self.void)
        side = max(1, round(self.distance * math.hypot(*truth.shape)))
        truth, found = (np.where(mask_bands(labels, side), labels, np.uint8(IGNORE)) for labels in (truth, found))
        both = np.bincount(truth[truth == found], minlength=256)[: self.n_classes]
        either = sum(np.bincount(part.ravel(), minlength=256)[: self.n_classes] for part in (truth, found)) - both
        self.counts += np.stack([both, either], axis=1)

    def merge(self, other: BoundaryIou) -> None:
        """Add the images of another one with the same rules.

        Raises:
            InputError: the rules differ.
        """
        mine, theirs = ((one.n_classes, one.distance, one.void) for one in (self, other))
        if mine != theirs:
            raise InputError(f"boundary IoU under different rules cannot be merged: {mine} and {theirs}")
        self.counts += other.counts

    @property
    def per_class(self) -> NDArray[np.float64]:
        """(n_classes,) boundary IoU over all images, NaN for classes without a band."""
        return ratio(self.counts[:, 0], self.counts[:, 1])

    @property
    def value(self) -> float:
        """Mean over the classes that have a band in target or prediction, NaN if there are none."""
        scores = self.per_class
        return float(np.nanmean(scores)) if (~np.isnan(scores)).any() else math.nan


def mask_bands(labels: NDArray[np.uint8], width: int) -> NDArray[np.bool_]:
    """(H, W) whether a pixel of another label, other than 255, or the image's edge is at most `width` steps away.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> metrics.mask_bands(np.zeros((5, 5), np.uint8), 1).astype(int)[:3]
        array([[1, 1, 1, 1, 1],
               [1, 0, 0, 0, 1],
               [1, 0, 0, 0, 1]])
    """
    void, wide = labels == IGNORE, labels.astype(np.int16)
    size = 2 * width + 1
    low = ndimage.minimum_filter(np.where(void, _NEUTRAL, wide), size, mode="constant", cval=-1)
    high = ndimage.maximum_filter(np.where(void, -_NEUTRAL, wide), size, mode="constant", cval=-_NEUTRAL)
    return np.asarray(~void & ((low != wide) | (high != wide)))
