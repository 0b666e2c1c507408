"""Microscopy stacks of TIFF directories: channels are bands, planes in depth and time are pages.

What a directory holds is read from the description of the first one: OME-XML, ImageJ's or tifffile's. Other TIFF files
of several directories have one page for each.
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from densa.errors import InputError
from densa.raster.bands import Band, wavelength_nm
from densa.raster.gdal import GdalRaster
from densa.raster.raster import Raster, ValuesAndValidity, Window

__all__ = ["Planes", "StackRaster", "imagej_sizes", "open_stack", "planes_of"]

_MOST_PLANES = 1_000_000
_DESCRIPTION = "TIFFTAG_IMAGEDESCRIPTION"


@dataclass(frozen=True)
class Planes:
    """What the directories of a file hold.

    Attributes:
        pages: per page, the directory of each channel, from 0.
        channels: name and wavelength of each channel; names may be "".
        remarks: sentences for the user on what is not read.
    """

    pages: tuple[tuple[int, ...], ...]
    channels: tuple[Band, ...]
    remarks: tuple[str, ...] = ()


class StackRaster(Raster):
    """One page of a stack, whose channels, each a directory of the file, are bands; read by windows.

    Args:
        path: the file.
        planes: what its directories hold.
        page: from 0.
        expand_palette: see `GdalRaster`.

    Raises:
        InputError: there is no such page, or its directory cannot be read.
    """

    def __init__(self, path: Path, planes: Planes, page: int, *, expand_palette: bool) -> None:
        if not 0 <= page < len(planes.pages):
            raise InputError(f"page of {path} must be in 0..{len(planes.pages) - 1}, got {page}")
        self._directories, self._expand_palette = planes.pages[page], expand_palette
        self._lock = threading.Lock()
        first = GdalRaster(path, "GTiff", directory=self._directories[0], expand_palette=expand_palette)
        self.directory = first.directory
        self._rasters: dict[int, GdalRaster] = {0: first}
        bands = _bands(first, planes.channels)
        super().__init__(
            path,
            first.height,
            first.width,
            first.dtype,
            tuple(band.name for band in bands),
            bands=bands,
            georeference=first.georeference,
            n_pages=len(planes.pages),
            metadata=first.metadata,
        )
        self.loss, self.white_is_zero = first.loss, first.white_is_zero
        n_channels = len(planes.channels)
        said = (f"its {n_channels} channels are read as bands",) if n_channels > 1 else ()
        self.remarks = tuple(f"{path}: {line}" for line in said + planes.remarks)

    def _channel(self, channel: int) -> GdalRaster:
        with self._lock:
            if channel not in self._rasters:
                first, directory = self._rasters[0], self._directories[channel]
                found = GdalRaster(
                    self.absolute_path, "GTiff", directory=directory, expand_palette=self._expand_palette
                )
                if (found.height, found.width, found.dtype, found.n_bands) != (
                    first.height, first.width, first.dtype, first.n_bands,
                ):  # fmt: skip
                    raise InputError(
                        f"{self.path}: the channels of a page must have one size and type; directory {directory} has "
                        f"{found.height} x {found.width} pixels of {found.dtype}, the first channel {first.height} x "
                        f"{first.width} of {first.dtype}"
                    )
                self._rasters[channel] = found
            return self._rasters[channel]

    def _load(self, window: Window, bands: Sequence[int]) -> ValuesAndValidity:
        n = self._rasters[0].n_bands  # of each channel
        values = np.empty((len(bands), window.height, window.width), self.dtype)
        valid = np.ones((window.height, window.width), bool)
        for out, band in zip(values, bands, strict=True):
            part, its_valid = self._channel(band // n).read(window, bands=[band % n + 1])
            out[...] = part[0]
            valid &= its_valid
        return values, valid

    def close(self) -> None:
        """Close the directories; a later read opens them again."""
        with self._lock:
            for raster in self._rasters.values():
                raster.close()


def open_stack(path: Path, first: GdalRaster, page: int, *, expand_palette: bool) -> StackRaster | None:
    """A page of a file whose first directory is open; None where its pages are its directories.

    Raises:
        InputError: there is no such page, or none that is whole: its channels lie in other files.
    """
    planes = planes_of(first.metadata.get(_DESCRIPTION, ""), first.directories, path)
    if planes is None:
        return None
    as_stored = planes.pages == tuple((directory,) for directory in first.directories)
    if as_stored and not any(band.name or band.wavelength_nm for band in planes.channels):
        return None
    return StackRaster(path, planes, page, expand_palette=expand_palette)


def planes_of(description: str, directories: Sequence[int], path: Path) -> Planes | None:
    """What the directories of a file hold, by the description of the first one; None where it does not say.

    Args:
        description: text of the first directory.
        directories: numbers, from 0, of those that hold images (not overviews or masks).
        path: of the file, for messages; OME-XML may name others.

    Raises:
        InputError: OME-XML by which no page is whole in this file.
    """
    if description.startswith("ImageJ="):
        sizes = imagej_sizes(description)
        return None if sizes is None else _regular(sizes, directories)
    if description.startswith('{"'):
        return _shaped(description, directories)
    if "<OME" in description[:2000]:
        return _ome(description, directories, path)
    return None


def imagej_sizes(description: str) -> list[tuple[str, int]] | None:
    """Axes and sizes of an ImageJ stack, the slowest first; None where they do not agree with the number of images."""
    found = dict(re.findall(r"^(images|channels|slices|frames)=(\d{1,9})\s*$", description, re.MULTILINE))
    sizes = [(axis, int(found.get(name, 1))) for axis, name in (("T", "frames"), ("Z", "slices"), ("C", "channels"))]
    n = math.prod(size for _, size in sizes)
    return sizes if n == int(found.get("images", 1)) and 1 <= n <= _MOST_PLANES else None


def _shaped(description: str, directories: Sequence[int]) -> Planes | None:
    """Of tifffile's description in JSON; the last axes may lie inside a directory."""
    try:
        content = json.loads(description)
        axes, shape = str(content["axes"]), [int(size) for size in content["shape"]]
        sizes = list(zip(axes, shape, strict=True))[: axes.index("Y")]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    while sizes and math.prod(size for _, size in sizes) != len(directories):
        sizes.pop()
    return _regular(sizes, directories) if sizes else None


