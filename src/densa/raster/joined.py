"""Rasters of one grid as the bands of one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from densa.errors import InputError
from densa.raster.raster import Raster, ValuesAndValidity, Window

__all__ = ["JoinedRaster", "check_one_grid", "grid_words", "same_grid"]

_ALIGNED_PX = 0.1  # grids are the same where no corner differs by more


class JoinedRaster(Raster):
    """Rasters of one grid as one; a pixel is valid where all that are read are valid.

    Args:
        path: what the parts are of.
        names: of the parts; the bands of a part with several are numbered.
        parts: open rasters of one grid, which are closed with this one.
    """

    def __init__(self, path: Path, names: Sequence[str], parts: Sequence[Raster]) -> None:
        first = parts[0]
        self._parts = parts
        self._places = [(part, band) for part in parts for band in range(part.n_bands)]
        titles = tuple(
            name if part.n_bands == 1 else f"{name} {band}"
            for name, part in zip(names, parts, strict=True)
            for band in part.band_names
        )
        dtype = np.result_type(*(part.dtype for part in parts))
        described = [band for part in parts for band in part.bands]
        bands = tuple(replace(band, name=title, described=True) for band, title in zip(described, titles, strict=True))
        if len(parts) == 1 and first.n_bands > 1:  # a picture: its bands are those of the file
            titles, bands = tuple(first.band_names), tuple(first.bands)
        place = first.georeference
        super().__init__(path, first.height, first.width, dtype, titles, bands=bands, georeference=place)

    def _load(self, window: Window, bands: Sequence[int]) -> ValuesAndValidity:
        values = np.empty((len(bands), window.height, window.width), self.dtype)
        valid = np.ones((window.height, window.width), bool)
        for part in self._parts:
            places = [i for i, band in enumerate(bands) if self._places[band][0] is part]
            if places:
                numbers = [self._places[bands[i]][1] + 1 for i in places]
                values[places], its_valid = part.read(window, bands=numbers)
                valid &= its_valid
        return values, valid

    @property
    def files(self) -> tuple[Path, ...]:
        """What the parts are of, and their files."""
        return tuple(dict.fromkeys((self.path, *(file for part in self._parts for file in part.files))))

    def close(self) -> None:
        """Close the parts."""
        for part in self._parts:
            part.close()


def check_one_grid(what: str, names: Sequence[str], parts: Sequence[Raster], mend: str) -> None:
    """Refuse parts of different grids.

    Args:
        what: the parts, for messages: "the assets of item.json".
        names: of the parts.
        parts: open rasters.
        mend: what to do, for messages.

    Raises:
        InputError: names the first part with another grid than that of the first.
    """
    for name, part in zip(names[1:], parts[1:], strict=True):
        if not same_grid(parts[0], part):
            raise InputError(
                f"{what} must have one grid: {names[0]} has {grid_words(parts[0])}, {name} {grid_words(part)}; {mend}"
            )


def same_grid(one: Raster, other: Raster) -> bool:
    """Whether the pixels of two rasters are the same: by size, and by place where one is georeferenced."""
    if (one.height, one.width) != (other.height, other.width):
        return False
    a, b = one.georeference, other.georeference
    if a is None or b is None:
        return a is b
    if a.crs != b.crs:
        return False
    p, q = a.transform, b.transform
    if p is None or q is None:
        return p is q
    pixel = min(math.hypot(p.a, p.d), math.hypot(p.b, p.e))
    apart = [
        math.hypot(
            (p.a - q.a) * x + (p.b - q.b) * y + p.c - q.c,
            (p.d - q.d) * x + (p.e - q.e) * y + p.f - q.f,
        )
        for x in (0, one.width)
        for y in (0, one.height)
    ]
    return max(apart) <= _ALIGNED_PX * pixel


def grid_words(raster: Raster) -> str:
    """The grid of a raster, for messages."""
    place = raster.georeference
    at = "" if place is None or place.transform is None else f" at {place.transform.to_gdal()}"
    return f"{raster.height} x {raster.width} pixels{at}"
