"""Check what a file leads GDAL to, before GDAL opens anything.

VRTs name their sources, `.aux.xml` files and TIFF tags their overviews, and GDAL opens each of those with any of its
drivers, some of which read descriptions of other files, or of servers.
"""

from __future__ import annotations

import os
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from densa.errors import InputError
from densa.locations import Elsewhere
from densa.raster.reach.allowed import check_reference, is_within
from densa.raster.reach.names import MOST_BYTES, Named, in_tiff, in_xml

__all__ = ["check_sources", "check_tags"]

_MOST_DEPTH = 8  # of VRTs in VRTs
_HEAD_BYTES = 4096
_MOST_LISTED = 1000  # files of a folder: as many as GDAL lists
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_IMAGES = (
    *_TIFF, b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51",
    b"EHFA_HEADER_TAG",
)  # fmt: skip
_ERDAS = b"EHFA_HEADER_TAG"
_VRT = b"<VRTDataset"
# By these GDAL takes a file for a description, wherever they stand in its first bytes.
_DESCRIPTIONS = (b"<GDALTileIndexDataset", b"<GDAL_WMS", b"<WMS_", b"<MRF_META", b'"stac_version"', b"<GDAL_WMTS")


def check_sources(path: Path) -> bool:
    """Refuse a file that leads GDAL elsewhere, by its own content or by that of the files beside it.

    Args:
        path: a file of this machine.

    Returns:
        Whether it leads to the network, which the user allows.

    Raises:
        InputError: names the file, and what it refers to.
    """
    check = _Check(path)
    try:
        check.file(path, 0)
        return check.is_remote
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def check_tags(path: Path, dataset: Any) -> None:
    """Refuse an open file on the network whose tags say that its overviews are in another file.

    Raises:
        InputError: names both.
    """
    if isinstance(path, Elsewhere) and (other := dataset.tags(ns="OVERVIEWS").get("OVERVIEW_FILE")):
        raise InputError(f"{path} refers to {other.partition('?')[0]!r}; of a URL only itself is read: download it")


class _Check:
    """The files that were looked at, and the listings of their folders."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.is_remote = False
        self._done: set[Path] = set()
        self._listed: dict[Path, dict[str, list[str]] | None] = {}

    @cached_property
    def homes(self) -> set[Path]:
        """The folder of the file that the user named, and that of the file that it is a link to."""
        return {self._path.parent.resolve(), self._path.resolve().parent}

    def file(self, path: Path, depth: int) -> None:
        """A file that GDAL opens, and what lies beside it."""
        if path in self._done:
            return
        self._done.add(path)
        if depth > _MOST_DEPTH:
            raise InputError(f"{path} is a VRT in a VRT, more than {_MOST_DEPTH} deep; simplify it")
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            if head.startswith(_TIFF):
                for text in in_tiff(file):
                    self._metadata(text, path, depth)
        if _VRT in head or path.suffix.lower() == ".vrt":
            self._names(in_xml(_read(path), path), path, depth)
        for name in self._beside(path, ".aux.xml"):
            self._metadata(_read(name), name, depth)
        for suffix in (".msk", ".ovr"):
            for name in self._beside(path, suffix):
                self._side_image(name, depth)
        if head.startswith(_ERDAS):
            self._erdas(path)

    def _erdas(self, path: Path) -> None:
        """The files of pixels and overviews that an Erdas file names; GDAL opens them when they are read."""
        try:
            with DatasetReader(str(path), driver=["HFA"], sharing=False) as dataset:
                files = list(dataset.files)
        except (RasterioError, OSError, ValueError):
            return  # damaged, which is seen when it is opened
        for file in files:
            if not is_within(Path(file).resolve(), self.homes):
                raise InputError(f"{path} refers to {file!r}, which is outside of its folder; move it there")

    def _beside(self, path: Path, suffix: str) -> list[Path]:
        """Files of this suffix that belong to an image, in any case."""
        folder = path.parent
        if folder not in self._listed:
            self._listed[folder] = _listing(folder)
        listed = self._listed[folder]
        forms = {path.name + suffix, path.stem + suffix} - {path.name}
        if listed is None:
            names = {form for stem in forms for form in (stem, stem.removesuffix(suffix) + suffix.upper())}
        else:
            names = {name for form in forms for name in listed.get(form.lower(), ()) if name != path.name}
        return [folder / name for name in sorted(names) if (folder / name).is_file()]

    def _side_image(self, path: Path, depth: int) -> None:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        if not head.startswith(_TIFF) or _VRT in head or any(mark in head for mark in _DESCRIPTIONS):
            raise InputError(f"{path} must be a TIFF, as masks and overviews beside an image are; remove it")
        if not is_within(path.resolve(), self.homes):
            raise InputError(f"{path} is a link to another folder; put the file itself there, or remove the link")
        self.file(path, depth + 1)

    def _metadata(self, text: bytes, owner: Path, depth: int) -> None:
        """XML beside a raster, which GDAL reads even if it is not well-formed."""
        try:
            found = in_xml(text, owner)
        except InputError:
            if any(mark in text.upper() for mark in (b"OVERVIEW_FILE", b"_DATASET", b"/VSI", b"DOCTYPE")):
                raise
            return
        self._names(found, owner, depth)

    def _names(self, names: list[Named], owner: Path, depth: int) -> None:
        if not names:  # as in nearly every file
            return
        folder = owner.resolve().parent
        for text, beside, raw in names:
            file = check_reference(text, folder if beside else Path.cwd(), owner, self.homes)
            if file is None:
                self.is_remote = True
                if not text.startswith("/vsi"):  # GDAL would download it as a whole
                    raise InputError(
                        f"{owner} refers to a URL by itself; write it as /vsicurl/{text}, for ranges of it"
                    )
                continue
            if raw or not file.is_file():  # GDAL takes a source that is missing as nodata
                continue
            with file.open("rb") as opened:
                head = opened.read(_HEAD_BYTES)
            if any(mark in head for mark in _DESCRIPTIONS) or not (head.startswith(_IMAGES) or _VRT in head):
                raise InputError(
                    f"{owner} refers to {file}, which is no TIFF, PNG, JPEG, GIF, BMP, WebP, JPEG 2000, Erdas or VRT "
                    "file; convert it"
                )
            self.file(file, depth + 1)


def _listing(folder: Path) -> dict[str, list[str]] | None:
    """The names in a folder by their lower case; None where there are many, and GDAL too asks for single names."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in islice(entries, _MOST_LISTED + 1)]
    if len(names) > _MOST_LISTED:
        return None
    listed: dict[str, list[str]] = {}
    for name in names:
        listed.setdefault(name.lower(), []).append(name)
    return listed


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)
