"""Filters along the columns and along the rows of float32 images, a row at a time; borders mirror without repeating.

The order of every sum is fixed by the taps alone, so a pixel's value does not depend on the block that it lies in.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.descriptors.pixels._taps import FIRST, SMOOTH
from densa.parallel import share_rows


@njit(nogil=True, cache=True)
def mirror(i: int, n: int) -> int:
    """Index i continued beyond 0..n - 1 by mirroring: 2 1 0 1 2."""
    if n == 1:
        return 0
    i %= 2 * (n - 1)
    return i if i < n else 2 * (n - 1) - i


@njit(nogil=True, cache=True)
def copy_row(row, out):  # type: ignore[no-untyped-def]
    """A loop, since a slice assignment compiles for seconds."""
    for x in range(row.size):
        out[x] = row[x]


@njit(nogil=True, cache=True)
def mirror_pad(row, padded):  # type: ignore[no-untyped-def]
    """`row` in the middle of the longer `padded`, mirrored at both ends."""
    n = row.size
    r = (padded.size - n) // 2
    copy_row(row, padded[r : r + n])
    for i in range(r):
        padded[r - 1 - i] = row[mirror(-1 - i, n)]
        padded[r + n + i] = row[mirror(n + i, n)]


@njit(nogil=True, cache=True)
def column_pass(source, rows, taps, kind, out):  # type: ignore[no-untyped-def]
    """One filtered row: `rows` are the rows of `source` at the offsets from -r to r, r at least the taps' radius."""
    middle = rows.size // 2
    centre = source[rows[middle]]
    for x in range(out.size):
        out[x] = centre[x] if kind == SMOOTH else 0
    for i in range(1, taps.size, 2):  # two pairs at a time: half the traffic to `out`
        a, b, t = source[rows[middle + i]], source[rows[middle - i]], taps[i]
        j = min(i + 1, taps.size - 1)  # an odd last pair is added again, with weight 0
        c, d, s = source[rows[middle + j]], source[rows[middle - j]], taps[j] if j > i else np.float32(0)
        _add_pairs(centre, a, b, t, c, d, s, kind == FIRST, out)


@njit(nogil=True, cache=True)
def row_pass(padded, taps, kind, out):  # type: ignore[no-untyped-def]
    """Filter a mirrored row, padded by at least the taps' radius."""
    width = out.size
    r = (padded.size - width) // 2
    centre = padded[r : r + width]
    for x in range(width):
        out[x] = centre[x] if kind == SMOOTH else 0
    for i in range(1, taps.size, 2):
        a, b, t = padded[r + i : r + i + width], padded[r - i : r - i + width], taps[i]
        j = min(i + 1, taps.size - 1)
        c, d, s = padded[r + j : r + j + width], padded[r - j : r - j + width], taps[j] if j > i else np.float32(0)
        _add_pairs(centre, a, b, t, c, d, s, kind == FIRST, out)


@njit(nogil=True, cache=True)
def _add_pairs(centre, a, b, t, c, d, s, odd, out):  # type: ignore[no-untyped-def]
    if odd:
        for x in range(out.size):
            out[x] = (out[x] + t * (a[x] - b[x])) + s * (c[x] - d[x])
    else:
        for x in range(out.size):
            u = centre[x]
            out[x] = (out[x] + t * ((a[x] - u) + (b[x] - u))) + s * ((c[x] - u) + (d[x] - u))


@njit(nogil=True, cache=True)
def rows_around(y, r, height, rows):  # type: ignore[no-untyped-def]
    """Fill `rows` (2r + 1) with the rows y - r to y + r, mirrored."""
    for i in range(2 * r + 1):
        rows[i] = mirror(y + i - r, height)


@njit(nogil=True, cache=True)
def filter_row(source, rows, down, down_kind, across, across_kind, line, padded, out):  # type: ignore[no-untyped-def]
    """One row filtered along the columns, then along itself; `line` and `padded` are work arrays."""
    column_pass(source, rows, down, down_kind, line)
    mirror_pad(line, padded)
    row_pass(padded, across, across_kind, out)


Filter = tuple[NDArray[np.float32], np.int64]


def separable(image: NDArray[np.float32], down: Filter, across: Filter) -> NDArray[np.float32]:
    """(h, w) filtered along the columns by `down` and along the rows by `across`, each (taps, kind)."""
    out = np.empty(image.shape, np.float32)
    share_rows(_separable, image.shape[0], image, *down, *across, out)
    return out


@njit(nogil=True, cache=True)
def _separable(
    image: Any, down: Any, down_kind: int, across: Any, across_kind: int, out: Any, top: int, end: int
) -> None:
    height, width = image.shape
    rows = np.empty(2 * down.size - 1, np.int64)
    line, padded = np.empty(width, np.float32), np.empty(width + 2 * across.size - 2, np.float32)
    for y in range(top, end):
        rows_around(y, down.size - 1, height, rows)
        filter_row(image, rows, down, down_kind, across, across_kind, line, padded, out[y])
