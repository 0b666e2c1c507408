"""Samples of pixels and regions: as many of every class, the same for the same seed, whatever the order of reading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from densa.descriptors import Place
from densa.errors import InputError
from densa.legend import IGNORE
from densa.progress import Progress
from densa.raster import Window, tiles
from densa.shallow.features import PixelFeatures
from densa.shallow.region_features import RegionFeatures
from densa.shallow.structured import patches_at

__all__ = ["LabelledImages", "PixelSamples", "RegionSamples", "sample_pixels", "sample_regions"]

_TILE = 1024  # pixels: side of the windows in which features are computed
_STRIP_PIXELS = 1 << 22  # of label maps held at once


class LabelledImages(Protocol):
    """Images with label maps, read by windows; 255 where a pixel has no label."""

    def __len__(self) -> int: ...

    def size(self, i: int) -> tuple[int, int]:
        """Height and width of image `i`."""
        ...

    def labels(self, i: int, window: Window | None = None) -> NDArray[np.uint8]:
        """(h, w) label map of image `i` or a window of it."""
        ...

    def image(self, i: int, window: Window | None = None) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """(bands, h, w) values of a window of image `i`, and (h, w) true where there is data."""
        ...


class PixelSamples(NamedTuple):
    """Samples of pixels.

    Attributes:
        features: (n, f) features of the pixels.
        labels: (n,) class of each.
        patches: (n, side * side) label patches around them; (n, 0) where none were requested.
        counts: (n_classes,) labelled pixels of each class in all images.
        n_pixels: pixels of all images, labelled or not.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.uint8]
    patches: NDArray[np.uint8]
    counts: NDArray[np.int64]
    n_pixels: int


