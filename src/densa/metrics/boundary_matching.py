"""Boundaries matched one to one with those drawn by several people, as in the Berkeley benchmark (BSDS500)
(Martin, Fowlkes, Malik, TPAMI 26(5), 2004, doi:10.1109/TPAMI.2004.1273918; Arbeláez et al., TPAMI 33(5), 2011).

A matching pairs boundary pixels whose distance is at most a fraction of the diagonal. It minimises the sum of the
pairs' distances plus 100 times that limit for every unmatched pixel: as many pairs as possible (except for chains of a
hundred shifts), then short ones. A predicted pixel is right if it is matched for any person; recall counts each
person's pixels.

Method: Boundary matching of the Berkeley benchmark.
Source: Martin, Fowlkes, Malik, TPAMI 26(5), 2004, doi:10.1109/TPAMI.2004.1273918; Arbeláez et al., TPAMI 33(5), 2011.
As printed: cheapest one-to-one matching within 0.75 % of the diagonal, precision against any person, recall over all.
Departs: exact in place of six random outliers per pixel, with which the benchmark's counts vary from run to run.
Held by: tests/metrics/test_boundary_matching.py.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from densa.errors import InputError
from densa.metrics._sparse_assignment import assign
from densa.metrics.families import check_family, family_settings

__all__ = [
    "BoundaryCounts",
    "BoundaryScore",
    "BoundarySummary",
    "boundary_counts",
    "boundary_map",
    "match_boundaries",
    "summarize_boundaries",
    "thin",
]

_ALONE = 100  # cost of an unmatched pixel, in units of the largest distance
_STEPS = 100  # distances are integers in hundredths of a pixel, as in the benchmark's code


@dataclass(frozen=True)
class BoundaryCounts:
    """Counts of a family of T boundary maps of one image, compared with its annotators.

    Attributes:
        matched_target, n_target: (T,) annotated boundary pixels, matched ones and all, summed over annotators.
        matched_predicted, n_predicted: (T,) predicted boundary pixels, those matched in any annotation and all.
    """

    matched_target: NDArray[np.int64]
    n_target: NDArray[np.int64]
    matched_predicted: NDArray[np.int64]
    n_predicted: NDArray[np.int64]


class BoundaryScore(NamedTuple):
    """Precision and recall at a setting, and F = 2 precision recall / (precision + recall)."""

    setting: float
    recall: float
    precision: float
    f: float


@dataclass(frozen=True)
class BoundarySummary:
    """Scores of a method over a data set.

    Attributes:
        settings, recall, precision, f: (T,) per setting, from pixel counts summed over the images.
        ods: best single setting for all images, interpolated between neighbouring settings.
        ois: best setting of each image, counts summed; its setting is NaN.
        average_precision: mean of the precision interpolated at recall 0, 0.01 .. 1, 0 outside the recalls that occur.
    """

    settings: NDArray[np.float64]
    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    f: NDArray[np.float64]
    ods: BoundaryScore
    ois: BoundaryScore
    average_precision: float


def boundary_map(regions: ArrayLike) -> NDArray[np.bool_]:
    """Boundaries of a partition as the benchmark draws them: at most one pixel wide, shifted by half a pixel.

    A pixel is a boundary pixel if its lower right corner touches an edge between regions; on the last row or column, if
    its right or lower edge separates regions.

    Args:
        regions: (H, W) integers.

    Returns:
        (H, W) booleans.

    Raises:
        InputError: not (H, W) integers.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> metrics.boundary_map(np.array([[1, 1, 2, 2], [1, 1, 2, 2]])).astype(int)
        array([[0, 1, 0, 0],
               [0, 1, 0, 0]])
    """
    numbers = np.asarray(regions)
    if numbers.ndim != 2 or numbers.size == 0 or numbers.dtype.kind not in "bui":
        raise InputError(f"regions must be (height, width) integers, got {numbers.dtype} of shape {numbers.shape}")
    below, right = np.zeros((2, *numbers.shape), np.bool_)
    below[:-1] = numbers[1:] != numbers[:-1]
    right[:, :-1] = numbers[:, 1:] != numbers[:, :-1]
    out = below | right
    out[:-1] |= right[1:]
    out[:, :-1] |= below[:, 1:]
    return out


def thin(mask: ArrayLike) -> NDArray[np.bool_]:
    """Thin until lines are one pixel wide (Guo & Hall, CACM 32(3), 1989, algorithm A1, as in `bwmorph(mask, 'thin')`).

    Args:
        mask: (H, W) booleans.

    Raises:
        InputError: not (H, W) booleans or integers.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> bar = np.zeros((5, 7), bool)
        >>> bar[1:4, 1:6] = True
        >>> metrics.thin(bar).astype(int)
        array([[0, 0, 0, 0, 0, 0, 0],
               [0, 0, 0, 0, 0, 0, 0],
               [0, 0, 1, 1, 1, 0, 0],
               [0, 0, 0, 0, 0, 0, 0],
               [0, 0, 0, 0, 0, 0, 0]])
    """
    padded = np.pad(_mask(mask, "mask"), 1)
    _thin(padded, np.flatnonzero(padded))
    return np.ascontiguousarray(padded[1:-1, 1:-1])


def match_boundaries(
    predicted: ArrayLike, target: ArrayLike, max_distance: float = 0.0075
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Match the pixels of two boundary maps one to one.

    Args:
        predicted, target: (H, W) booleans, True on boundaries.
        max_distance: largest distance of a pair, as a fraction of the image's diagonal; 0 or more.

    Returns:
        (H, W) booleans: the matched predicted pixels, and the matched target pixels; equally many of both.

    Raises:
        InputError: shapes or types do not fit, or the distance is negative or not finite.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> predicted = np.array([[1, 0, 0, 0, 1]], bool)
        >>> target = np.array([[0, 1, 0, 0, 0]], bool)
        >>> matched, _ = metrics.match_boundaries(predicted, target, max_distance=0.25)  # of the diagonal of 5.1 px
        >>> matched.astype(int)
        array([[1, 0, 0, 0, 0]])
    """
    a, b = _mask(predicted, "predicted"), _mask(target, "target")
    if a.shape != b.shape:
        raise InputError(f"predicted and target must have the same shape, got {a.shape} and {b.shape}")
    if not (math.isfinite(max_distance) and max_distance >= 0):
        raise InputError(f"max_distance must be a finite fraction of the diagonal from 0, got {max_distance}")
    limit = max_distance * math.hypot(*a.shape)
    swapped = np.count_nonzero(b) < np.count_nonzero(a)  # rows of the assignment are the smaller side
    first, second = _matched(*((b, a) if swapped else (a, b)), limit)
    return (second, first) if swapped else (first, second)


