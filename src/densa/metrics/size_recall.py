"""Recall by the size of the objects of the target: which are missed, the small ones or the large ones?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.legend import IGNORE
from densa.metrics.boundaries import checked_maps
from densa.metrics.scores import ratio

__all__ = ["SizeRecall", "SizeRow"]


class SizeRow(NamedTuple):
    """Objects of `least` to `most` pixels (None: no limit), the share that is found, and that of their pixels.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> score = metrics.SizeRecall(2, limits=[2])
        >>> score.update(np.array([[0, 1, 1, 1]]), np.array([[0, 1, 1, 0]]))
        >>> score.rows(1)[1]
        SizeRow(least=2, most=None, n_objects=1, found=1.0, n_pixels=3, pixel_recall=0.6666666666666666)
    """

    least: int
    most: int | None
    n_objects: int
    found: float
    n_pixels: int
    pixel_recall: float


class SizeRecall:
    """Recall of the objects of the target by their size, accumulated over images.

    An object is a 4-connected component of a class in the target, the first class too; it is found if its class is
    predicted on more than half of its pixels. Void pixels belong to no object.

    Args:
        n_classes: number of classes, 1 to 254.
        limits: pixels of the smallest object of each bin but the first; by default the limits between small, medium and
            large objects of COCO, 32^2 and 96^2.

    Attributes:
        counts: (n_classes, n_bins, 4) int64 objects, those found, their pixels, those that are right. To sum over
            processes, add these.

    Raises:
        InputError: limits that do not rise, or are below 1.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> target = np.array([[0, 1, 0, 0, 1, 1, 1, 1]])
        >>> score = metrics.SizeRecall(2, limits=[2])
        >>> score.update(target, np.array([[0, 0, 0, 0, 1, 1, 1, 0]]))
        >>> [(row.n_objects, row.found, row.pixel_recall) for row in score.rows(1)]
        [(1, 0.0, 0.0), (1, 1.0, 0.75)]
    """

    def __init__(self, n_classes: int, limits: Sequence[int] = (1024, 9216)) -> None:
        rising = tuple(map(int, limits))
        if any(limit < 2 for limit in rising) or list(rising) != sorted(set(rising)):
            raise InputError(f"limits of sizes must rise from 2 pixels or more, got {tuple(limits)}")
        self.n_classes, self.limits = n_classes, rising
        self.counts: NDArray[np.int64] = np.zeros((n_classes, len(rising) + 1, 4), np.int64)

    def update(self, target: NDArray[Any], predicted: NDArray[Any]) -> None:
        """Add one image.

        Args:
            target, predicted: (H, W) integers, each a class or 255 (void; no class predicted).

        Raises:
            InputError: shapes or labels that do not fit.
        """
        from skimage.measure import label as components_of

        truth, found = checked_maps(target, predicted, self.n_classes, "ignore")
        objects = components_of(truth, background=IGNORE, connectivity=1)
        size = np.bincount(objects.ravel())
        right = np.bincount(objects[truth == found], minlength=len(size))
        classes = np.full(len(size), IGNORE, np.uint8)
        classes[objects.ravel()] = truth.ravel()
        size, right, classes = size[1:], right[1:], classes[1:]
        place = np.searchsorted(self.limits, size, side="right")
        for column, values in enumerate((np.ones_like(size), 2 * right > size, size, right)):
            np.add.at(self.counts[..., column], (classes, place), values)

    def merge(self, other: SizeRecall) -> None:
        """Add the images of another one with the same limits.

        Raises:
            InputError: limits or numbers of classes differ.
        """
        if (self.n_classes, self.limits) != (other.n_classes, other.limits):
            raise InputError(f"recalls by the sizes {self.limits} and {other.limits} cannot be merged")
        self.counts += other.counts

    def rows(self, class_index: int | None = None) -> list[SizeRow]:
        """A row of each bin, of one class or of all; shares are NaN where there is no object."""
        counts = self.counts.sum(0) if class_index is None else self.counts[class_index]
        found, recall = ratio(counts[:, 1], counts[:, 0]), ratio(counts[:, 3], counts[:, 2])
        least, most = (1, *self.limits), (*(limit - 1 for limit in self.limits), None)
        return [
            SizeRow(least[i], most[i], int(counts[i, 0]), float(found[i]), int(counts[i, 2]), float(recall[i]))
            for i in range(len(counts))
        ]
