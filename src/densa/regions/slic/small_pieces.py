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
from numpy.typing import NDArray

from densa.jit import inner_jit, kernel_jit
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
        contacts = np.empty((0, 3), np.int32)
        if _merge(chosen, sizes, parent, min_size, small):
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
    return _touching(runs.first, runs.start, runs.piece, extents.last_rows, width, small, 0, runs.n_pieces, 0)


@kernel_jit
def _choose_in_strips(  # type: ignore[no-untyped-def]
    first, start, piece, last_rows, begun, width, small, sizes, min_size, doubtful, chosen, first_strip, end_strip
):
    """The first round: each task decides for the small pieces that begin in its strips of rows."""
    height = first.size - 1
    for s in range(first_strip, end_strip):
        lowest, highest = begun[s * _STRIP], begun[min((s + 1) * _STRIP, height)]
        contacts = _touching(first, start, piece, last_rows, width, small, lowest, highest, s * _STRIP)
        _choose(contacts, sizes, min_size, doubtful, chosen)


@kernel_jit
def _touching(first, start, piece, last_rows, width, small, lowest, highest, top):  # type: ignore[no-untyped-def]
    """Contacts of the small ones of the pieces `lowest` to `highest` - 1, which begin in row `top` or below.

    (n, 3) int32: piece, neighbour, length of a part of their border; grouped by piece.
    """
    bottom = top
    for a in range(lowest, highest):
        if small[a]:
            bottom = max(bottom, np.int64(last_rows[a]) + 1)
    n_most = 0  # each part of a border between two rows ends where a run does
    for y in range(top, bottom):
        n_most += 2 * (first[y + 1] - first[y])
        for side in (y - 1, y + 1):
            if 0 <= side < first.size - 1:
                n_most += first[y + 1] - first[y] + first[side + 1] - first[side]
    found = np.empty((n_most, 3), np.int32)
    counts = np.zeros(highest - lowest + 1, np.int64)
    n = 0
    for y in range(top, bottom):
        for i in range(first[y], first[y + 1]):
            a = piece[i]
            if a < lowest or a >= highest or not small[a]:
                continue
            n_before = n
            left, right = start[i], start[i + 1] if i + 1 < first[y + 1] else width
            for j in (i - 1, i + 1):
                if first[y] <= j < first[y + 1] and piece[j] != a and piece[j] >= 0:
                    found[n, 0], found[n, 1], found[n, 2] = a, piece[j], 1
                    n += 1
            for side in (y - 1, y + 1):
                if side < 0 or side >= first.size - 1:
                    continue
                j, begin = _run_at(start, first[side], first[side + 1], left), left
                while begin < right:
                    stop = start[j + 1] if j + 1 < first[side + 1] else width
                    if piece[j] != a and piece[j] >= 0:
                        found[n, 0], found[n, 1], found[n, 2] = a, piece[j], min(stop, right) - begin
                        n += 1
                    begin = stop
                    j += 1
            counts[a - lowest + 1] += n - n_before
    for a in range(1, counts.size):
        counts[a] += counts[a - 1]
    contacts = np.empty((n, 3), np.int32)
    for i in range(n):
        a = found[i, 0] - lowest
        for column in range(3):
            contacts[counts[a], column] = found[i, column]
        counts[a] += 1
    return contacts


@inner_jit
def _run_at(start, low, high, column):  # type: ignore[no-untyped-def]
    """Which of the runs `low` to `high` - 1 of a row holds a column; `np.searchsorted` takes longer to compile."""
    while high - low > 1:
        middle = (low + high) // 2
        if start[middle] <= column:
            low = middle
        else:
            high = middle
    return low


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
    unsettled = np.zeros(len(sizes), np.bool_)
    _merge(chosen, sizes, parent, min_size, unsettled)
    return _remaining(contacts, parent, unsettled, uncertain, doubtful)


def _withdraw(chosen: NDArray[np.int32], doubtful: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Let pieces of uncertain choice choose themselves; returns which, in a window."""
    if not doubtful.size:
        return doubtful
    uncertain = chosen < 0
    chosen[uncertain] = np.flatnonzero(uncertain)
    return uncertain


@kernel_jit
def _spread_doubt(contacts, parent, unsettled, uncertain, doubtful):  # type: ignore[no-untyped-def]
    """Mark what was merged into a piece of uncertain choice, and small pieces that such a piece might have joined."""
    fickle = uncertain.copy()
    for i in range(contacts.shape[0]):
        if unsettled[contacts[i, 0]] and uncertain[contacts[i, 1]]:
            fickle[find(parent, np.int64(contacts[i, 0]))] = True
    for a in range(parent.size):
        if fickle[find(parent, a)]:
            doubtful[a] = True


@kernel_jit
def _choose(contacts, sizes, min_size, doubtful, chosen):  # type: ignore[no-untyped-def]
    """Neighbour that each small piece joins, itself for none, -1 where a neighbour is doubtful."""
    i = np.int64(0)  # a literal would be compiled for once more
    while i < contacts.shape[0]:
        a = contacts[i, 0]
        end = i + 1
        while end < contacts.shape[0] and contacts[end, 0] == a:
            end += 1
        chosen[a] = _choice(contacts, i, end, sizes, min_size, doubtful)
        i = end


@inner_jit
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


@kernel_jit
def _merge(chosen, sizes, parent, min_size, unsettled):  # type: ignore[no-untyped-def]
    """Carry out the choices, which always point to larger pieces and so form no cycle.

    Marks the pieces that are then part of one below `min_size`; returns whether there are any.
    """
    before = sizes.copy()
    for a in range(chosen.size):
        if chosen[a] != a:
            parent[a] = chosen[a]
    for a in range(chosen.size):
        if chosen[a] != a:
            sizes[find(parent, a)] += before[a]
    any_unsettled = False
    for a in range(parent.size):
        unsettled[a] = sizes[find(parent, a)] < min_size
        any_unsettled |= unsettled[a]
    return any_unsettled


@kernel_jit
def _any_run(first, start, piece, marked, top, bottom, left, right):  # type: ignore[no-untyped-def]
    """Whether a window of an image has a pixel of a marked piece."""
    for y in range(top, bottom):
        i = _run_at(start, first[y], first[y + 1], left)
        while i < first[y + 1] and start[i] < right:
            if piece[i] >= 0 and marked[piece[i]]:
                return True
            i += 1
    return False


@kernel_jit
def _keep_unsettled(contacts, parent, unsettled, doubtful):  # type: ignore[no-untyped-def]
    """Move the contacts that are kept to the front, as contacts of the merged pieces; returns their number."""
    n = 0
    for i in range(contacts.shape[0]):
        a = contacts[i, 0]
        if not unsettled[a] or (doubtful.size and doubtful[a]):
            continue
        one, other = find(parent, np.int64(a)), find(parent, np.int64(contacts[i, 1]))
        if one != other:
            contacts[n, 0], contacts[n, 1], contacts[n, 2] = one, other, contacts[i, 2]
            n += 1
    return n
