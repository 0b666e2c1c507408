"""Join the pieces of regions in every tile to numbered regions of the raster, by union-find over the faces of tiles.

Regions are numbered in raster order of their first pixels, so the numbers do not depend on the tiles. Only pieces at
the faces of tiles can continue in another tile; all others are regions already, and are only counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.errors import InputError
from densa.raster import Window
from densa.raster.grid import inside
from densa.regions.shared.distinct import distinct
from densa.regions.shared.runs import connected_pieces
from densa.union_find import unite

if TYPE_CHECKING:
    from densa.engine.regions.stages.store import Store
    from densa.raster.grid import Grid

__all__ = [
    "MAX_REGIONS",
    "Pixels",
    "check_count",
    "describe_fragments",
    "face_links",
    "fragment_arrays",
    "label_fragments",
    "number_fragments",
]

MAX_REGIONS = 2**31 - 1  # regions are numbered in int32

Pixels = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Rows and columns of pixels in a block."""


# ------------------------------------------------------------------------------------------------ in one tile


def fragment_arrays(
    fragments: NDArray[np.int32],
    core: Window,
    window: Window,
    raster_width: int,
    connectivity: int,
    joined: Callable[[Pixels, Pixels], NDArray[np.bool_]],
) -> dict[str, NDArray[np.generic]]:
    """The arrays of a tile that `number_fragments` needs.

    Args:
        fragments: (h, w) pieces of the core from 1, 0: none.
        core, window, connectivity, joined: see `face_links`.
        raster_width: columns of the raster.

    Returns:
        "fragments" (h, w) int32, "firsts" (n,) int64, "right" (h, 3) and "down" (w, 3) bool; and "faces"
        (2 w + 2 h,) int32, the pieces at the top, bottom, left and right, so that the rest need not be unpacked.
    """
    right, down = face_links(core, window, connectivity, joined)
    return {
        "fragments": fragments,
        "faces": np.concatenate((fragments[0], fragments[-1], fragments[:, 0], fragments[:, -1])),
        "firsts": describe_fragments(fragments, core, raster_width),
        "right": right,
        "down": down,
    }


