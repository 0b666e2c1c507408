"""Identity of an image: its pixels, so that copies under another name, in another folder or format are recognised."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from densa.datasets.dataset import Sample, strips
from densa.errors import InputError
from densa.raster import Raster, Window

__all__ = ["Identity", "read_identity"]

_MOST_VALUES = 1 << 26  # a larger image is recognised by some windows of it
_WINDOWS, _SIDE = 6, 512  # windows in a row and in a column, and their side


@dataclass(frozen=True)
class Identity:
    """What an image is recognised by.

    Attributes:
        path: of the file, absolute, links resolved.
        page: page of the file.
        bytes: size of the file; -1 where it is not known.
        modified: time of its last change, ns; -1 where it is not known.
        pixels: digest of size, type and values; None where they are all equal or cannot be read.
    """

    path: str
    page: int
    bytes: int
    modified: int
    pixels: str | None

    def to_json(self) -> dict[str, Any]:
        """The identity as entries of `split.json`."""
        return {"path": self.path, "bytes": self.bytes, "modified": self.modified, "pixels": self.pixels}

    @classmethod
    def of_json(cls, entry: Mapping[str, Any]) -> Self:
        """The identity in an entry of `split.json`; that of the file as it is now where the entry has none."""
        page = int(entry.get("page", 0))
        if "pixels" not in entry:  # written before 0.3
            found = read_identity(Sample("", Path(entry["image"]), None, "", page))
            return cls(found.path, page, found.bytes, found.modified, found.pixels)
        pixels = entry["pixels"]
        numbers = int(entry.get("bytes", -1)), int(entry.get("modified", -1))
        return cls(str(entry["path"]), page, *numbers, None if pixels is None else str(pixels))

    @property
    def is_known(self) -> bool:
        """Whether the file could be read."""
        return self.pixels is not None or self.bytes >= 0

    def same_file(self, other: Identity) -> bool:
        """Whether both are the same page of the same file, unchanged."""
        mine = (self.path, self.page, self.bytes, self.modified)
        return self.bytes >= 0 and mine == (other.path, other.page, other.bytes, other.modified)

    def is_same(self, other: Identity) -> bool:
        """Whether both are the same image: by their pixels, by their place where these are not known."""
        if self.pixels is not None and other.pixels is not None:
            return self.pixels == other.pixels
        return (self.path, self.page) == (other.path, other.page)


def read_identity(sample: Sample, *, pixels: bool = True) -> Identity:
    """The identity of a sample's image; `pixels`: whether to read them."""
    path = Path(sample.image)
    size, modified = -1, -1
    try:
        resolved = str(path.resolve())
        found = os.stat(path)
        size, modified = found.st_size, found.st_mtime_ns
    except OSError:  # not a local file
        resolved = str(path)
    return Identity(resolved, sample.page, size, modified, _digest(sample) if pixels else None)


def _digest(sample: Sample) -> str | None:
    try:
        with sample.open() as image:
            return _digest_of(image)
    except (InputError, OSError):
        return None


def _digest_of(image: Raster) -> str | None:
    digest = hashlib.sha256(f"{image.height} {image.width} {image.n_bands} {image.dtype}".encode())
    first, differs = None, False
    for window in _windows(image):
        values = image.read(window)[0]
        first = values.flat[0] if first is None else first
        differs = differs or bool((values != first).any())
        digest.update(values.tobytes())
    return digest.hexdigest() if differs else None


def _windows(image: Raster) -> Iterator[Window]:
    """The whole image in strips, or windows spread over a large one."""
    if image.height * image.width * image.n_bands <= _MOST_VALUES:
        yield from strips(image.height, image.width)
        return
    rows, columns = (np.linspace(0, max(side - _SIDE, 0), _WINDOWS, dtype=int) for side in (image.height, image.width))
    for row in rows:
        for column in columns:
            height, width = min(_SIDE, image.height - int(row)), min(_SIDE, image.width - int(column))
            yield Window(int(row), int(column), height, width)
