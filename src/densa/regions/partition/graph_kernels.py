"""Kernels that collect regions and their borders in one part of a raster, in integers only: parts add up exactly.

A part is a core with one row below and one column to the right (with 8 neighbours, one to the left as well), as far as
the raster extends: every pair of neighbouring pixels is counted in the core that holds the pair's upper, or left,
pixel. Regions have local numbers from 1 in order of first appearance (`compact`); squares are 128-bit numbers, two
uint64: high, low.
"""

import numpy as np

from densa.jit import inner_jit, kernel_jit
from densa.pixel_areas import area_of_run, value_at
from densa.regions.shared.hashing import doubled, grown, slot_of

BORDER_COLUMNS = 5  # pixel pairs, pixel sides, first pixel of the lower region, of the higher, sum of contrasts
LENGTH, SIDES, PLACE, BEYOND, CONTRAST = range(BORDER_COLUMNS)


@kernel_jit
def count_runs(regions):  # type: ignore[no-untyped-def]
    """Runs of one region along the rows."""
    n = np.int64(0)
    for y in range(regions.shape[0]):
        for x in range(regions.shape[1]):
            n += regions[y, x] > 0 and (x == 0 or regions[y, x - 1] != regions[y, x])
    return n


@kernel_jit
def compact(regions, local):  # type: ignore[no-untyped-def]
    """Fill `local` (h, w) int32; return the regions (m + 1,) int64 by local number, entry 0 is 0."""
    height, width = regions.shape
    numbers = np.zeros(256, np.int64)
    table = np.full(1024, -1, np.int64)
    table[slot_of(table, numbers, 0)] = 0
    n = 1
    for y in range(height):
        for x in range(width):
            k = np.int64(regions[y, x])
            if k == 0:
                local[y, x] = 0
            elif x > 0 and regions[y, x - 1] == k:
                local[y, x] = local[y, x - 1]
            elif y > 0 and regions[y - 1, x] == k:
                local[y, x] = local[y - 1, x]
            else:
                at = slot_of(table, numbers, k)
                if table[at] < 0:
                    if n == numbers.size:
                        numbers = doubled(numbers)
                    numbers[n] = k
                    table[at] = n
                    n += 1
                    local[y, x] = n - 1
                    if 4 * n > table.size:
                        table = grown(table, numbers, n)
                else:
                    local[y, x] = table[at]
    return numbers[:n].copy()


@kernel_jit
def add_shapes(local, left, core, raster, ground, n_pixels, areas, first, box, perimeter, outline):  # type: ignore[no-untyped-def]
    """Pixels, areas, first pixels, boxes and perimeters of the regions of a part.

    Args:
        local: (h, w) local numbers of the part.
        left: column of `local` where the core begins.
        core: (row, column, height, width) of the core in the raster.
        raster: (height, width).
        ground: `PixelAreas` of the rows of the core, of pixel sides along their borders, and along columns.
        n_pixels, perimeter: (m + 1,) zeros.
        areas, outline: (m + 1,) zeros; empty where they are not wanted.
        first: (m + 1,) -1.
        box: (m + 1, 4) initialised with a number above all rows and columns, twice, and 0, twice.
    """
    top, start, height, width = core
    end = left + width
    for y in range(height):
        row = top + y
        x = left
        while x < end:
            k = local[y, x]
            x1 = x + 1
            while x1 < end and local[y, x1] == k:
                x1 += 1
            column = start + x - left
            if k > 0:
                if first[k] < 0:
                    first[k] = row * raster[1] + column
                n_pixels[k] += x1 - x
                if areas.size:
                    areas[k] += area_of_run(ground[0], y, column, column + x1 - x)
                box[k, 0] = min(box[k, 0], row)
                box[k, 1] = min(box[k, 1], column)
                box[k, 2] = max(box[k, 2], row + 1)
                box[k, 3] = max(box[k, 3], column + x1 - x)
                perimeter[k] += (int(row == 0) + int(row == raster[0] - 1)) * (x1 - x)
                perimeter[k] += int(column == 0) + int(column + x1 - x == raster[1])
                if outline.size:
                    if row == 0:
                        outline[k] += area_of_run(ground[1], y, column, column + x1 - x)
                    if row == raster[0] - 1:
                        outline[k] += area_of_run(ground[1], y + 1, column, column + x1 - x)
                    if column == 0:
                        outline[k] += value_at(ground[2], y, 0)
                    if column + x1 - x == raster[1]:
                        outline[k] += value_at(ground[2], y, raster[1])
            if x1 < local.shape[1] and local[y, x1] != k:
                perimeter[k] += 1
                perimeter[local[y, x1]] += 1
                if outline.size:
                    side = value_at(ground[2], y, column + x1 - x)
                    outline[k] += side
                    outline[local[y, x1]] += side
            if y + 1 < local.shape[0]:
                for i in range(x, x1):
                    below = local[y + 1, i]
                    if below != k:
                        perimeter[k] += 1
                        perimeter[below] += 1
                        if outline.size:
                            side = area_of_run(ground[1], y + 1, column + i - x, column + i - x + 1)
                            outline[k] += side
                            outline[below] += side
            x = x1