class RegionSamples(NamedTuple):
    """Samples of regions.

    Attributes:
        features: (n, f) features of the regions.
        labels: (n,) class of each.
        counts: (n_classes,) labelled pixels of each class in all images.
        n_pixels: pixels of all images, labelled or not.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.uint8]
    counts: NDArray[np.int64]
    n_pixels: int


def sample_pixels(
    images: LabelledImages,
    features: PixelFeatures,
    n_classes: int,
    *,
    n_samples: int = 100_000,
    patch_side: int = 0,
    seed: int = 0,
    progress: Progress | None = None,
) -> PixelSamples:
    """Features of labelled pixels: of each class as many as there are, up to an equal share of `n_samples`.

    Features are computed in windows that hold a sample, so memory does not grow with the size of the images.

    Args:
        images: with label maps.
        features: of pixels.
        n_classes: number of classes.
        n_samples: in total.
        patch_side: side of the label patches kept around the pixels, in pixels; 0 for none.
        seed: of the choice.
        progress: called with (images read, twice the number of images): labels are read first, then the images.

    Raises:
        InputError: no pixel is labelled, labels are not classes, or images cannot be read.

    Examples:
        >>> import numpy as np
        >>> from densa import raster, shallow
        >>> class Photo:
        ...     image_of = raster.from_array(np.tile(np.arange(48, dtype=np.uint8), (32, 1)))
        ...     def __len__(self):
        ...         return 1
        ...     def size(self, i):
        ...         return 32, 48
        ...     def image(self, i, window=None):
        ...         return self.image_of.read(window)
        ...     def labels(self, i, window=None):
        ...         return (self.image(i, window)[0][0] >= 24).astype(np.uint8)
        ...
        >>> samples = shallow.sample_pixels(Photo(), shallow.PixelFeatures(("bands",)), 2, n_samples=100)
        >>> samples.features.shape, samples.labels.tolist().count(1), samples.counts
        ((100, 1), 50, array([768, 768]))
    """
    sizes = [images.size(i) for i in range(len(images))]
    starts = np.cumsum([0, *(height * width for height, width in sizes)])
    drawn = _Draw(n_classes, n_samples)
    for i, (height, width) in enumerate(sizes):
        rng, step = np.random.default_rng((seed, i)), max(1, _STRIP_PIXELS // width)
        for top in range(0, height, step):
            labels = images.labels(i, Window(top, 0, min(step, height - top), width)).ravel()
            drawn.count(labels, i)
            places = np.flatnonzero(labels != IGNORE)
            drawn.add(labels[places], rng.random(len(places)), starts[i] + top * width + places)
        if progress:
            progress(i + 1, 2 * len(images))
    numbers, classes = drawn.chosen()
    order = np.argsort(numbers)
    numbers, classes = numbers[order], classes[order]
    parts, patches = [], []
    for i, (_, width) in enumerate(sizes):
        own = numbers[slice(*np.searchsorted(numbers, starts[i : i + 2]))] - starts[i]
        if len(own):
            rows, columns = np.divmod(own, width)
            found, around = _described_at(images, i, features, rows, columns, patch_side)
            parts.append(found)
            patches.append(around)
        if progress:
            progress(len(images) + i + 1, 2 * len(images))
    return PixelSamples(np.concatenate(parts), classes, np.concatenate(patches), drawn.counts, drawn.n_pixels)


def sample_regions(
    images: LabelledImages,
    features: RegionFeatures,
    n_classes: int,
    *,
    n_samples: int = 100_000,
    purity: float = 0.75,
    seed: int = 0,
    progress: Progress | None = None,
) -> RegionSamples:
    """Features of regions, and the class of most of their labelled pixels.

    Args:
        images: with label maps.
        features: of regions.
        n_classes: number of classes.
        n_samples: in total; of each class as many as there are, up to an equal share.
        purity: least share of a region's labelled pixels that must have one class; other regions are left out.
        seed: of the choice.
        progress: called with (images read, number of images).

    Raises:
        InputError: no pixel is labelled, labels are not classes, or images cannot be read.

    Examples:
        >>> import numpy as np
        >>> from densa import raster, shallow
        >>> class Photo:
        ...     image_of = raster.from_array(np.tile(np.arange(48, dtype=np.uint8), (32, 1)))
        ...     def __len__(self):
        ...         return 1
        ...     def size(self, i):
        ...         return 32, 48
        ...     def image(self, i, window=None):
        ...         return self.image_of.read(window)
        ...     def labels(self, i, window=None):
        ...         return (self.image(i, window)[0][0] >= 24).astype(np.uint8)
        ...
        >>> features = shallow.RegionFeatures(shallow.PixelFeatures(("bands",)), step=8, mean=(24,), std=(14,))
        >>> samples = shallow.sample_regions(Photo(), features, 2)
        >>> samples.features.shape[1] == len(features.names(1)), sorted(set(samples.labels.tolist()))
        (True, [0, 1])
    """
    drawn = _Draw(n_classes, n_samples)
    for i in range(len(images)):
        rng = np.random.default_rng((seed, i))
        for core, block in _tiles(images.size(i), features.halo, features.step):
            near = images.labels(i, block)
            top, left = core.row - block.row, core.column - block.column
            if not drawn.count(near[top : top + core.height, left : left + core.width], i):
                continue
            table, regions = _described(images, i, features, block)
            majority = _majority(regions, near, len(table), n_classes, purity)
            rows, columns = (np.arange(-(-side // features.step)) * features.step for side in near.shape)
            in_core = _inside(core, block.row + rows[:, None], block.column + columns)
            majority[~in_core.ravel()] = IGNORE  # a region is described where its own cell is in the core
            drawn.add(majority, rng.random(len(table)), table)
        if progress:
            progress(i + 1, len(images))
    rows, classes = drawn.chosen()
    return RegionSamples(rows, classes, drawn.counts, drawn.n_pixels)


class _Draw:
    """An even sample of each class, of any number of candidates: those with the lowest random keys.

    Attributes:
        counts: (n_classes,) labelled pixels of each class.
        n_pixels: pixels in total.
    """

    def __init__(self, n_classes: int, n_samples: int) -> None:
        self.counts = np.zeros(n_classes, np.int64)
        self.n_pixels = 0
        self._share = max(1, n_samples // n_classes)
        self._of_class: list[tuple[NDArray[np.float64], NDArray[Any]]] = []  # keys and rows

    def count(self, labels: NDArray[np.uint8], i: int) -> bool:
        """Count the pixels of a part of image `i`; whether one is labelled."""
        n_classes = len(self.counts)
        found = np.bincount(labels.ravel(), minlength=256)
        if found[n_classes:IGNORE].any():
            other = n_classes + int(np.flatnonzero(found[n_classes:IGNORE])[0])
            raise InputError(f"labels must be classes below {n_classes} or 255, image {i + 1} has {other}")
        self.counts += found[:n_classes]
        self.n_pixels += labels.size
        return bool(found[:n_classes].any())

    def add(self, labels: NDArray[np.uint8], keys: NDArray[np.float64], rows: NDArray[Any]) -> None:
        """Add candidates: their classes (n,), random keys (n,), and what is kept of them (n, ...)."""
        self._of_class = self._of_class or [(keys[:0], rows[:0])] * len(self.counts)
        for k, (lowest, kept) in enumerate(self._of_class):
            own = labels == k
            if len(lowest) >= self._share:
                own &= keys < lowest.max()
            lowest, kept = np.concatenate([lowest, keys[own]]), np.concatenate([kept, rows[own]])
            if len(lowest) > self._share:
                least = np.sort(np.argpartition(lowest, self._share)[: self._share])
                lowest, kept = lowest[least], kept[least]
            self._of_class[k] = lowest, kept

    def chosen(self) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """What was kept of the candidates that were drawn, and their classes, class by class."""
        if not self.counts.any():
            raise InputError("no pixel is labelled; label some of every class")
        rows = [kept for _, kept in self._of_class]
        return np.concatenate(rows), np.repeat(np.arange(len(rows)), [len(r) for r in rows]).astype(np.uint8)


def _described(images: LabelledImages, i: int, features: PixelFeatures | RegionFeatures, block: Window) -> Any:
    """Features of a window of image `i`."""
    values, valid = images.image(i, block)
    return features.compute(values, valid, Place(block.row, block.column, images.size(i)))


def _described_at(
    images: LabelledImages,
    i: int,
    features: PixelFeatures,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    side: int,
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """(n, f) features of pixels of one image, and (n, side * side) label patches around them, window by window."""
    out: NDArray[np.float32] | None = None
    patches = np.empty((len(rows), side * side), np.uint8)
    for core, block in _tiles(images.size(i), max(features.halo, side // 2), 1):
        here = _inside(core, rows, columns)
        if not here.any():
            continue
        found = _described(images, i, features, block)
        if out is None:
            out = np.empty((len(rows), len(found)), np.float32)
        place = rows[here] - block.row, columns[here] - block.column
        out[here] = found[:, place[0], place[1]].T
        if side:
            patches[here] = patches_at(images.labels(i, block), *place, side)
    assert out is not None
    return out, patches


def _tiles(size: tuple[int, int], halo: int, stride: int) -> Iterator[tuple[Window, Window]]:
    return tiles(*size, -(-_TILE // stride) * stride, halo=halo, stride=stride)


def _inside(window: Window, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether pixels lie in a window."""
    in_rows = (rows >= window.row) & (rows < window.row + window.height)
    return in_rows & (columns >= window.column) & (columns < window.column + window.width)


def _majority(
    regions: NDArray[np.int32], labels: NDArray[np.uint8], n: int, n_classes: int, purity: float
) -> NDArray[np.uint8]:
    """(n,) class of each region; 255 where it has no label, or labels of too many classes."""
    known = (labels != IGNORE) & (regions > 0)
    table = np.bincount((regions[known].astype(np.int64) - 1) * n_classes + labels[known], minlength=n * n_classes)
    table = table.reshape(n, n_classes)
    total, most = table.sum(axis=1), table.max(axis=1)
    return np.where((total > 0) & (most >= purity * total), table.argmax(axis=1), IGNORE).astype(np.uint8)