def boundary_counts(
    annotators: Sequence[ArrayLike], family: Sequence[ArrayLike], *, max_distance: float = 0.0075, thinning: bool = True
) -> BoundaryCounts:
    """Counts of one image, from which `summarize_boundaries` computes the scores of a data set.

    Args:
        annotators: one or more (H, W) booleans, True on the boundaries that a person drew; not thinned.
        family: one or more (H, W) booleans: `boundary_map` of partitions, or a strength map at several thresholds, in
            the order of the settings, which is the same for all images.
        max_distance: as in `match_boundaries`.
        thinning: thin the family's maps first, as the benchmark does.

    Raises:
        InputError: as `match_boundaries`, or no annotator or no map.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> drawn = metrics.boundary_map(np.array([[1, 1, 2, 2]] * 4))
        >>> too_fine = metrics.boundary_map(np.array([[1, 1, 2, 3]] * 4))
        >>> counts = metrics.boundary_counts([drawn], [drawn, too_fine], max_distance=0, thinning=False)
        >>> counts.matched_target.tolist(), counts.n_target.tolist()
        ([4, 4], [4, 4])
        >>> counts.matched_predicted.tolist(), counts.n_predicted.tolist()
        ([4, 4], [4, 8])
    """
    check_family(annotators, family)
    people = [_mask(person, "annotator") for person in annotators]
    counts = np.zeros((4, len(family)), np.int64)
    seen: dict[bytes, int] = {}  # neighbouring levels of a hierarchy are often equal
    for t, member in enumerate(family):
        drawn = thin(member) if thinning else _mask(member, "family")
        earlier = seen.setdefault(drawn.tobytes(), t)
        if earlier < t:
            counts[:, t] = counts[:, earlier]
            continue
        right = np.zeros(drawn.shape, np.bool_)
        for person in people:
            matched, found = match_boundaries(drawn, person, max_distance)
            right |= matched
            counts[:2, t] += np.count_nonzero(found), np.count_nonzero(person)
        counts[2:, t] = np.count_nonzero(right), np.count_nonzero(drawn)
    return BoundaryCounts(*counts)


