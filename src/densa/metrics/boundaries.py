"""Boundary F1 (BF) of label maps (Csurka, Larlus, Perronnin, BMVC 2013, section 3; used by SegNet, TPAMI 2017).

Per image and class: precision is the share of the predicted boundary within a tolerance of the true boundary of the
same class, recall the converse, F1 their harmonic mean. This is the distance form: one true pixel may match several
predicted ones. One-to-one matching as in the Berkeley benchmark, which some scripts use, gives lower or equal values.

Method: Boundary F1.
Source: Csurka, Larlus, Perronnin, BMVC 2013, section 3.
As printed: per image and class, tolerance 0.75 % of the diagonal, the mean over classes, then over images.
Departs: nothing; one-to-one matching, which some scripts use, is not the paper's.
Held by: tests/metrics/test_boundaries.py.
"""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.errors import InputError
from densa.legend import IGNORE, MAX_CLASSES
from densa.metrics.confusion import VoidRule, as_labels, check_labels, check_rule

__all__ = ["BoundaryF1", "boundary_f1"]

Presence = Literal["target", "either"]
_OTHER = 254  # not a class, but classes have a boundary against it, which they have not against IGNORE
_FAR = -(1 << 30)  # row of a boundary pixel before one was found


def boundary_f1(
    target: NDArray[Any],
    predicted: NDArray[Any],
    n_classes: int,
    *,
    tolerance: float = 0.0075,
    void: VoidRule = "ignore",
    presence: Presence = "target",
) -> NDArray[np.float64]:
    """Boundary F1 of each class in one image.

    The boundary of a class consists of its pixels of which one of the 4 neighbours has another class; the edge of the
    image is not a boundary.

    Args:
        target: (H, W) integers, each a class (0..n_classes - 1) or 255 (void).
        predicted: (H, W) integers, each a class or 255 (no class predicted: a separate label that has no score).
        n_classes: number of classes, 1 to 254.
        tolerance: largest distance between matching boundary pixels (centre to centre, inclusive) as a fraction of the
            image's diagonal: 0.0075 is 4.5 px at 360 x 480.
        void: "ignore" excludes pixels whose target is void from target and prediction; where a class touches only such
            pixels it has no boundary. "false-positive" treats void as another label, without a score: a class has a
            boundary against it, and boundaries predicted on void pixels lower the precision.
        presence: a class is scored if it has pixels in the "target", or in "either" target or prediction (then a class
            that is only predicted scores 0).

    Returns:
        (n_classes,) F1 from 0 to 1; 0 if only one of the two maps has a boundary of the class, NaN for a class that is
        not present or has a boundary in neither.

    Raises:
        InputError: shapes are not (H, W) and equal, a value is neither a class nor 255, or an argument is out of range.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> target = np.array([[0, 0, 1, 1, 1, 1]])
        >>> predicted = np.array([[0, 0, 0, 1, 1, 1]])
        >>> metrics.boundary_f1(target, predicted, 2).tolist()
        [0.0, 0.0]
        >>> metrics.boundary_f1(target, predicted, 2, tolerance=0.2).tolist()  # more than a pixel
        [1.0, 1.0]
    """
    check_rule("presence", presence, ("target", "either"))
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance must be a fraction of the image's diagonal (0 < tolerance < 1), got {tolerance}")
    target, predicted = checked_maps(target, predicted, n_classes, void)
    true_edges, predicted_edges = class_edges(target), class_edges(predicted)
    # Squared distances are integers: the small addition only undoes the rounding of the square.
    limit = math.floor((tolerance * math.hypot(*target.shape)) ** 2 + 1e-6)
    precision = _share_near(predicted_edges, true_edges, n_classes, limit)
    recall = _share_near(true_edges, predicted_edges, n_classes, limit)

    f1 = np.zeros(n_classes)
    np.divide(2 * precision * recall, precision + recall, out=f1, where=precision + recall > 0)
    present = np.bincount(target.reshape(-1), minlength=256)[:n_classes] > 0
    if presence == "either":  # counted after void pixels were excluded from the prediction
        present |= np.bincount(predicted.reshape(-1), minlength=256)[:n_classes] > 0
    return np.where(present & ~(np.isnan(precision) & np.isnan(recall)), f1, np.nan)


