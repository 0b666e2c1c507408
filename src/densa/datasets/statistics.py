"""Statistics of a training split: mean and standard deviation of each band, pixels of each class."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.datasets.dataset import Dataset, strips
from densa.datasets.threads import in_threads
from densa.errors import InputError

__all__ = ["BandStatistics", "ClassFrequencies", "band_statistics", "class_frequencies"]


class BandStatistics(NamedTuple):
    """Mean and standard deviation of each band, (bands,) float64, in the images' own units."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]


@dataclass(frozen=True)
class ClassFrequencies:
    """Pixels of each class in a data set, for class weights.

    Args:
        pixels: (n_classes,) int64 labelled pixels of each class.
        pixels_of_images: (n_classes,) int64 valid pixels, labelled or not, of the images in which the class occurs.
        images: (n_classes,) int64 images in which the class occurs.

    Examples:
        >>> from densa import datasets
        >>> train = datasets.open(datasets.coins("coins"))["train"]
        >>> found = datasets.class_frequencies(train)
        >>> found.pixels_of_images, found.images
        (array([58176, 58176]), array([1, 1]))
    """

    pixels: NDArray[np.int64]
    pixels_of_images: NDArray[np.int64]
    images: NDArray[np.int64]


class _Moments(NamedTuple):
    """Count, mean and sum of squared deviations of one band."""

    n: int
    mean: float
    squares: float


def band_statistics(dataset: Dataset) -> BandStatistics:
    """Mean and standard deviation of each band over the valid pixels of all images.

    Integer bands of up to 16 bits are summed exactly, others in float64 in the order of the samples: the result is the
    same in every run.

    Args:
        dataset: the training split; images are read window by window.

    Returns:
        Mean and population standard deviation; the deviation of a constant band is 1, so that it normalises to 0.

    Raises:
        InputError: no pixel is valid, a file cannot be read, or band counts differ.

    Examples:
        >>> from densa import datasets
        >>> train = datasets.open(datasets.coins("coins"))["train"]
        >>> mean, std = datasets.band_statistics(train)
        >>> mean.round(1), std.round(1)
        (array([101.3]), array([50.5]))
    """
    total = None
    for i, sums in enumerate(in_threads(lambda i: _image_sums(dataset, i), range(len(dataset)))):
        if total is not None and len(sums) != len(total):
            raise InputError(f"{dataset.samples[i].image} has {len(sums)} bands, the images before it {len(total)}")
        total = sums if total is None else [_merge(a, b) for a, b in zip(total, sums, strict=True)]
    if total is None or any(_count(sums) == 0 for sums in total):
        raise InputError(
            "no pixel of the training images is valid, so there are no band statistics; check their nodata values"
        )
    moments = [_mean_and_std(sums) for sums in total]
    return BandStatistics(np.array([m for m, _ in moments]), np.array([s or 1.0 for _, s in moments]))


def class_frequencies(dataset: Dataset) -> ClassFrequencies:
    """Pixels of each class, and pixels of the images in which it occurs.

    `pixels / pixels_of_images` is the frequency of median frequency balancing (Eigen and Fergus 2015), which divides by
    all pixels of those images, labelled or not; `pixels / pixels.sum()` is the plain frequency.

    Args:
        dataset: the training split.

    Raises:
        InputError: a mask is missing, cannot be read, or holds values or colours that are not in the legend.

    Examples:
        >>> from densa import datasets
        >>> train = datasets.open(datasets.coins("coins"))["train"]
        >>> found = datasets.class_frequencies(train)
        >>> (found.pixels / found.pixels.sum()).round(2)
        array([0.7, 0.3])
    """
    n = dataset.legend.n_classes

    def count(i: int) -> tuple[NDArray[np.int64], int]:
        counts, n_valid = np.zeros(n, np.int64), 0
        for labels, valid in dataset.strips_of_labels(i):
            counts += np.bincount(labels.ravel(), minlength=n)[:n]
            n_valid += labels.size if valid is None else int(valid.sum())
        return counts, n_valid

    pixels, of_images, images = np.zeros((3, n), np.int64)
    for counts, size in in_threads(count, range(len(dataset))):
        pixels += counts
        of_images += np.where(counts > 0, size, 0)
        images += counts > 0
    return ClassFrequencies(pixels, of_images, images)


# Per band: (count, sum, sum of squares) of integers as Python integers, which cannot overflow; moments of floats, which
# merge without cancellation (Chan et al. 1979).
_Sums = tuple[int, int, int] | _Moments


def _image_sums(dataset: Dataset, i: int) -> list[_Sums]:
    with dataset.open_image(i) as image:
        total: list[_Sums] = []
        for window in strips(image.height, image.width):
            bands, valid = image.read(window)
            sums = [_sums(band[valid]) for band in bands] if not valid.all() else [_sums(band) for band in bands]
            total = [_merge(a, b) for a, b in zip(total, sums, strict=True)] if total else sums
    return total


def _sums(values: NDArray[Any]) -> _Sums:
    flat = values.ravel()
    if flat.dtype.kind in "iu" and flat.dtype.itemsize <= 2:
        low = int(np.iinfo(flat.dtype).min)
        shifted = flat if low == 0 else (flat.astype(np.int32) - low)
        counts = np.bincount(shifted)
        at = np.arange(low, low + len(counts), dtype=np.int64)
        # counts * at**2 is below 2**24 pixels * 2**32: it fits.
        return flat.size, int((counts * at).sum()), int((counts * at * at).sum())
    exact = flat.astype(np.float64)
    mean = float(exact.mean()) if exact.size else 0.0
    return _Moments(exact.size, mean, float(((exact - mean) ** 2).sum()))


def _merge(a: _Sums, b: _Sums) -> _Sums:
    if not isinstance(a, _Moments) and not isinstance(b, _Moments):
        return a[0] + b[0], a[1] + b[1], a[2] + b[2]
    first, second = _as_moments(a), _as_moments(b)
    n = first.n + second.n
    if n == 0:
        return first
    apart = second.mean - first.mean
    mean = first.mean + apart * second.n / n
    return _Moments(n, mean, first.squares + second.squares + apart * apart * first.n * second.n / n)


def _as_moments(sums: _Sums) -> _Moments:
    if isinstance(sums, _Moments):
        return sums
    n, total, squares = sums
    return _Moments(n, total / n, (n * squares - total * total) / n) if n else _Moments(0, 0.0, 0.0)


def _count(sums: _Sums) -> int:
    return sums[0]


def _mean_and_std(sums: _Sums) -> tuple[float, float]:
    moments = _as_moments(sums)
    return moments.mean, math.sqrt(moments.squares / moments.n)
