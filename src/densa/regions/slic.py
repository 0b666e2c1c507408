"""SLIC superpixels (Achanta, Shaji, Smith, Lucchi, Fua, Süsstrunk, TPAMI 2012, doi:10.1109/TPAMI.2012.120).

Departures, each so that the result is exact and depends on neither threads nor tiles:

* a pixel looks at the centres of the 3 x 3 grid cells around its own cell (gSLIC, Ren & Reid 2011), not at those whose
  moving 2S x 2S window holds it; so every pixel has a centre, and a centre stays within its nine cells;
* colours and positions are fixed-point integers, about 1/17 of a CIELAB unit for photographs;
* before the last round, where cells have 12 rows or more, a round looks at every third row, each round at others (the
  idea is fast-slic's): centres are means of a third of their pixels, and boundaries are as good;
* small pieces go to the neighbour with the longest shared border instead of the last one that a raster scan met.

The lecture's slides set the first distance to minus infinity (it must be plus) and show a distance with three cases
that is not part of the method; the two printed distances D and D' = D / m assign alike.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from densa.errors import InputError
from densa.regions._features import check_image, check_mask, fixed_point, pixel_count
from densa.regions._lab import DIAMETER, lab_planes
from densa.regions._slic_kernels import assign, spread
from densa.regions._slico_kernel import assign_adaptive
from densa.regions._small_pieces import absorb_small_pieces
from densa.regions._vectors import LANES

__all__ = ["slic"]

_STRIDE = 3  # every third row, in turn, is looked at before the last round ...
_FEWEST_ROWS = 12  # ... where no cell is lower than this
_UNIT_ROWS = 32  # most rows of one task


class _Grid(NamedTuple):
    """Cells of the regular grid: edges along each side, and the step S (pixels)."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    step: float

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows) - 1, len(self.columns) - 1


class _Centers(NamedTuple):
    """Centres in steps of the fixed-point scale: (B, rows, columns) colours, (rows, columns) positions."""

    colors: NDArray[np.int32]
    y: NDArray[np.int64]
    x: NDArray[np.int64]
    alive: NDArray[np.bool_]


def slic(
    image: NDArray[np.generic],
    n_superpixels: int,
    compactness: float = 10.0,
    *,
    n_iterations: int = 10,
    adaptive: bool = False,
    lab: bool | None = None,
    mask: NDArray[np.bool_] | None = None,
    enforce_connectivity: bool = True,
    min_size_factor: float = 0.25,
) -> NDArray[np.int32]:
    """Partition an image into compact superpixels of similar colour.

    The result is the same for any number of threads, and on any machine.

    Args:
        image: (H, W) or (H, W, B), any integer or floating type, B from 1 to 256; fewer than 2**31 pixels. Three
            bands of uint8 are taken as sRGB and compared in CIELAB (L from 0 to 100); other images as they are.
        n_superpixels: wanted count, from 1 to H * W. The nearest regular grid decides the count of centres,
            connectivity the count of regions.
        compactness: colour distance, in units of CIELAB or of the image, worth one grid step: `m` of equation (3);
            0 or more. For photographs 1 to 40; for other images it depends on the range of their values.
        n_iterations: rounds of assignment and update; the paper uses 10. Stops earlier where nothing moves.
        adaptive: SLICO: each superpixel's largest colour distance so far takes the place of `compactness`, which
            becomes the first value of all; must then be above 0.
        lab: convert sRGB to CIELAB; None: exactly for three bands of uint8.
        mask: (H, W) pixels that belong to the image; the others are in no region and may hold NaN.
        enforce_connectivity: make every region 4-connected, merging pieces below `min_size_factor` of the mean
            superpixel into a neighbour. Without, region k is what centre k won, perhaps in pieces, perhaps nothing.
        min_size_factor: 0 to 1; the paper's code merges below a quarter.

    Returns:
        (H, W) int32 regions from 1, numbered in raster order of their first pixel; 0 where `mask` is False.

    Raises:
        InputError: an argument is outside its range, or the image holds NaN or infinite values.
    """
    image = check_image(image)
    height, width = image.shape[:2]
    mask = check_mask(mask, (height, width))
    _check_parameters(image, n_superpixels, compactness, n_iterations, adaptive, lab, min_size_factor)
    if lab is None:
        lab = image.dtype == np.uint8 and image.shape[2] == 3
    grid = _grid(height, width, n_superpixels)
    cell = (float(np.diff(grid.rows).max()) / grid.step, float(np.diff(grid.columns).max()) / grid.step)
    if lab:
        scale = _scale(DIAMETER, compactness, cell)
        planes = lab_planes(image, scale)
    else:
        planes, scale = fixed_point(image, mask, lambda diameter: _scale(diameter, compactness, cell))
    won = _cluster(planes, mask, grid, compactness * scale, n_iterations, adaptive)
    del planes  # before the labels take their place
    labels = np.empty((height, width), np.int32)
    spread(won, mask, grid.rows, grid.columns, labels)
    if enforce_connectivity:
        n_pixels = pixel_count(mask, height * width)
        n_centers = max(1, min(n_superpixels, n_pixels))
        absorb_small_pieces(labels, min_size_factor * n_pixels / n_centers, labels)
    return labels


