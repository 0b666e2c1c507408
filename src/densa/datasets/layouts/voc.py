"""PASCAL VOC: JPEGImages, of which only some have a mask in SegmentationClass, and files that list the splits.

CVAT and Datumaro export it with `labelmap.txt`, whose lines are `name:red,green,blue:parts:actions`.
"""

from __future__ import annotations

import re
from pathlib import Path

from densa.datasets.layouts.layout import Coding, Layout, find_lists
from densa.errors import InputError
from densa.legend import IGNORE, Color, Legend, default_colors, is_ignored_name

__all__ = ["read_voc"]

_BORDER = (224, 224, 192)
_MOST_LINES = 10_000


def read_voc(root: Path) -> Layout | None:
    """The layout of `root`, None where it is another one.

    Raises:
        InputError: `labelmap.txt` cannot be read.
    """
    images, masks = root / "JPEGImages", root / "SegmentationClass"
    if not (images.is_dir() and masks.is_dir()):
        return None
    said = "images in JPEGImages/, masks in SegmentationClass/"
    layout = Layout(root, "voc", lists=find_lists(root), said=said)
    objects = root / "SegmentationObject"  # for every mask, one that numbers its objects
    layout.add(images, masks, objects=objects if objects.is_dir() else None)
    if not layout.lists:
        layout.splits = {s: [x for x in samples if x.mask] for s, samples in layout.splits.items()}
    file = root / "labelmap.txt"
    if file.is_file():
        legend = _labelmap(file)
        layout.codings = {"": Coding(legend, str(file))}
        gone = f"; not labelled: {', '.join(_voids(file))}" if _voids(file) else ""
        layout.said += f", classes by the colours of labelmap.txt{gone}"
    return layout


def _labelmap(file: Path) -> Legend:
    """The classes of a labelmap.txt, numbered from 0 in its order; those that mean no label are ignored."""
    rows = _rows(file)
    classes = [(i, name, color) for i, (name, color) in enumerate(rows) if not is_ignored_name(name)]
    colors = [color for _, _, color in classes]
    ignored = [color for name, color in rows if is_ignored_name(name) and color not in colors]
    codes = tuple(i for i, (name, _) in enumerate(rows) if is_ignored_name(name))
    try:
        return Legend(
            tuple(name for _, name, _ in classes),
            tuple(colors),
            tuple(i for i, _, _ in classes),
            ignored_codes=(*codes, IGNORE),
            ignored_colors=tuple(dict.fromkeys((*ignored, *([] if _BORDER in colors else [_BORDER])))),
        )
    except InputError as error:
        raise InputError(f"{file}: {error}") from error


def _voids(file: Path) -> list[str]:
    return [name for name, _ in _rows(file) if is_ignored_name(name)]


def _rows(file: Path) -> list[tuple[str, Color]]:
    """Name and colour of each line; a line without a colour has that of VOC's palette."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()[:_MOST_LINES]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error
    rows: list[tuple[str, Color]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = re.fullmatch(r"\s*(?P<name>[^:]+?)\s*(?::\s*(?:(\d+)\s*,\s*(\d+)\s*,\s*(\d+))?\s*(?::.*)?)?", line)
        if match is None or any(int(value) > 255 for value in match.groups()[1:] if value):
            raise InputError(f"{file}: line {number} must be name:red,green,blue:parts:actions, got {line!r:.200}")
        if match[2] is None:
            color = (0, 0, 0) if not rows else default_colors(len(rows))[-1]
        else:
            color = (int(match[2]), int(match[3]), int(match[4]))
        rows.append((match["name"], color))
    if not rows:
        raise InputError(f"{file} names no class")
    return rows
