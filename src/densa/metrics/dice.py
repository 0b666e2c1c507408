"""The Dice coefficient per image; the pooled one is the F1 of a `ConfusionMatrix` of all images."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.metrics.confusion import ConfusionMatrix, VoidRule
from densa.metrics.scores import ratio

__all__ = ["DicePerImage"]


class DicePerImage:
    """Dice coefficient 2 n_ii / (t_i + p_i) of each class in each image, averaged over images.

    Where objects differ in size it is another number than the pooled one: an image with a small object counts as much
    as one with a large object.

    Args:
        n_classes: number of classes, 1 to 254.
        void: see `ConfusionMatrix.summary`.

    Attributes:
        n_images: images in which a class occurs in target or prediction.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> score = metrics.DicePerImage(2)
        >>> score.update(np.array([[0, 0, 1, 1]]), np.array([[0, 0, 1, 1]]))
        >>> score.update(np.array([[0, 0, 0, 1]]), np.array([[0, 0, 1, 0]]))
        >>> score.per_class.round(3), round(score.value, 3)
        (array([0.833, 0.5  ]), 0.667)
    """

    def __init__(self, n_classes: int, *, void: VoidRule = "ignore") -> None:
        self.n_classes, self.void = n_classes, void
        self._class_sums, self._class_images = np.zeros(n_classes), np.zeros(n_classes, np.int64)
        self._sum, self.n_images = 0.0, 0

    def update(self, target: NDArray[Any], predicted: NDArray[Any]) -> None:
        """Add one image; see `ConfusionMatrix.update`."""
        confusion = ConfusionMatrix(self.n_classes)
        confusion.update(target, predicted)
        self.add(confusion)

    def add(self, confusion: ConfusionMatrix) -> None:
        """Add one image by its confusion matrix."""
        scores = confusion.summary(void=self.void).f1
        occurs = ~np.isnan(scores)
        self._class_sums[occurs] += scores[occurs]
        self._class_images += occurs
        if occurs.any():
            self._sum += float(scores[occurs].mean())
            self.n_images += 1

    def merge(self, other: DicePerImage) -> None:
        """Add the images of another one with the same rules.

        Raises:
            InputError: the rules differ.
        """
        if (self.n_classes, self.void) != (other.n_classes, other.void):
            raise InputError("Dice coefficients under different rules cannot be merged")
        self._class_sums += other._class_sums
        self._class_images += other._class_images
        self._sum += other._sum
        self.n_images += other.n_images

    @property
    def sums(self) -> NDArray[np.float64]:
        """(2,) sum over images, and their number; `value` is their ratio."""
        return np.array([self._sum, self.n_images], np.float64)

    @property
    def per_class(self) -> NDArray[np.float64]:
        """(n_classes,) mean over the images in which the class occurs in target or prediction, NaN if in none."""
        return ratio(self._class_sums, self._class_images)

    @property
    def value(self) -> float:
        """Mean over images of the mean over the classes that occur in the image, NaN if there are none."""
        return self._sum / self.n_images if self.n_images else math.nan
