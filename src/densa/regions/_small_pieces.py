"""Absorption of small connected pieces by their neighbours, by a rule that knows no order.

Round by round, a piece below the wanted size joins the large neighbour with which it shares the longest border (ties:
the earlier one); without a large neighbour it joins the largest of its neighbours that is larger than itself. All
pieces of a round decide from the same state. The reference code takes the neighbour that a raster scan saw last.
"""

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from densa.regions._runs import Extents, Runs, connected_runs, paint, piece_extents, root

_STRIP = 256  # rows whose pieces one task sees to


def absorb_small_pieces(labels: NDArray[np.int32], min_size: float, out: NDArray[np.int32]) -> int:
    """Write the 4-connected pieces of `labels` into `out`, those below `min_size` pixels merged into neighbours.

    Args:
        labels: (H, W) labels, 0: no region; may be `out` itself.
        min_size: pixels below which a piece is absorbed; a piece without neighbours stays.
        out: (H, W) regions from 1 in raster order of their first pixel, 0: no region.

    Returns:
        Number of regions.
    """
    runs = connected_runs(labels, 1)
    extents = piece_extents(runs, labels.shape[1])
    sizes = extents.sizes
    parent = np.arange(runs.n_pieces, dtype=np.int32)
    small = sizes < min_size
    if small.any():
        width = labels.shape[1]
        chosen = np.arange(runs.n_pieces, dtype=np.int32)
        _choose_in_strips(
            runs.first, runs.start, runs.piece, extents.last_rows, extents.begun, width, small, sizes, min_size, chosen
        )
        _merge(chosen, sizes, parent)
        if _find_unsettled(sizes, parent, min_size, small):
            contacts = _renamed(_contacts(runs, extents, width, small), parent)
            while len(contacts):
                contacts = _absorb(contacts, sizes, parent, min_size)
    values = np.empty(runs.n_pieces, np.int32)
    n_regions = _renumber(parent, values)
    paint(runs, values, out)
    return n_regions


def _contacts(runs: Runs, extents: Extents, width: int, small: NDArray[np.bool_]) -> NDArray[np.int32]:
    """(n, 3): small piece, neighbour, border length; grouped by piece, a neighbour perhaps several times."""
    places = np.zeros(runs.n_pieces + 1, np.int64)
    arguments = (runs.first, runs.start, runs.piece, extents.last_rows, width, small, places)
    _touch_all(*arguments, np.empty((0, 3), np.int32))
    np.cumsum(places, out=places)
    contacts = np.empty((int(places[-1]), 3), np.int32)
    _touch_all(*arguments, contacts)
    return contacts


@njit(nogil=True, cache=True)
def _touch(one, other, length, base, places, contacts):  # type: ignore[no-untyped-def]
    """Count the contact of two pieces or, in the second pass, write it at its place; `base` is the first piece's."""
    if contacts.shape[0]:
        i = places[one - base]
        contacts[i, 0], contacts[i, 1], contacts[i, 2] = one, other, length
        places[one - base] += 1
    else:
        places[one - base + 1] += 1


@njit(nogil=True, cache=True)
def _last_row(small, last_rows, lowest, highest):  # type: ignore[no-untyped-def]
    """Last row of the small pieces in a range; -2 for none."""
    last = -2
    for a in range(lowest, highest):
        if small[a]:
            last = max(last, last_rows[a])
    return last


