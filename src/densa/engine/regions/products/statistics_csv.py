"""Statistics of regions as a table of comma-separated values, a line per region."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.engine.regions.graph.table import EXTREMES, ROWS, RegionTable
from densa.raster import Raster, atomic_output
from densa.raster.earth.ground import Ground, ground_of

__all__ = ["write_statistics"]

_CHUNK = 2**16  # regions whose statistics are computed at once


def write_statistics(table: RegionTable, raster: Raster, output: Path, *, overwrite: bool = False) -> None:
    """Write a line per region, in the order of their numbers.

    Columns: region, first_row, first_column (its first pixel in raster order, from 0), pixels, area_m2 (where the
    georeference gives the area of a pixel), top, left, bottom, right (first row and column, last row + 1, last
    column + 1), perimeter (in pixel sides), perimeter_m (of these sides on the ground, beside area_m2, where the table
    has outlines), and for each band its name with _mean, _std (of the region's pixels, with the divisor n), _min, _max.

    Args:
        table: of the regions, from `graph_stages`.
        raster: the image.
        output: .csv, UTF-8.
        overwrite: replace a file that exists.

    Raises:
        InputError: the file exists, or cannot be written.
    """
    ground = ground_of(raster, raster.width)
    names = _columns(raster.band_names[: table.sums.shape[1]], ground, outlined=table.outline.size > 0)
    with atomic_output(output, overwrite) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for begin in range(1, table.n_regions + 1, _CHUNK):
            writer.writerows(_lines(table, begin, min(begin + _CHUNK, table.n_regions + 1), raster.width, ground))


def _columns(band_names: tuple[str, ...], ground: Ground, *, outlined: bool) -> list[str]:
    area = ["area_m2"] if ground.unit == "m2" else []
    place = ["region", "first_row", "first_column", "pixels", *area, "top", "left", "bottom", "right", "perimeter"]
    place += ["perimeter_m"] if outlined else []
    return place + [f"{name}_{kind}" for name in band_names for kind in ("mean", "std", "min", "max")]


def _lines(table: RegionTable, begin: int, end: int, width: int, ground: Ground) -> Iterator[tuple[Any, ...]]:
    """Lines of those regions from begin to end - 1 that have pixels."""
    part = _part(table, begin, end)
    statistics = part.statistics()
    columns: list[NDArray[Any]] = [np.arange(begin, end), part.first // width, part.first % width, part.n_pixels]
    if ground.unit == "m2":
        columns.append(part.areas * ground.unit_area)
    columns += [*part.box.T, part.perimeter]
    if part.outline.size:
        columns.append(part.outline * ground.unit_length)
    deviation = np.sqrt(statistics.variance)
    for b in range(part.sums.shape[1]):
        columns += [statistics.mean[:, b], deviation[:, b], part.low[:, b], part.high[:, b]]
    present = part.n_pixels > 0
    return zip(*(column[present].tolist() for column in columns), strict=True)


def _part(table: RegionTable, begin: int, end: int) -> RegionTable:
    """Rows of some regions."""
    rows = {name: getattr(table, name)[begin:end] for name in ROWS + EXTREMES}
    return replace(table, **rows)
