"""Histograms of the pixels' features in each region: of their values, and of visual words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.checks import as_count
from densa.descriptors.dictionary import Dictionary
from densa.descriptors.regions.descriptor import RegionDescriptor
from densa.errors import InputError
from densa.parallel import share_items

__all__ = ["FeatureHistogram", "WordHistogram"]


@dataclass(frozen=True)
class FeatureHistogram(RegionDescriptor):
    """Share of the region's pixels in each of equally wide bins, for every feature: colours, binary patterns.

    Attributes:
        low, high: ends of the bins, one pair for all features; values beyond them fall into the first and the last
            bin. For codes of local binary patterns: -0.5, n_codes - 0.5 and n_codes bins.
        n_bins: of every feature, at most 65536.

    Raises:
        InputError: the ends are not finite and ascending, or the number of bins is out of range.

    Examples:
        >>> import numpy as np
        >>> from densa.descriptors import FeatureHistogram
        >>> histogram = FeatureHistogram(low=0, high=10, n_bins=2)
        >>> histogram.compute(np.array([[[1, 2, 3, 9]]], np.float32), np.array([[1, 1, 1, 1]])).tolist()
        [[0.75, 0.25]]
    """

    low: float
    high: float
    n_bins: int = 16

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InputError(f"a histogram needs finite ends, low below high, got {self.low} and {self.high}")
        object.__setattr__(self, "n_bins", as_count(self.n_bins, "n_bins", 1, 65536))

    def names(self, features: Sequence[str]) -> list[str]:
        """Names such as "bin 1 of 16 of band 1", feature by feature."""
        return [f"bin {i + 1} of {self.n_bins} of {feature}" for feature in features for i in range(self.n_bins)]

    def _describe(
        self, features: NDArray[np.float32], regions: NDArray[np.int32], n_pixels: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        counts = np.zeros((features.shape[0], n_pixels.size, self.n_bins), np.int64)
        share_items(_count, features.shape[0], features, regions, self.low, self.high, counts)
        shares = counts / np.maximum(n_pixels, 1)[None, :, None]
        return np.ascontiguousarray(shares.transpose(1, 0, 2)).reshape(n_pixels.size, -1)


@njit(nogil=True, cache=True)
def _count(features: Any, regions: Any, low: float, high: float, counts: Any, first: int, end: int) -> None:
    n_bins = counts.shape[2]
    scale = n_bins / (high - low)
    for f in range(first, end):
        for y in range(regions.shape[0]):
            for x in range(regions.shape[1]):
                place = (np.float64(features[f, y, x]) - low) * scale
                if not np.isnan(place):
                    counts[f, regions[y, x], int(min(max(place, 0.0), n_bins - 1.0))] += 1


@dataclass(frozen=True)
class WordHistogram(RegionDescriptor):
    """Share of the region's pixels that each visual word is nearest to (texton histogram).

    Attributes:
        dictionary: the words, from `build_dictionary` of features of the same kind.

    Examples:
        >>> import numpy as np
        >>> from densa.descriptors import WordHistogram, build_dictionary
        >>> words = build_dictionary(np.array([[0.0], [0.1], [9.0], [9.1]]), 2)
        >>> features = np.array([[[0, 9, 9, 9]]], np.float32)
        >>> WordHistogram(words).compute(features, np.array([[1, 1, 1, 1]])).tolist()
        [[0.25, 0.75]]
    """

    dictionary: Dictionary

    def names(self, features: Sequence[str]) -> list[str]:
        """One name per word: "word 1"."""
        return [f"word {i + 1}" for i in range(self.dictionary.n_words)]

    def _describe(
        self, features: NDArray[np.float32], regions: NDArray[np.int32], n_pixels: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        words = self.dictionary.assign(np.where(regions > 0, features, np.float32(0)))
        n_words = self.dictionary.n_words
        keys = regions.astype(np.int64) * n_words + words
        counts = np.bincount(keys.ravel(), minlength=n_pixels.size * n_words).reshape(-1, n_words)
        return counts / np.maximum(n_pixels, 1)[:, None]
