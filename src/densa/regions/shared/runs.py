"""Connected pieces of a label image, by union-find over the runs of equal labels in its rows.

Runs are indexed in raster order, so the smallest index of a piece is the run of its first pixel: pieces are numbered
in raster order of their first pixel, for any number of threads.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.jit import kernel_jit
from densa.parallel import share_items, share_pixels
from densa.union_find import unite

_STRIP = 64  # rows joined by one task; the strips are joined to each other afterwards


class Runs(NamedTuple):
    """Runs of equal labels: row y holds runs first[y] to first[y + 1] - 1."""

    first: NDArray[np.int64]
    start: NDArray[np.int32]
    piece: NDArray[np.int32]  # connected piece of a run, from 0; -1 where the label is 0
    n_pieces: int


def connected_runs(labels: NDArray[np.generic], connectivity: int, background: bool = True) -> Runs:
    """Runs of `labels` (H, W) and the connected piece of each.

    Connectivity 1: 4 neighbours, 2: 8. `background`: pixels of label 0 are in no piece.
    """
    height, _ = labels.shape
    first = np.zeros(height + 1, np.int64)
    share_pixels(_count, labels.shape, labels, first)
    np.cumsum(first, out=first)
    start = np.empty(first[-1], np.int32)
    parent = np.empty(first[-1], np.int32)
    share_pixels(_fill, labels.shape, labels, background, first, start, parent)
    share_items(_join_rows, height, labels, first, start, parent, connectivity - 1, chunk=_STRIP)
    for seam in range(_STRIP, height, _STRIP):
        _join_rows(labels, first, start, parent, connectivity - 1, seam - 1, seam + 1)
    return Runs(first, start, parent, _number(parent))


def paint(runs: Runs, values: NDArray[np.int32], out: NDArray[np.int32]) -> None:
    """Write values[piece] over the runs of each piece and 0 elsewhere into `out` (H, W)."""
    share_pixels(_paint, out.shape, runs.first, runs.start, runs.piece, values, out)


def connected_pieces(
    labels: NDArray[np.generic], connectivity: int, background: bool = True
) -> tuple[NDArray[np.int32], int]:
    """Connected pieces of `labels` (H, W), numbered from 1 in raster order, 0 where there is none; and their number.

    The arguments are those of `connected_runs`.
    """
    runs = connected_runs(labels, connectivity, background)
    out = np.empty(labels.shape, np.int32)
    paint(runs, np.arange(1, runs.n_pieces + 1, dtype=np.int32), out)
    return out, runs.n_pieces


class Extents(NamedTuple):
    """Pixels and last row of each piece; number of pieces that begin above each row (H + 1)."""

    sizes: NDArray[np.int64]
    last_rows: NDArray[np.int32]
    begun: NDArray[np.int64]


def piece_extents(runs: Runs, width: int) -> Extents:
    """Sizes and rows of the pieces of an image of that width."""
    extents = Extents(
        np.zeros(runs.n_pieces, np.int64), np.zeros(runs.n_pieces, np.int32), np.zeros(len(runs.first), np.int64)
    )
    _extents(runs.first, runs.start, runs.piece, width, *extents)
    return extents


@kernel_jit
def _count(labels, first, top, end):  # type: ignore[no-untyped-def]
    for y in range(top, end):
        n = 1
        for x in range(1, labels.shape[1]):
            n += labels[y, x] != labels[y, x - 1]
        first[y + 1] = n


@kernel_jit
def _fill(labels, background, first, start, parent, top, end):  # type: ignore[no-untyped-def]
    for y in range(top, end):
        i = first[y]
        start[i] = 0
        parent[i] = i if labels[y, 0] != 0 or not background else -1
        for x in range(1, labels.shape[1]):
            if labels[y, x] != labels[y, x - 1]:
                i += 1
                start[i] = x
                parent[i] = i if labels[y, x] != 0 or not background else -1


@kernel_jit
def _join_rows(labels, first, start, parent, reach, top, end):  # type: ignore[no-untyped-def]
    """Join the runs of each row from `top` + 1 to `end` - 1 with those of the row above."""
    width = labels.shape[1]
    for y in range(top + 1, end):
        above, above_end = first[y - 1], first[y]
        here, here_end = first[y], first[y + 1]
        while above < above_end and here < here_end:
            above_stop = np.int64(start[above + 1]) if above + 1 < above_end else width
            here_stop = np.int64(start[here + 1]) if here + 1 < here_end else width
            if (
                start[here] < above_stop + reach
                and start[above] < here_stop + reach
                and parent[here] >= 0
                and labels[y, start[here]] == labels[y - 1, start[above]]
            ):
                unite(parent, above, here)
            # where two runs end together, 8-connectivity also compares each of them with the run after the other
            if reach and above_stop == here_stop and above + 1 < above_end and here + 1 < here_end:
                for turn in range(2):
                    i, j = above + turn, here + 1 - turn
                    if parent[i] >= 0 and parent[j] >= 0 and labels[y - 1, start[i]] == labels[y, start[j]]:
                        unite(parent, i, j)
            above += above_stop <= here_stop
            here += here_stop <= above_stop


@kernel_jit
def _number(parent):  # type: ignore[no-untyped-def]
    """Replace parents by consecutive numbers; a parent precedes its children, so one pass is enough."""
    n = 0
    for i in range(parent.size):
        if parent[i] < 0:
            continue
        if parent[i] == i:
            parent[i] = n
            n += 1
        else:
            parent[i] = parent[parent[i]]
    return n


@kernel_jit
def _extents(first, start, piece, width, sizes, last_rows, begun):  # type: ignore[no-untyped-def]
    n = 0
    for y in range(first.size - 1):
        for i in range(first[y], first[y + 1]):
            stop = start[i + 1] if i + 1 < first[y + 1] else width
            if piece[i] >= 0:
                sizes[piece[i]] += stop - start[i]
                last_rows[piece[i]] = y
                n = max(n, piece[i] + 1)
        begun[y + 1] = n


@kernel_jit
def _paint(first, start, piece, values, out, top, end):  # type: ignore[no-untyped-def]
    for y in range(top, end):
        for i in range(first[y], first[y + 1]):
            stop = start[i + 1] if i + 1 < first[y + 1] else out.shape[1]
            value = values[piece[i]] if piece[i] >= 0 else 0
            for x in range(start[i], stop):
                out[y, x] = value
