"""The regular grid of cells in which SLIC places its centres: a function of the image size and the requested number."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["CellGrid", "Cells", "cell_grid"]


class Cells(NamedTuple):
    """A rectangle of cells: first and last + 1 row and column of cells."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        return self.bottom - self.top, self.right - self.left

    def common(self, other: "Cells") -> "Cells":
        """Cells of both; there must be at least one."""
        return Cells(
            max(self.top, other.top), max(self.left, other.left),
            min(self.bottom, other.bottom), min(self.right, other.right),
        )  # fmt: skip

    def within(self, other: "Cells") -> tuple[int, int, int, int]:
        """First and last + 1 row and column of these cells in arrays of others around them."""
        return self.top - other.top, self.bottom - other.top, self.left - other.left, self.right - other.left


class CellGrid(NamedTuple):
    """The regular grid of cells of an image: cell row i begins at pixel row i * height // n_rows, columns likewise."""

    height: int
    width: int
    n_rows: int
    n_columns: int

    @property
    def step(self) -> float:
        """The step S of the grid in pixels."""
        return math.sqrt(self.height * self.width / (self.n_rows * self.n_columns))

    @property
    def largest_cell(self) -> tuple[int, int]:
        """Largest height and width of a cell in pixels."""
        return -(-self.height // self.n_rows), -(-self.width // self.n_columns)

    @property
    def cells(self) -> Cells:
        """All cells."""
        return Cells(0, 0, self.n_rows, self.n_columns)

    def rows(self, cells: Cells) -> NDArray[np.int64]:
        """First pixel row of each row of cells, and of the one below."""
        return np.arange(cells.top, cells.bottom + 1, dtype=np.int64) * self.height // self.n_rows

    def columns(self, cells: Cells) -> NDArray[np.int64]:
        """First pixel column of each column of cells, and of the one to the right."""
        return np.arange(cells.left, cells.right + 1, dtype=np.int64) * self.width // self.n_columns

    def around(self, cells: Cells, reach: int) -> Cells:
        """The cells and those at most `reach` away."""
        return Cells(
            max(cells.top - reach, 0),
            max(cells.left - reach, 0),
            min(cells.bottom + reach, self.n_rows),
            min(cells.right + reach, self.n_columns),
        )

    def touching(self, row: int, column: int, height: int, width: int) -> Cells:
        """The cells that have pixels in a window."""
        return Cells(
            ((row + 1) * self.n_rows - 1) // self.height,
            ((column + 1) * self.n_columns - 1) // self.width,
            ((row + height) * self.n_rows - 1) // self.height + 1,
            ((column + width) * self.n_columns - 1) // self.width + 1,
        )

    def beginning(self, row: int, column: int, height: int, width: int) -> Cells:
        """The cells whose first pixel is in a window; there may be none."""
        return Cells(
            -(-row * self.n_rows // self.height),
            -(-column * self.n_columns // self.width),
            -(-(row + height) * self.n_rows // self.height),
            -(-(column + width) * self.n_columns // self.width),
        )


def cell_grid(height: int, width: int, n_superpixels: int) -> CellGrid:
    """Nearly square cells, as close to the requested number as whole rows and columns allow."""
    side = math.sqrt(height * width / n_superpixels)
    n_rows = min(max(round(height / side), 1), height)
    n_columns = min(max(round(n_superpixels / n_rows), 1), width)
    n_rows = min(max(round(n_superpixels / n_columns), 1), height)
    return CellGrid(height, width, n_rows, n_columns)
