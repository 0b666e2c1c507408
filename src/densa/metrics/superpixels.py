"""Quality of superpixels, measured against a partition drawn by people (survey: Stutz, Hermans, Leibe, CVIU 2018,
doi:10.1016/j.cviu.2017.03.007).

S are the superpixels, G the regions of the truth, N the pixels that both label:

* boundary recall: share of the truth's boundary pixels with a superpixel boundary within (2 r + 1)^2 pixels. By default
  r is 0.0025 of the diagonal, as in that survey's benchmark; the SLIC paper (Achanta et al. 2012) and many others have
  r = 2, so that values are comparable only with the same r;
* under-segmentation error (Neubert & Protzel 2012): 1/N sum over G, S with a common pixel of min(|S n G|, |S - G|);
* under-segmentation error (Levinshtein et al. 2009): mean over G of (sum over S touching G of |S| - |G|) / |G|;
* achievable segmentation accuracy: 1/N sum over S of max over G of |S n G|;
* compactness (Schick et al. 2012): sum over S of |S| / N times 4 pi |S| / perimeter^2;
* explained variation (Moore et al. 2008): sum over S of |S| |mean(S) - mean|^2 over sum of |x - mean|^2.

Method: Measures of superpixels.
Source: Stutz, Hermans, Leibe, CVIU 166, 2018, doi:10.1016/j.cviu.2017.03.007.
As printed: boundary recall within 0.0025 of the diagonal, two under-segmentation errors, achievable accuracy,
    compactness, explained variation.
Departs: nothing; SLIC's paper counts recall within 2 pixels.
Held by: tests/metrics/test_superpixels.py.
"""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from densa.errors import InputError
from densa.metrics.contingency import as_regions, contingency, without_gaps

__all__ = [
    "Overlap",
    "boundary_recall",
    "compactness",
    "explained_variation",
    "superpixel_overlap",
]


@dataclass(frozen=True)
class Overlap:
    """Measures from the common pixels of superpixels and regions of the truth.

    Attributes:
        undersegmentation: Neubert & Protzel's form, 0 (best) to 1.
        undersegmentation_levinshtein: Levinshtein's form, 0 (best) upwards; counts pixels beyond a region's border once
            for each region that the superpixel touches.
        achievable_accuracy: ASA, at most 1 (best).
        n_superpixels: superpixels that have pixels.
    """

    undersegmentation: float
    undersegmentation_levinshtein: float
    achievable_accuracy: float
    n_superpixels: int


def superpixel_overlap(superpixels: ArrayLike, truth: ArrayLike) -> Overlap:
    """Under-segmentation error in both forms, and achievable accuracy.

    Args:
        superpixels: (H, W) integers from 1; 0 for pixels without region, which are ignored.
        truth: (H, W) integers from 1; 0 for pixels without label, which are ignored.

    Raises:
        InputError: shapes or types do not fit, or no pixel is labelled in both.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> overlap = metrics.superpixel_overlap(np.array([[1, 1, 1, 2, 2, 2]]), np.array([[1, 1, 2, 2, 2, 2]]))
        >>> round(overlap.achievable_accuracy, 3), round(overlap.undersegmentation, 3), overlap.n_superpixels
        (0.833, 0.333, 2)
    """
    s, g = as_regions(superpixels, "superpixels"), as_regions(truth, "truth")
    table = contingency(s, g, ("superpixels", "truth"))  # its "g" are the superpixels here, its "s" the truth's regions
    common, size, size_truth = table.common, table.size_g, table.size_s
    best = np.zeros(len(size), np.int64)
    np.maximum.at(best, table.g, common)
    touched = np.bincount(table.s, weights=size[table.g])
    return Overlap(
        undersegmentation=float(np.minimum(common, size[table.g] - common).sum() / table.n),
        undersegmentation_levinshtein=float(np.mean((touched - size_truth) / size_truth)),
        achievable_accuracy=float(best.sum() / table.n),
        n_superpixels=len(size),
    )


def boundary_recall(superpixels: ArrayLike, truth: ArrayLike, radius: int | None = None) -> float:
    """Share of the truth's boundary pixels that have a superpixel boundary nearby.

    A boundary pixel has one of its 4 neighbours in another region.

    Args:
        superpixels: (H, W) integers from 0.
        truth: (H, W) integers from 0.
        radius: pixels along rows and columns; None for 0.0025 of the image diagonal, rounded, as in the benchmark of
            Stutz et al. (1 for 321 x 481). The SLIC paper uses 2.

    Returns:
        0 to 1; NaN if the truth has no boundary.

    Raises:
        InputError: shapes or types do not fit, or the radius is negative.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> truth = np.array([[1, 1, 2, 2, 2, 2]])
        >>> superpixels = np.array([[1, 1, 1, 2, 2, 2]])
        >>> metrics.boundary_recall(superpixels, truth, radius=0), metrics.boundary_recall(superpixels, truth, radius=1)
        (0.5, 1.0)
    """
    s, g = _pair(superpixels, truth)
    if radius is None:
        radius = round(0.0025 * math.hypot(*s.shape))
    if radius < 0:
        raise InputError(f"radius must be at least 0 pixels, got {radius}")
    wanted = _boundaries(g)
    near = ndimage.maximum_filter(_boundaries(s), 2 * radius + 1, mode="constant")
    n = np.count_nonzero(wanted)
    return float(np.count_nonzero(wanted & near) / n) if n else math.nan


