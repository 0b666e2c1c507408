"""Kernels of the watershed: flooding over exact levels in linear time, by queues (plain, or with Meyer's lines) or in
step with a binary heap.

The relief is given as a padded, flattened `state`, in which one number holds all that the flooding needs of a pixel:

    state > 0   label of the pixel
    state == 0  border, or outside the mask: never reached; with lines, also a pixel that is queued, or line
    state < 0   not reached yet; its level is ~state

A level is the rank of a pixel's value. All pixels of level c that are reached before the flood is at c fit into the
c-th section of one `queue` with a place for each pixel, first in, first out; no heap is needed. Pixels below the level
of the flood (a basin entered over its rim) are processed at the current level: they go to the `lake`.
"""

import numpy as np
from numba import njit

from densa.jit import inner_jit, kernel_jit

ONE = np.uint64(1)
EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
MOST_UNCERTAIN = 64  # with more pixels of uncertain order in one level, the order is assumed to matter


@kernel_jit
def count_levels(state, levels, counts, marker_counts):  # type: ignore[no-untyped-def]
    """Count the pixels and marker pixels of each level, from `levels` (h, w) and `state`, which is padded by 1."""
    height, width = levels.shape
    for row in range(height):
        for column in range(width):
            here = state[row + 1, column + 1]
            if here != 0:
                counts[levels[row, column]] += 1
            if here > 0:
                marker_counts[levels[row, column]] += 1


@kernel_jit
def enqueue_markers(state, levels, fill, queue):  # type: ignore[no-untyped-def]
    """Put all marker pixels, row by row, into the section of their level; `fill` is the end of each section."""
    height, width = levels.shape
    for row in range(height):
        for column in range(width):
            if state[row + 1, column + 1] > 0:
                level = levels[row, column]
                queue[fill[level]] = (row + 1) * (width + 2) + column + 1
                fill[level] += 1


@kernel_jit
def flood(state, offsets, start, fill, queue, lake, first_level, uncertain):  # type: ignore[no-untyped-def]
    """Meyer's flooding from `first_level` on; marker pixels of one level go in the order of their section.

    `uncertain`, if not empty, says of each level whether the order of its pixels is uncertain. Returns the first level
    at which that order could change a label (`state` is then invalid), or -1.
    """
    entered = np.empty(8 * MOST_UNCERTAIN, np.int64)
    targets = np.empty(8 * MOST_UNCERTAIN, np.uint64)
    for level in range(first_level, start.size):
        c = np.uint64(level)
        n_lake = np.int64(0)
        if uncertain.size and uncertain[level] and fill[level] - start[level] > 1:
            n_lake = _serve_uncertain(state, offsets, start, fill, queue, lake, level, uncertain, entered, targets)
            if n_lake < 0:
                return level
        else:
            for i in range(np.uint64(start[level]), np.uint64(fill[level])):
                n_lake = _enter_neighbours(state, offsets, fill, queue, lake, c, n_lake, queue[i])
        i = 0
        while i < n_lake:
            n_lake = _enter_neighbours(state, offsets, fill, queue, lake, c, n_lake, lake[np.uint64(i)])
            i += 1
    return -1


@inner_jit
def _serve_uncertain(  # type: ignore[no-untyped-def]
    state, offsets, start, fill, queue, lake, level, uncertain, entered, targets
):
    """Process the pixels of a level in uncertain order; returns the lake's length, or -1 where the order could matter.

    It matters if two of them reach the same pixel or both add to the lake. If two of them queue pixels of the same
    higher level, the order of that level becomes uncertain. Otherwise nothing depends on it.
    """
    if fill[level] - start[level] > MOST_UNCERTAIN:
        return -1
    n_entered, n_lake = 0, 0
    for i in range(start[level], fill[level]):
        n_before, n_lake_before = n_entered, n_lake
        for offset in offsets:
            neighbour = queue[i] + offset
            reached = state[neighbour]
            if reached > 0:
                for k in range(n_before):
                    if entered[k] == neighbour:
                        return -1
            if reached >= 0:
                continue
            own = max(~reached, level)
            state[neighbour] = state[queue[i]]
            entered[n_entered], targets[n_entered] = neighbour, own
            n_entered += 1
            if own == level:
                if n_lake_before > 0:
                    return -1
                lake[n_lake] = neighbour
                n_lake += 1
            else:
                queue[fill[own]] = neighbour
                fill[own] += 1
                for k in range(n_before):
                    if targets[k] == own:
                        uncertain[own] = True
    return n_lake


