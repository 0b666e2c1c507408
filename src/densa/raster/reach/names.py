"""The names of other files in VRTs, `.aux.xml` files and TIFF tags, read without opening any of them."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple
from xml.parsers import expat

from densa.errors import InputError

__all__ = ["MOST_BYTES", "Named", "in_tiff", "in_xml"]

MOST_BYTES = 64 * 2**20
"""Largest description in XML that is read."""

_MOST_DEPTH = 200  # of elements
_MOST_DIRECTORIES = 1024  # of a TIFF
_GDAL_METADATA = 42112
_BASE = ":::BASE:::"
# Elements and attributes whose text GDAL opens; it compares their names without case.
_FILES = {"sourcefilename", "sourcedataset", "dempath"}
# Metadata items and options whose text GDAL opens.
_ITEMS = {"OVERVIEW_FILE", "MASK_FILE", "X_DATASET", "Y_DATASET", "RPC_DEM"}
_ARGUMENTS = re.compile(r"(?i)(FILE|FILENAME|DATASET|DSNAME|_DS|DEM|DEMPATH|GEOLOC_ARRAY)(_\d+)?$")


class Named(NamedTuple):
    """A name of another file.

    Attributes:
        text: as it stands there.
        beside: relative to the folder of the file that holds it; otherwise to the working directory.
        raw: its bytes are read as values, whatever the file is.
    """

    text: str
    beside: bool
    raw: bool


def in_xml(content: bytes, owner: Path) -> list[Named]:
    """All names of files in a VRT or the metadata of GDAL.

    No entity is expanded, a DOCTYPE is refused. What GDAL would read otherwise than this parser is refused as well.

    Raises:
        InputError: not well-formed, too large, a pixel function in Python, or a name that is not plain text.
    """
    if len(content) > MOST_BYTES:
        raise InputError(f"{owner} describes its sources in more than {MOST_BYTES // 2**20} MB; split it")
    reader = _Reader(owner)
    try:
        reader.parser.Parse(content.rstrip(b"\0"), True)
    except expat.ExpatError as error:
        raise InputError(f"{owner} must hold well-formed XML in UTF-8: {error}") from error
    return list(dict.fromkeys(reader.found))


class _Element(NamedTuple):
    tag: str
    attributes: dict[str, str]
    names_file: bool
    raw: bool


class _Reader:
    """Collects the names while the parser runs."""

    def __init__(self, owner: Path) -> None:
        self.owner = owner
        self.found: list[Named] = []
        self._within: list[_Element] = []
        self._text: list[str] = []
        self.parser = expat.ParserCreate("UTF-8")  # GDAL takes the bytes as they are, whatever is declared
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text.append
        self.parser.CommentHandler = self._refuse_inside
        self.parser.ProcessingInstructionHandler = lambda target, _: self._refuse_inside(target)

    def _refuse_doctype(self, *_: object) -> None:
        raise InputError(f"{self.owner} holds a DOCTYPE; remove it, entities are not expanded")

    def _refuse_inside(self, _: str) -> None:
        if self._within and self._within[-1].names_file:
            raise InputError(f"{self.owner}: <{self._within[-1].tag}> must hold the name of a file alone")

    def _start(self, tag: str, given: dict[str, str]) -> None:
        self._refuse_inside(tag)
        if len(self._within) > _MOST_DEPTH:
            raise InputError(f"{self.owner} is nested too deeply; simplify it")
        attributes = {key.lower(): value for key, value in given.items()}
        name, item = tag.lower(), attributes.get("key", attributes.get("name", "")).upper()
        names_file = name in _FILES or (name in {"mdi", "ooi"} and item in _ITEMS)
        names_file |= name in {"option", "argument", "parameter"} and bool(_ARGUMENTS.search(item))
        raw = attributes.get("subclass", "").lower() == "vrtrawrasterband" or (
            bool(self._within) and self._within[-1].raw
        )
        self._text.clear()
        self._within.append(_Element(tag, attributes, names_file, raw))
        if attributes.keys() & _FILES or item == "ROOT_PATH" or attributes.get("relativetovrt", "0") not in {"0", "1"}:
            raise InputError(
                f"{self.owner}: <{tag}> names files in a way that is not followed; write it with gdalbuildvrt"
            )
        for value in attributes.values():
            if value.startswith("/vsi"):
                self._add(value)

    def _end(self, _: str) -> None:
        text, element = "".join(self._text), self._within[-1]
        self._text.clear()
        if element.names_file or text.strip().startswith("/vsi"):
            self._add(text)
        elif element.tag.lower() == "pixelfunctionlanguage" and text.strip().lower() == "python":
            raise InputError(
                f"{self.owner} holds a pixel function in Python, which is not run; give its result as TIFF"
            )
        self._within.pop()

    def _add(self, text: str) -> None:
        element = self._within[-1]
        beside = element.attributes.get("relativetovrt") == "1" or text.startswith(_BASE)
        self.found.append(Named(text.removeprefix(_BASE), beside, element.raw))


def in_tiff(file: BinaryIO) -> Iterator[bytes]:
    """The metadata of GDAL (XML) in the directories of a TIFF; of a damaged file what can be read."""
    try:
        file.seek(0)
        head = file.read(16)
        order = "<" if head[:2] == b"II" else ">"
        big = struct.unpack_from(order + "H", head, 2)[0] == 43
        offset, count, size = ("Q", "Q", 20) if big else ("I", "H", 12)
        (start,) = struct.unpack_from(order + offset, head, 8 if big else 4)
        seen: set[int] = set()
        while start and start not in seen and len(seen) < _MOST_DIRECTORIES:
            seen.add(start)
            file.seek(start)
            (n,) = struct.unpack(order + count, file.read(struct.calcsize(order + count)))
            entries = file.read(min(n, 4096) * size)
            (start,) = struct.unpack(order + offset, file.read(struct.calcsize(order + offset)))
            for at in range(0, len(entries) - size + 1, size):
                tag, _, n_bytes, place = struct.unpack_from(order + "HH" + 2 * offset, entries, at)
                if tag == _GDAL_METADATA:
                    following = file.tell()
                    file.seek(place)
                    yield file.read(min(n_bytes, MOST_BYTES + 1))
                    file.seek(following)
    except (struct.error, OSError, OverflowError):
        return
