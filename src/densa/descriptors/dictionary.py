"""Visual words: centres of clusters of feature vectors, and the nearest word of every pixel.

Leung and Malik (IJCV 2001) call words of filter responses textons.

Method: Visual words.
Source: Leung, Malik, IJCV 43(1), 2001.
As printed: words are centres of clusters of responses, a pixel has the nearest.
Departs: mini-batches of k-means with a fixed seed in place of k-means on all responses.
Held by: tests/descriptors/test_dictionary.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from densa.checks import as_count
from densa.errors import InputError
from densa.parallel import share_rows

__all__ = ["Dictionary", "build_dictionary"]


@dataclass(frozen=True, eq=False)
class Dictionary:
    """Words of a dictionary, in units of the features' deviations over the samples that it was built from.

    Attributes:
        centres: (k, f) float32.
        mean, scale: (f,) float32; a feature becomes (value - mean) * scale before it is compared.

    Raises:
        InputError: shapes that do not fit, or values that are not finite.

    Examples:
        >>> import numpy as np
        >>> from densa.descriptors import Dictionary
        >>> words = Dictionary(np.array([[0], [9]], np.float32), np.zeros(1, np.float32), np.ones(1, np.float32))
        >>> words.n_words, words.assign(np.array([[[1, 2, 8]]], np.float32)).tolist()
        (2, [[0, 0, 1]])
    """

    centres: NDArray[np.float32]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    def __post_init__(self) -> None:
        for name in ("centres", "mean", "scale"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), np.float32))
        n = self.centres.shape[-1] if self.centres.ndim == 2 else -1
        if 0 in self.centres.shape or self.mean.shape != (n,) or self.scale.shape != (n,):
            raise InputError(
                "a dictionary needs centres (k, f), mean (f,) and scale (f,), got "
                f"{self.centres.shape}, {self.mean.shape} and {self.scale.shape}"
            )
        if not all(np.isfinite(a).all() for a in (self.centres, self.mean, self.scale)):
            raise InputError("a dictionary must hold finite numbers; build it again from finite samples")

    @property
    def n_words(self) -> int:
        """Number of words."""
        return int(self.centres.shape[0])

    def assign(self, features: NDArray[np.float32]) -> NDArray[np.int32]:
        """Nearest word of every pixel, the first of equally near ones.

        Args:
            features: (f, h, w), finite.

        Returns:
            (h, w) int32 from 0.

        Raises:
            InputError: another number of features than the dictionary's, or values that are not finite.
        """
        array = np.asarray(features)
        if array.ndim != 3 or array.shape[0] != self.mean.size:
            raise InputError(f"features must be ({self.mean.size}, height, width), got shape {array.shape}")
        planes = np.ascontiguousarray(array, np.float32)
        words = np.empty(planes.shape[1:], np.int32)
        if not all(np.isfinite(plane).all() for plane in planes):
            raise InputError("features must be finite, got NaN or infinity; replace them")
        share_rows(_nearest, planes.shape[1], planes, self.centres, self.mean, self.scale, words)
        return words


def build_dictionary(samples: ArrayLike, n_words: int, *, seed: int = 0) -> Dictionary:
    """Cluster feature vectors by k-means in small batches (Sculley, WWW 2010).

    Args:
        samples: (n, f) finite features of n pixels, at least `n_words` of which differ.
        n_words: number of words; TextonBoost used 400.
        seed: of the first centres and the batches, 0 to 2^32 - 1.

    Returns:
        The dictionary, its words ordered by their centres: equal samples and seeds give equal dictionaries.

    Raises:
        InputError: samples of another shape, not finite, or too few different ones.

    Examples:
        >>> import numpy as np
        >>> from densa.descriptors import build_dictionary
        >>> samples = np.array([[0.0], [0.1], [9.0], [9.1]])
        >>> words = build_dictionary(samples, 2)
        >>> words.assign(samples.T.reshape(1, 1, 4).astype(np.float32)).tolist()
        [[0, 0, 1, 1]]
    """
    from sklearn.cluster import MiniBatchKMeans

    vectors = np.asarray(samples, np.float32)
    n = as_count(n_words, "n_words", 1, 65536)
    if vectors.ndim != 2 or 0 in vectors.shape or not np.isfinite(vectors).all():
        raise InputError(f"samples must be finite numbers (n, features), got shape {vectors.shape}")
    if len(np.unique(vectors, axis=0)) < n:
        raise InputError(f"{n} words need at least as many different samples, got {len(vectors)}; draw more")
    mean, deviation = vectors.mean(axis=0, dtype=np.float64), vectors.std(axis=0, dtype=np.float64)
    scale = np.where(deviation > 0, 1 / np.where(deviation > 0, deviation, 1), 0)
    standard = ((vectors - mean) * scale).astype(np.float32)
    batch = max(1024, 4 * n)
    found = MiniBatchKMeans(n, random_state=as_count(seed, "seed", 0, 2**32 - 1), batch_size=batch, n_init=3)
    centres = found.fit(standard).cluster_centers_
    order = np.lexsort(centres.T[::-1])
    return Dictionary(centres[order], mean, scale)


@njit(nogil=True, cache=True)
def _nearest(features: Any, centres: Any, mean: Any, scale: Any, words: Any, top: int, end: int) -> None:
    """A row at a time, all centres against it: the inner loops run along the row."""
    width = features.shape[2]
    row = np.empty((features.shape[0], width), np.float32)
    distance, best = np.empty(width, np.float32), np.empty(width, np.float32)
    for y in range(top, end):
        for f in range(row.shape[0]):
            for x in range(width):
                row[f, x] = (features[f, y, x] - mean[f]) * scale[f]
        for k in range(centres.shape[0]):
            for x in range(width):
                distance[x] = 0
            for f in range(row.shape[0]):
                centre = centres[k, f]
                for x in range(width):
                    distance[x] += (row[f, x] - centre) * (row[f, x] - centre)
            for x in range(width):
                if k == 0 or distance[x] < best[x]:
                    best[x] = distance[x]
                    words[y, x] = k