class BoundaryF1:
    """Boundary F1 of a set of images: the mean over images of the mean over the classes scored in each.

    Args:
        n_classes: number of classes, 1 to 254.
        tolerance: see `boundary_f1`, as are `void` and `presence`.
        void: rule for pixels whose target has no class.
        presence: rule for the classes that are scored in an image.

    Attributes:
        n_images: images with at least one class scored; the others do not count in the mean.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> score = metrics.BoundaryF1(2)
        >>> labels = np.array([[0, 0, 1, 1]])
        >>> score.update(labels, labels), score.update(labels, np.zeros_like(labels))
        (1.0, 0.0)
        >>> score.value, score.n_images
        (0.5, 2)
    """

    def __init__(
        self, n_classes: int, *, tolerance: float = 0.0075, void: VoidRule = "ignore", presence: Presence = "target"
    ) -> None:
        self.n_classes = n_classes
        self.tolerance = tolerance
        self.void: VoidRule = void
        self.presence: Presence = presence
        self.n_images = 0
        self._sum = 0.0
        self._class_sums = np.zeros(n_classes)
        self._class_images = np.zeros(n_classes, np.int64)

    def update(self, target: NDArray[Any], predicted: NDArray[Any]) -> float:
        """Add one image.

        Args:
            target: (H, W) integers, see `boundary_f1`.
            predicted: (H, W) integers.

        Returns:
            The value of this image, NaN if no class is scored in it.
        """
        scores = boundary_f1(
            target, predicted, self.n_classes, tolerance=self.tolerance, void=self.void, presence=self.presence
        )
        scored = ~np.isnan(scores)
        self._class_sums[scored] += scores[scored]
        self._class_images += scored
        if not scored.any():
            return math.nan
        value = float(scores[scored].mean())
        self._sum += value
        self.n_images += 1
        return value

    def merge(self, other: BoundaryF1) -> None:
        """Add the images of another `BoundaryF1` with the same number of classes and the same rules.

        Raises:
            InputError: the rules differ.
        """
        mine, theirs = ((s.n_classes, s.tolerance, s.void, s.presence) for s in (self, other))
        if mine != theirs:
            raise InputError(f"boundary scores under different rules cannot be merged: {mine} and {theirs}")
        self._sum += other._sum
        self.n_images += other.n_images
        self._class_sums += other._class_sums
        self._class_images += other._class_images

    @property
    def sums(self) -> NDArray[np.float64]:
        """(2 n_classes + 2,) sum over images and their number, for each class, and for all; of images that are scored.

        They add up over images; `value` and `per_class` are their ratios.
        """
        return np.concatenate([self._class_sums, self._class_images, [self._sum, self.n_images]])

    @property
    def value(self) -> float:
        """Mean over the images, NaN if there are none."""
        return self._sum / self.n_images if self.n_images else math.nan

    @property
    def per_class(self) -> NDArray[np.float64]:
        """(n_classes,) mean over the images in which the class is scored, NaN if there are none."""
        out = np.full(self.n_classes, np.nan)
        return np.divide(self._class_sums, self._class_images, out=out, where=self._class_images > 0)


