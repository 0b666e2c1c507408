"""SLIC of a part of an image, equal to SLIC of the whole: shared by `slic` and its form for large rasters.

The grid of cells, positions and sums are those of the whole image, and all of them are integers. In one round a centre
moves to the mean of pixels of the 3 x 3 cells around its own, and these pixels consider centres at most one cell
further away; so n rounds are exact for the cells at least 2 n away from the nearest unknown centre.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.parallel import share_items
from densa.regions.slic._adaptive_kernel import assign_adaptive
from densa.regions.slic._assign_kernels import assign, count_pieces, spread
from densa.regions.slic._center_kernels import fill_seeds, update
from densa.regions.slic._vector_lanes import LANES
from densa.regions.slic.cells import CellGrid, Cells
from densa.regions.slic.metric import Metric

__all__ = [
    "Centers",
    "Part",
    "candidates",
    "labels_of",
    "most_pieces",
    "move_centers",
    "no_centers",
    "seed_centers",
]

_STRIDE = 3  # before the last round, each round uses every third row ...
_FEWEST_ROWS = 12  # ... if cells have at least this many rows
_UNIT_ROWS = 32  # maximum number of rows of one task of a round
_TASK_PIXELS = 1 << 14  # of other tasks, about


class Part(NamedTuple):
    """Pixels of a window of the image: (B, h, w); which are valid: (h, w) or None for all; first row and column."""

    planes: NDArray[np.int16]
    mask: NDArray[np.bool_] | None
    row: int
    column: int


class Centers(NamedTuple):
    """Centres of a rectangle of cells in steps of the fixed-point scale.

    Attributes:
        cells: whose centres they are.
        colors: (B, rows, columns).
        y, x: (rows, columns) positions.
        alive: (rows, columns) whether the cell has pixels.
        largest: (rows, columns) squared colour distance that counts as 1, where the metric is adaptive.
    """

    cells: Cells
    colors: NDArray[np.int32]
    y: NDArray[np.int64]
    x: NDArray[np.int64]
    alive: NDArray[np.bool_]
    largest: NDArray[np.int64]


def no_centers(cells: Cells, n_bands: int) -> Centers:
    """Arrays for the centres of cells without pixels so far."""
    shape = cells.shape
    return Centers(
        cells,
        np.zeros((n_bands, *shape), np.int32),
        np.zeros(shape, np.int64),
        np.zeros(shape, np.int64),
        np.zeros(shape, np.bool_),
        np.ones(shape, np.int64),
    )


def seed_centers(part: Part, grid: CellGrid, metric: Metric, cells: Cells) -> Centers:
    """Centres of the cells, moved to the lowest gradient of their 3 x 3 pixels; in masked cells, the mean pixel.

    The part must hold the cells and one pixel around them.
    """
    centers = no_centers(cells, len(part.planes))
    centers.largest[:] = max(1, round(metric.unit**2))
    fill_seeds(
        part.planes, part.mask, part.row, part.column, grid.rows(cells), grid.columns(cells), metric.unit / grid.step,
        *centers[1:5],
    )  # fmt: skip
    return centers


def move_centers(
    part: Part, grid: CellGrid, metric: Metric, centers: Centers, rounds: range, wanted: Cells | None = None
) -> None:
    """Rounds of assignment and update.

    Args:
        part: must hold the cells at most 2 * len(rounds) - 1 away from `wanted`.
        grid, metric: of the whole image.
        centers: of the cells at most 2 * len(rounds) away; changed in place.
        rounds: indices of the rounds, 0 for the very first: they decide which rows are used.
        wanted: cells whose centres are exact after the last round; None for all.
    """
    wanted = wanted or centers.cells
    sums = np.empty(0, np.int64)
    reached = np.empty((0, 0), np.int64)
    stride = _STRIDE if grid.height // grid.n_rows >= _FEWEST_ROWS else 1
    for i in rounds:
        moved = grid.around(wanted, 2 * (rounds.stop - 1 - i))
        looked = grid.around(moved, 1)
        task = _Task(part, grid, metric, centers, looked)
        if not sums.size:  # later rounds use fewer cells
            sums = np.empty((len(task.units), 3 * centers.y.shape[1], 3 + len(part.planes)), np.int64)
            reached = np.zeros(sums.shape[:2], np.int64)
        phase = (i % stride - part.row) % stride
        task.assign(phase, stride, sums, reached, np.empty((0, 0), np.uint8))
        changed = update(
            sums, reached, task.units, *moved.within(centers.cells), part.row, part.column, metric.unit / grid.step,
            *centers[1:],
        )  # fmt: skip
        if not changed and stride == 1:
            break


def candidates(part: Part, grid: CellGrid, metric: Metric, centers: Centers, cells: Cells) -> NDArray[np.uint8]:
    """Which of its nine candidates is nearest to each pixel (h, w) of a part that consists of `cells`.

    The centres must be those of the cells and of all cells around them.
    """
    task = _Task(part, grid, metric, centers, cells)
    won = np.empty(part.planes.shape[1:], np.uint8)
    task.assign(0, 1, np.empty((len(task.units), 0, 0), np.int64), np.empty((len(task.units), 0), np.int64), won)
    return won


def labels_of(
    won: NDArray[np.uint8], mask: NDArray[np.bool_] | None, grid: CellGrid, centers: Cells, cells: Cells
) -> NDArray[np.int32]:
    """(h, w) label of the centre nearest to each pixel of `cells`, from 1; 0 outside the mask."""
    labels = np.empty(won.shape, np.int32)
    rows, columns = grid.rows(cells), grid.columns(cells)
    n_columns = centers.shape[1]
    first = (cells.top - centers.top) * n_columns + cells.left - centers.left + 1
    edges = rows - rows[0], columns - columns[0]
    share_items(spread, len(rows) - 1, won, mask, *edges, first, n_columns, labels, chunk=_few_rows(rows, columns))
    return labels


def most_pieces(
    won: NDArray[np.uint8], mask: NDArray[np.bool_] | None, grid: CellGrid, cells: Cells
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Runs in each row of the labels of `cells` (h,), and a bound of the pieces that begin there (h,)."""
    runs, begun = np.empty(len(won), np.int64), np.empty(len(won), np.int64)
    rows, columns = grid.rows(cells), grid.columns(cells)
    edges = rows - rows[0], columns - columns[0]
    share_items(count_pieces, len(rows) - 1, won, mask, *edges, runs, begun, chunk=_few_rows(rows, columns))
    return runs, begun