@kernel_jit
def add_values(local, left, core, pixels, steps, origin, sums, squares, low, high):  # type: ignore[no-untyped-def]
    """Sums and extremes of the regions of a core.

    Args:
        local, left, core: as `add_shapes`.
        pixels: (B, h, w) values of a block that holds the part, for the extremes.
        steps: (B, h, w) whole numbers, for the sums; the same array where the pixels are small integers.
        origin: (row, column) of the part in the block.
        sums: (m + 1, B) int64 zeros.
        squares: (m + 1, B, 2) uint64 zeros.
        low, high: (m + 1, B) in the dtype of `pixels`, initialised with its largest and its smallest value.
    """
    narrow = steps.itemsize <= 2  # the squares of a run fit 64 bits
    _, _, height, width = core
    dy, dx = origin
    end = left + width
    for y in range(height):
        x = left
        while x < end:
            k = local[y, x]
            x1 = x + 1
            while x1 < end and local[y, x1] == k:
                x1 += 1
            if k > 0:
                for b in range(pixels.shape[0]):
                    least, most = low[k, b], high[k, b]
                    for i in range(dx + x, dx + x1):
                        least = min(least, pixels[b, dy + y, i])
                        most = max(most, pixels[b, dy + y, i])
                    low[k, b], high[k, b] = least, most
                    if narrow:
                        _add_narrow(steps[b, dy + y, dx + x : dx + x1], sums, squares, k, b)
                    else:
                        _add_wide(steps[b, dy + y, dx + x : dx + x1], sums, squares, k, b)
            x = x1


@inner_jit
def _add_narrow(run, sums, squares, k, b):  # type: ignore[no-untyped-def]
    total, square = np.int64(0), np.int64(0)
    for i in range(run.size):
        value = np.int64(run[i])
        total += value
        square += value * value
    sums[k, b] += total
    _add(squares, k, b, np.uint64(0), np.uint64(square))


@inner_jit
def _add_wide(run, sums, squares, k, b):  # type: ignore[no-untyped-def]
    total = np.int64(0)
    for i in range(run.size):
        value = np.int64(run[i])
        total += value
        high, low = product(np.uint64(abs(value)), np.uint64(abs(value)))
        _add(squares, k, b, high, low)
    sums[k, b] += total


@inner_jit
def _add(squares, k, b, high, low):  # type: ignore[no-untyped-def]
    """128-bit addition."""
    total = squares[k, b, 1] + low
    squares[k, b, 0] += high + np.uint64(total < low)
    squares[k, b, 1] = total


@inner_jit
def product(a, b):  # type: ignore[no-untyped-def]
    """128-bit product of two uint64: high, low."""
    half, mask = np.uint64(32), np.uint64(0xFFFFFFFF)
    a1, a0, b1, b0 = a >> half, a & mask, b >> half, b & mask
    low = a0 * b0
    middle = a1 * b0 + (low >> half)
    other = a0 * b1 + (middle & mask)
    return a1 * b1 + (middle >> half) + (other >> half), (other << half) | (low & mask)


