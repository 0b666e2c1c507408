"""Samples of pixels and regions: as many of every class, the same for the same seed, whatever the order of reading."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from densa.descriptors import Place
from densa.errors import InputError
from densa.progress import Progress
from densa.raster import Window
from densa.shallow.features import PixelFeatures
from densa.shallow.region_features import RegionFeatures
from densa.shallow.structured import patches_at

__all__ = ["LabelledImages", "PixelSamples", "RegionSamples", "sample_pixels", "sample_regions"]

IGNORED = 255
_TILE = 1024  # pixels: side of the windows in which features are computed
_STRIP_PIXELS = 1 << 22  # of label maps held at once


class LabelledImages(Protocol):
    """Images with label maps, read by windows: 255 where a pixel has no label."""

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
    """Features (n, f) and labels (n,) of pixels, label patches (n, side * side), labelled and all pixels in all."""

    features: NDArray[np.float32]
    labels: NDArray[np.uint8]
    patches: NDArray[np.uint8]
    counts: NDArray[np.int64]
    n_pixels: int


class RegionSamples(NamedTuple):
    """Features (n, f) and labels (n,) of regions; labelled pixels of each class, and all pixels."""

    features: NDArray[np.float32]
    labels: NDArray[np.uint8]
    counts: NDArray[np.int64]
    n_pixels: int


@dataclass
class _Lowest:
    """Of all that was added, the `most` with the lowest random keys: an even sample without its number known."""

    most: int
    keys: NDArray[np.float64]
    rows: NDArray[Any]

    def add(self, keys: NDArray[np.float64], rows: NDArray[Any]) -> None:
        """Keys (n,) and what they are of (n, ...)."""
        if len(self.keys) >= self.most:
            low = keys < self.keys.max()
            keys, rows = keys[low], rows[low]
        self.keys, self.rows = np.concatenate([self.keys, keys]), np.concatenate([self.rows, rows])
        if len(self.keys) > self.most:
            kept = np.sort(np.argpartition(self.keys, self.most)[: self.most])
            self.keys, self.rows = self.keys[kept], self.rows[kept]


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
    """Features of labelled pixels, as many of each class as there are, up to an equal share of `n_samples`.

    Features are computed in windows that hold a sample, so memory does not follow the size of the images.

    Args:
        images: with label maps.
        features: of pixels.
        n_classes: number of classes.
        n_samples: in all.
        patch_side: side of the label patches to be kept around each, 0 for none.
        seed: of the choice.
        progress: called after every image, twice: for its labels and for its features.

    Raises:
        InputError: labels of other classes, or images that cannot be read.
    """
    chosen, counts, n_pixels = _choose(images, n_classes, n_samples, seed, progress)
    parts, patches, labels = [], [], []
    for i in range(len(images)):
        own = chosen[chosen[:, 0] == i]
        own = own[np.argsort(own[:, 1])]
        if len(own):
            rows, columns = np.divmod(own[:, 1], images.size(i)[1])
            found, around = _described_at(images, i, features, rows, columns, patch_side)
            parts.append(found)
            patches.append(around)
            labels.append(own[:, 2].astype(np.uint8))
        if progress:
            progress(len(images) + i + 1, 2 * len(images))
    if not parts:
        raise InputError("no pixel is labelled; label some of every class")
    return PixelSamples(np.concatenate(parts), np.concatenate(labels), np.concatenate(patches), counts, n_pixels)


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
    """Features of regions and the label that most of their labelled pixels have.

    Args:
        images: with label maps.
        features: of regions.
        n_classes: number of classes.
        n_samples: in all; as many of each class as there are, up to an equal share.
        purity: share of a region's labelled pixels that must be of one class, else the region is left out.
        seed: of the choice.
        progress: called after every image.

    Raises:
        InputError: labels of other classes, or images that cannot be read.
    """
    share = max(1, n_samples // n_classes)
    lowest: list[_Lowest] | None = None
    counts, n_pixels = np.zeros(n_classes, np.int64), 0
    for i in range(len(images)):
        rng = np.random.default_rng((seed, i))
        for core, block in _tiles(images.size(i), features.halo, features.step):
            near = images.labels(i, block)
            top, left = core.row - block.row, core.column - block.column
            found = _counted(near[top : top + core.height, left : left + core.width], n_classes, i)
            counts += found
            n_pixels += core.height * core.width
            if not found.any():
                continue
            values, valid = images.image(i, block)
            table, regions = features.compute(values, valid, Place(block.row, block.column, images.size(i)))
            majority = _majority(regions, near, len(table), n_classes, purity)
            majority[~_in_core(core, block, features.step)] = IGNORED
            keys = rng.random(len(table))
            lowest = lowest or [
                _Lowest(share, np.empty(0), np.empty((0, table.shape[1]), np.float32)) for _ in range(n_classes)
            ]
            for k, own in enumerate(lowest):
                own.add(keys[majority == k], table[majority == k])
        if progress:
            progress(i + 1, len(images))
    if lowest is None:
        raise InputError("no pixel is labelled; label some of every class")
    numbers = np.repeat(np.arange(n_classes), [len(own.rows) for own in lowest]).astype(np.uint8)
    return RegionSamples(np.concatenate([own.rows for own in lowest]), numbers, counts, n_pixels)


def _choose(
    images: LabelledImages, n_classes: int, n_samples: int, seed: int, progress: Progress | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """(n, 3) image, place and class of the chosen pixels; labelled pixels of each class; all pixels."""
    share = max(1, n_samples // n_classes)
    lowest = [_Lowest(share, np.empty(0), np.empty((0, 3), np.int64)) for _ in range(n_classes)]
    counts, n_pixels = np.zeros(n_classes, np.int64), 0
    for i in range(len(images)):
        height, width = images.size(i)
        rng, step = np.random.default_rng((seed, i)), max(1, _STRIP_PIXELS // width)
        for top in range(0, height, step):
            labels = images.labels(i, Window(top, 0, min(step, height - top), width))
            counts += _counted(labels, n_classes, i)
            places = np.flatnonzero(labels != IGNORED)
            keys, of = rng.random(len(places)), labels.ravel()[places]
            for k, own in enumerate(lowest):
                here = places[of == k]
                if len(here):
                    rows = np.column_stack([np.full(len(here), i), top * width + here, np.full(len(here), k)])
                    own.add(keys[of == k], rows)
        n_pixels += height * width
        if progress:
            progress(i + 1, 2 * len(images))
    return np.concatenate([own.rows for own in lowest]), counts, n_pixels


def _counted(labels: NDArray[np.uint8], n_classes: int, i: int) -> NDArray[np.int64]:
    counts = np.bincount(labels.ravel(), minlength=256)
    if counts[n_classes:IGNORED].any():
        found = n_classes + int(np.flatnonzero(counts[n_classes:IGNORED])[0])
        raise InputError(f"labels must be classes below {n_classes} or 255, image {i + 1} has {found}")
    return counts[:n_classes]


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
    size, reach = images.size(i), side // 2
    for core, block in _tiles(size, max(features.halo, reach), 1):
        here = (rows >= core.row) & (rows < core.row + core.height)
        here &= (columns >= core.column) & (columns < core.column + core.width)
        if not here.any():
            continue
        values, valid = images.image(i, block)
        found = features.compute(values, valid, Place(block.row, block.column, size))
        if out is None:
            out = np.empty((len(rows), len(found)), np.float32)
        place = rows[here] - block.row, columns[here] - block.column
        out[here] = found[:, place[0], place[1]].T
        if side:
            patches[here] = patches_at(images.labels(i, block), *place, side)
    assert out is not None
    return out, patches


def _tiles(size: tuple[int, int], halo: int, stride: int) -> Iterator[tuple[Window, Window]]:
    from densa.raster import tiles

    return tiles(*size, -(-_TILE // stride) * stride, halo=halo, stride=stride)


def _majority(
    regions: NDArray[np.int32], labels: NDArray[np.uint8], n: int, n_classes: int, purity: float
) -> NDArray[np.uint8]:
    """(n,) class of each region, 255 where it has no label or too mixed ones."""
    known = (labels != IGNORED) & (regions > 0)
    table = np.bincount((regions[known].astype(np.int64) - 1) * n_classes + labels[known], minlength=n * n_classes)
    table = table.reshape(n, n_classes)
    total, most = table.sum(axis=1), table.max(axis=1)
    return np.where((total > 0) & (most >= purity * total), table.argmax(axis=1), IGNORED).astype(np.uint8)


def _in_core(core: Window, block: Window, step: int) -> NDArray[np.bool_]:
    """Of the block's superpixels, row by row, those whose own cell lies in the core."""
    rows = block.row + np.arange(-(-block.height // step)) * step
    columns = block.column + np.arange(-(-block.width // step)) * step
    in_rows = (rows >= core.row) & (rows < core.row + core.height)
    in_columns = (columns >= core.column) & (columns < core.column + core.width)
    return (in_rows[:, None] & in_columns).ravel()
