"""Rows of a label map as runs of equal labels: what sieve and tracer read."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.legend import IGNORE

__all__ = ["OUTSIDE", "Runs", "encode"]

OUTSIDE = IGNORE
"""Label of what is no polygon: pixels without data, and the world around the map."""


class Runs(NamedTuple):
    """Runs of h rows: row y holds runs first[y] to first[y + 1] - 1, no two neighbours of one label.

    The first run of a row begins at column -1 and the last ends beyond the map; both are OUTSIDE, so that a row of the
    map is closed at either side like any other border.
    """

    first: NDArray[np.int64]  # (h + 1,)
    start: NDArray[np.int32]  # column where the run begins
    label: NDArray[np.uint8]
    confidence: NDArray[np.int64]  # sum over the pixels of the run


def encode(labels: NDArray[np.uint8], confidence: NDArray[np.uint8] | None = None) -> Runs:
    """Runs of (h, w) labels; `confidence` (h, w) is summed over each run."""
    first = np.zeros(len(labels) + 1, np.int64)
    _count(labels, first)
    np.cumsum(first, out=first)
    n = int(first[-1])
    runs = Runs(first, np.empty(n, np.int32), np.empty(n, np.uint8), np.zeros(n, np.int64))
    _fill(labels, *runs[:3])
    if confidence is not None:
        _sum(confidence, *runs)
    return runs


@njit(nogil=True, cache=True)
def _count(labels, first):  # type: ignore[no-untyped-def]
    height, width = labels.shape
    for y in range(height):
        n = 1 + (labels[y, 0] != OUTSIDE) + (labels[y, width - 1] != OUTSIDE)
        for x in range(1, width):
            n += labels[y, x] != labels[y, x - 1]
        first[y + 1] = n


@njit(nogil=True, cache=True)
def _fill(labels, first, start, label):  # type: ignore[no-untyped-def]
    height, width = labels.shape
    for y in range(height):
        i = first[y]
        start[i] = -1
        label[i] = OUTSIDE
        before = labels.dtype.type(OUTSIDE)
        for x in range(width):
            if labels[y, x] != before:
                before = labels[y, x]
                i += 1
                start[i] = x
                label[i] = before
        if before != OUTSIDE:
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
