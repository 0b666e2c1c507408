"""Plateaus of a relief: those without a lower neighbour, and the distances of pixels to where a plateau descends.

All arrays are padded by one pixel on every side and flattened; `offsets` are those of the neighbours in raster order
(`neighbour_offsets`). `steps` holds for each pixel

    OUTSIDE    beyond the border or outside the mask: not a neighbour of any pixel
    0          it has a strictly lower neighbour, or is a marker
    1 to most  steps inside its plateau to the nearest pixel of 0; also 0 if that is farther away or there is none

and, until `fill_steps`, PENDING where a pixel has no lower neighbour but an equal one, LONE where it has neither.
"""

import numpy as np
from numpy.typing import NDArray

from densa.jit import kernel_jit

OUTSIDE = np.uint8(255)
INSIDE = np.uint8(254)
PENDING = np.uint8(253)
LONE = np.uint8(252)


def neighbour_offsets(connectivity: int, row_length: int) -> NDArray[np.int64]:
    """Offsets of the neighbours in a padded, flattened image, in raster order (a tuple would be compiled for twice)."""
    upward = [-row_length, -1] if connectivity == 1 else [-row_length - 1, -row_length, -row_length + 1, -1]
    return np.array([*upward, *(-offset for offset in reversed(upward))])


@kernel_jit
def compare_with_neighbours(values, steps, offsets, row_length, top, end):  # type: ignore[no-untyped-def]
    """From INSIDE to 0, PENDING or LONE; 0 stays."""
    for row in range(1 + top, 1 + end):
        for pixel in range(row * row_length + 1, (row + 1) * row_length - 1):
            if steps[pixel] != INSIDE:
                continue
            here = values[pixel]
            lower, equal = False, False
            for offset in offsets:
                there = values[pixel + offset]
                inside = steps[pixel + offset] != OUTSIDE
                lower |= inside & (there < here)
                equal |= inside & (there == here)
            steps[pixel] = 0 if lower else (PENDING if equal else LONE)


@kernel_jit
def number_minima(values, steps, offsets, row_length, labels, stack):  # type: ignore[no-untyped-def]
    """Number the plateaus without a lower neighbour from 1, in raster order of their first pixels; returns the count.

    `labels` must be 0. A plateau ends at the frame, which must be OUTSIDE.
    """
    n_minima = 0
    for pixel in range(row_length, values.size - row_length):
        if labels[pixel] != 0 or (steps[pixel] != PENDING and steps[pixel] != LONE):
            continue
        n_minima += 1
        labels[pixel] = n_minima
        if steps[pixel] == LONE:
            continue
        stack[0] = pixel
        n_pixels, i, low = 1, 0, False
        while i < n_pixels:
            here = stack[i]
            i += 1
            low |= steps[here] == 0
            for offset in offsets:
                there = here + offset
                if labels[there] != n_minima and steps[there] != OUTSIDE and values[there] == values[pixel]:
                    labels[there] = n_minima
                    stack[n_pixels] = there
                    n_pixels += 1
        if low:
            n_minima -= 1
            for i in range(n_pixels):
                labels[stack[i]] = -1
    for pixel in range(labels.size):
        labels[pixel] = max(labels[pixel], 0)
    return n_minima


@kernel_jit
def fill_steps(values, steps, offsets, row_length, most):  # type: ignore[no-untyped-def]
    """From PENDING and LONE to the number of steps, breadth first from the pixels of 0."""
    n_pending = 0
    for pixel in range(row_length, steps.size - row_length):
        n_pending += steps[pixel] == PENDING
    queue = np.empty(n_pending, np.int64)
    n_queued = 0
    for pixel in range(row_length, steps.size - row_length):
        if steps[pixel] == PENDING:
            for offset in offsets:
                if steps[pixel + offset] == 0 and values[pixel + offset] == values[pixel]:
                    queue[n_queued] = pixel
                    n_queued += 1
                    break
    first = 0
    for i in range(n_queued):
        steps[queue[i]] = 1
    for distance in range(2, most + 1):
        last = n_queued
        for i in range(first, last):
            pixel = queue[i]
            for offset in offsets:
                if steps[pixel + offset] == PENDING and values[pixel + offset] == values[pixel]:
                    steps[pixel + offset] = distance
                    queue[n_queued] = pixel + offset
                    n_queued += 1
        first = last
    for pixel in range(steps.size):
        if steps[pixel] == PENDING or steps[pixel] == LONE:
            steps[pixel] = 0
