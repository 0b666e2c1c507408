"""Kernel of SLICO: the distance of SLIC with each centre's own largest colour distance in place of the compactness."""

import numpy as np

from densa.jit import kernel_jit


@kernel_jit
def assign_adaptive(  # type: ignore[no-untyped-def]
    planes,
    mask,
    colors,
    cy,
    cx,
    alive,
    cells,
    j0,
    j1,
    ys,
    xs,
    largest,
    unit_squared,
    units,
    phase,
    stride,
    sums,
    reached,
    won,
    first,
    end,
):
    """As `_assign_kernels.assign`, with D^2 = d_c^2 / largest + d_s^2 / S^2.

    largest (rows, columns) int64: squared colour distance that counts as 1; unit_squared: S^2 in steps;
    reached (n_units, 3 * columns) int64: largest squared colour distance of the pixels that a centre won.
    """
    n_bands = planes.shape[0]
    n_rows, n_columns = alive.shape
    final = won.size > 0
    longest = 0
    for j in range(j0, j1):
        longest = max(longest, cells[j + 1] - cells[j])
    for u in range(first, end):
        r, y0, y1 = units[u]
        sums[u] = 0
        reached[u] = 0
        best = np.empty(longest, np.float64)
        best_color = np.empty(longest, np.int64)
        winner = np.empty(longest, np.int64)
        color = np.empty(longest, np.int64)
        for j in range(j0, j1):
            start, n = cells[j], cells[j + 1] - cells[j]
            for y in range(y0 + (phase - y0) % stride, y1, stride):
                best[:] = np.inf
                winner[:] = -1
                for o in range(9):
                    i, k = r + o // 3 - 1, j + o % 3 - 1
                    if i < 0 or i >= n_rows or k < 0 or k >= n_columns or not alive[i, k]:
                        continue
                    color[:n] = 0
                    for b in range(n_bands):
                        c = np.int32(colors[b, i, k])
                        for x in range(n):
                            difference = np.int64(planes[b, y, start + x] - c)
                            color[x] += difference * difference
                    dy = ys[y] - cy[i, k]
                    for x in range(n):
                        dx = xs[start + x] - cx[i, k]
                        distance = color[x] / largest[i, k] + (dy * dy + dx * dx) / unit_squared
                        if distance < best[x]:
                            best[x] = distance
                            best_color[x] = color[x]
                            winner[x] = o
                for x in range(n):
                    if final:
                        won[y, start + x] = winner[x]
                        continue
                    if mask is not None and not mask[y, start + x]:
                        continue
                    k = (winner[x] // 3) * n_columns + j + winner[x] % 3 - 1
                    reached[u, k] = max(reached[u, k], best_color[x])
                    sums[u, k, 0] += 1
                    sums[u, k, 1] += y
                    sums[u, k, 2] += start + x
                    for b in range(n_bands):
                        sums[u, k, 3 + b] += planes[b, y, start + x]