def summarize_boundaries(
    images: Sequence[BoundaryCounts], settings: Sequence[float] | NDArray[np.float64] | None = None
) -> BoundarySummary:
    """Scores over a data set.

    Args:
        images: counts of each image; all families have the same settings.
        settings: (T,) a number for each setting, in an order that allows interpolation; None for 1 to T.

    Raises:
        InputError: no image, or families of different lengths.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> drawn = metrics.boundary_map(np.array([[1, 1, 2, 2]] * 4))
        >>> too_fine = metrics.boundary_map(np.array([[1, 1, 2, 3]] * 4))
        >>> counts = metrics.boundary_counts([drawn], [too_fine, drawn], max_distance=0, thinning=False)
        >>> summary = metrics.summarize_boundaries([counts])
        >>> summary.precision.tolist(), summary.recall.tolist()
        ([0.5, 1.0], [1.0, 1.0])
        >>> round(summary.ods.setting, 3), round(summary.ods.f, 3)
        (2.0, 1.0)
    """
    numbers = family_settings([len(image.n_target) for image in images], settings)
    table = np.stack([(i.matched_target, i.n_target, i.matched_predicted, i.n_predicted) for i in images])
    recall, precision = _recall_precision(table.sum(axis=0))
    own = _f(*_recall_precision(table.transpose(1, 0, 2)))  # (images, T)
    latest = own.shape[1] - 1 - np.argmax(own[:, ::-1], axis=1)  # the last of equal ones, as in the benchmark
    best = table[np.arange(len(table)), :, latest].sum(axis=0)
    ois_recall, ois_precision = _recall_precision(best)
    return BoundarySummary(
        settings=numbers,
        recall=recall,
        precision=precision,
        f=_f(recall, precision),
        ods=_best_f(numbers, recall, precision),
        ois=BoundaryScore(math.nan, float(ois_recall), float(ois_precision), float(_f(ois_recall, ois_precision))),
        average_precision=_average_precision(recall, precision),
    )


