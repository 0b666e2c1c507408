"""One scale of the multi-scale set, all of its features in one pass over the rows; intermediates are a few rows."""

from typing import Any

import numpy as np
from numba import njit

from densa.descriptors.pixels._rows import column_pass, copy_row, filter_row, mirror, mirror_pad, row_pass, rows_around
from densa.descriptors.pixels._taps import FIRST, SECOND, SMOOTH

N_SLOTS = 8  # Gaussian, Laplacian, gradient, difference, structure tensor (2), Hessian (2)
_HALF = np.float32(0.5)

# Filters of a row: which taps along the columns, and which along the row.
N_LINES = 7
_GAUSSIAN, _ACROSS, _TWICE_ACROSS, _DOWN, _MIXED, _TWICE_DOWN, _SMALLER = range(N_LINES)
_FILTERS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0), (3, 3))
_KINDS = (SMOOTH, FIRST, SECOND, SMOOTH, SMOOTH)


@njit(nogil=True, cache=True)
def describe_scale(image, mask, before, keep, taps, slots, out, top, end):  # type: ignore[no-untyped-def]
    """Fill the rows from `top` to `end` of the features of one band at one scale.

    Every row is smoothed once, kept in a ring, and read by the filters of its neighbours.

    `mask` (h, w) is 1 where valid and 0 elsewhere, or empty; `image` is 0 where invalid. `before`: taps of the
    smoothing that comes first; `keep`: it only fills invalid pixels, valid ones keep their value. `taps`: Gaussian,
    first and second derivative, smaller Gaussian of the difference, outer Gaussian of the structure tensor. `slots`:
    for each of the N_SLOTS features its plane in `out`, or -1.
    """
    height, width = image.shape
    inner = max(taps[0].size, taps[1].size, taps[2].size, taps[3].size) - 1
    outer = taps[4].size - 1 if slots[4] >= 0 else 0
    ring, products = np.empty((2 * inner + 1, width), np.float32), np.empty((3, 2 * outer + 1, width), np.float32)
    lines, rows = np.empty((N_LINES, width), np.float32), np.empty(2 * inner + 1, np.int64)
    line, padded = np.empty(width, np.float32), np.empty(width + 2 * inner, np.float32)
    reach = before.size - 1
    work = (np.empty(2 * reach + 1, np.int64), np.empty(width, np.float32), np.empty(width + 2 * reach, np.float32))
    wide, outer_rows = np.empty(width + 2 * outer, np.float32), np.empty(2 * outer + 1, np.int64)
    wanted, gradient = _wanted_lines(slots), np.zeros(N_LINES, np.bool_)
    gradient[_ACROSS] = gradient[_DOWN] = outer > 0
    for y in range(top - outer - 2 * inner, end + outer):
        new = y + inner
        _smoothed_row(image, mask, before, keep, mirror(new, height), work, lines[0], ring[new % ring.shape[0]])
        if y < top - outer:
            continue
        for i in range(rows.size):
            rows[i] = (y + i - inner) % ring.shape[0]
        inside = top <= y < end
        _filter_lines(ring, rows, taps, wanted if inside else gradient, line, padded, lines)
        if inside:
            _pointwise(lines, slots, out, y)
        if outer:
            _products(lines[_ACROSS], lines[_DOWN], _sign(y, height), products, y % (2 * outer + 1))
            if y >= top + outer:
                for i in range(2 * outer + 1):
                    outer_rows[i] = (y - 2 * outer + i) % (2 * outer + 1)
                for k in range(3):
                    filter_row(products[k], outer_rows, taps[4], SMOOTH, taps[4], SMOOTH, line, wide, lines[k])
                _eigenvalues(lines[0], lines[1], lines[2], out[slots[4], y - outer], out[slots[5], y - outer])