def checked_maps(
    target: NDArray[Any], predicted: NDArray[Any], n_classes: int, void: VoidRule
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both maps as (H, W) uint8: 255 at pixels that are not compared, 254 for a label that is no class.

    Args:
        target: (H, W) integers, each a class or 255 (void).
        predicted: (H, W) integers, each a class or 255 (no class predicted), which becomes 254.
        n_classes: number of classes, 1 to 254.
        void: "ignore": void pixels are not compared; "false-positive": void is a label that is no class.

    Raises:
        InputError: shapes or labels that do not fit, an unknown rule, or a number of classes out of range.
    """
    check_rule("void", void, get_args(VoidRule))
    if not 1 <= n_classes <= MAX_CLASSES:
        raise InputError(f"n_classes must be from 1 to {MAX_CLASSES}, got {n_classes}")
    truth, found = as_labels(target, "target"), as_labels(predicted, "predicted")
    if truth.ndim != 2 or truth.shape != found.shape:
        raise InputError(
            f"target and predicted must be (H, W) and of the same size, got {truth.shape} and {found.shape}; "
            "resample the prediction to the size of the target first"
        )
    check_labels(np.bincount(truth.reshape(-1), minlength=256) > 0, n_classes, "target")
    check_labels(np.bincount(found.reshape(-1), minlength=256) > 0, n_classes, "predicted")
    return _with_void(truth, found, void)


def class_edges(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) the class of each pixel with a 4-neighbour of another label than its own and 255; 255 elsewhere."""
    edges = np.full_like(labels, IGNORE)
    _edges(labels, edges)
    return edges


def marked_near(pixels: NDArray[np.uint8], others: NDArray[np.uint8], n_classes: int, limit: int) -> NDArray[np.bool_]:
    """(H, W) whether a pixel of a class has one of the same class in `others` within a squared distance."""
    reach = math.isqrt(limit)
    near = np.zeros(pixels.shape, np.bool_)
    last = np.empty((n_classes, pixels.shape[1] + 2 * reach), np.int64)
    _mark_near(pixels, others, limit, reach, last, near)
    # Pixels below: those above in the image turned upside down.
    _mark_near(pixels[::-1], others[::-1], limit, reach, last, near[::-1])
    return near


def _with_void(
    target: NDArray[np.uint8], predicted: NDArray[np.uint8], void: VoidRule
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both maps, with `IGNORE` at pixels that are not compared and `_OTHER` for the label without a score."""
    unlabelled, unpredicted = target == IGNORE, predicted == IGNORE
    if void == "false-positive":
        return np.where(unlabelled, np.uint8(_OTHER), target), np.where(unpredicted, np.uint8(_OTHER), predicted)
    predicted = np.where(unpredicted, np.uint8(_OTHER), predicted)
    return target, np.where(unlabelled, np.uint8(IGNORE), predicted)


def _share_near(edges: NDArray[np.uint8], others: NDArray[np.uint8], n_classes: int, limit: int) -> NDArray[np.float64]:
    """(n_classes,) share of each class's pixels in `edges` with a pixel of the same class in `others` within reach."""
    total = np.bincount(edges.reshape(-1), minlength=256)[:n_classes]
    near = marked_near(edges, others, n_classes, limit)
    found = np.bincount(edges[near], minlength=256)[:n_classes]
    return np.divide(found, total, out=np.full(n_classes, np.nan), where=total > 0)


@njit(nogil=True, cache=True)
def _edges(labels, edges):  # type: ignore[no-untyped-def]
    """Copy to `edges` the label of every class pixel that has a 4-neighbour of another label except void."""
    height, width = labels.shape
    for row in range(height):
        for column in range(width):
            label = labels[row, column]
            if label >= _OTHER:
                continue
            edge = False
            if row > 0:
                other = labels[row - 1, column]
                edge |= other != label and other != IGNORE
            if row < height - 1:
                other = labels[row + 1, column]
                edge |= other != label and other != IGNORE
            if column > 0:
                other = labels[row, column - 1]
                edge |= other != label and other != IGNORE
            if column < width - 1:
                other = labels[row, column + 1]
                edge |= other != label and other != IGNORE
            if edge:
                edges[row, column] = label


@njit(nogil=True, cache=True)
def _mark_near(edges, others, limit, reach, last, near):  # type: ignore[no-untyped-def]
    """Mark each pixel of `edges` that has a pixel of its class in `others`, in its row or above, within the limit.

    `limit` is a squared distance. `last[k, column + reach]` is the row of the lowest pixel of class k found so far in a
    column, which is the nearest one above.
    """
    last[:] = _FAR
    height, width = edges.shape
    for row in range(height):
        for column in range(width):
            label = others[row, column]
            if label < _OTHER:
                last[label, column + reach] = row
        for column in range(width):
            label = edges[row, column]
            if label >= _OTHER or near[row, column]:
                continue
            for step in range(-reach, reach + 1):
                rows = row - last[label, column + reach + step]
                if rows <= reach and rows * rows + step * step <= limit:
                    near[row, column] = True
                    break
