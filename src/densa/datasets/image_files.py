"""Image files of a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["IMAGE_SUFFIXES", "has_windows", "image_files"]

IMAGE_SUFFIXES = {
    ".png", ".jpg", ".jpeg", ".jpe", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".jp2", ".vrt", ".pgm", ".ppm",
}  # fmt: skip
"""Suffixes of the files that count as images and masks."""

_WINDOWED = {".tif", ".tiff", ".vrt", ".jp2"}


def has_windows(path: Path | None) -> bool:
    """Whether a part of a file can be read without decoding the whole, by its format; not where there is no file."""
    return path is not None and path.suffix.lower() in _WINDOWED


def image_files(folder: Path, depth: int = 4) -> Iterator[Path]:
    """Image files in a folder and `depth` levels below it, sorted; hidden files are left out."""
    for name in sorted(os.listdir(folder)):
        path = folder / name
        if name.startswith("."):
            continue
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
            yield path
        elif depth and path.is_dir():
            yield from image_files(path, depth - 1)
