"""Painted images as partial labels: colours are classes, transparent pixels have no label."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from densa.datasets.codings import check_storage
from densa.datasets.dataset import strips
from densa.datasets.image_files import has_windows
from densa.datasets.legends import choose_encoding, infer_legend
from densa.datasets.masks import MaskScan, read_labels, scan_mask
from densa.errors import InputError
from densa.legend import IGNORE, Legend
from densa.raster import Window, carried_legend
from densa.raster.alignment import Onto
from densa.raster.masks.painting import read_painting
from densa.raster.masks.values import MaskFile

__all__ = ["MOST_COLORS", "PaintedLabels", "Painting", "open_painting"]

MOST_COLORS = 32
_MOST_DIFFERENT = 1 << 16
_LEAST_SHARE = 0.01  # of the painted pixels, of a class without an area
_MIXED = 3  # levels by which a mixture of two colours may differ from the line between them


@dataclass(frozen=True)
class Painting:
    """What a painted image shows.

    Attributes:
        path: of the file.
        page: page of a stack.
        height, width: in pixels.
        legend: its classes.
        by_color: classes are colours; otherwise values.
        n_painted: pixels with a class.
        n_edge: opaque pixels of other colours, at smoothed edges, which have no label.
        n_edge_colors: number of these colours.
        all_opaque: no pixel is transparent or of an ignored value, so that all have a class.
    """

    path: Path
    page: int
    height: int
    width: int
    legend: Legend
    by_color: bool
    n_painted: int
    n_edge: int
    n_edge_colors: int
    all_opaque: bool

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided in reading it, a line each."""
        lines = []
        if self.n_edge:
            colors = f"{self.n_edge_colors} other colour" + "s" * (self.n_edge_colors > 1)
            lines.append(
                f"{self.path.name}: {self.n_edge} pixels of {colors} at edges are not labelled; the classes are "
                f"{', '.join(self.legend.class_names[:12])}"
            )
        if self.all_opaque:
            lines.append(
                f"{self.path.name}: no pixel is transparent, so every pixel is of a class "
                f"({', '.join(self.legend.class_names[:12])}); make the pixels without a label transparent, or give a "
                "legend without their colour"
            )
        return tuple(lines)


def open_painting(path: Path, legend: Legend | None = None, page: int = 0) -> Painting:
    """Find the classes of a painted image.

    Pixels that are less than half opaque have no label. A colour is a class where some pixel has it together with its
    eight neighbours, or where it covers a hundredth of what is painted and is no mixture of two such colours; other
    colours, those of smoothed edges, have no label. With a legend, its colours are the classes. Images of values
    (grey or palette) are read as masks are.

    Raises:
        InputError: it cannot be read, was stored with lossy compression, shows more than 32 colours, or nothing.
    """
    first = read_painting(path, page=page, window=Window(0, 0, 1, 1) if has_windows(path) else None)
    if np.asarray(first.values).ndim == 2:
        return _of_values(path, legend, page)
    height, width = _size(path, page)
    counts, cores, n_hidden = _colors(path, page, height, width)
    if legend is None:
        classes = _classes(path, counts, cores)
        legend = Legend(
            tuple("#{:02X}{:02X}{:02X}".format(*_unpacked(c)) for c in classes), tuple(map(_unpacked, classes))
        )
    known = {_packed(color) for color in legend.colors}
    ignored = {_packed(color) for color in legend.ignored_colors}
    painted = sum(n for color, n in counts.items() if color in known)
    edge = {color: n for color, n in counts.items() if color not in known | ignored}
    if not painted:
        raise InputError(
            f"{path} shows no colour of the legend ({', '.join(legend.class_names)}) that is at least half opaque"
        )
    opaque = not n_hidden and not edge and not any(color in counts for color in ignored)
    return Painting(path, page, height, width, legend, True, painted, sum(edge.values()), len(edge), opaque)


class PaintedLabels:
    """The labels of a painted image on the grid of an image: a `LabelSource`.

    Args:
        painting: what it shows.
        height, width: of the image.
        grid: how the painting is read on the grid of the image; None: pixel by pixel.
        label: the class of all that is painted, where the file is a layer of one class; None: those of its legend.
    """

    def __init__(
        self, painting: Painting, height: int, width: int, *, grid: Onto | None = None, label: int | None = None
    ) -> None:
        self.painting, self.grid, self.label = painting, grid, label
        self.height, self.width = height, width
        self._whole: NDArray[np.uint8] | None = None

    def read(self, window: Window) -> NDArray[np.uint8]:
        """(h, w) uint8 class of each pixel of a window; 255 where it has no label."""
        labels = self._stored(window) if self.grid is None else self.grid.read(self._stored, IGNORE, window)
        return labels.copy() if self.label is None else np.where(labels == IGNORE, IGNORE, np.uint8(self.label))

    def _stored(self, window: Window) -> NDArray[np.uint8]:
        """Labels in the painting's own grid; formats without windows are decoded once."""
        if has_windows(self.painting.path):
            return _labels(self.painting, window)
        if self._whole is None:
            self._whole = _labels(self.painting, None)
        return self._whole[window.row : window.row + window.height, window.column : window.column + window.width]


def _labels(painting: Painting, window: Window | None) -> NDArray[np.uint8]:
    legend = painting.legend
    if not painting.by_color:
        return read_labels(painting.path, legend, "values", painting.page, window)
    file = read_painting(painting.path, page=painting.page, window=window)
    keys = _keys(file)
    colors = np.array([_packed(color) for color in legend.colors])
    order = np.argsort(colors)
    place = np.minimum(np.searchsorted(colors[order], keys), len(colors) - 1)
    labels = np.where(colors[order][place] == keys, order[place], IGNORE).astype(np.uint8)
    return labels


