"""Files and pictures of where the errors are: a table of blocks, and a raster of them for each image on the ground."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from densa import raster
from densa.metrics import ErrorBlocks
from densa.raster import Georeference, atomic_output
from densa.raster.alignment import forward
from densa.reports.html import check_files, make_folder

if TYPE_CHECKING:
    from densa.metrics import BlockErrors
    from densa.reports import Pair

__all__ = ["ERROR_FILES", "check_error_files", "watched", "write_error_files"]

ERROR_FILES = ("errors.csv",)
"""The table of the blocks, in the folder of a report."""
_FOLDER = "errors"  # of the rasters
_COLUMNS = ("image", "row", "column", "height", "width", "pixels", "wrong", "error_rate", "x", "y")


def watched(pairs: Iterable[Pair], blocks: ErrorBlocks) -> Iterator[Pair]:
    """The pairs, each of which is counted in blocks as it passes."""
    for pair in pairs:
        image, *corner = pair.part or (pair.name, 0, 0)
        row, column = corner
        blocks.update(image, pair.target, pair.predicted, corner=(row, column), source=pair.source)
        yield pair


def check_error_files(folder: Path | str, *, overwrite: bool = False) -> list[Path]:
    """Path of the table in a folder.

    Raises:
        InputError: it exists and `overwrite` is false.
    """
    return check_files(folder, ERROR_FILES, "report", overwrite=overwrite)


def write_error_files(blocks: ErrorBlocks, folder: Path | str, *, overwrite: bool = False) -> list[Path]:
    """Write `errors.csv`, a row for each block, and `errors/NAME.tif` for each image with a georeference.

    A pixel of these rasters is a block: band 1 is the share of its pixels that are wrong, NaN where none counts; band 2
    the number of those that count. In the table, `x` and `y` are the centre of the block in the reference system of the
    image, empty where it has none.

    Args:
        blocks: the counts.
        folder: of the report.
        overwrite: replace files that exist.

    Returns:
        The files.

    Raises:
        InputError: a file exists and `overwrite` is false, or cannot be written.
    """
    (table,) = check_error_files(folder, overwrite=overwrite)
    make_folder(table.parent)
    places = {name: _place(one) for name, one in blocks.images.items()}
    with atomic_output(table, overwrite) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for one in blocks.blocks():
            place = places[one.image]
            centre: tuple[str, ...] = ("", "")
            if place is not None:
                middle = np.array(one.column + one.width / 2), np.array(one.row + one.height / 2)
                x, y = forward(place, *middle)
                centre = (repr(float(x)), repr(float(y)))
            writer.writerow([*vars(one).values(), f"{one.rate:.6g}", *centre])
    written = [table]
    names = _file_names([name for name, place in places.items() if place is not None])
    for name, file_name in names.items():
        place, errors = places[name], blocks.images[name]
        assert place is not None
        path = table.parent / _FOLDER / file_name
        make_folder(path.parent)
        layers = np.stack([errors.rates, errors.pixels]).astype(np.float32)
        a, b, c, d, e, f = tuple(place.transform)[:6]
        scale = blocks.block
        like = Georeference(place.crs, type(place.transform)(a * scale, b * scale, c, d * scale, e * scale, f))
        tags = {"BLOCK": str(blocks.block)}
        raster.write_bands(
            path, layers, like=like, band_names=["error rate", "pixels"], nodata=np.nan, tags=tags, overwrite=overwrite
        )
        written.append(path)
    return written


def _place(one: BlockErrors) -> Georeference | None:
    """Where an image lies; None where it is not known."""
    if one.source is None:
        return None
    with raster.open(one.source) as image:
        return image.georeference


def _file_names(names: Sequence[str]) -> dict[str, str]:
    """A file name for each image: its name without folders, and a number where two are alike."""
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^\w.-]+", "_", name).strip("._") or "image"
        file_name, k = f"{plain}.tif", 2
        while file_name in found.values():
            file_name, k = f"{plain}-{k}.tif", k + 1
        found[name] = file_name
    return found
