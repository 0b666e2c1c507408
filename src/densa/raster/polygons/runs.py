"""Rows of a label map as runs of equal labels, which the sieve and the tracer read."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.legend import IGNORE

__all__ = ["OUTSIDE", "LabelArray", "Runs", "decode_labels", "encode"]

OUTSIDE = np.iinfo(np.int32).max
"""Label of runs outside all polygons: pixels without label and the surroundings of the map; the largest label."""
LabelArray = NDArray[np.uint8 | np.int32]
"""uint8 class indices with 255 for no class, or int32 region numbers from 1 with 0 for no region."""
_FIRST_REGION = 1  # becomes 0 in runs, so that the largest region number, 2^31 - 1, differs from OUTSIDE


class Runs(NamedTuple):
    """Runs of h rows: row y holds runs first[y] to first[y + 1] - 1; neighbouring runs have different labels.

    The first run of a row begins at column -1 and the last ends beyond the map; both are OUTSIDE, so that the sides of
    the map are borders like any other.
    """

    first: NDArray[np.int64]  # (h + 1,)
    start: NDArray[np.int32]  # column where the run begins
    label: NDArray[np.int32]  # class index, region number - 1 or OUTSIDE
    confidence: NDArray[np.int64]  # sum over the pixels of the run


def encode(labels: LabelArray, confidence: NDArray[np.uint8] | None = None) -> Runs:
    """Runs of (h, w) labels; `confidence` (h, w) is summed over each run."""
    is_regions = labels.dtype == np.int32
    none = labels.dtype.type(0 if is_regions else IGNORE)
    first = np.zeros(len(labels) + 1, np.int64)
    _count(labels, none, first)
    np.cumsum(first, out=first)
    n = int(first[-1])
    runs = Runs(first, np.empty(n, np.int32), np.empty(n, np.int32), np.zeros(n, np.int64))
    _fill(labels, none, _FIRST_REGION if is_regions else 0, *runs[:3])
    if confidence is not None:
        _sum(confidence, *runs)
    return runs


def decode_labels(labels: NDArray[np.int32], dtype: Any) -> LabelArray:
    """Labels of runs, none of them OUTSIDE, as the values of a map of type `dtype`."""
    return labels + np.int32(_FIRST_REGION) if dtype == np.int32 else labels.astype(np.uint8)


@njit(nogil=True, cache=True)
def _count(labels, none, first):  # type: ignore[no-untyped-def]
    height, width = labels.shape
    for y in range(height):
        n = 1 + (labels[y, 0] != none) + (labels[y, width - 1] != none)
        for x in range(1, width):
            n += labels[y, x] != labels[y, x - 1]
        first[y + 1] = n


@njit(nogil=True, cache=True)
def _fill(labels, none, least, first, start, label):  # type: ignore[no-untyped-def]
    height, width = labels.shape
    for y in range(height):
        i = first[y]
        start[i] = -1
        label[i] = OUTSIDE
        before = none
        for x in range(width):
            if labels[y, x] != before:
                before = labels[y, x]
                i += 1
                start[i] = x
                label[i] = OUTSIDE if before == none else before - least
        if before != none:
            start[i + 1] = width
            label[i + 1] = OUTSIDE


@njit(nogil=True, cache=True)
def _sum(confidence, first, start, label, total):  # type: ignore[no-untyped-def]
    for y in range(confidence.shape[0]):
        for i in range(first[y], first[y + 1] - 1):
            if label[i] != OUTSIDE:
                n = 0
                for x in range(start[i], start[i + 1]):
                    n += confidence[y, x]
                total[i] = n