@njit(nogil=True, cache=True, parallel=True)
def _choose_in_strips(first, start, piece, last_rows, begun, width, small, sizes, min_size, chosen):  # type: ignore[no-untyped-def]
    """The first round: each task decides for the small pieces that begin in its strip of rows."""
    height = first.size - 1
    for s in prange((height + _STRIP - 1) // _STRIP):
        y0 = s * _STRIP
        lowest, highest = begun[y0], begun[min(y0 + _STRIP, height)]
        y1 = min(_last_row(small, last_rows, lowest, highest) + 2, height)
        places = np.zeros(highest - lowest + 1, np.int64)
        none = np.empty((0, 3), np.int32)
        for y in range(y0, y1):
            _touch_row(first, start, piece, width, small, lowest, places, none, y, lowest, highest)
        for a in range(1, places.size):
            places[a] += places[a - 1]
        contacts = np.empty((places[-1], 3), np.int32)
        for y in range(y0, y1):
            _touch_row(first, start, piece, width, small, lowest, places, contacts, y, lowest, highest)
        i = 0
        for a in range(lowest, highest):
            end = places[a - lowest]
            if end > i:
                chosen[a] = _choice(contacts, i, end, sizes, min_size)
            i = end


@njit(nogil=True, cache=True)
def _touch_all(first, start, piece, last_rows, width, small, places, contacts):  # type: ignore[no-untyped-def]
    """The contacts of all small pieces."""
    n_pieces = places.size - 1
    for y in range(min(_last_row(small, last_rows, 0, n_pieces) + 2, first.size - 1)):
        _touch_row(first, start, piece, width, small, 0, places, contacts, y, 0, n_pieces)


@njit(nogil=True, cache=True)
def _touch_row(first, start, piece, width, small, base, places, contacts, y, lowest, highest):  # type: ignore[no-untyped-def]
    end = first[y + 1]
    for i in range(first[y] + 1, end):
        a, b = piece[i - 1], piece[i]
        if a != b and a >= 0 and b >= 0:
            if lowest <= a < highest and small[a]:
                _touch(a, b, 1, base, places, contacts)
            if lowest <= b < highest and small[b]:
                _touch(b, a, 1, base, places, contacts)
    if y == 0:
        return
    above, here = first[y - 1], first[y]
    x = 0
    while x < width:  # along the seam of two rows, from one end of a run to the next
        above_stop = start[above + 1] if above + 1 < first[y] else width
        here_stop = start[here + 1] if here + 1 < end else width
        stop = min(above_stop, here_stop)
        a, b = piece[above], piece[here]
        if a != b and a >= 0 and b >= 0:
            if lowest <= a < highest and small[a]:
                _touch(a, b, stop - x, base, places, contacts)
            if lowest <= b < highest and small[b]:
                _touch(b, a, stop - x, base, places, contacts)
        above += above_stop == stop
        here += here_stop == stop
        x = stop


def _renamed(contacts: NDArray[np.int32], parent: NDArray[np.int32]) -> NDArray[np.int32]:
    """Contacts of the merged pieces, grouped by piece."""
    _rename(contacts, parent)
    contacts = contacts[contacts[:, 0] != contacts[:, 1]]
    return contacts[np.argsort(contacts[:, 0], kind="stable")]


def _absorb(
    contacts: NDArray[np.int32], sizes: NDArray[np.int64], parent: NDArray[np.int32], min_size: float
) -> NDArray[np.int32]:
    """A later round of merging; returns the contacts of the pieces that are still small."""
    chosen = np.arange(len(sizes), dtype=np.int32)
    _choose(contacts, sizes, min_size, chosen)
    _merge(chosen, sizes, parent)
    unsettled = np.zeros(len(sizes), np.bool_)
    _find_unsettled(sizes, parent, min_size, unsettled)
    return _renamed(contacts[unsettled[contacts[:, 0]]], parent)


@njit(nogil=True, cache=True)
def _choose(contacts, sizes, min_size, chosen):  # type: ignore[no-untyped-def]
    """Neighbour that each small piece joins, itself for none."""
    i = 0
    while i < contacts.shape[0]:
        a = contacts[i, 0]
        end = i + 1
        while end < contacts.shape[0] and contacts[end, 0] == a:
            end += 1
        chosen[a] = _choice(contacts, i, end, sizes, min_size)
        i = end


@njit(nogil=True, cache=True)
def _choice(contacts, start, end, sizes, min_size):  # type: ignore[no-untyped-def]
    """Large neighbour with the longest border, else the largest of the larger neighbours."""
    n = 0
    for j in range(start, end):  # bring the neighbours to the front, each with its whole border
        b = contacts[j, 1]
        k = start
        while k < start + n and contacts[k, 1] != b:
            k += 1
        if k < start + n:
            contacts[k, 2] += contacts[j, 2]
            contacts[j, 2] = 0
        else:
            contacts[j, 1], contacts[k, 1] = contacts[k, 1], b
            contacts[j, 2], contacts[k, 2] = contacts[k, 2], contacts[j, 2]
            n += 1
    best, best_border, largest = -1, 0, contacts[start, 0]
    for j in range(start, start + n):
        b, border = contacts[j, 1], contacts[j, 2]
        if sizes[b] >= min_size:
            if border > best_border or (border == best_border and b < best):
                best, best_border = b, border
        elif sizes[b] > sizes[largest] or (sizes[b] == sizes[largest] and b < largest):
            largest = b
    return best if best >= 0 else largest


@njit(nogil=True, cache=True)
def _merge(chosen, sizes, parent):  # type: ignore[no-untyped-def]
    """Carry out the choices, which point to ever larger pieces and so make no circle."""
    before = sizes.copy()
    for a in range(chosen.size):
        if chosen[a] != a:
            parent[a] = chosen[a]
    for a in range(chosen.size):
        if chosen[a] != a:
            sizes[root(parent, a)] += before[a]


@njit(nogil=True, cache=True)
def _find_unsettled(sizes, parent, min_size, unsettled):  # type: ignore[no-untyped-def]
    """Mark the pieces that are part of one below `min_size`; whether there are any."""
    for a in range(parent.size):
        unsettled[a] = sizes[root(parent, a)] < min_size
    return unsettled.any()


@njit(nogil=True, cache=True)
def _rename(contacts, parent):  # type: ignore[no-untyped-def]
    for i in range(contacts.shape[0]):
        contacts[i, 0] = root(parent, contacts[i, 0])
        contacts[i, 1] = root(parent, contacts[i, 1])


@njit(nogil=True, cache=True)
def _renumber(parent, values):  # type: ignore[no-untyped-def]
    """Number the merged pieces from 1 by their first piece."""
    numbers = np.zeros(parent.size, np.int32)
    n = 0
    for i in range(parent.size):
        k = root(parent, i)
        if numbers[k] == 0:
            n += 1
            numbers[k] = n
        values[i] = numbers[k]
    return n
