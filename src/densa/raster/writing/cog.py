"""Cloud-Optimized GeoTIFF: copied from a finished tiled TIFF, and read back block by block.

GDAL's COG driver would hold a raster in memory while it is written by windows; a copy from a file needs 100 to 200 MB
for any size. The bytes depend on the pixels alone, not on the order in which they were written.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rasterio
import rasterio.shutil

from densa.errors import InputError
from densa.machine import n_processors
from densa.raster.atomic import room_left
from densa.raster.gdal import gdal_environment, gdal_errors

__all__ = ["BLOCK_PX", "copy_to_cog"]

BLOCK_PX = 512
"""Side of a tile in the files that densa writes."""

_MOST_THREADS = 4  # compression keeps no more than four busy, since a single thread reads


def copy_to_cog(source: Path, target: Path, shown: Path, *, overviews: str, predictor: bool = False) -> None:
    """Copy a tiled TIFF to a Cloud-Optimized GeoTIFF and verify that it is complete on the disk.

    Every block of `source` is decoded on the way, and every block of `target` afterwards: GDAL writes much of a file
    only while closing it, and reports no error if the disk is full then. Deflate is used because every reader supports
    it; Zstandard makes label maps 5 % smaller, and at its slowest levels only.

    Args:
        source: closed file.
        target: file to make.
        shown: name of the file in messages.
        overviews: resampling of the overviews: "mode", "average" or "nearest".
        predictor: store differences of neighbouring pixels, which makes images smaller and label maps larger.

    Raises:
        InputError: the disk is full, or `source` is incomplete.
    """
    threads = min(_MOST_THREADS, n_processors())
    try:
        with gdal_errors(source), gdal_environment():
            with rasterio.open(source, driver="GTiff") as file:
                _check_offsets(file)
            rasterio.shutil.copy(
                source,
                target,
                driver="COG",
                BLOCKSIZE=BLOCK_PX,
                COMPRESS="DEFLATE",
                # With the predictor, the lowest level compresses images as well as the default one, in half the time.
                PREDICTOR="YES" if predictor else "NO",
                LEVEL=1 if predictor else 6,
                OVERVIEW_RESAMPLING=overviews.upper(),
                BIGTIFF="IF_SAFER",
                NUM_THREADS=threads,
            )
            _read_back(target)
    except InputError as error:
        raise InputError(
            f"{shown} cannot be written completely; is the disk full or a quota reached?{room_left(target.parent)}"
        ) from error


def _read_back(path: Path) -> None:
    """Decode every block of the raster and its overviews; deflate's checksum reveals missing data."""
    with rasterio.open(path, driver="GTiff") as file:
        n_overviews = len(file.overviews(1))
    for level in range(-1, n_overviews):
        options = {} if level < 0 else {"overview_level": level}
        with rasterio.open(path, driver="GTiff", **options) as file:
            if level < 0:
                _check_offsets(file)
            for _, window in file.block_windows(1):
                file.read(window=window)


def _check_offsets(file: Any) -> None:
    """Refuse a file with missing blocks, which GDAL would read as nodata."""
    for band, row, column in _blocks(file):
        if not file.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=band):
            raise InputError(f"{file.name} lacks block {row}, {column} of band {band}")


def _blocks(file: Any) -> Iterator[tuple[int, int, int]]:
    """Band, row and column of each block of the file; band 1 for blocks that hold all bands together."""
    together = file.count == 1 or file.interleaving.value == "PIXEL"
    rows, columns = (-(-side // block) for side, block in zip(file.shape, file.block_shapes[0], strict=True))
    for band in range(1, 2 if together else file.count + 1):
        for row in range(rows):
            for column in range(columns):
                yield band, row, column
