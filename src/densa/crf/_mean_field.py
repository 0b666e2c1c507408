"""Kernels of the dense CRF's mean field: one sweep over the pixels does slice, softmax and splat of an iteration.

Each pixel and each lattice vertex holds a row of classes ("lanes", padded with zeros to the width of vectors). Each
strip of image rows accumulates its own splatted values; the vertices then add the sums of the strips in a fixed order,
so the result does not depend on the number of threads.
"""

# mypy: disable-error-code="no-untyped-def, call-arg, var-annotated, assignment"
# numba infers the types of kernels, and supplies the context argument of intrinsics that mypy reports as missing

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.crf._lanes import exp_below, fill, largest, load, multiply, plus_product, scale, store, total


class Field(NamedTuple):
    """The inputs that are constant over the iterations, for an image of h x w = n pixels and c padded classes.

    Attributes:
        prior: (n, c) float32, exp(-unary energy), so no logarithm is taken; 0 in the padding.
        padding: (c,) float32, 0 for a class and -1e30 for a padding lane.
        valid: (n,) pixels that send and receive messages.
        taps: (2 r + 7,) float32, the smoothness kernel along one axis with three zeros at either end; empty for none.
        smooth_in, smooth_out: (n,) float32 normalisation of the smoothness kernel, before and after the filter.
        smooth_weights: (c,) or transposed matrix (c, c), flattened: weights with which a class receives the filtered
            classes.
        bilateral_in, bilateral_out, bilateral_weights: the same for the appearance kernel.
    """

    prior: NDArray[np.float32]
    padding: NDArray[np.float32]
    valid: NDArray[np.bool_]
    taps: NDArray[np.float32]
    smooth_in: NDArray[np.float32]
    smooth_out: NDArray[np.float32]
    smooth_weights: NDArray[np.float32]
    bilateral_in: NDArray[np.float32]
    bilateral_out: NDArray[np.float32]
    bilateral_weights: NDArray[np.float32]


@njit(nogil=True, cache=True)
def _apply(weights, filtered, place, messages, row, n_lanes, factor, width):
    """messages[row:] += factor * weights * filtered values, where the weights are a vector or a matrix."""
    step = len(width)
    if weights.size == n_lanes:
        for b in range(0, n_lanes, step):
            message = multiply(load(filtered, place + b, width), load(weights, b, width))
            store(messages, row + b, plus_product(load(messages, row + b, width), message, factor))
    else:
        for b in range(0, n_lanes, step):
            received = load(messages, row + b, width)
            for c in range(n_lanes):
                received = plus_product(received, load(weights, c * n_lanes + b, width), factor * filtered[place + c])
            store(messages, row + b, received)


@njit(nogil=True, cache=True)
def _normalise(messages, row, prior, start, n_lanes, width):
    """Prior times the exponential of the messages, divided by the sum over the classes; overwrites the messages."""
    step = len(width)
    top = largest(load(messages, row, width))
    for b in range(step, n_lanes, step):
        top = max(top, largest(load(messages, row + b, width)))
    mass = np.float32(0)
    for b in range(0, n_lanes, step):
        q = multiply(exp_below(load(messages, row + b, width), top), load(prior, start + b, width))
        store(messages, row + b, q)
        mass += total(q)
    share = np.float32(1) / mass
    for b in range(0, n_lanes, step):
        store(messages, row + b, scale(load(messages, row + b, width), share))


@njit(nogil=True, cache=True)
def _four_sums(source, start, stride, low, high, taps, first, width):
    """Four neighbouring outputs of a filter from the same samples: output i takes tap `first` - i + k of sample k.

    Samples low to high - 1 lie `stride` apart from `start` on; taps have three zeros at either end.
    """
    a = fill(np.float32(0), width)
    b, c, d = a, a, a
    for k in range(low, high):
        value = load(source, start + k * stride, width)
        a = plus_product(a, value, taps[first + k])
        b = plus_product(b, value, taps[first + k - 1])
        c = plus_product(c, value, taps[first + k - 2])
        d = plus_product(d, value, taps[first + k - 3])
    return a, b, c, d


