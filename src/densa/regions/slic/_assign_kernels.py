"""Kernels of SLIC: one round of assignment and update, exact in integers.

Every pixel considers the centres of the 3 x 3 grid cells around its own cell. Colours and positions are integers of one
scale, so the sums of the update are exact in any order. With f the features of a pixel and c those of a centre, the
value compared is |f - c|^2 - |f|^2 = |c|^2 - 2 f.c, in float32: the scale keeps every partial sum below 2**24, where
float32 represents integers exactly. So neither threads, tiles nor the processor's vector length change the result.
"""

from typing import Any

import numpy as np

from densa.jit import inner_jit, kernel_jit
from densa.regions.slic._vector_lanes import LANES, nearest_of_nine

# planes, positions and winners have room for a whole vector after their last pixel


@inner_jit
def _prepare(colors, cy, cx, alive, r, j, y_base, x_base, table):  # type: ignore[no-untyped-def]
    """Score of candidate o of the cell (r, j): table[o] . (1, colours, column, row)."""
    n_bands = colors.shape[0]
    for o in range(9):
        i, k = r + o // 3 - 1, j + o % 3 - 1
        if i < 0 or i >= alive.shape[0] or k < 0 or k >= alive.shape[1] or not alive[i, k]:
            table[o] = np.float32(0)
            table[o, 0] = np.float32(np.inf)
            continue
        dy, dx = cy[i, k] - y_base, cx[i, k] - x_base
        squared = dy * dy + dx * dx
        for b in range(n_bands):
            c = np.int64(colors[b, i, k])
            squared += c * c
            table[o, 1 + b] = np.float32(-2 * c)
        table[o, n_bands + 1] = np.float32(-2 * dx)
        table[o, n_bands + 2] = np.float32(-2 * dy)
        table[o, 0] = np.float32(squared)


@inner_jit
def _any_bands(planes, y, first, x_rows, row, table, codes, score, best, winner):  # type: ignore[no-untyped-def]
    """Centre of each of LANES pixels, as an index into the three grid rows around; for any number of bands."""
    n_bands = planes.shape[0]
    best[:] = np.inf
    for o in range(9):
        offset = table[o, 0] + row * table[o, n_bands + 2]
        for x in range(LANES):
            score[x] = offset + x_rows[first + x] * table[o, n_bands + 1]
        for b in range(n_bands):
            slope = table[o, 1 + b]
            for x in range(LANES):
                score[x] += np.float32(planes[b, y, first + x]) * slope
        for x in range(LANES):
            if score[x] < best[x]:
                best[x] = score[x]
                winner[first + x] = codes[o]


@inner_jit
def _accumulate(planes, mask, y, left, end, winner, sums):  # type: ignore[no-untyped-def]
    """Add the pixels of a row to the sums of their centres, one run of equal winners at a time."""
    n_bands = planes.shape[0]
    x = left
    while x < end:
        k = winner[x]
        start = x
        if mask is not None and not mask[y, x]:
            x += 1
            continue
        while x < end and winner[x] == k and (mask is None or mask[y, x]):
            x += 1
        n = x - start
        sums[k, 0] += n
        sums[k, 1] += n * y
        sums[k, 2] += n * (start + x - 1) // 2
        for b in range(n_bands):
            total = 0
            for i in range(start, x):
                total += planes[b, y, i]
            sums[k, 3 + b] += total


@inner_jit
def _accumulate_packed(planes, y, y_base, left, end, winner, packed):  # type: ignore[no-untyped-def]
    """`_accumulate` for three bands without a mask, free of branches: two sums of 32 bits in each word.

    packed (2, n, 3) int64: even and odd columns separately, so that consecutive additions are independent.
    """
    row = (np.int64(y - y_base) << 32) + 1
    winner, values = winner[left:end], planes[:, y, left:end]  # indices from 0: no test for negative ones
    for x in range(end - left):
        words = packed[x & 1, winner[x]]
        words[0] += row
        words[1] += (np.int64(values[0, x]) << 32) + values[1, x]
        words[2] += (np.int64(values[2, x]) << 32) + (left + x)


@inner_jit
def _unpack(packed, y_base, sums):  # type: ignore[no-untyped-def]
    """Add the packed sums to those of the centres: count, rows, columns, colours."""
    for half in range(2):
        for k in range(packed.shape[1]):
            for i, high, low in ((0, 1, 0), (1, 3, 4), (2, 5, 2)):
                lower = np.int64(np.int32(packed[half, k, i] & 0xFFFFFFFF))
                sums[k, low] += lower
                sums[k, high] += (packed[half, k, i] - lower) >> 32
            sums[k, 1] += y_base * np.int64(np.int32(packed[half, k, 0] & 0xFFFFFFFF))


