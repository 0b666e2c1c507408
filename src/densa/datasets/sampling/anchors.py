"""Patches at anchors of a grid, as many of every class (Nogueira et al., TGRS 2019, and the authors' code).

Every point of a regular grid over the images is an anchor; its class is the most frequent one of the reference patch
that begins there. A super-batch holds equally many anchors of each class, and is drawn again after some passes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa import raster
from densa.datasets.sampling.patches import Batch, PatchSampler
from densa.datasets.threads import in_threads
from densa.datasets.wording import listed
from densa.errors import InputError

__all__ = ["SUPER_BATCHES", "AnchorSampler", "majority_grid"]

SUPER_BATCHES = 100
"""Batches of a super-batch."""
_NONE = 255
_STRIP_PIXELS = 1 << 22


class AnchorSampler(PatchSampler):
    """A `PatchSampler` whose patches begin at anchors, shifted back inside at the bottom and right borders.

    Only the classes of the anchors are held, a byte each. Images and masks in formats with windows are read by window
    where they do not fit into `cache_bytes`.

    Args:
        dataset, size, arguments: see `PatchSampler`.
        crop: side of the reference patch in pixels; its most frequent class is that of the anchor.
        stride: distance between anchors in pixels.
        batch: patches of a step; a super-batch holds 100 times as many.
        passes: passes through a super-batch before the next one is drawn.

    Raises:
        InputError: see `PatchSampler`; a number is below 1, or an image has no labelled pixel.

    Examples:
        >>> from densa import datasets
        >>> train = datasets.open(datasets.coins("coins"))["train"]
        >>> sampler = datasets.AnchorSampler(train, 32, seed=0)
        >>> sampler.anchors_per_class
        array([61, 23])
        >>> sampler.batch(0, 4).images.shape
        (4, 1, 32, 32)
    """

    def __init__(
        self, *arguments: Any, crop: int = 25, stride: int = 25, batch: int = 8, passes: int = 1, **named: Any
    ) -> None:
        super().__init__(*arguments, **named)
        for name, value in (("crop", crop), ("stride", stride), ("batch", batch), ("passes", passes)):
            if value < 1:
                raise InputError(f"the {name} of anchors must be at least 1, got {value}")
        self.crop, self.stride, self.passes, self.super_batch = crop, stride, passes, SUPER_BATCHES * batch
        self._grids = list(in_threads(self._grid, range(len(self.dataset))))
        self._check_labelled()
        n = self.dataset.legend.n_classes
        # Anchors of each class up to each row of the grids, the rows of all images in one list.
        self._rows = [(i, row) for i, grid in enumerate(self._grids) for row in range(len(grid))]
        counts = np.array([np.bincount(self._grids[i][row], minlength=256)[:n] for i, row in self._rows])
        self._cumulative = np.cumsum(counts, axis=0)
        self._classes = np.flatnonzero(self._cumulative[-1])
        self._drawn = lru_cache(maxsize=4)(self._draw)
        self._order = lru_cache(maxsize=4)(self._shuffle)

    @property
    def anchors_per_class(self) -> NDArray[np.int64]:
        """(n_classes,) number of anchors of each class."""
        counts: NDArray[np.int64] = self._cumulative[-1]
        return counts

    def anchor(self, number: int) -> Anchor:
        """The anchor of the patch `number`, counted from the start of training."""
        turn, place = divmod(number, self.super_batch)
        k = int(self._order(turn)[place])
        label, rank = (int(value) for value in self._drawn(turn // self.passes)[k])
        before = self._cumulative[:, label]
        place = int(np.searchsorted(before, rank, side="right"))
        i, row = self._rows[place]
        columns = np.flatnonzero(self._grids[i][row] == label)
        column = int(columns[rank - (int(before[place - 1]) if place else 0)])
        return Anchor(i, row * self.stride, column * self.stride, label)

    def _patch(self, number: int, draws: NDArray[np.float64], patch: Batch) -> None:
        anchor = self.anchor(number)
        inside = [
            max(side - length, 0) for side, length in zip(self._sizes[anchor.image], patch.labels.shape, strict=True)
        ]
        row, column = min(anchor.row, inside[0]), min(anchor.column, inside[1])
        self._crop(anchor.image, self._load(anchor.image), row, column, patch)

    def _draw(self, number: int) -> NDArray[np.int64]:
        """(n, 2) class and rank among its anchors of a super-batch; counts of the classes differ by 1 at most."""
        rng = np.random.default_rng([self.seed, number, 4])
        n = self.super_batch
        classes = rng.permutation(self._classes)[np.arange(n) % len(self._classes)]
        ranks = np.empty(n, np.int64)
        for label in self._classes:
            own = np.flatnonzero(classes == label)
            ranks[own] = _without_repeats(rng, len(own), int(self._cumulative[-1, label]))
        return np.stack([classes, ranks], axis=1)

    def _shuffle(self, turn: int) -> NDArray[np.int64]:
        return np.random.default_rng([self.seed, turn, 5]).permutation(self.super_batch)

    def _grid(self, i: int) -> NDArray[np.uint8]:
        """Classes of the anchors of image `i`, 255 where a reference patch has none; counted in strips."""
        (height, width), n_classes = self._sizes[i], self.dataset.legend.n_classes
        read = self.dataset.mask_reader(i)
        n_rows = _n_anchors(height, self.crop, self.stride)
        per_strip = max(1, _STRIP_PIXELS // (width * self.stride))
        strips = []
        for first in range(0, n_rows, per_strip):
            last = min(first + per_strip, n_rows) - 1
            top, bottom = first * self.stride, min(last * self.stride + self.crop, height)
            labels = read(raster.Window(top, 0, bottom - top, width))
            strips.append(majority_grid(labels, crop=self.crop, stride=self.stride, n_classes=n_classes))
        return np.concatenate(strips)

    def _check_labelled(self) -> None:
        empty = [str(self.dataset.samples[i].image) for i, grid in enumerate(self._grids) if (grid == _NONE).all()]
        if empty:
            raise InputError(
                f"anchors need labelled pixels, {listed(empty, most=3)} {'has' if len(empty) == 1 else 'have'} none; "
                "take such scenes out of the training data, or use sampling=random"
            )


class Anchor(NamedTuple):
    """Image, first row and first column of a patch, and the class of its reference patch."""

    image: int
    row: int
    column: int
    label: int


def majority_grid(labels: NDArray[np.uint8], *, crop: int, stride: int, n_classes: int) -> NDArray[np.uint8]:
    """Most frequent class of the reference patch of each anchor, the lowest of equally frequent ones.

    Args:
        labels: (h, w) label map.
        crop: side of the reference patches in pixels.
        stride: distance between anchors in pixels.
        n_classes: number of classes; other labels do not count.

    Returns:
        (rows, columns) uint8 classes; 255 where a reference patch holds no label. Anchors are where the reference patch
        lies inside the map; a side shorter than the patch has one.

    Examples:
        >>> import numpy as np
        >>> from densa import datasets
        >>> labels = np.zeros((4, 6), np.uint8)
        >>> labels[:, 3:] = 1
        >>> datasets.majority_grid(labels, crop=2, stride=2, n_classes=2)
        array([[0, 0, 1],
               [0, 0, 1]], dtype=uint8)
    """
    height, width = labels.shape
    rows, columns = (np.arange(_n_anchors(side, crop, stride)) * stride for side in (height, width))
    ends = [np.minimum(starts + crop, side) for starts, side in ((rows, height), (columns, width))]
    best = np.zeros((len(rows), len(columns)), np.int64)
    grid = np.full((len(rows), len(columns)), _NONE, np.uint8)
    for label in range(n_classes):
        down = np.add.accumulate(labels == label, axis=0, dtype=np.int32)  # pixels of the class above, per column
        bands = down[ends[0] - 1] - np.where(rows[:, None] > 0, down[rows - 1], 0)
        across = np.add.accumulate(bands, axis=1, dtype=np.int64)
        counts = across[:, ends[1] - 1] - np.where(columns > 0, across[:, columns - 1], 0)
        grid[counts > best] = label
        np.maximum(best, counts, out=best)
    return grid


def _n_anchors(side: int, crop: int, stride: int) -> int:
    return max(side - crop, 0) // stride + 1


def _without_repeats(rng: np.random.Generator, n: int, total: int) -> NDArray[np.int64]:
    """`n` of `total` anchors; none is taken twice before all were taken once."""
    whole, rest = divmod(n, total)
    parts = [np.arange(total)] * whole + [rng.choice(total, rest, replace=False, shuffle=False)]
    return np.concatenate(parts).astype(np.int64)