def _few_rows(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> int:
    """Rows of cells of one task: as few as hold pixels enough."""
    per_row = (rows[-1] - rows[0]) * (columns[-1] - columns[0]) // max(1, len(rows) - 1)
    return int(max(1, _TASK_PIXELS // max(1, per_row)))


class _Task:
    """One round of assignment over `cells`."""

    def __init__(self, part: Part, grid: CellGrid, metric: Metric, centers: Centers, cells: Cells) -> None:
        _, height, width = part.planes.shape
        per_pixel = metric.unit / grid.step
        self.part, self.metric, self.centers = part, metric, centers
        self.ys = np.floor((part.row + np.arange(height)) * per_pixel + 0.5).astype(np.int64)
        self.xs = np.floor((part.column + np.arange(width + LANES)) * per_pixel + 0.5).astype(np.int64)
        self.edges = grid.columns(centers.cells) - part.column
        top, _, *self.columns = cells.within(centers.cells)
        self.units = _units(grid.rows(cells) - part.row, top)
        # a centre wins at most three cells of a row, and no sum may reach 2**31
        most_pixels = 3 * int((self.units[:, 2] - self.units[:, 1]).max()) * int(np.diff(self.edges).max())
        self.packs = part.mask is None and len(part.planes) == 3 and most_pixels * max(width, 1 << 12) < 1 << 31

    def assign(
        self,
        phase: int,
        stride: int,
        sums: NDArray[np.int64],
        reached: NDArray[np.int64],
        won: NDArray[np.uint8],
    ) -> None:
        """Find the nearest centre of every pixel in the rows that are used; see `_assign_kernels.assign`."""
        where: list[Any] = [*self.part[:2], *self.centers[1:5], self.edges, *self.columns, self.ys, self.xs]
        how = self.units, phase, stride, sums
        if self.metric.adaptive:
            where += self.centers.largest, self.metric.unit**2, *how, reached, won
            share_items(assign_adaptive, len(self.units), *where)
        else:
            where += *how, won, None if self.packs else True
            share_items(assign, len(self.units), *where)


def _units(rows: NDArray[np.int64], first: int) -> NDArray[np.int64]:
    """Tasks of one round: (row of cells, counted from `first`, first pixel row, last + 1)."""
    return np.array(
        [
            (first + i, y, min(y + _UNIT_ROWS, int(rows[i + 1])))
            for i in range(len(rows) - 1)
            for y in range(int(rows[i]), int(rows[i + 1]), _UNIT_ROWS)
        ],
        np.int64,
    )