def _regular(sizes: Sequence[tuple[str, int]], directories: Sequence[int]) -> Planes | None:
    """Of directories in the order of axes, the slowest first."""
    shape = [size for _, size in sizes]
    if math.prod(shape) != len(directories):
        return None
    order = np.asarray(directories).reshape(shape)
    channel = next((place for place, (axis, _) in enumerate(sizes) if axis == "C"), None)
    order = order[..., None] if channel is None else np.moveaxis(order, channel, -1)
    pages = order.reshape(-1, order.shape[-1]).tolist()
    return Planes(tuple(map(tuple, pages)), (Band(""),) * order.shape[-1])


def _ome(description: str, directories: Sequence[int], path: Path) -> Planes | None:
    try:
        root = ElementTree.fromstring(description.encode())
        images = root.findall("{*}Image")
        pixels = images[0].find("{*}Pixels")
        if pixels is None:
            return None
        channels = _ome_channels(pixels)
        sizes = {"C": len(channels), **{axis: int(pixels.get(f"Size{axis}", "1")) for axis in "ZT"}}
        order = [axis for axis in pixels.get("DimensionOrder", "XYZCT").upper() if axis in "ZCT"]
        if sorted(order) != ["C", "T", "Z"] or not 1 <= math.prod(sizes.values()) <= _MOST_PLANES:
            return None
        places, elsewhere = _ome_places(root, pixels, order, sizes, path.name)
    except (ElementTree.ParseError, ValueError, IndexError):
        return None
    pages = []
    slower, faster = [axis for axis in reversed(order) if axis != "C"]
    for a in range(sizes[slower]):
        for b in range(sizes[faster]):
            at = {slower: a, faster: b}
            page = [places.get((c, at["Z"], at["T"]), -1) for c in range(sizes["C"])]
            if all(directory in directories for directory in page):
                pages.append(tuple(page))
    if not pages and elsewhere:
        raise InputError(
            f"{path} is one file of an OME-TIFF in several, and none of its pages is whole: channels lie in "
            f"{', '.join(elsewhere[:3])}; save all channels in one file"
        )
    if not pages:
        return None
    remarks = [f"it holds {len(images)} images (series), of which the first is read"] if len(images) > 1 else []
    if elsewhere:
        remarks.append(f"it is one file of an OME-TIFF in several, of which only its own {len(pages)} pages are read")
    return Planes(tuple(pages), channels, tuple(remarks))


def _ome_channels(pixels: ElementTree.Element) -> tuple[Band, ...]:
    found = []
    for channel in pixels.findall("{*}Channel"):
        length = wavelength_nm(channel.get("EmissionWavelength"), channel.get("EmissionWavelengthUnit", "nm"))
        found.append(Band(channel.get("Name", "").strip(), "", length))
    return tuple(found) or (Band(""),) * int(pixels.get("SizeC", "1"))


def _ome_places(
    root: ElementTree.Element, pixels: ElementTree.Element, order: Sequence[str], sizes: dict[str, int], name: str
) -> tuple[dict[tuple[int, int, int], int], list[str]]:
    """(channel, z, t) -> directory from 0, of planes in this file; names of other files."""
    data = pixels.findall("{*}TiffData") or [ElementTree.Element("TiffData")]
    owns = [(one, one.find("{*}UUID")) for one in data]
    names = {uuid.get("FileName", "") for _, uuid in owns if uuid is not None} - {""}
    only = len(names) == 1  # a file that was renamed
    places: dict[tuple[int, int, int], int] = {}
    elsewhere: list[str] = []
    for one, uuid in owns:
        file = "" if uuid is None else uuid.get("FileName", "")
        is_own = uuid is None or only or file in ("", name) or (uuid.text or "").strip() == root.get("UUID")
        if not is_own:
            elsewhere += [] if file in elsewhere else [file]
            continue
        first = [int(one.get(f"First{axis}", "0")) for axis in order]
        start, ifd = 0, int(one.get("IFD", "0"))
        for axis, begin in zip(reversed(order), reversed(first), strict=True):
            start = start * sizes[axis] + begin
        n = math.prod(sizes.values())
        count = int(one.get("PlaneCount", "1" if one.get("IFD") is not None else str(n)))
        for plane in range(start, min(start + count, n)):
            at, rest = dict[str, int](), plane
            for axis in order:
                rest, at[axis] = divmod(rest, sizes[axis])
            places[at["C"], at["Z"], at["T"]] = ifd + plane - start
    return places, elsewhere


def _bands(first: GdalRaster, channels: Sequence[Band]) -> tuple[Band, ...]:
    """The bands of all channels; those of one directory with several keep their names."""
    if first.n_bands == 1:
        return tuple(
            replace(band, name=band.name or (f"band {i}" if len(channels) > 1 else first.band_names[0]))
            for i, band in enumerate(channels, 1)
        )
    if len(channels) == 1:
        return first.bands
    named = [(channel.name or f"channel {i}", band) for i, channel in enumerate(channels, 1) for band in first.bands]
    return tuple(replace(band, name=f"{channel} {band.name}", color="") for channel, band in named)
