"""What a training split is like, as far as it decides a recipe: sizes, bands, class shares, objects, orientation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from densa.datasets import Dataset
from densa.datasets.threads import in_threads
from densa.raster import Window

__all__ = ["Fingerprint", "fingerprint"]

_MOST_IMAGES = 200  # whose masks are read
_SIDE = 512  # of the part of a mask that is read
_BINS = 8  # thirds or halves of an image would be too coarse for a horizon that moves
_FEWEST_UPRIGHT = 8  # images; of fewer, chance makes rows and classes depend on each other


@dataclass(frozen=True)
class Fingerprint:
    """What a recipe depends on.

    Attributes:
        n_images: of the training split.
        height, width: medians over the images, in px.
        n_bands: of the images.
        dtype: name of the images' type.
        is_placed: whether the images have a place on the Earth.
        class_shares: share of each class among the labelled pixels.
        labelled: share of the pixels that are labelled.
        by_rows, by_columns: share of the entropy of the class that its row, or its column, explains, 0 to 1.
        object_px: side of a square as large as the object in which half of the pixels of all but the most frequent
            class are; None where there are no such pixels.
        numbers_objects: whether the masks number objects.

    Examples:
        >>> from densa import datasets, training
        >>> found = training.fingerprint(datasets.open(datasets.coins("coins"))["train"])
        >>> round(found.rarest, 2)
        0.43
    """

    n_images: int
    height: int
    width: int
    n_bands: int
    dtype: str
    is_placed: bool
    class_shares: tuple[float, ...]
    labelled: float
    by_rows: float
    by_columns: float
    object_px: float | None
    numbers_objects: bool

    @property
    def is_upright(self) -> bool:
        """Whether up and down differ, as in photographs of streets: the class depends on the row."""
        if self.is_placed or self.n_images < _FEWEST_UPRIGHT:
            return False
        return self.by_rows > 0.05 and self.by_rows > 2 * self.by_columns

    @property
    def rarest(self) -> float:
        """Share of the rarest class that occurs, relative to that of the most frequent one."""
        found = [share for share in self.class_shares if share > 0]
        return min(found) / max(found) if found else 1.0


def fingerprint(dataset: Dataset) -> Fingerprint:
    """Look at a training split: at all sizes, and at the middle of at most 200 masks.

    Args:
        dataset: checked images with masks, at least one.

    Examples:
        >>> from densa import datasets, training
        >>> found = training.fingerprint(datasets.open(datasets.coins("coins"))["train"])
        >>> found.n_images, found.n_bands, found.is_upright, round(found.object_px)
        (1, 1, False, 38)
    """
    n = len(dataset)
    looked_at = sorted({int(i) for i in np.linspace(0, n - 1, min(n, _MOST_IMAGES))})
    n_classes = dataset.legend.n_classes
    rows, columns = np.zeros((2, n_classes, _BINS), np.int64)
    n_px, areas = 0, [np.zeros(0, np.int64)]
    for labels in in_threads(_reader(dataset), looked_at):
        n_px += labels.size
        rows += _by_position(labels, n_classes)
        columns += _by_position(labels.T, n_classes)
        areas.append(_areas(labels, n_classes))
    sizes = np.median([dataset.size(i) for i in looked_at], axis=0)
    with dataset.open_image(0) as image:
        dtype, is_placed = image.dtype.name, image.is_placed
    counts = rows.sum(axis=1)
    return Fingerprint(
        n_images=n,
        height=int(sizes[0]),
        width=int(sizes[1]),
        n_bands=dataset.n_bands,
        dtype=dtype,
        is_placed=is_placed,
        class_shares=tuple(float(share) for share in counts / max(1, counts.sum())),
        labelled=float(counts.sum() / max(1, n_px)),
        by_rows=_explained(rows),
        by_columns=_explained(columns),
        object_px=_object_side(np.concatenate(areas)),
        numbers_objects=all(dataset.numbers_objects(i) for i in looked_at),
    )


def _reader(dataset: Dataset) -> Callable[[int], NDArray[np.uint8]]:
    def middle(i: int) -> NDArray[np.uint8]:
        height, width = dataset.size(i)
        h, w = min(height, _SIDE), min(width, _SIDE)
        if (h, w) == (height, width):
            return dataset.labels(i)
        return dataset.mask_labels(i, Window((height - h) // 2, (width - w) // 2, h, w))

    return middle


def _by_position(labels: NDArray[np.uint8], n_classes: int) -> NDArray[np.int64]:
    """(n_classes, bins) pixels of each class in each part of the rows."""
    bins = np.arange(len(labels)) * _BINS // len(labels)
    values = np.where(labels < n_classes, labels, n_classes).astype(np.int64) * _BINS + bins[:, None]
    return np.bincount(values.ravel(), minlength=(n_classes + 1) * _BINS).reshape(-1, _BINS)[:n_classes]


def _areas(labels: NDArray[np.uint8], n_classes: int) -> NDArray[np.int64]:
    """Pixels of each connected component of all classes but the most frequent one."""
    counts = np.bincount(labels[labels < n_classes], minlength=n_classes)
    areas = [np.zeros(0, np.int64)]
    for label in np.flatnonzero(counts):
        if label != counts.argmax():
            components, n = ndimage.label(labels == label)
            areas.append(np.bincount(components.ravel(), minlength=n + 1)[1:])
    return np.concatenate(areas)


def _object_side(areas: NDArray[np.int64]) -> float | None:
    """Side of a square as large as the component in which the middle pixel is, the components ordered by area."""
    if not areas.size:
        return None
    ordered = np.sort(areas)
    return float(np.sqrt(ordered[np.searchsorted(np.cumsum(ordered), ordered.sum() / 2)]))


def _explained(counts: NDArray[np.int64]) -> float:
    """Mutual information of class and position, relative to the entropy of the class."""
    total = counts.sum()
    if not total:
        return 0.0
    joint = counts / total
    of_class, of_place = joint.sum(axis=1), joint.sum(axis=0)
    entropy = -_plogp(of_class)
    return float((_plogp(joint) - _plogp(of_class) - _plogp(of_place)) / entropy) if entropy > 0 else 0.0


def _plogp(p: NDArray[np.float64]) -> float:
    found = p[p > 0]
    return float((found * np.log(found)).sum())
