"""Microscopy stacks that GDAL reads as a single image: TIFF volumes and ImageJ stacks of one directory."""

from __future__ import annotations

import logging
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from densa.errors import InputError, one_line
from densa.raster.decoded import DecodedRaster
from densa.raster.raster import ValuesAndValidity
from densa.raster.stacks.directories import imagej_sizes
from densa.raster.validity import Missing, missing_values, valid_in_mask

__all__ = ["open_volume"]

# Damage is reported by exceptions; tifffile's log messages must not appear on the screen as well.
logging.getLogger("tifffile").addHandler(logging.NullHandler())
_JPEG = {6, 7, 33007, 34892}  # codes of its variants
_DAMAGE = (tifffile.TiffFileError, OSError, ValueError, KeyError, IndexError, TypeError, RuntimeError, struct.error)


def open_volume(path: Path, page: int, *, as_shown: bool = True) -> DecodedRaster | None:
    """Open a page of a stack stored in a single TIFF directory; None if the file is not such a stack.

    The channels of an ImageJ stack are bands, its other planes pages.

    Args:
        path: the file.
        page: number of the slice, from 0.
        as_shown: read a file whose 0 is white as it is shown; False keeps the stored values.

    Raises:
        InputError: the stack has no such slice.
    """
    try:
        with tifffile.TiffFile(path) as file:
            first = file.pages.first
            series = file.series[0]
            stacked = first.imagedepth > 1 or (file.is_imagej and len(series.shape) > first.ndim)
            if len(file.pages) != 1 or not stacked:
                return None
            _check_segments(path, first)
            height, width, n_bands = first.imagelength, first.imagewidth, first.samplesperpixel
            n_planes = int(np.prod(series.shape)) // (height * width * n_bands)
            n_channels = _channels(first.description, n_planes) if file.is_imagej and n_bands == 1 else 1
            n_pages = n_planes // n_channels
            dtype, separate = series.dtype, first.planarconfig == 2  # planes of a band together
            found = _alphas(first)
            alphas = found if len(found) < n_bands else []  # a mask stored as alpha alone is an image
            bands = [band for band in range(n_bands) if band not in alphas]
            missing = _missing(first, np.dtype(dtype)) if dtype is not None else ()
    except InputError:
        raise
    except _DAMAGE:
        return None  # GDAL could read the header, so its message will be the better one
    if n_planes <= 1 or dtype is None:
        return None
    if not 0 <= page < n_pages:
        raise InputError(f"page of {path} must be in 0..{n_pages - 1}, got {page}")

    native = dtype.newbyteorder("=")
    white = int(np.iinfo(native).max) if as_shown and first.photometric == 0 and native.kind == "u" else None

    place = path.absolute()  # it is decoded later, in whatever folder the program is then

    def decode() -> ValuesAndValidity:
        try:
            stack = tifffile.imread(place, series=0, out="memmap")  # the stack may be larger than the memory
        except (*_DAMAGE, MemoryError) as error:
            raise InputError(f"{path} cannot be read: {one_line(error)}") from error
        if n_channels > 1:
            values = stack.reshape(n_pages, n_channels, height, width)[page]
        elif separate and n_bands > 1:
            values = stack.reshape(n_bands, n_pages, height, width)[:, page]
        else:
            values = np.moveaxis(stack.reshape(n_pages, height, width, n_bands)[page], 2, 0)
        valid = valid_in_mask([values[band] for band in alphas]) if alphas else np.ones((height, width), bool)
        stored = np.array(values if n_channels > 1 else values[bands], native)
        return stored if white is None else native.type(white) - stored, valid

    n = len(bands) * n_channels
    names = ("grey",) if n == 1 else tuple(f"band {i + 1}" for i in range(n))
    those = missing if white is None else tuple(white - value for value in missing)
    opened = DecodedRaster(path, height, width, native, names, decode, n_pages=n_pages, missing=(those,) * n)
    opened.loss = "JPEG" if first.compression in _JPEG else None
    opened.white_is_zero = first.photometric == 0
    opened.metadata = {"TIFFTAG_SOFTWARE": str(first.software)} if first.software else {}
    opened.remarks = (f"{path}: its {n_channels} channels are read as bands",) if n_channels > 1 else ()
    return opened


def _channels(description: str, n_planes: int) -> int:
    """Channels of an ImageJ stack, which are bands."""
    sizes = dict(imagej_sizes(description) or ())
    return sizes["C"] if sizes and math.prod(sizes.values()) == n_planes else 1


def _alphas(page: tifffile.TiffPage) -> list[int]:
    """The bands that the page declares as alpha, from 0."""
    first = page.samplesperpixel - len(page.extrasamples)
    return [first + place for place, kind in enumerate(page.extrasamples) if kind in {1, 2}]


def _missing(page: tifffile.TiffPage, dtype: np.dtype[Any]) -> Missing:
    """The nodata value that GDAL writes into a tag."""
    tag = page.tags.get("GDAL_NODATA")
    try:
        return missing_values(None if tag is None else float(tag.value), dtype)
    except ValueError:
        return ()


def _check_segments(path: Path, first: tifffile.TiffPage) -> None:
    """Refuse a stack of which a part is missing; tifffile would return zeros for it."""
    ends = [offset + n_bytes for offset, n_bytes in zip(first.dataoffsets, first.databytecounts, strict=True)]
    contiguous = len(ends) == 1 and first.compression == 1  # ImageJ: one strip listed, the whole stack follows
    if (len(ends) != np.prod(first.chunked) and not contiguous) or max(ends) > path.stat().st_size:
        raise InputError(f"{path} cannot be read, it is damaged or cut short")
