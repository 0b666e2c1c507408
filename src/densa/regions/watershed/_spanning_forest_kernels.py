"""Kernels of the minimum spanning forest over pixels: Borůvka's rounds, the first of them over all pixels at once.

Pixels are ordered by (value, steps, position) and edges by (higher end, lower end). Arrays are padded and flattened as
in `_plateaus`; the frame holds pixels of other tiles, or is OUTSIDE. A part is a set of pixels known to be joined. It
is *labelled* if it holds a marker, else *open* if it holds a pixel with a neighbour in the frame, else *closed*. The
least edge that leaves a closed part is an edge of the forest whatever lies outside (the cut property).
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.jit import inner_jit, kernel_jit
from densa.parallel import share_pixels
from densa.regions.watershed._plateaus import OUTSIDE
from densa.union_find import find

CLOSED, OPEN, LABELLED = np.uint8(0), np.uint8(1), np.uint8(2)


@njit(nogil=True, inline="always")
def is_lower(values, steps, one, other):  # type: ignore[no-untyped-def]
    """Whether pixel `one` comes before `other`."""
    a, b = values[one], values[other]
    if a != b:
        return a < b
    if steps[one] != steps[other]:
        return steps[one] < steps[other]
    return one < other


@njit(nogil=True, inline="always")
def _edge_is_lower(values, steps, one, its_lower, other, others_lower):  # type: ignore[no-untyped-def]
    """Whether edge (`one`, `its_lower`) comes before (`other`, `others_lower`); the higher ends are named first."""
    if one != other:
        return is_lower(values, steps, one, other)
    return is_lower(values, steps, its_lower, others_lower)


@kernel_jit
def point_to_lowest(values, steps, markers, offsets, row_length, target, top, end):  # type: ignore[no-untyped-def]
    """First round: each pixel points to its lowest neighbour, whichever is lower of the two.

    That is the pixel's least edge. A marker points to itself, and so does a pixel whose lowest neighbour is in the
    frame: that edge is decided when both sides are known. A pixel without a lower neighbour gets -1 - its target.
    """
    n_rows = values.size // row_length
    for row in range(1 + top, 1 + end):
        for column in range(1, row_length - 1):
            pixel = row * row_length + column
            target[pixel] = pixel
            if steps[pixel] == OUTSIDE or markers[pixel] != 0:
                continue
            lowest = -1
            low, its_steps = values[pixel], steps[pixel]
            for offset in offsets:
                there = pixel + offset
                if steps[there] == OUTSIDE:
                    continue
                value = values[there]
                if lowest < 0 or value < low or (value == low and steps[there] < its_steps):
                    lowest, low, its_steps = there, value, steps[there]
            if lowest < 0:
                continue
            if row == 1 or row == n_rows - 2 or column == 1 or column == row_length - 2:
                r, c = lowest // row_length, lowest % row_length
                if r == 0 or r == n_rows - 1 or c == 0 or c == row_length - 1:
                    continue
            target[pixel] = lowest if is_lower(values, steps, lowest, pixel) else -1 - lowest


def follow(steps: NDArray[np.uint8], row_length: int, climb: bool, target: NDArray[np.int32]) -> int:
    """Let each pixel point to the root of its part; returns the number of roots.

    Without `climb`, every pixel without a lower neighbour is a root, and no pixel of a part is higher than the first
    pixel of its path. Otherwise, only the lower one of two pixels that point to each other is a root: fewer parts.
    """
    rows = steps.size // row_length - 2, row_length
    n_roots = np.zeros(rows[0], np.int64)
    share_pixels(_choose_roots, rows, row_length, climb, target)
    share_pixels(_shorten_paths, rows, steps, row_length, target, n_roots)
    share_pixels(_end_paths, rows, row_length, target)
    return int(n_roots.sum())


@kernel_jit
def _choose_roots(row_length, climb, target, top, end):  # type: ignore[no-untyped-def]
    """Let a pixel without a lower neighbour point to its lowest neighbour, or make it a root."""
    for row in range(1 + top, 1 + end):
        for pixel in range(row * row_length + 1, (row + 1) * row_length - 1):
            if target[pixel] < 0:
                there = -1 - target[pixel]
                target[pixel] = there if climb and target[there] != pixel else pixel


@kernel_jit
def _shorten_paths(steps, row_length, target, n_roots, top, end):  # type: ignore[no-untyped-def]
    """Let each pixel point to its root; fills `n_roots`, the number of roots of each row.

    Threads shorten each other's paths, which changes no path's end. But a pixel that one thread has just pointed to its
    root may be pointed back to a pixel of the path by another thread that read the path before: see `_end_paths`.
    """
    for row in range(1 + top, 1 + end):
        for pixel in range(row * row_length + 1, (row + 1) * row_length - 1):
            root = find(target, pixel)
            target[pixel] = root
            n_roots[row - 1] += root == pixel and steps[pixel] != OUTSIDE


@kernel_jit
def _end_paths(row_length, target, top, end):  # type: ignore[no-untyped-def]
    """Let each pixel point to its root, each pixel written by its own thread alone."""
    for row in range(1 + top, 1 + end):
        for pixel in range(row * row_length + 1, (row + 1) * row_length - 1):
            there = target[pixel]
            while target[there] != there:
                there = target[there]
            target[pixel] = there


def number_parts(
    values: NDArray[np.signedinteger],
    steps: NDArray[np.uint8],
    markers: NDArray[np.int32],
    row_length: int,
    target: NDArray[np.int32],
    labels: NDArray[np.int32],
    kinds: NDArray[np.uint8],
    bottoms: NDArray[np.signedinteger],
) -> None:
    """Replace roots by numbers of parts, from 0 in raster order of the roots; -1 where there is none.

    Fills `labels`, the marker of each part, `kinds`, LABELLED or CLOSED, and `bottoms`, the value of each root.
    """
    rows = steps.size // row_length, row_length
    _number_roots(values, steps, markers, row_length, target, labels, kinds, bottoms)
    share_pixels(_copy_numbers, rows, row_length, target)
    share_pixels(_from_zero, rows, row_length, target)


@kernel_jit
def _number_roots(values, steps, markers, row_length, target, labels, kinds, bottoms):  # type: ignore[no-untyped-def]
    """Replace roots by -3 - their numbers, and what is in no part by -2."""
    n_parts = 0
    for pixel in range(target.size):
        at_side = pixel % row_length == 0 or pixel % row_length == row_length - 1
        if steps[pixel] == OUTSIDE or at_side or pixel < row_length or pixel >= target.size - row_length:
            target[pixel] = -2
        elif target[pixel] == pixel:
            target[pixel] = -3 - n_parts
            labels[n_parts] = markers[pixel]
            kinds[n_parts] = LABELLED if markers[pixel] != 0 else CLOSED
            bottoms[n_parts] = values[pixel]
            n_parts += 1


@kernel_jit
def _copy_numbers(row_length, target, top, end):  # type: ignore[no-untyped-def]
    """Copy the numbers of the roots, which are below 0, to their pixels."""
    for pixel in range(top * row_length, end * row_length):
        if target[pixel] >= 0:
            target[pixel] = target[target[pixel]]


@kernel_jit
def _from_zero(row_length, target, top, end):  # type: ignore[no-untyped-def]
    for pixel in range(top * row_length, end * row_length):
        target[pixel] = -3 - target[pixel]


# -- edges between parts -----------------------------------------------------------------------------------------------


@njit(nogil=True, inline="always")
def _is_cut(parts, kinds, one, other):  # type: ignore[no-untyped-def]
    """Whether two neighbours are in different parts of this tile, not both labelled."""
    part, its = parts[one], parts[other]
    return part != its and part >= 0 and its >= 0 and (kinds[part] != LABELLED or kinds[its] != LABELLED)


@kernel_jit
def count_edges(parts, kinds, onward, row_length, counts, top, end):  # type: ignore[no-untyped-def]
    """Number of edges between parts from each row `onward`, except between two labelled parts."""
    for row in range(1 + top, 1 + end):
        for pixel in range(row * row_length + 1, (row + 1) * row_length - 1):
            for offset in onward:
                counts[row] += _is_cut(parts, kinds, pixel, pixel + offset)


@kernel_jit
def list_edges(values, steps, parts, kinds, onward, row_length, starts, higher, lower, top, end):  # type: ignore[no-untyped-def]
    """Higher and lower ends of the edges; those of a row begin at its index in `starts`."""
    for row in range(1 + top, 1 + end):
        place = starts[row]
        for pixel in range(row * row_length + 1, (row + 1) * row_length - 1):
            for offset in onward:
                there = pixel + offset
                if _is_cut(parts, kinds, pixel, there):
                    downward = is_lower(values, steps, there, pixel)
                    higher[place] = pixel if downward else there
                    lower[place] = there if downward else pixel
                    place += 1


@kernel_jit
def join_parts(values, steps, parts, higher, lower, parents, labels, kinds, highest_kind, chosen):  # type: ignore[no-untyped-def]
    """Borůvka's rounds until no part that may choose has an edge left; returns the numbers of edges left and chosen.

    Parts of kinds up to `highest_kind` choose an edge, which is stored in `chosen` (n, 2) with room for one per such
    part. The remaining edges are moved to the front of `higher` and `lower`. `labels` and `kinds` then hold for the
    roots of `parents`.
    """
    best = np.full(parents.size, -1, np.int32)  # the least edge of each part, and the value of its higher end
    best_value = np.empty(parents.size, values.dtype)
    choosing = np.empty(parents.size, np.int32)
    n_choosing, n_edges, n_chosen = 0, higher.size, 0
    for part in range(parents.size):
        if parents[part] == part and kinds[part] <= highest_kind:
            choosing[n_choosing] = part
            n_choosing += 1
    while n_choosing > 0 and n_edges > 0:
        n_edges = _least_edges(
            values, steps, parts, higher, lower, n_edges, parents, kinds, highest_kind, best, best_value
        )
        for k in range(n_choosing):
            edge = best[choosing[k]]
            if edge < 0:
                continue
            one, other = find(parents, np.int64(parts[higher[edge]])), find(parents, np.int64(parts[lower[edge]]))
            if one == other:  # both parts chose it
                continue
            if other < one:
                one, other = other, one
            parents[other] = one
            labels[one] = max(labels[one], labels[other])
            kinds[one] = max(kinds[one], kinds[other])
            chosen[n_chosen, 0], chosen[n_chosen, 1] = higher[edge], lower[edge]
            n_chosen += 1
        n_before, n_choosing = n_choosing, 0
        for k in range(n_before):
            part = choosing[k]
            if best[part] >= 0 and parents[part] == part and kinds[part] <= highest_kind:
                choosing[n_choosing] = part
                n_choosing += 1
            best[part] = -1
    return n_edges, n_chosen


@inner_jit
def _least_edges(  # type: ignore[no-untyped-def]
    values, steps, parts, higher, lower, n_edges, parents, kinds, highest_kind, best, best_value
):
    """The least edge of each part that may choose; returns the number of edges left between parts."""
    n_left = 0
    for i in range(n_edges):
        high, low = higher[i], lower[i]
        one, other = find(parents, np.int64(parts[high])), find(parents, np.int64(parts[low]))
        if one == other or (kinds[one] == LABELLED and kinds[other] == LABELLED):
            continue
        higher[n_left], lower[n_left] = high, low
        value = values[high]
        for part in (one, other):
            if kinds[part] > highest_kind:
                continue
            j = best[part]
            if j >= 0 and value > best_value[part]:
                continue
            if j < 0 or value < best_value[part] or _edge_is_lower(values, steps, high, low, higher[j], lower[j]):
                best[part], best_value[part] = n_left, value
        n_left += 1
    return n_left


# -- levels ----------------------------------------------------------------------------------------------------------


@kernel_jit
def rise_parts(values, parts, chosen, kinds, levels):  # type: ignore[no-untyped-def]
    """Fill `levels` of closed parts: that of the lowest flood that reaches them from a part that is not closed.

    Args:
        values, parts: of the pixels.
        chosen: (m, 2) ends of the edges by which closed parts were joined; they form trees, each with at most one part
            that is not closed.
        kinds: (n,) of the parts before they were joined.
        levels: (n,) level at which the parts that are not closed are flooded; unchanged in trees without such a part.
    """
    n_parts, n_edges = kinds.size, chosen.shape[0]
    ends = np.empty((n_edges, 2), np.int32)
    first = np.zeros(n_parts + 2, np.int32)  # where the edges of a part begin, shifted by one while they are filled in
    for edge in range(n_edges):
        for end in range(2):
            ends[edge, end] = parts[chosen[edge, end]]
            first[ends[edge, end] + 2] += 1
    for part in range(n_parts):
        first[part + 2] += first[part + 1]
    others, altitudes = np.empty(2 * n_edges, np.int32), np.empty(2 * n_edges, values.dtype)
    for edge in range(n_edges):
        for end in range(2):
            place = first[ends[edge, end] + 1]
            others[place], altitudes[place] = ends[edge, 1 - end], values[chosen[edge, 0]]
            first[ends[edge, end] + 1] += 1
    reached = kinds != CLOSED
    stack = np.empty(n_parts, np.int32)
    for root in range(n_parts):
        if kinds[root] == CLOSED:
            continue
        stack[0], n = root, 1
        while n > 0:
            n -= 1
            part = stack[n]
            for k in range(first[part], first[part + 1]):
                if not reached[others[k]]:
                    reached[others[k]] = True
                    levels[others[k]] = max(levels[part], altitudes[k])
                    stack[n] = others[k]
                    n += 1


@kernel_jit
def raise_values(values, parts, levels, raised, top, end):  # type: ignore[no-untyped-def]
    """Values raised to the level of their part; `raised` (h, w) has no frame, and is 0 where there is no part."""
    width = raised.shape[1]
    for row in range(top, end):
        start = (row + 1) * (width + 2) + 1
        for column in range(width):
            part = parts[start + column]
            raised[row, column] = max(values[start + column], levels[part]) if part >= 0 else 0


@kernel_jit
def paint(parts, numbers, painted, top, end):  # type: ignore[no-untyped-def]
    """The number of each pixel's part, 0 where there is none; `painted` (h, w) has no frame."""
    width = painted.shape[1]
    for row in range(top, end):
        start = (row + 1) * (width + 2) + 1
        for column in range(width):
            part = parts[start + column]
            painted[row, column] = numbers[part] if part >= 0 else 0


@kernel_jit
def resolve(parents, labels):  # type: ignore[no-untyped-def]
    """The label of each part, which is stored at its root."""
    found = np.empty(labels.size, labels.dtype)
    for part in range(labels.size):
        found[part] = labels[find(parents, part)]
    return found