@njit(nogil=True, inline="always")
def _enter_neighbours(state, offsets, fill, queue, lake, level, n_lake, pixel):  # type: ignore[no-untyped-def]
    """Give the label of a pixel to its unreached neighbours and queue them; returns the new length of the lake."""
    label = state[np.uint64(pixel)]
    for offset in offsets:
        neighbour = np.uint64(pixel + offset)
        reached = state[neighbour]
        if reached < 0:
            state[neighbour] = label
            own = np.uint64(~reached)
            if own <= level:
                lake[np.uint64(n_lake)] = neighbour
                n_lake += 1
            else:
                queue[np.uint64(fill[own])] = neighbour
                fill[own] += 1
    return n_lake


# -- Meyer's lines ----------------------------------------------------------------------------------------------------
#
# A pixel waits in the queue without a label, so its state is 0 from then on: only pixels of negative states are queued,
# and only those of positive states have a say in the label of a neighbour.


@kernel_jit
def raise_beside_markers(state, levels, offsets, row_length, counts):  # type: ignore[no-untyped-def]
    """Raise the pixels beside marker pixels to the lowest of those, and count the pixels of each level, markers apart.

    `levels` are padded and flattened as `state` is.
    """
    for pixel in range(row_length, state.size - row_length):
        if state[pixel] >= 0:
            continue
        least = counts.size
        for offset in offsets:
            if state[pixel + offset] > 0:
                least = min(least, np.int64(levels[pixel + offset]))
        if least < counts.size:
            state[pixel] = ~max(~state[pixel], least)
        counts[~state[pixel]] += 1


@kernel_jit
def flood_with_lines(state, offsets, start, fill, queue, lake, row_length):  # type: ignore[no-untyped-def]
    """Meyer's flooding with lines: a pixel served takes the label of its labelled neighbours, or none if they differ.

    `fill` must be `start`: the neighbours of the marker pixels are queued here, in raster order of those. At the end
    state is > 0 in regions, 0 on lines and < 0 where no flood came.
    """
    for pixel in range(row_length, state.size - row_length):
        if state[pixel] > 0:
            _queue_neighbours(state, offsets, fill, queue, lake, -1, 0, pixel)
    for level in range(start.size):
        n_lake = 0
        for i in range(start[level], fill[level]):
            n_lake = _serve(state, offsets, fill, queue, lake, level, n_lake, queue[i])
        i = 0
        while i < n_lake:
            n_lake = _serve(state, offsets, fill, queue, lake, level, n_lake, lake[i])
            i += 1


@inner_jit
def _serve(state, offsets, fill, queue, lake, level, n_lake, pixel):  # type: ignore[no-untyped-def]
    """Decide the label of a queued pixel; returns the new length of the lake."""
    label = 0
    for offset in offsets:
        other = state[pixel + offset]
        if other > 0:
            if label > 0 and other != label:
                return n_lake  # two floods meet: line, which floods nothing
            label = other
    state[pixel] = label
    return _queue_neighbours(state, offsets, fill, queue, lake, level, n_lake, pixel)


@inner_jit
def _queue_neighbours(state, offsets, fill, queue, lake, level, n_lake, pixel):  # type: ignore[no-untyped-def]
    """Queue the neighbours that were not queued before; returns the new length of the lake."""
    for offset in offsets:
        neighbour = pixel + offset
        reached = state[neighbour]
        if reached < 0:
            state[neighbour] = 0
            own = ~reached
            if own <= level:
                lake[n_lake] = neighbour
                n_lake += 1
            else:
                queue[fill[own]] = neighbour
                fill[own] += 1
    return n_lake


