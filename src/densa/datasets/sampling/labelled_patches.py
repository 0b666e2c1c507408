"""Patches around labelled pixels, for images of which strokes label a small part."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.datasets.dataset import strips
from densa.datasets.sampling.patches import Batch, PatchSampler
from densa.datasets.threads import in_threads
from densa.errors import InputError
from densa.legend import IGNORE
from densa.raster import Window

__all__ = ["LabelledSampler"]

_CELL = 32  # pixels: side of the squares in which labelled pixels are counted


class LabelledSampler(PatchSampler):
    """A `PatchSampler` of which every patch holds a labelled pixel, of every class equally often.

    A class is drawn, then one of its labelled pixels, then the place of that pixel in the patch; patches are inside of
    their image where it is large enough. Only the number of labelled pixels of each class in squares of 32 pixels is
    held, and only of squares that have any, so that the size of an image does not matter.

    Args:
        dataset, size, arguments: see `PatchSampler`.

    Raises:
        InputError: see `PatchSampler`; no pixel is labelled.

    Examples:
        >>> from densa import datasets
        >>> from densa.datasets.strokes import open_strokes
        >>> from densa.shallow import tissue
        >>> train = open_strokes(*tissue("tissue"))["train"]
        >>> patches = datasets.LabelledSampler(train, 64, seed=0).batch(0, 16)
        >>> bool((patches.labels != 255).any(axis=(1, 2)).all())
        True
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        counted = list(in_threads(self._count, range(len(self.dataset))))
        self._places = np.concatenate([places for places, _ in counted])  # image, row and column of each square
        self._counts = np.cumsum(np.concatenate([counts for _, counts in counted]), axis=0)
        if not len(self._counts):
            raise InputError("patches around labels need labelled pixels, there are none; check the strokes")
        self._classes = np.flatnonzero(self._counts[-1])

    @property
    def pixels_per_class(self) -> NDArray[np.int64]:
        """(n_classes,) number of labelled pixels of each class."""
        counts: NDArray[np.int64] = self._counts[-1]
        return counts

    def _patch(self, number: int, draws: NDArray[np.float64], patch: Batch) -> None:
        """Fill a patch: `draws` decide class and pixel, further numbers its place in the patch."""
        label = int(self._classes[int(draws[0] * len(self._classes))])
        counts = self._counts[:, label]
        rank = int(draws[1] * counts[-1])
        square = int(np.searchsorted(counts, rank, side="right"))
        rank -= int(counts[square - 1]) if square else 0
        i, top, left = (int(value) for value in self._places[square])
        loaded = self._load(i)
        height, width = self._sizes[i]
        window = Window(top, left, min(_CELL, height - top), min(_CELL, width - left))
        labels = self.dataset.mask_labels(i, window) if loaded.labels is None else _cut(loaded.labels, window)
        row, column = divmod(int(np.flatnonzero(labels.ravel() == label)[rank]), window.width)
        rng = np.random.default_rng([self.seed, number, 6])
        starts = [
            _start(place, side, int(rng.integers(length)), length)
            for place, side, length in zip((top + row, left + column), (height, width), patch.labels.shape, strict=True)
        ]
        self._crop(i, loaded, starts[0], starts[1], patch)

    def _count(self, i: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The squares of image `i` with a labelled pixel, and (n, n_classes) pixels of each class in them."""
        n_classes, (height, width) = self.dataset.legend.n_classes, self._sizes[i]
        read = self.dataset.mask_reader(i)
        across = -(-width // _CELL)
        found: dict[int, NDArray[np.int64]] = {}
        for window in strips(height, width):
            labels = read(window)
            rows, columns = np.nonzero(labels != IGNORE)
            square = (window.row + rows) // _CELL * across + columns // _CELL
            keys, counts = np.unique(square * 256 + labels[rows, columns], return_counts=True)
            for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
                found.setdefault(key // 256, np.zeros(n_classes, np.int64))[key % 256] += count
        order = sorted(found)
        places = [(i, square // across * _CELL, square % across * _CELL) for square in order]
        counted = [found[square] for square in order]
        return np.array(places, np.int64).reshape(-1, 3), np.array(counted, np.int64).reshape(-1, n_classes)


def _start(place: int, side: int, before: int, length: int) -> int:
    """First row (column) of a patch that has a pixel at `before`, inside of the image where it fits."""
    if side < length:
        return -((length - side) // 2)
    return min(max(place - before, 0), side - length)


def _cut(labels: NDArray[np.uint8], window: Window) -> NDArray[np.uint8]:
    return labels[window.row : window.row + window.height, window.column : window.column + window.width]