@kernel_jit
def borders(local, numbers, left, core, raster_width, reach, steps, origin, contrast_step):  # type: ignore[no-untyped-def]
    """Borders between the regions of a part.

    Args:
        local, left, core: as `add_shapes`.
        numbers: (m + 1,) regions by local number.
        raster_width: columns of the raster.
        reach: 1: pixels have 4 neighbours, 2: 8.
        steps, origin: as `add_values`; `steps` may have no band.
        contrast_step: unit of the contrasts, in units of `steps`.

    Returns:
        (e,) keys ``i << 32 | j`` of the regions i < j, in any order; (e, 5) int64 borders (`LENGTH` to `CONTRAST`).
    """
    top, start, height, width = core
    keys, pairs = np.empty(256, np.int64), np.empty((256, BORDER_COLUMNS), np.int64)
    table = np.full(1024, -1, np.int64)
    n = 0
    for y in range(height):
        for direction in range(2 * reach):
            dy = int(direction != 0)
            dx = (1 if direction in (0, 2) else 0) - int(direction == 3)
            if y + dy >= local.shape[0]:
                continue
            last_key, last = np.int64(-1), np.int64(0)
            for x in range(max(left, -dx), min(left + width, local.shape[1] - dx)):
                a, b = local[y, x], local[y + dy, x + dx]
                if a == b or a == 0 or b == 0:
                    continue
                place = (top + y) * raster_width + start + x - left
                beyond = place + dy * raster_width + dx
                i, j = numbers[a], numbers[b]
                if i > j:
                    i, j, place, beyond = j, i, beyond, place
                key = (i << 32) | j
                if key != last_key:
                    at = slot_of(table, keys, key)
                    if table[at] < 0:
                        if n == keys.size:
                            keys, pairs = doubled(keys), doubled(pairs)
                        keys[n], table[at] = key, n
                        pairs[n] = 0
                        pairs[n, PLACE], pairs[n, BEYOND] = place, beyond
                        n += 1
                        if 4 * n > table.size:
                            table = grown(table, keys, n)
                            at = slot_of(table, keys, key)
                    last_key, last = key, table[at]
                pairs[last, LENGTH] += 1
                pairs[last, SIDES] += int(direction < 2)
                pairs[last, PLACE] = min(pairs[last, PLACE], place)
                pairs[last, BEYOND] = min(pairs[last, BEYOND], beyond)
                if steps.shape[0]:
                    squared, r, c = 0.0, origin[0] + y, origin[1] + x
                    for band in range(steps.shape[0]):
                        difference = np.float64(steps[band, r, c]) - np.float64(steps[band, r + dy, c + dx])
                        squared += difference * difference
                    pairs[last, CONTRAST] += np.int64(np.sqrt(squared) / contrast_step + 0.5)
    return keys[:n].copy(), pairs[:n].copy()


@kernel_jit
def squared_deviations(n_pixels, sums, squares, out):  # type: ignore[no-untyped-def]
    """Sum of squared deviations from the mean, in squared steps, rounded once at the end.

    With the sum S = n m + r, abs(r) <= n / 2, it is squares - m (S + r) - r^2 / n: an integer less a fraction that is
    at most half of it, so nothing cancels. Fills `out` (m + 1, B) float64.
    """
    for k in range(n_pixels.size):
        n = n_pixels[k]
        for b in range(sums.shape[1]):
            if n == 0:
                out[k, b] = 0
                continue
            total = sums[k, b]
            m = (total + n // 2) // n
            r = total - m * n
            other = total + r
            high, low = product(np.uint64(abs(m)), np.uint64(abs(other)))
            if (m < 0) == (other < 0):
                rest_low = squares[k, b, 1] - low
                rest_high = squares[k, b, 0] - high - np.uint64(squares[k, b, 1] < low)
            else:  # the product is 0
                rest_low, rest_high = squares[k, b, 1], squares[k, b, 0]
            rest = np.float64(rest_high) * 18446744073709551616.0 + np.float64(rest_low)
            out[k, b] = rest - np.float64(r) * (np.float64(r) / n)


@kernel_jit
def gather_rows(table, rows, out):  # type: ignore[no-untyped-def]
    """Add row k of `rows` to row table[k] of `out`; both are tuples of columns, some of which may be empty."""
    n_pixels, areas, sums, squares, box, perimeter, outline, first = rows
    to_n, to_areas, to_sums, to_squares, to_box, to_perimeter, to_outline, to_first = out
    for k in range(table.size):
        t = table[k]
        if to_perimeter.size:
            to_perimeter[t] += perimeter[k]
        if to_outline.size:
            to_outline[t] += outline[k]
        if n_pixels[k] == 0:
            continue
        if to_first.size and (to_n[t] == 0 or first[k] < to_first[t]):
            to_first[t] = first[k]
        if to_areas.size:
            to_areas[t] += areas[k]
        for b in range(sums.shape[1]):
            if to_sums.size:
                to_sums[t, b] += sums[k, b]
            if to_squares.size:
                _add(to_squares, t, b, squares[k, b, 0], squares[k, b, 1])
        for side in range(2 if to_box.size else 0):
            to_box[t, side] = box[k, side] if to_n[t] == 0 else min(to_box[t, side], box[k, side])
            to_box[t, side + 2] = max(to_box[t, side + 2], box[k, side + 2])
        to_n[t] += n_pixels[k]
