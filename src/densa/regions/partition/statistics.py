"""Statistics of regions that can be merged without the pixels, and predicates on them.

Two regions' statistics merge as n = n1 + n2, mean = (n1 m1 + n2 m2) / n and, for the sum of squared deviations,
S = S1 + S2 + (m1 - m2)^2 n1 n2 / n, without the cancellation of sums of squares (Chan, Golub, LeVeque 1983).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densa.checks import largest_number
from densa.errors import InputError
from densa.jit import kernel_jit
from densa.regions.shared.checks import check_pair

__all__ = ["Predicate", "RegionStatistics", "deviation_at_most", "range_at_most", "region_statistics", "spread_at_most"]


@dataclass(frozen=True)
class RegionStatistics:
    """Statistics per region; entry k is region k, entry 0 (no region) is 0.

    Attributes:
        n_pixels: (n + 1,) int64.
        mean: (n + 1, B) float64.
        squares: (n + 1, B) float64 sum of squared deviations from the mean.
        low, high: (n + 1, B) float64 extreme values.
        box: (n + 1, 4) int64 first row, first column, last row + 1, last column + 1.
        perimeter: (n + 1,) int64 pixel sides towards other regions, region 0 and the image border.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> statistics = regions.region_statistics(np.array([[0, 2, 9]]), np.array([[1, 1, 2]]))
        >>> statistics.present.tolist(), statistics.mean[:, 0].tolist(), statistics.variance[:, 0].tolist()
        ([1, 2], [0.0, 1.0, 9.0], [0.0, 1.0, 0.0])
    """

    n_pixels: NDArray[np.int64]
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    box: NDArray[np.int64]
    perimeter: NDArray[np.int64]

    @property
    def variance(self) -> NDArray[np.float64]:
        """(n + 1, B): mean squared deviation."""
        return self.squares / np.maximum(self.n_pixels, 1)[:, None]

    @property
    def present(self) -> NDArray[np.int64]:
        """Numbers of the regions that have pixels."""
        return np.flatnonzero(self.n_pixels)

    def united(self, edges: NDArray[np.integer], lengths: NDArray[np.int64]) -> "RegionStatistics":
        """Statistics of the unions of pairs of adjacent regions.

        Args:
            edges: (E, 2) regions.
            lengths: (E,) border of each pair, in pixel sides.

        Returns:
            Entry e: the union of pair e.
        """
        i, j = edges[:, 0], edges[:, 1]
        n_i, n_j = self.n_pixels[i][:, None], self.n_pixels[j][:, None]
        n = np.maximum(n_i + n_j, 1)
        box_i, box_j = self.box[i], self.box[j]
        return RegionStatistics(
            self.n_pixels[i] + self.n_pixels[j],
            (n_i * self.mean[i] + n_j * self.mean[j]) / n,
            self.squares[i] + self.squares[j] + (self.mean[i] - self.mean[j]) ** 2 * (n_i * n_j / n),
            np.minimum(self.low[i], self.low[j]),
            np.maximum(self.high[i], self.high[j]),
            np.column_stack((np.minimum(box_i[:, :2], box_j[:, :2]), np.maximum(box_i[:, 2:], box_j[:, 2:]))),
            self.perimeter[i] + self.perimeter[j] - 2 * lengths,
        )


@dataclass(frozen=True)
class Predicate:
    """A logical predicate P on regions, of one of three kinds; called on statistics, it returns (n,) truth values.

    Attributes:
        kind: "range", "deviation" or "spread"; see the functions of these names.
        threshold: 0 or more, in the image's units.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> predicate = regions.Predicate("range", 10)
        >>> image, labels = np.array([[0, 10, 20, 40]]), np.array([[1, 1, 2, 2]])
        >>> predicate(regions.region_statistics(image, labels)).tolist()[1:]
        [True, False]
    """

    kind: str
    threshold: float

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"predicate must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if not self.threshold >= 0:
            raise InputError(f"threshold must be 0 or more, got {self.threshold}")

    def __call__(self, statistics: RegionStatistics) -> NDArray[np.bool_]:
        """Whether the predicate holds, in every band."""
        return np.all(KINDS[self.kind](statistics) <= self.threshold, axis=1)


KINDS: dict[str, Callable[[RegionStatistics], NDArray[np.float64]]] = {
    "range": lambda s: s.high - s.low,
    "deviation": lambda s: np.sqrt(s.variance),
    "spread": lambda s: np.maximum(s.high - s.mean, s.mean - s.low),
}


def range_at_most(threshold: float) -> Predicate:
    """P(R): in every band, the largest value minus the smallest is at most `threshold`.

    If it is false for a region, it is false for every region that contains it.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> statistics = regions.region_statistics(np.array([[0, 4, 0, 8]]), np.array([[1, 1, 2, 2]]))
        >>> regions.range_at_most(5)(statistics).tolist()[1:]
        [True, False]
    """
    return Predicate("range", threshold)


def deviation_at_most(threshold: float) -> Predicate:
    """P(R): in every band, the standard deviation is at most `threshold`.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> statistics = regions.region_statistics(np.array([[0, 4, 0, 8]]), np.array([[1, 1, 2, 2]]))
        >>> regions.deviation_at_most(2)(statistics).tolist()[1:]
        [True, False]
    """
    return Predicate("deviation", threshold)


def spread_at_most(threshold: float) -> Predicate:
    """P(R): in every band, every value is within `threshold` of the region's mean.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> statistics = regions.region_statistics(np.array([[0, 4, 0, 8]]), np.array([[1, 1, 2, 2]]))
        >>> regions.spread_at_most(3)(statistics).tolist()[1:]
        [True, False]
    """
    return Predicate("spread", threshold)


def region_statistics(image: ArrayLike, regions: ArrayLike) -> RegionStatistics:
    """Count, mean, deviations, extremes, bounding box and perimeter of every region.

    Args:
        image: (H, W) or (H, W, B), any integer or floating type; finite inside the regions.
        regions: (H, W) integers from 1; 0: no region. Numbers may be missing.

    Returns:
        Entries 0 to `regions.max()`; `statistics.mean[regions]` paints every pixel with its region's mean.

    Raises:
        InputError: the shapes differ, a region number is negative, the image is not finite, or a few regions have huge
            numbers (`relabel` gives others).

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> image = np.array([[0, 2, 9], [1, 1, 9]])
        >>> labels = np.array([[1, 1, 2], [1, 1, 2]])
        >>> statistics = regions.region_statistics(image, labels)
        >>> statistics.n_pixels.tolist(), statistics.box[1].tolist(), statistics.perimeter.tolist()
        ([0, 4, 2], [0, 0, 2, 2], [0, 8, 6])
        >>> statistics.mean[labels][..., 0]
        array([[1., 1., 9.],
               [1., 1., 9.]])
    """
    bands, numbers = check_pair(image, regions)
    return statistics_of(bands, numbers)


def statistics_of(bands: NDArray[np.generic], numbers: NDArray[np.int32]) -> RegionStatistics:
    """`region_statistics` of checked arguments."""
    n, n_bands = largest_number(numbers) + 1, bands.shape[2]
    out = RegionStatistics(
        np.zeros(n, np.int64),
        np.zeros((n, n_bands)),
        np.zeros((n, n_bands)),
        np.full((n, n_bands), np.inf),
        np.full((n, n_bands), -np.inf),
        np.zeros((n, 4), np.int64),
        np.zeros(n, np.int64),
    )
    out.box[:, :2] = np.iinfo(np.int64).max
    _shapes(numbers, out.n_pixels, out.box, out.perimeter)
    _values(bands, numbers, out.n_pixels, out.mean, out.squares, out.low, out.high)
    empty = out.n_pixels == 0
    out.low[empty], out.high[empty], out.box[empty] = 0, 0, 0
    return out


@kernel_jit
def _shapes(regions, n_pixels, box, perimeter):  # type: ignore[no-untyped-def]
    height, width = regions.shape
    for y in range(height):
        for x in range(width):
            k = regions[y, x]
            if k == 0:
                continue
            n_pixels[k] += 1
            box[k, 0] = min(box[k, 0], y)
            box[k, 1] = min(box[k, 1], x)
            box[k, 2] = max(box[k, 2], y + 1)
            box[k, 3] = max(box[k, 3], x + 1)
            perimeter[k] += (
                int(y == 0 or regions[y - 1, x] != k)
                + int(y == height - 1 or regions[y + 1, x] != k)
                + int(x == 0 or regions[y, x - 1] != k)
                + int(x == width - 1 or regions[y, x + 1] != k)
            )


@kernel_jit
def _values(image, regions, n_pixels, mean, squares, low, high):  # type: ignore[no-untyped-def]
    height, width, n_bands = image.shape
    for y in range(height):
        for x in range(width):
            k = regions[y, x]
            if k > 0:
                for b in range(n_bands):
                    v = np.float64(image[y, x, b])
                    mean[k, b] += v
                    low[k, b] = min(low[k, b], v)
                    high[k, b] = max(high[k, b], v)
    for k in range(n_pixels.size):
        for b in range(n_bands):
            mean[k, b] /= max(n_pixels[k], 1)
    for y in range(height):
        for x in range(width):
            k = regions[y, x]
            if k > 0:
                for b in range(n_bands):
                    difference = np.float64(image[y, x, b]) - mean[k, b]
                    squares[k, b] += difference * difference
