"""Fixed-point colours and positions of SLIC: integers, whose sums do not depend on the order."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from densa.errors import InputError
from densa.regions.slic.cells import CellGrid
from densa.regions.slic.lab import DIAMETER, empty_planes, lab_planes

__all__ = ["COMPACTNESS", "Metric", "color_scale", "make_metric", "to_planes", "used_compactness"]

COMPACTNESS = 10.0
"""Of photographs, whose values go from 0 to 255 (L of CIELAB from 0 to 100)."""


class Metric(NamedTuple):
    """How colours and positions become integers of one scale.

    Attributes:
        scale: steps per unit of colour.
        middles: (B,) values that become 0; None: sRGB becomes CIELAB.
        unit: colour steps worth one grid step.
        adaptive: whether each centre has its own colour scale.
    """

    scale: float
    middles: NDArray[np.float64] | None
    unit: float
    adaptive: bool


def make_metric(
    grid: CellGrid, compactness: float, adaptive: bool, ranges: tuple[NDArray[np.float64], NDArray[np.float64]] | None
) -> Metric:
    """The metric of an image.

    Args:
        grid: its cells.
        compactness, adaptive: of `slic`.
        ranges: lowest and highest value of each band (B,); None: CIELAB.

    Raises:
        InputError: the range of the values is too large or too small for the arithmetic.
    """
    cell = (grid.largest_cell[0] / grid.step, grid.largest_cell[1] / grid.step)
    if ranges is None:
        scale = color_scale(DIAMETER, compactness, cell)
        return Metric(scale, None, compactness * scale, adaptive)
    lows, highs = ranges
    with np.errstate(over="ignore"):  # an overflow is refused below
        diameter = float(np.linalg.norm(highs - lows))
    if not np.isfinite(diameter) or diameter > 1e30 or 0 < diameter < 1e-30:
        raise InputError(f"image values span {diameter:g}, which is outside 1e-30 to 1e30; rescale the image")
    scale = color_scale(diameter, compactness, cell)
    return Metric(scale, (highs + lows) / 2, compactness * scale, adaptive)


def used_compactness(
    given: float | None, dtype: DTypeLike, ranges: tuple[NDArray[np.float64], NDArray[np.float64]] | None
) -> float:
    """The compactness of an image: the given one; by default the same for photographs in any type.

    Args:
        given: in units of the image, or None.
        dtype: of the image.
        ranges: lowest and highest value of each band (B,); None: CIELAB.

    Returns:
        `given`, or 10; for values that are not of 8 bits, 10 / 255 of the widest range of a band.
    """
    if given is not None:
        return given
    if ranges is None or np.dtype(dtype).itemsize == 1:
        return COMPACTNESS
    lows, highs = ranges
    with np.errstate(over="ignore"):  # an overflow is refused by `make_metric`
        span = float((highs - lows).max(initial=0))
    return COMPACTNESS * span / 255 if 0 < span <= 1e30 else COMPACTNESS


def color_scale(diameter: float, compactness: float, cell: tuple[float, float]) -> float:
    """Steps per colour unit with which neither a term of a score nor a sum of terms reaches 2**24.

    Args:
        diameter: largest colour distance of two pixels.
        compactness: colour distance worth one grid step.
        cell: largest height and width of a grid cell, in grid steps.
    """
    # colours are within 0.53 diameters of the origin; a pixel is within one half, a candidate centre within 2.5 cells
    color = 3 * (0.53 * diameter) ** 2
    position = (2.5**2 + 2 * 0.5 * 2.5) * compactness**2 * (cell[0] ** 2 + cell[1] ** 2)
    return 0.98 * math.sqrt(2**24 / (color + position)) if color + position > 0 else 1.0


def to_planes(image: NDArray[np.generic], mask: NDArray[np.bool_] | None, metric: Metric) -> NDArray[np.int16]:
    """Bands (B, H, W) as integers, 0 outside the mask.

    Args:
        image: (H, W, B) finite where `mask` is True.
        mask: (H, W), or None for all pixels.
        metric: of the whole image.
    """
    if metric.middles is None:
        planes = lab_planes(image, metric.scale)
        if mask is not None:
            planes[:, ~mask] = 0
        return planes
    planes = empty_planes(image.shape[2], *image.shape[:2])
    rows = max(1, (1 << 17) // image.shape[1])  # a strip at a time: no second image in float64
    for b in range(image.shape[2]):
        for y in range(0, image.shape[0], rows):
            part = (image[y : y + rows, :, b].astype(np.float64) - metric.middles[b]) * metric.scale
            if mask is not None:
                part[~mask[y : y + rows]] = 0
            planes[b, y : y + rows] = np.floor(part + 0.5)
    return planes
