"""Kernel of the watershed over a binary heap: compact, with scikit-image's lines, or plain where items of 64 bits are
too short.

With lines or compactness, a pixel's label is decided when it is served, not when it is queued, and it may be queued
several times, once by each neighbour that reached it; so the heap holds (value, age, pixel, source). Steps and order
are those of scikit-image, so that with markers of equal age labels are equal to its labels.
"""

import numpy as np
from numba import njit

from densa.jit import inner_jit, kernel_jit


@njit(nogil=True, inline="always")
def _before(values, ages, a, b):  # type: ignore[no-untyped-def]
    """Whether slot a leaves the heap before slot b."""
    return values[a] < values[b] or (values[a] == values[b] and ages[a] < ages[b])


@inner_jit
def _sift_up(heap, values, ages, hole):  # type: ignore[no-untyped-def]
    """Restore the heap after a slot was put at `hole`, its last place."""
    slot = heap[hole]
    while hole > 0 and _before(values, ages, slot, heap[(hole - 1) >> 1]):
        heap[hole] = heap[(hole - 1) >> 1]
        hole = (hole - 1) >> 1
    heap[hole] = slot


@inner_jit
def _take_first(heap, values, ages, n_items):  # type: ignore[no-untyped-def]
    """Remove and return the first slot, which is stored after the last item, free for reuse."""
    first, slot = heap[0], heap[n_items - 1]
    n_items -= 1
    hole = 0
    while 2 * hole + 1 < n_items:
        child = 2 * hole + 1
        if child + 1 < n_items and _before(values, ages, heap[child + 1], heap[child]):
            child += 1
        if not _before(values, ages, heap[child], slot):
            break
        heap[hole] = heap[child]
        hole = child
    heap[hole] = slot
    heap[n_items] = first
    return first


@inner_jit
def _longer(array, filler):  # type: ignore[no-untyped-def]
    """Twice as long a copy; new places hold `filler`, or their own index where it is negative."""
    longer = np.empty(2 * array.size, array.dtype)
    longer[: array.size] = array
    for i in range(array.size, longer.size):
        longer[i] = i if filler < 0 else filler
    return longer


@inner_jit
def _meets_other_label(labels, inside, offsets, pixel, label):  # type: ignore[no-untyped-def]
    """Whether a neighbour that is not on a line carries another label."""
    for offset in offsets:
        other = labels[pixel + offset]
        if inside[pixel + offset] and other != 0 and other != label:
            return True
    return False


@kernel_jit
def flood_by_heap(  # type: ignore[no-untyped-def]
    relief, labels, inside, markers, marker_ages, offsets, row_length, compactness, lines
):
    """Fill `labels` (flat, padded by 1; 0: none yet, marker pixels given) from the flat indices `markers`.

    `marker_ages`, below the number of markers, decide between markers of one value; where they are equal too, the
    heap does. `inside` is False on the border and outside the mask, and becomes False on lines. Floods pass through
    line pixels as through others; lines are drawn only where `compactness` is 0.
    """
    n_slots = max(markers.size, 1024)
    heap = np.arange(n_slots)
    values = np.empty(n_slots, np.float64)
    ages = np.empty(n_slots, np.int64)
    pixels = np.empty(n_slots, np.int64)
    sources = np.empty(n_slots, np.int64)
    for i in range(markers.size):
        values[i], ages[i], pixels[i], sources[i] = relief[markers[i]], marker_ages[i], markers[i], markers[i]
        _sift_up(heap, values, ages, i)
    late = lines or compactness > 0
    n_items, age = markers.size, markers.size
    while n_items > 0:
        slot = _take_first(heap, values, ages, n_items)
        n_items -= 1
        value, pixel, source = values[slot], pixels[slot], sources[slot]
        if late and labels[pixel] != 0 and pixel != source:
            continue  # labelled since, from another neighbour
        if not lines or compactness > 0:
            labels[pixel] = labels[source]
        elif inside[pixel]:
            if _meets_other_label(labels, inside, offsets, pixel, labels[source]):
                inside[pixel] = False
            else:
                labels[pixel] = labels[source]
        for offset in offsets:
            neighbour = pixel + offset
            if not inside[neighbour] or labels[neighbour] != 0:
                continue
            if n_items == heap.size:
                heap, values, ages = _longer(heap, -1), _longer(values, 0), _longer(ages, 0)
                pixels, sources = _longer(pixels, 0), _longer(sources, 0)
            price = relief[neighbour]
            if compactness > 0:
                rows = neighbour // row_length - source // row_length
                columns = neighbour % row_length - source % row_length
                price += compactness * np.sqrt(np.float64(rows * rows + columns * columns))
            if not late:
                labels[neighbour] = labels[source]
            age += 1
            slot = heap[n_items]
            values[slot], ages[slot], pixels[slot], sources[slot] = max(price, value), age, neighbour, source
            _sift_up(heap, values, ages, n_items)
            n_items += 1