def _scale(diameter: float, compactness: float, cell: tuple[float, float]) -> float:
    """Steps per colour unit with which no term of a score, nor a sum of them, reaches 2**24.

    Args:
        diameter: largest colour distance of two pixels.
        compactness: colour distance worth one grid step.
        cell: largest height and width of a grid cell, in grid steps.
    """
    # colours are within 0.53 diameters of the origin; a pixel is within one half, a candidate centre within 2.5 cells
    color = 3 * (0.53 * diameter) ** 2
    position = (2.5**2 + 2 * 0.5 * 2.5) * compactness**2 * (cell[0] ** 2 + cell[1] ** 2)
    return 0.98 * math.sqrt(2**24 / (color + position)) if color + position > 0 else 1.0


def _check_parameters(
    image: NDArray[np.generic],
    n_superpixels: int,
    compactness: float,
    n_iterations: int,
    adaptive: bool,
    lab: bool | None,
    min_size_factor: float,
) -> None:
    height, width, n_bands = image.shape
    if not 1 <= n_superpixels <= height * width:
        raise InputError(
            "n_superpixels must be from 1 to the number of pixels, "
            f"{height} x {width} = {height * width}; got {n_superpixels}"
        )
    if not (math.isfinite(compactness) and 0 <= compactness <= 1e30):
        raise InputError(f"compactness must be 0 or more and finite, got {compactness}")
    if adaptive and compactness == 0:
        raise InputError("compactness must be above 0 with adaptive=True: it is each superpixel's first colour scale")
    if n_iterations < 1:
        raise InputError(f"n_iterations must be 1 or more, got {n_iterations}")
    if not 0 <= min_size_factor <= 1:
        raise InputError(f"min_size_factor must be from 0 to 1, got {min_size_factor}")
    if lab and (image.dtype != np.uint8 or n_bands != 3):
        raise InputError(
            f"lab=True needs an sRGB image of three uint8 bands, got {n_bands} of {image.dtype}; "
            "convert it, or use lab=False"
        )


def _grid(height: int, width: int, n_superpixels: int) -> _Grid:
    """About square cells, as near to the wanted count as rows and columns allow."""
    side = math.sqrt(height * width / n_superpixels)
    n_rows = min(max(round(height / side), 1), height)
    n_columns = min(max(round(n_superpixels / n_rows), 1), width)
    n_rows = min(max(round(n_superpixels / n_columns), 1), height)
    rows = np.arange(n_rows + 1, dtype=np.int64) * height // n_rows
    columns = np.arange(n_columns + 1, dtype=np.int64) * width // n_columns
    return _Grid(rows, columns, math.sqrt(height * width / (n_rows * n_columns)))