@njit(nogil=True, cache=True)
def _blur_down(smoothed, top, bottom, height, row_size, taps, out, width):
    """Rows top to bottom - 1 of the vertical pass of the smoothness kernel, from horizontally blurred rows."""
    radius = (taps.size - 7) // 2
    block = 8 * len(width)  # columns whose rows fit in the first cache
    for left in range(0, row_size, block):
        for y in range(top, bottom, 4):
            low, high = max(0, y - radius), min(height, y + radius + 4)
            for i in range(left, min(left + block, row_size), len(width)):
                a, b, c, d = _four_sums(smoothed, i, row_size, low, high, taps, 3 + radius - y, width)
                place = (y - top) * row_size + i
                store(out, place, a)
                store(out, place + row_size, b)  # `out` has space for three rows beyond the strip
                store(out, place + 2 * row_size, c)
                store(out, place + 3 * row_size, d)


@njit(nogil=True, cache=True)
def _blur_across(padded, n_lanes, row_size, taps, smoothed, start, width):
    """Horizontal pass over a row with `radius` pixels of zeros before it and three more after it."""
    n_taps = taps.size - 6
    for b in range(0, n_lanes, len(width)):
        for i in range(b, row_size, 4 * n_lanes):
            one, two, three, four = _four_sums(padded, i, n_lanes, 0, n_taps + 3, taps, 3, width)
            store(smoothed, start + i, one)
            if i + n_lanes < row_size:
                store(smoothed, start + i + n_lanes, two)
            if i + 2 * n_lanes < row_size:
                store(smoothed, start + i + 2 * n_lanes, three)
            if i + 3 * n_lanes < row_size:
                store(smoothed, start + i + 3 * n_lanes, four)


@njit(nogil=True, cache=True)
def sweep(
    field, lattice, values, sums, smoothed, smoothed_next, extra, rows, image_width, out, width, first, last,
    first_strip, end_strip,
):  # fmt: skip
    """One iteration over all pixels.

    Args:
        field, lattice: the constant inputs; `lattice` has no points if there is no appearance kernel.
        values: (m + 1, c) blurred values of the vertices, from the previous iteration.
        sums: (k, c), filled with the sum splatted to each slot.
        smoothed, smoothed_next: (h, w * c) rows after the horizontal pass: of the previous iteration, and filled.
        extra: (n, c) messages of other potentials, or empty.
        rows: (s + 1,) first image row of each strip.
        image_width: pixels of a row.
        out: (classes, h, w), filled by the last sweep.
        width: tuple whose length is that of the vectors.
        first, last: whether this is the first sweep, before any message, or the last, which sends none.
    """
    n_lanes = field.prior.shape[1]
    n_axes = lattice.neighbours.shape[0]
    row_size = image_width * n_lanes
    radius = max(0, field.taps.size - 7) // 2
    step = len(width)
    flat_values, flat_sums = values.reshape(-1), sums.reshape(-1)
    flat_prior, flat_extra = field.prior.reshape(-1), extra.reshape(-1)
    flat_smoothed, flat_next = smoothed.reshape(-1), smoothed_next.reshape(-1)
    with_lattice, with_smooth, with_extra = lattice.slots.size > 0, field.taps.size > 0, extra.size > 0
    for s in range(first_strip, end_strip):
        top, bottom = rows[s], rows[s + 1]
        smooth = np.empty((bottom - top + 3) * row_size if with_smooth else 0, np.float32)
        messages = np.empty(row_size, np.float32)
        padded = np.zeros(row_size + (2 * radius + 3) * n_lanes, np.float32)
        filtered = np.empty(n_lanes, np.float32)
        base = 0
        if with_lattice:
            base = lattice.slot_starts[s]
            sums[base : lattice.slot_starts[s + 1]] = 0
        if with_smooth and not first:
            _blur_down(flat_smoothed, top, bottom, rows[-1], row_size, field.taps, smooth, width)
        for y in range(top, bottom):
            for x in range(image_width):
                p, row = y * image_width + x, x * n_lanes
                for b in range(0, n_lanes, step):
                    store(messages, row + b, load(field.padding, b, width))
                receives = field.valid[p] and not first
                if receives and with_lattice:
                    for b in range(0, n_lanes, step):
                        sliced = fill(np.float32(0), width)
                        for r in range(n_axes):
                            vertex = lattice.vertex_of_slot[base + lattice.slots[p, r]]
                            value = load(flat_values, vertex * n_lanes + b, width)
                            sliced = plus_product(sliced, value, lattice.weights[p, r])
                        store(filtered, b, sliced)
                    _apply(field.bilateral_weights, filtered, 0, messages, row, n_lanes, field.bilateral_out[p], width)
                if receives and with_smooth:
                    place = (y - top) * row_size + row
                    _apply(field.smooth_weights, smooth, place, messages, row, n_lanes, field.smooth_out[p], width)
                if receives and with_extra:
                    for b in range(0, n_lanes, step):
                        received = load(messages, row + b, width)
                        message = load(flat_extra, p * n_lanes + b, width)
                        store(messages, row + b, plus_product(received, message, np.float32(1)))
                _normalise(messages, row, flat_prior, p * n_lanes, n_lanes, width)
                if last:
                    continue
                if with_lattice and field.valid[p]:
                    for r in range(n_axes):
                        place = (base + lattice.slots[p, r]) * n_lanes
                        factor = lattice.weights[p, r] * field.bilateral_in[p]
                        for b in range(0, n_lanes, step):
                            q = load(messages, row + b, width)
                            store(flat_sums, place + b, plus_product(load(flat_sums, place + b, width), q, factor))
                if with_smooth:
                    for b in range(0, n_lanes, step):
                        q = scale(load(messages, row + b, width), field.smooth_in[p])
                        store(padded, row + radius * n_lanes + b, q)
            if with_smooth and not last:
                _blur_across(padded, n_lanes, row_size, field.taps, flat_next, y * row_size, width)
            if last or with_extra:
                for c in range(out.shape[0]):
                    for x in range(image_width):
                        out[c, y, x] = messages[x * n_lanes + c]