# -- the order in which scikit-image's heap returns marker pixels of one level --------------------------------------
#
# scikit-image gives all marker pixels the same age; which of two with the same value comes first depends on their
# positions in its binary heap. To get the same labels, the same heap is maintained here in step with the queue, as long
# as it holds marker pixels with ties. Its items are 64-bit numbers (level, place in the section, number of the marker
# pixel in its level), compared without the last field; place 0 is a marker pixel.


@kernel_jit
def shadow_markers(state, levels, heap, seen, level_shift, place_shift):  # type: ignore[no-untyped-def]
    """Push all marker pixels, row by row; returns the number of items. The heap's root is at 1."""
    height, width = levels.shape
    n_items = np.uint64(0)
    for row in range(height):
        for column in range(width):
            if state[row + 1, column + 1] > 0:
                level = levels[row, column]
                n_items += ONE
                _push(heap, n_items, np.uint64(level) << level_shift | seen[level], place_shift)
                seen[level] += ONE
    return n_items


@njit(nogil=True, inline="always")
def _push(heap, hole, item, place_shift):  # type: ignore[no-untyped-def]
    """Move `item` up from `hole`, the first free place."""
    key = item >> place_shift
    while hole > ONE and key < heap[hole >> ONE] >> place_shift:
        heap[hole] = heap[hole >> ONE]
        hole >>= ONE
    heap[hole] = item


@njit(nogil=True, inline="always")
def _pop(heap, n_items, place_shift):  # type: ignore[no-untyped-def]
    """Remove the root: the last item replaces it and moves down. Its old place becomes EMPTY.

    The smaller child always moves up (the left one where both are equal) down to the bottom, then the item moves back
    up: the result of stopping on the way, with fewer mispredicted branches.
    """
    top = heap[ONE]
    item = heap[n_items]
    heap[n_items] = EMPTY
    if n_items == ONE:
        return top
    key = item >> place_shift
    hole = ONE
    child = np.uint64(2)
    while child < n_items:
        child += np.uint64((heap[child + ONE] >> place_shift) < (heap[child] >> place_shift))
        heap[hole] = heap[child]
        hole = child
        child = hole << ONE
    while hole > ONE and heap[hole >> ONE] >> place_shift >= key:
        heap[hole] = heap[hole >> ONE]
        hole >>= ONE
    heap[hole] = item
    return top


@kernel_jit
def flood_as_heap(  # type: ignore[no-untyped-def]
    state, offsets, start, fill, queue, lake, marker_counts, heap, n_items, n_levels, level_shift, place_shift
):
    """`flood` for the first `n_levels` levels, marker pixels of one level in the order of scikit-image's heap."""
    pushed = np.zeros(start.size, np.uint64)  # pixels of each level pushed so far, markers not counted
    number_mask = (ONE << place_shift) - ONE
    for level in range(n_levels):
        c = np.uint64(level)
        first = np.uint64(start[level])
        n_markers = np.uint64(marker_counts[level])
        n_queued = np.uint64(fill[level]) - first
        n_lake = np.uint64(0)
        i = np.uint64(0)
        while i < n_queued + n_lake:
            top = _pop(heap, n_items, place_shift)
            n_items -= ONE
            if i < n_markers:
                pixel = queue[first + (top & number_mask)]
            elif i < n_queued:
                pixel = queue[first + i]
            else:
                pixel = lake[i - n_queued]
            i += ONE
            label = state[np.uint64(pixel)]
            for offset in offsets:
                neighbour = np.uint64(pixel + offset)
                reached = state[neighbour]
                if reached < 0:
                    state[neighbour] = label
                    own = np.uint64(~reached)
                    if own <= c:
                        own = c
                        lake[n_lake] = neighbour
                        n_lake += ONE
                    else:
                        queue[np.uint64(fill[own])] = neighbour
                        fill[own] += 1
                    pushed[own] += ONE
                    n_items += ONE
                    _push(heap, n_items, own << level_shift | pushed[own] << place_shift, place_shift)