@kernel_jit
def assign(  # type: ignore[no-untyped-def]
    planes, mask, colors, cy, cx, alive, cells, j0, j1, ys, xs, units, phase, stride, sums, won, general, first_unit,
    end_unit,
):  # fmt: skip
    """One round: nearest centre of every pixel; its sums or, unless `won` is empty, which of the nine candidates won.

    Only pixels in `units` and in the columns of cells from `j0` to `j1` are used.

    Args:
        planes: (B, H, W) int16.
        mask: (H, W) bool or None.
        colors, cy, cx, alive: the centres of a rectangle of cells: (B, rows, columns) int32; (rows, columns) int64,
            int64 and bool.
        cells: first column in `planes` of each column of cells; those before `j0` and after `j1` may lie outside.
        j0, j1: columns of cells.
        ys, xs: (H,) and (W + LANES,) int64 positions in steps.
        units: (n, 3) row of cells, first and last + 1 pixel row.
        phase, stride: only rows y with y % stride == phase are used.
        sums: (n, 3 * columns, 3 + B) int64, per unit: count, rows, columns, colours.
        won: (H, W) uint8 or empty.
        general: None for three bands without a mask whose sums fit `_accumulate_packed`: what other images need is
            then not compiled. Otherwise True.
    """
    n_bands, _, width = planes.shape
    n_columns = alive.shape[1]
    plane_step = planes.shape[1] * width
    final = won.size > 0
    left, end = cells[j0], cells[j1]
    for u in range(first_unit, end_unit):
        r, y0, y1 = units[u]
        packed = np.zeros((2, 3 * n_columns if general is None and not final else 0, 3), np.int64)
        start_row = y0 + (phase - y0) % stride
        table = np.empty((9, n_bands + 3), np.float32)
        codes = np.empty(9, np.int32)
        score = np.empty(LANES, np.float32)
        best = np.empty(LANES, np.float32)
        x_rows = np.empty(width + LANES, np.float32)
        winners = np.empty((y1 - y0, width + LANES), np.int32)
        y_base = ys[(y0 + y1) // 2]
        sums[u] = 0
        for j in range(j0, j1):
            x_base = xs[(cells[j] + cells[j + 1]) // 2]  # positions count from here, so that they stay small
            _prepare(colors, cy, cx, alive, r, j, y_base, x_base, table)
            for o in range(9):
                codes[o] = o if final else (o // 3) * n_columns + j + o % 3 - 1
            for first in range(cells[j], cells[j + 1], LANES):
                for x in range(LANES):
                    x_rows[first + x] = np.float32(xs[first + x] - x_base)
                for y in range(start_row, y1, stride):
                    row = np.float32(ys[y] - y_base)
                    if general is not None and n_bands != 3:
                        _any_bands(planes, y, first, x_rows, row, table, codes, score, best, winners[y - y0])
                        continue
                    start = y * width + first
                    place = (y - y0) * (width + LANES) + first
                    nearest_of_nine(planes, start, plane_step, x_rows, first, row, table, codes, winners, place)  # type: ignore[call-arg]
        for y in range(start_row, y1, stride):
            winner = winners[y - y0]
            if final:
                row_won, row_winner = won[y, left:end], winner[left:end]
                for x in range(end - left):
                    row_won[x] = row_winner[x]
            elif general is None:
                _accumulate_packed(planes, y, y0, left, end, winner, packed)
            else:
                _accumulate(planes, mask, y, left, end, winner, sums[u])
        if general is None:
            _unpack(packed, y0, sums[u])


@kernel_jit
def spread(won, mask, rows, cells, first_label, n_columns, labels, top, end):  # type: ignore[no-untyped-def]
    """Labels (H, W) of the candidates that won, 0 outside the mask.

    rows, cells: first pixel rows and columns of the cells of the image; first_label: of the first cell's own centre;
    n_columns: difference between the labels of a row of centres and of the next.
    """
    for r in range(top, end):
        for y in range(rows[r], rows[r + 1]):
            for j in range(cells.size - 1):
                first = first_label + (r - 1) * n_columns + j - 1
                for x in range(cells[j], cells[j + 1]):
                    o = np.int32(won[y, x])
                    labels[y, x] = first + (o // 3) * n_columns + o % 3
                    if mask is not None and not mask[y, x]:
                        labels[y, x] = 0


@kernel_jit
def count_pieces(won, mask, rows, cells, runs, begun, top, end):  # type: ignore[no-untyped-def]
    """Per row of the labels of `spread`: runs (H,), and runs (H,) that touch none of their label in the row above.

    A connected piece has at least one of the latter, that of its first pixel.
    """
    n_columns = cells.size + 1
    for r in range(top, end):
        for y in range(rows[r], rows[r + 1]):
            row_above = r - 1 if y == rows[r] else r
            before = np.int64(-2)
            n_runs, n_begun = 0, 0
            begins: Any = False  # whether the run touches none of its label so far
            for j in range(cells.size - 1):
                for x in range(cells[j], cells[j + 1]):
                    here = np.int64(-1)
                    if mask is None or mask[y, x]:
                        o = np.int64(won[y, x])
                        here = (r + o // 3) * n_columns + j + o % 3
                    if here != before:
                        n_runs += 1
                        n_begun += begins
                        begins = here >= 0
                        before = here
                    if begins and y > 0 and (mask is None or mask[y - 1, x]):
                        o = np.int64(won[y - 1, x])
                        begins = (row_above + o // 3) * n_columns + j + o % 3 != here
            runs[y] = n_runs
            begun[y] = n_begun + begins