def compactness(superpixels: ArrayLike) -> float:
    """Isoperimetric quotient of the superpixels, weighted by size; pi / 4 for squares.

    Args:
        superpixels: (H, W) integers from 1; 0 for no region. The perimeter counts pixel sides, including those at the
            image border.

    Returns:
        0 to pi / 4.

    Raises:
        InputError: not an array of region numbers, or no region above 0.

    Examples:
        >>> import math
        >>> import numpy as np
        >>> from densa import metrics
        >>> squares = np.repeat([[1, 2]], 3, axis=1).repeat(3, axis=0)
        >>> math.isclose(metrics.compactness(squares), math.pi / 4)
        True
    """
    s = without_gaps(as_regions(superpixels, "superpixels"))
    sizes, perimeters = np.zeros(int(s.max()) + 1, np.int64), np.zeros(int(s.max()) + 1, np.int64)
    _shapes(np.ascontiguousarray(s), sizes, perimeters)
    present = sizes > 0
    if not present.any():
        raise InputError("superpixels must hold a region above 0")
    a, p = sizes[present].astype(np.float64), perimeters[present].astype(np.float64)
    return float(np.sum(a * (4 * np.pi * a / p**2)) / a.sum())


def explained_variation(image: ArrayLike, superpixels: ArrayLike) -> float:
    """Share of the image's variation that remains if every pixel takes its superpixel's mean colour.

    Args:
        image: (H, W) or (H, W, B) finite numbers.
        superpixels: (H, W) integers from 1; 0 for pixels without region, which are ignored.

    Returns:
        0 to 1; 1 for a constant image.

    Raises:
        InputError: shapes or types do not fit, the image is not finite, or no region is above 0.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> image = np.array([[0, 2, 10, 12]])
        >>> round(metrics.explained_variation(image, np.array([[1, 1, 2, 2]])), 3)  # 100 of 104
        0.962
    """
    s = without_gaps(as_regions(superpixels, "superpixels"))
    bands = np.asarray(image)
    if bands.dtype.kind not in "buif":
        raise InputError(f"image must hold integers or real numbers, got {bands.dtype}")
    if bands.ndim not in (2, 3) or bands.shape[:2] != s.shape:
        raise InputError(f"image must be {s.shape}, or {s.shape} and bands, like superpixels, got {bands.shape}")
    labels = s[s > 0]
    if not labels.size:
        raise InputError("superpixels must hold a region above 0")
    counts = np.bincount(labels)
    explained = total = 0.0
    for b in range(1 if bands.ndim == 2 else bands.shape[2]):
        values = (bands if bands.ndim == 2 else bands[:, :, b])[s > 0].astype(np.float64)
        if not np.isfinite(values).all():
            raise InputError(f"image must be finite in the regions, but band {b} holds NaN or infinite values")
        values -= values.mean()
        means = np.bincount(labels, values) / np.maximum(counts, 1)
        explained += float(np.sum(counts * means**2))
        total += float(np.sum(values**2))
    return min(explained / total, 1.0) if total > 0 else 1.0


def _pair(superpixels: ArrayLike, truth: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    s, g = as_regions(superpixels, "superpixels"), as_regions(truth, "truth")
    if s.shape != g.shape:
        raise InputError(f"superpixels and truth must have the same shape, got {s.shape} and {g.shape}")
    return s, g


def _boundaries(regions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Pixels with a 4-neighbour in another region, on both sides of a boundary."""
    out = np.zeros(regions.shape, np.bool_)
    right, below = regions[:, 1:] != regions[:, :-1], regions[1:] != regions[:-1]
    out[:, 1:] |= right
    out[:, :-1] |= right
    out[1:] |= below
    out[:-1] |= below
    return out


@njit(nogil=True, cache=True)
def _shapes(regions, sizes, perimeters):  # type: ignore[no-untyped-def]
    """Area and perimeter of each region, in pixels and pixel sides."""
    height, width = regions.shape
    for y in range(height):
        for x in range(width):
            k = regions[y, x]
            if k > 0:
                sizes[k] += 1
                perimeters[k] += (
                    int(y == 0 or regions[y - 1, x] != k)
                    + int(y == height - 1 or regions[y + 1, x] != k)
                    + int(x == 0 or regions[y, x - 1] != k)
                    + int(x == width - 1 or regions[y, x + 1] != k)
                )
