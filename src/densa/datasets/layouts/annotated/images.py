"""The images that annotation files name, and samples whose labels are drawn from them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from densa.datasets.annotations.shapes import DrawnShapes
from densa.datasets.class_table import Classed
from densa.datasets.dataset import Sample
from densa.datasets.image_files import image_files
from densa.datasets.layouts.layout import SPLITS, Layout, split_of
from densa.errors import InputError

__all__ = ["ImageIndex", "add_sample", "files_of", "number_of", "numbers_of", "split_in_name"]

_DEPTH = 4  # levels of folders that are searched
_SPLIT = re.compile(r"(?<![a-z])(train(?:ing)?|val(?:id(?:ation)?)?|test(?:ing)?)(?![a-z])", re.IGNORECASE)


def files_of(root: Path, suffix: str, depth: int = _DEPTH) -> Iterator[Path]:
    """Files of a suffix in a folder and below it, sorted; hidden ones are left out."""
    with os.scandir(root) as entries:  # which knows folders without asking for each file
        inside = sorted((e for e in entries if not e.name.startswith(".")), key=lambda entry: entry.name)
    for entry in inside:
        if entry.name.lower().endswith(suffix) and entry.is_file():
            yield Path(entry.path)
        elif depth and entry.is_dir():
            yield from files_of(Path(entry.path), suffix, depth - 1)


def split_in_name(name: str) -> str:
    """The split that a name says: "train" for "instances_train2017"; "" where it says none."""
    found = _SPLIT.search(name)
    return SPLITS[found[1].lower()] if found else ""


class ImageIndex:
    """The images of a folder, by their names.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._by_name: dict[str, list[Path]] | None = None

    def named(self, name: str) -> list[Path]:
        """The images of a file name, in whatever folder."""
        if self._by_name is None:
            self._by_name = {}
            for path in image_files(self._root):
                self._by_name.setdefault(path.name, []).append(path)
        return self._by_name.get(name, [])


def add_sample(layout: Layout, image: Path, labels: Path, drawn: DrawnShapes, split: str = "") -> None:
    """Add an image with its annotations; the folders that it lies in may say its split, and are its group."""
    place = image.parent.relative_to(layout.root).as_posix()
    inner, group = split_of("" if place == "." else place)
    name = f"{group}/{image.stem}" if group else image.stem
    blank = np.zeros(len(layout.values or ()) + 2, np.uint8)
    sample = Sample(name, image, labels, group, drawn=Classed(drawn, blank))
    layout.splits.setdefault(split or inner, []).append(sample)


def number_of(value: object, source: str, what: str) -> float:
    """A number of an annotation.

    Raises:
        InputError: something else, or too large for a place in an image.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e6:
        raise InputError(f"{source}: {what} must be a number below 1e6, got {value!r:.40}")
    return float(value)


def numbers_of(values: object, source: str, what: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """(n, 2) coordinates of a list of numbers or of pairs.

    Raises:
        InputError: anything else, an odd count, numbers that are not finite or too large.
    """
    try:
        found = np.array(values, np.float64) if isinstance(values, Sequence) else np.array(np.nan)
    except (TypeError, ValueError, OverflowError):
        found = np.array(np.nan)
    if found.ndim == 1 and len(found) % 2 == 0:
        found = found.reshape(-1, 2)
    if found.ndim != 2 or found.shape[1] != 2 or not (np.abs(found) < 1e6).all():
        raise InputError(f"{source}: {what} must be pairs of numbers below 1e6")
    return found
