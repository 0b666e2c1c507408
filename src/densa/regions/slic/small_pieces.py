"""Absorption of small connected pieces by their neighbours, by a rule that does not depend on the order of processing.

In each round, a piece below the minimum size joins the large neighbour with which it shares the longest border (ties:
the earlier one); without a large neighbour it joins the largest of its neighbours that is larger than itself. All
pieces of a round choose from the same state. The reference code takes the last neighbour found by a raster scan.

In a window of a larger image, pieces that touch its open sides are doubtful: their size depends on pixels outside. The
choice of a small piece beside a doubtful one is uncertain, so it becomes doubtful; so does a merged piece that is still
small where a neighbour with an uncertain choice might have joined it. A large piece remains one whatever joins it, so
doubt spreads only along chains of small pieces.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.parallel import share_items
from densa.regions.shared.runs import Extents, Runs, connected_runs, paint, piece_extents
from densa.union_find import find, number_sets

_STRIP = 256  # one task handles the pieces that begin in so many rows


def absorb_small_pieces(labels: NDArray[np.int32], min_size: float, out: NDArray[np.int32]) -> int:
    """Write the 4-connected pieces of `labels` into `out`, those below `min_size` pixels merged into neighbours.

    Args:
        labels: (H, W) labels, 0: no region; may be `out` itself.
        min_size: pixels below which a piece is absorbed; a piece without neighbours stays.
        out: (H, W) regions from 1 in raster order of their first pixel, 0: no region.

    Returns:
        Number of regions.
    """
    return absorb_pieces(connected_runs(labels, 1), labels.shape[1], min_size, np.empty(0, np.bool_), out)


class Sides(NamedTuple):
    """Sides of a window beyond which the image continues."""

    top: bool
    bottom: bool
    left: bool
    right: bool


def absorb_in_window(
    labels: NDArray[np.int32], min_size: float, open_sides: Sides, wanted: tuple[slice, slice], out: NDArray[np.int32]
) -> bool:
    """As `absorb_small_pieces`, of a window of a larger image.

    Args:
        labels, min_size, out: of the window.
        open_sides: where the image continues.
        wanted: rows and columns of the window.

    Returns:
        Whether the wanted pixels have the same regions as in the whole image, apart from their numbers.
    """
    runs = connected_runs(labels, 1)
    doubtful = cut_pieces(runs, open_sides)
    absorb_pieces(runs, labels.shape[1], min_size, doubtful, out)
    rows, columns = wanted
    return not _any_run(*runs[:3], doubtful, rows.start, rows.stop, columns.start, columns.stop)


def cut_pieces(runs: Runs, open_sides: Sides) -> NDArray[np.bool_]:
    """Which pieces may continue outside the window."""
    first, _, piece, n_pieces = runs
    ends = np.concatenate(
        [
            piece[: first[1] if open_sides.top else 0],
            piece[first[-2] if open_sides.bottom else len(piece) :],
            piece[first[:-1] if open_sides.left else slice(0)],
            piece[first[1:] - 1 if open_sides.right else slice(0)],
        ]
    )
    cut = np.zeros(n_pieces, np.bool_)
    cut[ends[ends >= 0]] = True
    return cut


def absorb_pieces(runs: Runs, width: int, min_size: float, doubtful: NDArray[np.bool_], out: NDArray[np.int32]) -> int:
    """Merge the small pieces and paint; returns the number of regions. `doubtful` is empty except in a window."""
    extents = piece_extents(runs, width)
    sizes = extents.sizes
    parent = np.arange(runs.n_pieces, dtype=np.int32)
    small = sizes < min_size
    if doubtful.size:
        small &= ~doubtful
    if small.any():
        chosen = np.arange(runs.n_pieces, dtype=np.int32)
        n_strips = -(-(len(runs.first) - 1) // _STRIP)
        share_items(
            _choose_in_strips, n_strips, runs.first, runs.start, runs.piece, extents.last_rows, extents.begun, width,
            small, sizes, min_size, doubtful, chosen,
        )  # fmt: skip
        uncertain = _withdraw(chosen, doubtful)
        _merge(chosen, sizes, parent)
        contacts = np.empty((0, 3), np.int32)
        if _find_unsettled(sizes, parent, min_size, small):
            contacts = _contacts(runs, extents, width, small)
        contacts = _remaining(contacts, parent, small, uncertain, doubtful)
        while len(contacts):
            contacts = _absorb(contacts, sizes, parent, min_size, doubtful)
    values = np.empty(runs.n_pieces, np.int32)
    n_regions = number_sets(parent, values)
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


@njit(nogil=True, cache=True)
def _choose_in_strips(  # type: ignore[no-untyped-def]
    first, start, piece, last_rows, begun, width, small, sizes, min_size, doubtful, chosen, first_strip, end_strip
):
    """The first round: each task decides for the small pieces that begin in its strip of rows."""
    height = first.size - 1
    for s in range(first_strip, end_strip):
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
                chosen[a] = _choice(contacts, i, end, sizes, min_size, doubtful)
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
    while x < width:  # along the border of two rows, from one end of a run to the next
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


def _remaining(
    contacts: NDArray[np.int32],
    parent: NDArray[np.int32],
    unsettled: NDArray[np.bool_],
    uncertain: NDArray[np.bool_],
    doubtful: NDArray[np.bool_],
) -> NDArray[np.int32]:
    """Contacts of the merged pieces that are still small and not doubtful, grouped by piece; overwrites `contacts`."""
    if doubtful.size:
        _spread_doubt(contacts, parent, unsettled, uncertain, doubtful)
    contacts = contacts[: _keep_unsettled(contacts, parent, unsettled, doubtful)]
    return contacts[np.argsort(contacts[:, 0], kind="stable")]


def _absorb(
    contacts: NDArray[np.int32],
    sizes: NDArray[np.int64],
    parent: NDArray[np.int32],
    min_size: float,
    doubtful: NDArray[np.bool_],
) -> NDArray[np.int32]:
    """A later round of merging; returns the contacts of the pieces that are still small."""
    chosen = np.arange(len(sizes), dtype=np.int32)
    _choose(contacts, sizes, min_size, doubtful, chosen)
    uncertain = _withdraw(chosen, doubtful)
    _merge(chosen, sizes, parent)
    unsettled = np.zeros(len(sizes), np.bool_)
    _find_unsettled(sizes, parent, min_size, unsettled)
    return _remaining(contacts, parent, unsettled, uncertain, doubtful)


def _withdraw(chosen: NDArray[np.int32], doubtful: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Let pieces of uncertain choice choose themselves; returns which, in a window."""
    if not doubtful.size:
        return doubtful
    uncertain = chosen < 0
    chosen[uncertain] = np.flatnonzero(uncertain)
    return uncertain