@njit(nogil=True, cache=True)
def gather(first, members, sums, values, width, first_vertex, end_vertex):
    """Add the sums of the strips; `first` and `members` are those of the lattice. Vertex 0 stays 0."""
    n_lanes, step = sums.shape[1], len(width)
    flat_sums, flat_values = sums.reshape(-1), values.reshape(-1)
    for v in range(max(1, first_vertex), end_vertex):
        for b in range(0, n_lanes, step):
            mass = fill(np.float32(0), width)
            for i in range(first[v], first[v + 1]):
                one = load(flat_sums, members[i] * n_lanes + b, width)
                mass = plus_product(mass, one, np.float32(1))
            store(flat_values, v * n_lanes + b, mass)


@njit(nogil=True, cache=True)
def blur(neighbours, values, blurred, width, first_vertex, end_vertex):
    """Blur along one axis, of which the neighbours (m + 1, 2) are given."""
    n_lanes, step = values.shape[1], len(width)
    source, target = values.reshape(-1), blurred.reshape(-1)
    for v in range(max(1, first_vertex), end_vertex):
        before, after = neighbours[v, 0], neighbours[v, 1]
        for b in range(0, n_lanes, step):
            value = load(source, v * n_lanes + b, width)
            value = plus_product(value, load(source, before * n_lanes + b, width), np.float32(0.5))
            value = plus_product(value, load(source, after * n_lanes + b, width), np.float32(0.5))
            store(target, v * n_lanes + b, value)


@njit(nogil=True, cache=True)
def to_rows(probabilities, valid, clip, prior, top, end):
    """Probabilities (c, h, w), clipped to at least `clip`, as rows of classes (h * w, lanes); equal if not valid."""
    n_classes, _, width = probabilities.shape
    for y in range(top, end):
        for x in range(width):
            p = y * width + x
            for c in range(n_classes):
                prior[p, c] = max(probabilities[c, y, x], clip) if valid[p] else np.float32(1)
            for c in range(n_classes, prior.shape[1]):
                prior[p, c] = 0