def _cluster(
    planes: NDArray[np.int16],
    mask: NDArray[np.bool_],
    grid: _Grid,
    unit: float,
    n_iterations: int,
    adaptive: bool,
) -> NDArray[np.uint8]:
    """Which of its nine candidates each pixel (H, W) chose; `unit`: colour steps worth one grid step."""
    n_bands, height, width = planes.shape
    n_rows, n_columns = grid.shape
    per_pixel = unit / grid.step
    xs = np.floor(np.arange(width + LANES) * per_pixel + 0.5).astype(np.int64)
    ys = np.floor(np.arange(height) * per_pixel + 0.5).astype(np.int64)
    units = _units(grid.rows)
    sums = np.zeros((len(units), 3 * n_columns, 3 + n_bands), np.int64)
    reached = np.zeros((len(units), 3 * n_columns), np.int64)
    largest = np.full((n_rows, n_columns), max(1, round(unit**2)), np.int64)
    centers = _seeds(planes, mask, grid, per_pixel)

    def round_of_assignment(won: NDArray[np.uint8], phase: int = 0, stride: int = 1) -> None:
        if adaptive:
            assign_adaptive(
                planes, mask, *centers, grid.columns, ys, xs, largest, unit**2, units, phase, stride,
                sums, reached, won
            )  # fmt: skip
        else:
            assign(planes, mask, *centers, grid.columns, ys, xs, units, phase, stride, sums, won)

    none = np.empty((0, 0), np.uint8)
    stride = _STRIDE if np.diff(grid.rows).min() >= _FEWEST_ROWS else 1
    for i in range(n_iterations - 1):
        round_of_assignment(none, i % stride, stride)
        if not _update(sums, reached, units, per_pixel, *centers, largest) and stride == 1:
            break
    del sums
    won = np.empty((height, width), np.uint8)
    sums = np.empty((len(units), 0, 0), np.int64)
    reached = np.empty((len(units), 0), np.int64)
    round_of_assignment(won)
    return won