def _recall_precision(counts: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Recall and precision of (4, ...) counts; 0 if there are no target or no predicted pixels."""
    return counts[0] / np.maximum(counts[1], 1), counts[2] / np.maximum(counts[3], 1)


def _f(recall: NDArray[np.float64], precision: NDArray[np.float64]) -> NDArray[np.float64]:
    total = recall + precision
    return np.asarray(2 * recall * precision / np.where(total > 0, total, 1))


def _best_f(
    settings: NDArray[np.float64], recall: NDArray[np.float64], precision: NDArray[np.float64]
) -> BoundaryScore:
    """Best F on the straight lines between neighbouring settings, at 100 points of each."""
    along = np.linspace(0, 1, 100)
    if len(settings) == 1:
        along, columns = np.zeros(1), np.stack([settings, recall, precision])[:, [0, 0]]
    else:
        columns = np.stack([settings, recall, precision])
    points = columns[:, :-1, np.newaxis] * (1 - along) + columns[:, 1:, np.newaxis] * along
    points = points.reshape(3, -1)
    f = _f(points[1], points[2])
    best = int(np.argmax(f))
    setting, at_recall, at_precision = (float(value) for value in points[:, best])
    return BoundaryScore(setting, at_recall, at_precision, float(f[best]))


def _average_precision(recall: NDArray[np.float64], precision: NDArray[np.float64]) -> float:
    """Area under the precision-recall curve, on a grid of 0.01; the last setting of those with equal recall."""
    last = len(recall) - 1 - np.unique(recall[::-1], return_index=True)[1]  # ascending recall
    if len(last) < 2:
        return 0.0
    grid = np.linspace(0, 1, 101)
    return float(np.interp(grid, recall[last], precision[last], left=0, right=0).sum() * 0.01)


def _mask(mask: ArrayLike, name: str) -> NDArray[np.bool_]:
    array = np.asarray(mask)
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "bui":
        raise InputError(f"{name} must be (height, width) booleans, got {array.dtype} of shape {array.shape}")
    return array.astype(np.bool_)


def _matched(
    few: NDArray[np.bool_], many: NDArray[np.bool_], limit: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The matched pixels of both maps, in the matching of least cost."""
    out = np.zeros((2, *few.shape), np.bool_)
    number = np.full(few.shape, -1, np.int64)
    pixels = np.flatnonzero(many)
    number.ravel()[pixels] = np.arange(len(pixels))
    offsets, costs = _disc(limit)
    starts, partners, weights, rows = _pairs(few, number, offsets, costs)
    column_of = np.empty(len(rows), np.int64)
    alone = max(math.ceil(_ALONE * limit * _STEPS), 1)
    assign(starts, partners, weights, alone, len(pixels), column_of)
    paired = column_of >= 0
    out[0].ravel()[rows[paired]] = True
    out[1].ravel()[pixels[column_of[paired]]] = True
    return out[0], out[1]


def _disc(limit: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n, 2) offsets up to a distance, in raster order, and their integer costs."""
    reach = math.floor(limit)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    inside = y * y + x * x <= limit * limit
    offsets = np.stack([y[inside], x[inside]], axis=1)
    return offsets, np.rint(np.sqrt((offsets**2).sum(axis=1)) * _STEPS).astype(np.int64)


@njit(nogil=True, cache=True)
def _pairs(few, number, offsets, costs):  # type: ignore[no-untyped-def]
    """Candidate pairs of all pixels of `few` that have any, in compressed rows, and these pixels."""
    height, width = few.shape
    n_rows = np.count_nonzero(few)
    starts, rows = np.zeros(n_rows + 1, np.int64), np.empty(n_rows, np.int64)
    partners = np.empty(n_rows * len(offsets), np.int64)
    weights = np.empty(n_rows * len(offsets), np.int64)
    n, at = 0, 0
    for y in range(height):
        for x in range(width):
            if not few[y, x]:
                continue
            for k in range(len(offsets)):
                y2, x2 = y + offsets[k, 0], x + offsets[k, 1]
                if 0 <= y2 < height and 0 <= x2 < width and number[y2, x2] >= 0:
                    partners[at], weights[at] = number[y2, x2], costs[k]
                    at += 1
            if at > starts[n]:
                rows[n] = y * width + x
                n += 1
                starts[n] = at
    return starts[: n + 1], partners[:at], weights[:at], rows[:n]


@njit(nogil=True, cache=True)
def _thin(mask, pixels):  # type: ignore[no-untyped-def]
    """Alternate Guo & Hall's two passes on a mask with a border of False until neither removes a pixel."""
    width = mask.shape[1]
    flat = mask.ravel()
    steps = np.array([1, 1 - width, -width, -width - 1, -1, width - 1, width, width + 1])  # east, then counterclockwise
    x = np.empty(9, np.bool_)
    gone = np.empty(pixels.size, np.int64)
    n, quiet, odd = pixels.size, 0, True
    while quiet < 2:
        n_gone, n_left = 0, 0
        for i in range(n):
            for k in range(8):
                x[k] = flat[pixels[i] + steps[k]]
            x[8] = x[0]
            crossings = first = second = 0
            for k in range(0, 8, 2):
                crossings += int(not x[k] and (x[k + 1] or x[k + 2]))
                first += int(x[k - 1 if k else 7] or x[k])
                second += int(x[k] or x[k + 1])
            a, b = (1, 7) if odd else (5, 3)  # the second pass is the first one turned by 180 degrees
            blocked = (x[a] or x[a + 1] or not x[b]) and x[a - 1]
            if crossings == 1 and 2 <= min(first, second) <= 3 and not blocked:
                gone[n_gone] = pixels[i]
                n_gone += 1
            else:
                pixels[n_left] = pixels[i]
                n_left += 1
        for i in range(n_gone):
            flat[gone[i]] = False
        n, odd = n_left, not odd
        quiet = 0 if n_gone else quiet + 1
