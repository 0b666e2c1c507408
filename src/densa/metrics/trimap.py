"""IoU and error in a narrow band ("trimap") along the boundaries of the target.

Method: Trimap IoU.
Source: Kohli, Ladicky, Torr, IJCV 2009, section 7; Krähenbühl, Koltun 2011, section 5; Chen et al. 2018 (DeepLab).
As printed: the pixels within some width of a boundary of the target, and their share that is wrong, or their IoU.
Departs: boundaries are those of the target, not its void pixels, along which some scripts lay the band.
Held by: tests/metrics/test_trimap.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.legend import IGNORE
from densa.metrics.boundaries import checked_maps, class_edges, marked_near
from densa.metrics.confusion import ConfusionMatrix

__all__ = ["Trimap", "trimap"]


def trimap(target: NDArray[np.uint8], widths: Sequence[float]) -> list[NDArray[np.bool_]]:
    """(H, W) whether a pixel is within each width of a boundary of the target.

    A boundary pixel has one of its 4 neighbours of another class; neither void nor the image's edge make boundaries.

    Args:
        target: (H, W) classes, 255 for void.
        widths: largest distance to a boundary pixel, centre to centre, in pixels.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> target = np.array([[0, 0, 0, 0, 1, 1, 1, 1]], np.uint8)
        >>> metrics.trimap(target, [1])[0].astype(int)
        array([[0, 0, 1, 1, 1, 1, 0, 0]])
    """
    edges = np.where(class_edges(target) == IGNORE, np.uint8(IGNORE), np.uint8(0))
    bands: dict[float, NDArray[np.bool_]] = {}
    inside = np.zeros(target.shape, np.uint8)
    for width in sorted(widths, reverse=True):  # narrower bands lie in wider ones
        bands[width] = marked_near(inside, edges, 1, math.floor(width * width))
        inside = np.where(bands[width], np.uint8(0), np.uint8(IGNORE))
    return [bands[width] for width in widths]


class Trimap:
    """Confusion matrices of the pixels along the boundaries of the target, accumulated over images.

    Args:
        n_classes: number of classes, 1 to 254.
        widths: of the bands in pixels, see `trimap`.

    Attributes:
        confusions: one `ConfusionMatrix` of each width.

    Raises:
        InputError: no width, or one below 0.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> target = np.repeat([0, 1], [6, 6])[None]
        >>> score = metrics.Trimap(2, widths=[1, 5])
        >>> score.update(target, np.roll(target, 1))
        >>> score.iou().round(2), score.error().round(2)
        (array([0.58, 0.71]), array([0.25, 0.17]))
    """

    def __init__(self, n_classes: int, widths: Sequence[float] = (2, 5, 10)) -> None:
        if not widths or not all(math.isfinite(width) and width >= 0 for width in widths):
            raise InputError(f"widths of a trimap must be at least 0 pixels, got {tuple(widths)}")
        self.n_classes, self.widths = n_classes, tuple(widths)
        self.confusions = tuple(ConfusionMatrix(n_classes) for _ in self.widths)

    def update(self, target: NDArray[Any], predicted: NDArray[Any]) -> None:
        """Add one image; pixels without a label are not counted.

        Args:
            target, predicted: (H, W) integers, each a class or 255 (void; no class predicted).

        Raises:
            InputError: shapes or labels that do not fit.
        """
        checked_maps(target, predicted, self.n_classes, "ignore")
        truth = np.asarray(target, np.uint8)
        for band, confusion in zip(trimap(truth, self.widths), self.confusions, strict=True):
            confusion.update(truth[band], np.asarray(predicted)[band])

    def merge(self, other: Trimap) -> None:
        """Add the images of another one with the same widths.

        Raises:
            InputError: widths or numbers of classes differ.
        """
        if (self.n_classes, self.widths) != (other.n_classes, other.widths):
            raise InputError(f"trimaps of the widths {self.widths} and {other.widths} cannot be merged")
        for mine, theirs in zip(self.confusions, other.confusions, strict=True):
            mine.merge(theirs)

    def iou(self) -> NDArray[np.float64]:
        """(n_widths,) mean IoU over the classes that occur in the band, NaN where there is none."""
        return np.array([confusion.summary().mean_iou for confusion in self.confusions])

    def error(self) -> NDArray[np.float64]:
        """(n_widths,) share of the labelled pixels of the band that are wrong, NaN where there is none."""
        return 1 - np.array([confusion.summary().global_accuracy for confusion in self.confusions])