def _units(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tasks of one round: (grid row, first pixel row, last + 1)."""
    return np.array(
        [
            (i, y, min(y + _UNIT_ROWS, int(rows[i + 1])))
            for i in range(len(rows) - 1)
            for y in range(int(rows[i]), int(rows[i + 1]), _UNIT_ROWS)
        ],
        np.int64,
    )


def _seeds(planes: NDArray[np.int16], mask: NDArray[np.bool_], grid: _Grid, per_pixel: float) -> _Centers:
    """Centres of the cells, moved to the lowest gradient of their 3 x 3 pixels; in cut cells, the pixels' mean."""
    shape = grid.shape
    centers = _Centers(
        np.zeros((len(planes), *shape), np.int32),
        np.zeros(shape, np.int64),
        np.zeros(shape, np.int64),
        np.zeros(shape, np.bool_),
    )
    _fill_seeds(planes, mask, grid.rows, grid.columns, per_pixel, *centers)
    return centers


@njit(nogil=True, cache=True)
def _fill_seeds(planes, mask, rows, columns, per_pixel, colors, cy, cx, alive):  # type: ignore[no-untyped-def]
    n_bands = planes.shape[0]
    for i in range(alive.shape[0]):
        for j in range(alive.shape[1]):
            n_valid = (rows[i + 1] - rows[i]) * (columns[j + 1] - columns[j])
            if mask.size:
                n_valid = np.sum(mask[rows[i] : rows[i + 1], columns[j] : columns[j + 1]])
            alive[i, j] = n_valid > 0
            if n_valid == 0:
                continue
            if n_valid < (rows[i + 1] - rows[i]) * (columns[j + 1] - columns[j]):
                sums = np.zeros(3 + n_bands, np.int64)
                for y in range(rows[i], rows[i + 1]):
                    for x in range(columns[j], columns[j + 1]):
                        if mask[y, x]:
                            sums[0] += 1
                            sums[1] += y
                            sums[2] += x
                            for b in range(n_bands):
                                sums[3 + b] += planes[b, y, x]
                _place(sums, per_pixel, i, j, colors, cy, cx)
                continue
            y, x = (rows[i] + rows[i + 1] - 1) // 2, (columns[j] + columns[j + 1] - 1) // 2
            dy, dx = _lowest_gradient(planes, y, x, rows[i], rows[i + 1], columns[j], columns[j + 1])
            for b in range(n_bands):
                colors[b, i, j] = planes[b, y + dy, x + dx]
            cy[i, j] = np.int64(np.floor(per_pixel * ((rows[i] + rows[i + 1] - 1) / 2 + dy) + 0.5))
            cx[i, j] = np.int64(np.floor(per_pixel * ((columns[j] + columns[j + 1] - 1) / 2 + dx) + 0.5))


@njit(nogil=True, cache=True)
def _lowest_gradient(planes, y, x, top, bottom, left, right):  # type: ignore[no-untyped-def]
    """Offset of the lowest squared gradient in the 3 x 3 pixels that lie in the cell; the centre wins ties."""
    best_y, best_x = 0, 0
    best = _gradient(planes, y, x)
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            if top <= y + dy < bottom and left <= x + dx < right:
                g = _gradient(planes, y + dy, x + dx)
                if g < best:
                    best, best_y, best_x = g, dy, dx
    return best_y, best_x


@njit(nogil=True, cache=True)
def _gradient(planes, y, x):  # type: ignore[no-untyped-def]
    """|I(x+1, y) - I(x-1, y)|^2 + |I(x, y+1) - I(x, y-1)|^2, border pixels repeated."""
    _, height, width = planes.shape
    up, down = max(y - 1, 0), min(y + 1, height - 1)
    left, right = max(x - 1, 0), min(x + 1, width - 1)
    total = 0
    for b in range(planes.shape[0]):
        dx = np.int64(planes[b, y, right]) - planes[b, y, left]
        dy = np.int64(planes[b, down, x]) - planes[b, up, x]
        total += dx * dx + dy * dy
    return total


@njit(nogil=True, cache=True)
def _place(sums, per_pixel, i, j, colors, cy, cx):  # type: ignore[no-untyped-def]
    """Set centre (i, j) to the rounded mean of its pixels; whether it moved."""
    n = sums[0]
    y = np.int64(np.floor(per_pixel * (sums[1] / n) + 0.5))
    x = np.int64(np.floor(per_pixel * (sums[2] / n) + 0.5))
    moved = y != cy[i, j] or x != cx[i, j]
    cy[i, j], cx[i, j] = y, x
    for b in range(colors.shape[0]):
        c = (2 * sums[3 + b] + n) // (2 * n)
        moved = moved or c != colors[b, i, j]
        colors[b, i, j] = c
    return moved


@njit(nogil=True, cache=True)
def _update(sums, reached, units, per_pixel, colors, cy, cx, alive, largest):  # type: ignore[no-untyped-def]
    """New centres from the sums of all tasks; a centre that won nothing stays. Whether anything changed."""
    n_rows, n_columns = alive.shape
    total = np.zeros((n_rows, n_columns, sums.shape[2]), np.int64)
    changed = False
    for u in range(units.shape[0]):
        for k in range(3 * n_columns):
            i, j = units[u, 0] + k // n_columns - 1, k % n_columns
            if sums[u, k, 0] == 0:
                continue
            for f in range(sums.shape[2]):
                total[i, j, f] += sums[u, k, f]
            if reached[u, k] > largest[i, j]:
                largest[i, j] = reached[u, k]
                changed = True
    for i in range(n_rows):
        for j in range(n_columns):
            if total[i, j, 0] > 0 and _place(total[i, j], per_pixel, i, j, colors, cy, cx):
                changed = True
    return changed
