"""Kernels over pixels: sums of the cells of a grid, and how errors at a distance from each other correlate."""

from __future__ import annotations

from numba import njit

__all__ = ["count_lags", "mark_errors", "sum_cells"]

_NONE = 255


@njit(nogil=True, cache=True)
def sum_cells(target, predicted, corner, side, n_classes, void_counts, sums):  # type: ignore[no-untyped-def]
    """Add each pixel to the columns of its cell, as `Columns.of_matrix`; cells begin at multiples of `side`.

    `corner` is the row and column of the first pixel, `sums` is (cell rows, cell columns, width).
    """
    first_row, first_column = corner[0] // side, corner[1] // side
    totals = 3 * n_classes
    for row in range(target.shape[0]):
        cell_row = (corner[0] + row) // side - first_row
        for column in range(target.shape[1]):
            cell = sums[cell_row, (corner[1] + column) // side - first_column]
            truth, answer = target[row, column], predicted[row, column]
            cell[totals + 3] += 1
            if truth == _NONE:
                cell[totals + 4] += 1
                if void_counts and answer != _NONE:
                    cell[2 * n_classes + answer] += 1
                    cell[totals] += 1
                continue
            cell[totals] += 1
            cell[totals + 1] += 1
            cell[n_classes + truth] += 1
            if answer == _NONE:
                cell[totals + 2] += 1
            else:
                cell[2 * n_classes + answer] += 1
                if answer == truth:
                    cell[truth] += 1


@njit(nogil=True, cache=True)
def mark_errors(target, predicted, void_counts, errors):  # type: ignore[no-untyped-def]
    """Fill `errors`: 1 where a pixel is wrong, 0 where it is right, 255 where it does not count."""
    for row in range(target.shape[0]):
        for column in range(target.shape[1]):
            truth, answer = target[row, column], predicted[row, column]
            if truth == _NONE:
                errors[row, column] = 1 if void_counts and answer != _NONE else _NONE
            else:
                errors[row, column] = truth != answer


@njit(nogil=True, cache=True)
def count_lags(errors, lags, step, counts):  # type: ignore[no-untyped-def]
    """Count pairs of pixels at each lag, along rows and columns, of every `step`-th row and column.

    counts[lag]: number of pairs, both wrong, the first wrong, the second wrong.
    """
    height, width = errors.shape
    for row in range(0, height, step):
        for column in range(0, width, step):
            first = errors[row, column]
            if first == _NONE:
                continue
            for k in range(lags.size):
                lag = lags[k]
                if column + lag < width:
                    second = errors[row, column + lag]
                    if second != _NONE:
                        counts[k, 0] += 1
                        counts[k, 1] += first & second
                        counts[k, 2] += first
                        counts[k, 3] += second
                if row + lag < height:
                    second = errors[row + lag, column]
                    if second != _NONE:
                        counts[k, 0] += 1
                        counts[k, 1] += first & second
                        counts[k, 2] += first
                        counts[k, 3] += second
