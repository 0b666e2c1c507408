"""Patches whose centre pixels are equally often of every class, to train patch classifiers (Ciresan et al. 2012)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.datasets.sampling.patches import Batch, PatchSampler
from densa.datasets.threads import in_threads
from densa.errors import InputError

__all__ = ["BalancedSampler"]

_BLOCK_PIXELS = 1 << 16


class BalancedSampler(PatchSampler):
    """A `PatchSampler` whose patches have every class equally often at their centre.

    All pixels of a class are equally likely. A patch may reach beyond the border of its image, where it is mirrored and
    not labelled. Where a labelled pixel is invalid in the image, the centre of its patch has no label.

    No list of pixels is held: the pixels of each class are counted in strips of some rows, and a drawn pixel is looked
    up in its strip. The centre of a patch of even size is the first of the two pixels in its middle.

    Args:
        dataset, size, arguments: see `PatchSampler`.

    Raises:
        InputError: see `PatchSampler`; no pixel is labelled.

    Examples:
        >>> from densa import datasets
        >>> train = datasets.open(datasets.coins("coins"))["train"]
        >>> patches = datasets.BalancedSampler(train, 9, seed=0).batch(0, 400)
        >>> bool(0.4 < (patches.labels[:, 4, 4] == 1).mean() < 0.6)  # coins cover 30 % of the image
        True
    """

    _holds_labels = True

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._strips = list(in_threads(self._count, range(len(self.dataset))))
        self._pixels = np.cumsum([counts.sum(axis=0) for counts in self._strips], axis=0)  # (n_images, n_classes)
        self._classes = np.flatnonzero(self._pixels[-1])
        if not len(self._classes):
            raise InputError("balanced patches need labelled pixels, the masks have none; check them and the legend")

    def _patch(self, number: int, draws: NDArray[np.float64], patch: Batch) -> None:
        label = int(self._classes[int(draws[0] * len(self._classes))])
        pixels = self._pixels[:, label]
        i, rank = _find(pixels, int(draws[1] * pixels[-1]))
        strip, rank = _find(np.cumsum(self._strips[i][:, label]), rank)
        loaded = self._load(i)
        assert loaded.labels is not None
        width = loaded.labels.shape[1]
        rows = _rows_of_strip(width)
        places = np.flatnonzero(loaded.labels[strip * rows : (strip + 1) * rows].ravel() == label)
        row, column = divmod(int(places[rank]), width)
        height, across = patch.labels.shape
        top, left = strip * rows + row - (height - 1) // 2, column - (across - 1) // 2
        self._crop(i, loaded, top, left, patch)

    def _count(self, i: int) -> NDArray[np.int64]:
        """(n_strips, n_classes) pixels of each class in each strip of image `i`."""
        labels, n_classes = self.dataset.mask_labels(i), self.dataset.legend.n_classes
        rows = _rows_of_strip(labels.shape[1])
        strips = [labels[row : row + rows].ravel() for row in range(0, len(labels), rows)]
        return np.stack([np.bincount(strip, minlength=256)[:n_classes] for strip in strips])


def _find(cumulative: NDArray[np.int64], rank: int) -> tuple[int, int]:
    """The part that holds the element `rank` of all, and its rank in that part."""
    part = int(np.searchsorted(cumulative, rank, side="right"))
    return part, rank - (int(cumulative[part - 1]) if part else 0)


def _rows_of_strip(width: int) -> int:
    return max(1, _BLOCK_PIXELS // width)
