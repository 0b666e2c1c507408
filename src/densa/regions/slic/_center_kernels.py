"""Kernels of the centres of SLIC: seeds and update."""

import numpy as np

from densa.jit import inner_jit, kernel_jit


@kernel_jit
def fill_seeds(planes, mask, row, column, rows, columns, per_pixel, colors, cy, cx, alive):  # type: ignore[no-untyped-def]
    """Seeds of the cells that begin at `rows` and `columns` of the image; planes begin at (row, column).

    `mask` is None where all pixels belong to the image: what it alone needs is then not compiled.
    """
    n_bands = planes.shape[0]
    for i in range(alive.shape[0]):
        for j in range(alive.shape[1]):
            top, bottom = rows[i] - row, rows[i + 1] - row
            left, right = columns[j] - column, columns[j + 1] - column
            n_valid = (bottom - top) * (right - left)
            if mask is not None:
                n_valid = _count(mask, top, bottom, left, right)
            alive[i, j] = n_valid > 0
            if n_valid == 0:
                continue
            if mask is not None and n_valid < (bottom - top) * (right - left):
                _place_at_mean(planes, mask, top, bottom, left, right, row, column, per_pixel, i, j, colors, cy, cx)
                continue
            y, x = (rows[i] + rows[i + 1] - 1) // 2 - row, (columns[j] + columns[j + 1] - 1) // 2 - column
            dy, dx = _lowest_gradient(planes, y, x, top, bottom, left, right)
            for b in range(n_bands):
                colors[b, i, j] = planes[b, y + dy, x + dx]
            cy[i, j] = np.int64(np.floor(per_pixel * ((rows[i] + rows[i + 1] - 1) / 2 + dy) + 0.5))
            cx[i, j] = np.int64(np.floor(per_pixel * ((columns[j] + columns[j + 1] - 1) / 2 + dx) + 0.5))


@inner_jit
def _count(mask, top, bottom, left, right):  # type: ignore[no-untyped-def]
    n = 0
    for y in range(top, bottom):
        for x in range(left, right):
            n += mask[y, x]
    return n


@inner_jit
def _place_at_mean(planes, mask, top, bottom, left, right, row, column, per_pixel, i, j, colors, cy, cx):  # type: ignore[no-untyped-def]
    """Seed of a cell with masked pixels."""
    sums = np.zeros(3 + planes.shape[0], np.int64)
    for y in range(top, bottom):
        for x in range(left, right):
            if mask[y, x]:
                sums[0] += 1
                sums[1] += y
                sums[2] += x
                for b in range(planes.shape[0]):
                    sums[3 + b] += planes[b, y, x]
    _place(sums, row, column, per_pixel, i, j, colors, cy, cx)


@inner_jit
def _lowest_gradient(planes, y, x, top, bottom, left, right):  # type: ignore[no-untyped-def]
    """Offset of the lowest squared gradient in the 3 x 3 pixels that lie in the cell; ties go to the centre."""
    best_y, best_x = 0, 0
    best = _gradient(planes, y, x)
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            if top <= y + dy < bottom and left <= x + dx < right:
                g = _gradient(planes, y + dy, x + dx)
                if g < best:
                    best, best_y, best_x = g, dy, dx
    return best_y, best_x


@inner_jit
def _gradient(planes, y, x):  # type: ignore[no-untyped-def]
    """|I(x+1, y) - I(x-1, y)|^2 + |I(x, y+1) - I(x, y-1)|^2, border pixels repeated."""
    _, height, width = planes.shape
    up, down = max(y - 1, 0), min(y + 1, height - 1)
    left, right = max(x - 1, 0), min(x + 1, width - 1)
    total = 0
    for b in range(planes.shape[0]):
        dx = np.int64(planes[b, y, right]) - planes[b, y, left]
        dy = np.int64(planes[b, down, x]) - planes[b, up, x]
        total += dx * dx + dy * dy
    return total


@inner_jit
def _place(sums, row, column, per_pixel, i, j, colors, cy, cx):  # type: ignore[no-untyped-def]
    """Set centre (i, j) to the rounded mean of its pixels, counted from (row, column); whether it moved."""
    n = sums[0]
    y = np.int64(np.floor(per_pixel * ((sums[1] + n * row) / n) + 0.5))
    x = np.int64(np.floor(per_pixel * ((sums[2] + n * column) / n) + 0.5))
    moved = y != cy[i, j] or x != cx[i, j]
    cy[i, j], cx[i, j] = y, x
    for b in range(colors.shape[0]):
        c = (2 * sums[3 + b] + n) // (2 * n)
        moved = moved or c != colors[b, i, j]
        colors[b, i, j] = c
    return moved


@kernel_jit
def update(  # type: ignore[no-untyped-def]
    sums, reached, units, i0, i1, j0, j1, row, column, per_pixel, colors, cy, cx, alive, largest
):
    """New centres of cell rows i0 to i1, columns j0 to j1, from the sums of all tasks; whether anything changed.

    A centre without pixels stays.
    """
    n_rows, n_columns = alive.shape
    total = np.zeros((n_rows, n_columns, sums.shape[2]), np.int64)
    changed = False
    for u in range(units.shape[0]):
        for k in range(3 * n_columns):
            i, j = units[u, 0] + k // n_columns - 1, k % n_columns
            if sums[u, k, 0] == 0 or i < i0 or i >= i1 or j < j0 or j >= j1:
                continue
            for f in range(sums.shape[2]):
                total[i, j, f] += sums[u, k, f]
            if reached[u, k] > largest[i, j]:
                largest[i, j] = reached[u, k]
                changed = True
    for i in range(i0, i1):
        for j in range(j0, j1):
            if total[i, j, 0] > 0 and _place(total[i, j], row, column, per_pixel, i, j, colors, cy, cx):
                changed = True
    return changed