@njit(nogil=True, cache=True)
def _spread_doubt(contacts, parent, unsettled, uncertain, doubtful):  # type: ignore[no-untyped-def]
    """Mark what was merged into a piece of uncertain choice, and small pieces that such a piece might have joined."""
    fickle = uncertain.copy()
    for i in range(contacts.shape[0]):
        if unsettled[contacts[i, 0]] and uncertain[contacts[i, 1]]:
            fickle[find(parent, contacts[i, 0])] = True
    for a in range(parent.size):
        if fickle[find(parent, a)]:
            doubtful[a] = True


@njit(nogil=True, cache=True)
def _choose(contacts, sizes, min_size, doubtful, chosen):  # type: ignore[no-untyped-def]
    """Neighbour that each small piece joins, itself for none, -1 where a neighbour is doubtful."""
    i = 0
    while i < contacts.shape[0]:
        a = contacts[i, 0]
        end = i + 1
        while end < contacts.shape[0] and contacts[end, 0] == a:
            end += 1
        chosen[a] = _choice(contacts, i, end, sizes, min_size, doubtful)
        i = end


@njit(nogil=True, cache=True)
def _choice(contacts, start, end, sizes, min_size, doubtful):  # type: ignore[no-untyped-def]
    """Large neighbour with the longest border, else the largest of the larger neighbours; -1: one is doubtful."""
    if doubtful.size:
        for j in range(start, end):
            if doubtful[contacts[j, 1]]:
                return -1
    n = 0
    for j in range(start, end):  # move the neighbours to the front, each with its whole border
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
    """Carry out the choices, which always point to larger pieces and so form no cycle."""
    before = sizes.copy()
    for a in range(chosen.size):
        if chosen[a] != a:
            parent[a] = chosen[a]
    for a in range(chosen.size):
        if chosen[a] != a:
            sizes[find(parent, a)] += before[a]


@njit(nogil=True, cache=True)
def _find_unsettled(sizes, parent, min_size, unsettled):  # type: ignore[no-untyped-def]
    """Mark the pieces that are part of one below `min_size`; whether there are any."""
    for a in range(parent.size):
        unsettled[a] = sizes[find(parent, a)] < min_size
    return unsettled.any()


@njit(nogil=True, cache=True)
def _any_run(first, start, piece, marked, top, bottom, left, right):  # type: ignore[no-untyped-def]
    """Whether a window of an image has a pixel of a marked piece."""
    for y in range(top, bottom):
        i = first[y] + np.searchsorted(start[first[y] : first[y + 1]], left, side="right") - 1
        while i < first[y + 1] and start[i] < right:
            if piece[i] >= 0 and marked[piece[i]]:
                return True
            i += 1
    return False


@njit(nogil=True, cache=True)
def _keep_unsettled(contacts, parent, unsettled, doubtful):  # type: ignore[no-untyped-def]
    """Move the contacts that are kept to the front, as contacts of the merged pieces; returns their number."""
    n = 0
    for i in range(contacts.shape[0]):
        a = contacts[i, 0]
        if not unsettled[a] or (doubtful.size and doubtful[a]):
            continue
        one, other = find(parent, a), find(parent, contacts[i, 1])
        if one != other:
            contacts[n, 0], contacts[n, 1], contacts[n, 2] = one, other, contacts[i, 2]
            n += 1
    return n