def face_links(
    core: Window, window: Window, connectivity: int, joined: Callable[[Pixels, Pixels], NDArray[np.bool_]]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pixels at the right and lower face of a core are joined to their neighbours beyond.

    Args:
        core: of the tile.
        window: of the block: the core and at least one pixel around it, clipped to the raster.
        connectivity: 1: pixels have 4 neighbours, 2: 8.
        joined: given n pixels of the block and n neighbours, (rows, columns) each, returns which of the pairs are in
            one region, (n,) bool; such as ``lambda a, b: (labels[a] == labels[b]) & (labels[a] > 0)``.

    Returns:
        "right" (h, 3): pixel (y, last column) and (y + d - 1, next column) are joined; "down" (w, 3): pixel
        (last row, x) and (next row, x + d - 1). Pixels of diagonal tiles are in "down" alone.
    """
    top, left = core.row - window.row, core.column - window.column
    bottom, end = top + core.height, left + core.width
    right = np.zeros((core.height, 3), np.bool_)
    down = np.zeros((core.width, 3), np.bool_)
    for d in (1,) if connectivity == 1 else (0, 1, 2):
        if end < window.width:
            rows = np.arange(max(top, top + 1 - d), min(bottom, bottom + 1 - d))
            here = (rows, np.full_like(rows, end - 1))
            right[rows - top, d] = joined(here, (rows + d - 1, here[1] + 1))
        if bottom < window.height:
            columns = np.arange(max(left, 1 - d), min(end, window.width + 1 - d))
            here = (np.full_like(columns, bottom - 1), columns)
            down[columns - left, d] = joined(here, (here[0] + 1, columns + d - 1))
    return right, down


def describe_fragments(
    fragments: NDArray[np.int32], core: Window, raster_width: int, n_fragments: int | None = None
) -> NDArray[np.int64]:
    """The first pixel of each piece of a tile.

    Args:
        fragments: (h, w) pieces of the core from 1, 0: none; every number up to the largest occurs.
        core: of the tile.
        raster_width: columns of the raster.
        n_fragments: largest number; None: found from `fragments`.

    Returns:
        (n,) int64 ``row * raster_width + column`` of each piece's first pixel in raster order.
    """
    n = int(fragments.max(initial=0)) if n_fragments is None else n_fragments
    firsts = np.full(n, -1, np.int64)
    _first_pixels(fragments, core.row, core.column, raster_width, firsts)
    return firsts


@njit(nogil=True, cache=True)
def _first_pixels(fragments, row, column, raster_width, firsts):  # type: ignore[no-untyped-def]
    for y in range(fragments.shape[0]):
        start = (row + y) * raster_width + column
        for x in range(fragments.shape[1]):
            piece = fragments[y, x]
            if piece > 0 and firsts[piece - 1] < 0:
                firsts[piece - 1] = start + x


# ---------------------------------------------------------------------------------------------- in the raster


def number_fragments(store: Store, stage_name: str, grid: Grid) -> int:
    """Join the pieces of all tiles and number the regions from 1 in raster order of their first pixel.

    Saves "numbers" for every tile, (n + 1,) int32 with 0 in front: the region of each of its pieces; and the table
    "regions" with their "count". Memory: 16 bytes for a piece that touches the face of a tile, and the first pixels of
    one row of tiles.

    Args:
        store: holds "firsts", "faces", "right" and "down" of every tile, see `fragment_arrays`.
        stage_name: the stage that made them.
        grid: of the raster.

    Returns:
        The number of regions.

    Raises:
        InputError: there are more regions than int32 can number; nothing is saved.
    """
    faces = _join_faces(store, stage_name, grid)
    count = faces.n_closed + faces.close()
    check_count(count)
    _number_rows(store, stage_name, grid, faces)
    store.save_table("regions", {"count": np.array(count, np.int64)})
    return count


def check_count(count: int) -> None:
    """Refuse more regions than int32 can number."""
    if count > MAX_REGIONS:
        raise InputError(
            f"there are {count} regions, at most {MAX_REGIONS} can be numbered; work on parts of the raster, or make "
            "fewer regions"
        )


class _Faces:
    """Union-find over the pieces that touch the face of a tile; `pieces[k]` are those of tile k, ascending.

    They are numbered in the order of the tiles: those of tile k from `offsets[k]`.
    """

    def __init__(self) -> None:
        self.pieces: list[NDArray[np.int32]] = []
        self.offsets = [0]
        self.n_closed = 0  # pieces that touch no face
        self._parents = np.empty(1024, np.int64)
        self._firsts = np.empty(1024, np.int64)

    def add(self, at_faces: NDArray[np.int32], firsts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Add the next tile; returns the numbers of the pieces along its faces, -1 where there is none."""
        pieces = distinct(at_faces)
        pieces = pieces[pieces > 0]
        start, stop = self.offsets[-1], self.offsets[-1] + len(pieces)
        if stop > len(self._parents):
            self._parents = np.resize(self._parents, 2 * stop)
            self._firsts = np.resize(self._firsts, 2 * stop)
        self._parents[start:stop] = np.arange(start, stop)
        self._firsts[start:stop] = firsts[pieces - 1]
        self.pieces.append(pieces)
        self.offsets.append(stop)
        self.n_closed += len(firsts) - len(pieces)
        return np.where(at_faces > 0, start + np.searchsorted(pieces, at_faces), -1)

    def join(self, one: NDArray[np.int64], other: NDArray[np.int64], links: NDArray[np.bool_]) -> None:
        """Join the pieces along a face where `links` says so."""
        _join(self._parents, one, other, links)

    def close(self) -> int:
        """Set the root of every piece, and the first pixel of the region of every root; returns the number of roots."""
        n = self.offsets[-1]
        self._parents, self._firsts = self._parents[:n], self._firsts[:n]
        return int(_close(self._parents, self._firsts))

    def roots(self, number: int) -> NDArray[np.int64]:
        """Roots of the pieces at the faces of a tile."""
        return self._parents[self.offsets[number] : self.offsets[number + 1]]

    def firsts(self, roots: NDArray[np.int64]) -> NDArray[np.int64]:
        """First pixels of the regions of `roots`."""
        return self._firsts[roots]

    def __len__(self) -> int:
        return self.offsets[-1]


def _join_faces(store: Store, stage_name: str, grid: Grid) -> _Faces:
    """Join pieces across faces, tile by tile; only the row of pixels above the row of tiles is kept."""
    faces = _Faces()
    above = np.empty(0, np.int64)
    links_above = np.empty((0, 3), np.bool_)
    for row in range(grid.n_rows):
        top = np.empty(grid.width, np.int64)
        bottom = np.empty(grid.width, np.int64)
        links_below = np.empty((grid.width, 3), np.bool_)
        beside = links_beside = None
        for number in range(row * grid.n_columns, (row + 1) * grid.n_columns):
            core = grid.tile(number)[0]
            columns = slice(core.column, core.column + core.width)
            tile = store.load(stage_name, number, "faces", "firsts", "right", "down")
            sides = (core.width, core.width, core.height)
            along = np.split(faces.add(tile["faces"], tile["firsts"]), np.cumsum(sides))
            top[columns], bottom[columns], left, right = along
            if beside is not None and links_beside is not None:
                faces.join(beside, left, links_beside)
            beside, links_beside = right, tile["right"]
            links_below[columns] = tile["down"]
        if row:
            faces.join(above, top, links_above)
        above, links_above = bottom, links_below
    return faces


def _number_rows(store: Store, stage_name: str, grid: Grid, faces: _Faces) -> None:
    """Number the regions of one row of tiles after the other; a region belongs to the first row that it appears in."""
    numbers_of_roots = np.zeros(len(faces), np.int32)
    count = 0
    for row in range(grid.n_rows):
        tiles = range(row * grid.n_columns, (row + 1) * grid.n_columns)
        closed = [_closed_pieces(store, stage_name, number, faces) for number in tiles]
        roots = distinct(np.concatenate([faces.roots(number) for number in tiles]))
        roots = roots[numbers_of_roots[roots] == 0]
        firsts = np.concatenate([*(firsts for _, _, firsts in closed), faces.firsts(roots)])
        numbers = np.empty(len(firsts), np.int32)
        numbers[np.argsort(firsts, kind="stable")] = np.arange(count + 1, count + 1 + len(firsts), dtype=np.int64)
        count += len(firsts)
        numbers_of_roots[roots] = numbers[len(numbers) - len(roots) :]
        start = 0
        for number, (n, pieces, _) in zip(tiles, closed, strict=True):
            of_tile = np.zeros(n + 1, np.int32)
            of_tile[pieces] = numbers[start : start + len(pieces)]
            of_tile[faces.pieces[number]] = numbers_of_roots[faces.roots(number)]
            start += len(pieces)
            store.save("numbers", number, {"numbers": of_tile})


def _closed_pieces(
    store: Store, stage_name: str, number: int, faces: _Faces
) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    """Number of pieces of a tile; those that touch no face, and their first pixels."""
    firsts = store.load(stage_name, number, "firsts")["firsts"]
    inside = np.ones(len(firsts), np.bool_)
    inside[faces.pieces[number] - 1] = False
    closed = np.flatnonzero(inside)
    return len(firsts), closed + 1, firsts[closed]


@njit(nogil=True, cache=True)
def _join(parents, one, other, links):  # type: ignore[no-untyped-def]
    """Join one[i] and other[i + d - 1] where links[i, d]; -1 is no piece, and corners beyond the face are left out."""
    for i in range(one.size):
        for d in range(3):
            j = i + d - 1
            if not links[i, d] or j < 0 or j >= other.size or one[i] < 0 or other[j] < 0:
                continue
            unite(parents, one[i], other[j])


@njit(nogil=True, cache=True)
def _close(parents, firsts):  # type: ignore[no-untyped-def]
    """A parent precedes its children, so one pass flattens the forest; roots get the least first pixel."""
    n = 0
    for i in range(parents.size):
        if parents[i] == i:
            n += 1
        else:
            parents[i] = parents[parents[i]]
            firsts[parents[i]] = min(firsts[parents[i]], firsts[i])
    return n


def label_fragments(
    labels: NDArray[Any], core: Window, window: Window, raster_width: int, connectivity: int
) -> dict[str, NDArray[Any]]:
    """Connected pieces of equal label of one tile: the arrays that `number_fragments` needs.

    Args:
        labels: (h, w) integers of the block, 0: in no region.
        core, window: see `face_links`.
        raster_width: columns of the raster.
        connectivity: 1: pixels have 4 neighbours, 2: 8.
    """
    fragments, _ = connected_pieces(np.ascontiguousarray(labels[inside(core, window)]), connectivity)
    return fragment_arrays(
        fragments, core, window, raster_width, connectivity, lambda a, b: (labels[a] == labels[b]) & (labels[a] != 0)
    )