@njit(nogil=True, cache=True)
def _wanted_lines(slots: Any) -> Any:
    """Filters that the requested features need."""
    wanted = np.zeros(N_LINES, np.bool_)
    wanted[_GAUSSIAN] = slots[0] >= 0 or slots[3] >= 0
    wanted[_ACROSS] = wanted[_DOWN] = slots[2] >= 0 or slots[4] >= 0
    wanted[_TWICE_ACROSS] = wanted[_TWICE_DOWN] = slots[1] >= 0 or slots[6] >= 0
    wanted[_MIXED] = slots[6] >= 0
    wanted[_SMALLER] = slots[3] >= 0
    return wanted


@njit(nogil=True, cache=True)
def _smoothed_row(image: Any, mask: Any, taps: Any, keep: bool, y: int, work: Any, weight: Any, out: Any) -> None:
    """Row y after the smoothing that comes first: normalised by the weight of the valid pixels, where not all are."""
    rows, line, padded = work
    whole = mask.size == 0
    if keep and whole:
        copy_row(image[y], out)
        return
    rows_around(y, taps.size - 1, image.shape[0], rows)
    for k in range(1 if whole else 2):
        source, target = (image, out) if k == 0 else (mask, weight)
        filter_row(source, rows, taps, SMOOTH, taps, SMOOTH, line, padded, target)
    if whole:
        return
    for x in range(out.size):  # the weight is exactly 1 where all pixels in reach are valid
        out[x] = out[x] / weight[x] if weight[x] > 0 else np.float32(0)
        if keep and mask[y, x] > 0:
            out[x] = image[y, x]


@njit(nogil=True, cache=True)
def _filter_lines(ring: Any, rows: Any, taps: Any, wanted: Any, line: Any, padded: Any, lines: Any) -> None:
    """The wanted filters of one row; those with the same filter along the columns follow each other."""
    last = -1
    for f in range(N_LINES):
        if wanted[f]:
            down, across = _FILTERS[f]
            if down != last:
                column_pass(ring, rows, taps[down], _KINDS[down], line)
                mirror_pad(line, padded)
                last = down
            row_pass(padded, taps[across], _KINDS[across], lines[f])


@njit(nogil=True, cache=True)
def _pointwise(lines: Any, slots: Any, out: Any, y: int) -> None:
    """Write the features of row y that need no second smoothing."""
    across, down, xx, yy = lines[_ACROSS], lines[_DOWN], lines[_TWICE_ACROSS], lines[_TWICE_DOWN]
    if slots[0] >= 0:
        copy_row(lines[_GAUSSIAN], out[slots[0], y])
    if slots[1] >= 0:
        target = out[slots[1], y]
        for x in range(target.size):
            target[x] = xx[x] + yy[x]
    if slots[2] >= 0:
        target = out[slots[2], y]
        for x in range(target.size):
            target[x] = np.sqrt(across[x] * across[x] + down[x] * down[x])
    if slots[3] >= 0:
        target = out[slots[3], y]
        for x in range(target.size):
            target[x] = lines[_GAUSSIAN, x] - lines[_SMALLER, x]
    if slots[6] >= 0:
        _eigenvalues(xx, lines[_MIXED], yy, out[slots[6], y], out[slots[7], y])


@njit(nogil=True, cache=True)
def _sign(y: int, height: int) -> Any:
    """-1 in rows that mirroring turned upside down, where the derivative down has the other sign."""
    if height == 1:
        return np.float32(1)
    return np.float32(1) if y % (2 * (height - 1)) < height else np.float32(-1)


@njit(nogil=True, cache=True)
def _products(across: Any, down: Any, sign: Any, products: Any, slot: int) -> None:
    xx, xy, yy = products[0, slot], products[1, slot], products[2, slot]
    for x in range(across.size):
        xx[x] = across[x] * across[x]
        xy[x] = sign * (across[x] * down[x])
        yy[x] = down[x] * down[x]


@njit(nogil=True, cache=True)
def _eigenvalues(xx: Any, xy: Any, yy: Any, larger: Any, smaller: Any) -> None:
    """Of the symmetric matrices [[xx, xy], [xy, yy]]."""
    for x in range(xx.size):
        mean, half = _HALF * (xx[x] + yy[x]), _HALF * (xx[x] - yy[x])
        root = np.sqrt(half * half + xy[x] * xy[x])
        larger[x] = mean + root
        smaller[x] = mean - root