def _of_values(path: Path, legend: Legend | None, page: int) -> Painting:
    """An image of grey values or of a palette's indices, by the rules of masks."""
    scan = scan_mask(path, page)
    check_storage([scan], "painted images")
    chosen = legend or carried_legend(path)
    if chosen is None:
        chosen, encoding = infer_legend([scan], "given")
    else:
        encoding = choose_encoding([scan], chosen)
    if encoding == "colors":
        raise InputError(f"{path}: the legend's colours are in other places of the palette; save it as RGB or RGBA")
    height, width = _size(path, page)
    painted = 0
    all_of_a_class = True
    for window in strips(height, width) if has_windows(path) else [None]:
        labels = read_labels(path, chosen, "values", page, window)
        painted += int((labels != IGNORE).sum())
        all_of_a_class = all_of_a_class and not (labels == IGNORE).any()
    if not painted:
        raise InputError(f"{path} has no labelled pixel; paint some of every class")
    return Painting(path, page, height, width, chosen, False, painted, 0, 0, all_of_a_class)


def _size(path: Path, page: int) -> tuple[int, int]:
    from densa import raster

    with raster.open(path, page=page) as image:
        return image.height, image.width


def _colors(path: Path, page: int, height: int, width: int) -> tuple[dict[int, int], set[int], int]:
    """Pixels of each colour, the colours with an area of 3 x 3 pixels, and the number of pixels without a colour."""
    counts: dict[int, int] = {}
    cores: set[int] = set()
    n_hidden = 0
    windows: list[Any] = list(strips(height, width)) if has_windows(path) else [None]
    for window in windows:
        part = window
        if window is not None:  # a row more above and below, so that areas across strips are seen
            top, bottom = max(0, window.row - 1), min(height, window.row + window.height + 1)
            part = Window(top, 0, bottom - top, width)
        file = read_painting(path, page=page, window=part)
        if file.origin.loss:
            check_storage([MaskScan(path, (), (), (), True, origin=file.origin)], "painted images")
        keys = _keys(file)
        own = keys if window is None else keys[window.row - part.row :][: window.height]
        n_hidden += int((own < 0).sum())
        for color, n in zip(*np.unique(own[own >= 0], return_counts=True), strict=True):
            counts[int(color)] = counts.get(int(color), 0) + int(n)
        if len(counts) > _MOST_DIFFERENT:
            break
        if min(keys.shape) >= 3:
            cores |= _with_area(keys)
    if len(cores) > MOST_COLORS or len(counts) > _MOST_DIFFERENT:
        raise InputError(
            f"{path} shows {len(cores) if len(cores) > MOST_COLORS else 'very many'} colours in areas, at most "
            f"{MOST_COLORS} are classes: paint on a layer of its own and export this layer alone, with transparency"
        )
    if not counts:
        raise InputError(f"{path} has no pixel that is at least half opaque; paint some of every class")
    return counts, cores, n_hidden


def _with_area(keys: NDArray[np.int64]) -> set[int]:
    """Colours of which some pixel has eight neighbours of its colour."""
    low = ndimage.minimum_filter(keys, size=3, mode="nearest")[1:-1, 1:-1]
    high = ndimage.maximum_filter(keys, size=3, mode="nearest")[1:-1, 1:-1]
    return {int(color) for color in np.unique(low[(low == high) & (low >= 0)])}


def _classes(path: Path, counts: dict[int, int], cores: set[int]) -> list[int]:
    """The colours that are classes, in order."""
    found = sorted(cores)
    total = sum(counts.values())
    for color in sorted(counts, key=lambda c: (-counts[c], c)):
        if color in cores or counts[color] < _LEAST_SHARE * total:
            continue
        if not _is_mixture(color, found):
            found.append(color)
    if len(found) > MOST_COLORS or not found:
        raise InputError(
            f"{path} shows {len(counts)} colours, of which {len(found)} may be classes; 1 to {MOST_COLORS} are read: "
            "paint with a hard brush on a layer of its own, or give a legend of the colours"
        )
    return sorted(found)


def _is_mixture(color: int, classes: list[int]) -> bool:
    """Whether a colour lies between two of others."""
    own, those = np.array(_unpacked(color), float), np.array([_unpacked(c) for c in classes], float).reshape(-1, 3)
    if len(those) < 2:
        return False
    a, b = (those[index] for index in np.triu_indices(len(those), 1))
    line = b - a
    share = np.clip(((own - a) * line).sum(axis=1) / np.maximum((line * line).sum(axis=1), 1), 0, 1)
    return bool((np.abs(a + share[:, None] * line - own).max(axis=1) <= _MIXED).any())


def _keys(file: MaskFile) -> NDArray[np.int64]:
    """(h, w) colours as numbers; -1 where hidden or declared missing."""
    rgb: NDArray[Any] = file.values
    keys = (rgb[..., 0].astype(np.int64) << 16) | (rgb[..., 1].astype(np.int64) << 8) | rgb[..., 2]
    for code in file.missing:
        if isinstance(code, tuple):
            keys[keys == _packed(code)] = -1
    keys[file.hidden] = -1
    return keys


def _packed(color: tuple[int, int, int]) -> int:
    return color[0] << 16 | color[1] << 8 | color[2]


def _unpacked(key: int) -> tuple[int, int, int]:
    return key >> 16, key >> 8 & 255, key & 255
