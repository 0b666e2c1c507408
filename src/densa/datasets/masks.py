"""Mask files, read as class values, as colours, or as numbered instances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from densa import raster
from densa.errors import InputError
from densa.legend import IGNORE, Color, Legend
from densa.raster.masks.origin import MaskOrigin
from densa.raster.masks.painting import read_painting
from densa.raster.masks.values import MaskFile, read_mask_file

__all__ = [
    "NEAR",
    "Encoding",
    "MaskScan",
    "nearest_classes",
    "read_labels",
    "read_objects",
    "runs",
    "scan_file",
    "scan_mask",
]

Encoding = Literal["values", "colors", "near-colors", "instances"]
"""How the masks of a data set encode the class: by value (a palette's index), by colour, by the nearest colour of the
legend (as compression leaves them), or as instance numbers."""
NEAR = 64
"""Largest difference, in any channel, of a colour from the colour of a class that it is taken for."""
_MOST_COLORS = 1 << 16
"""Colours of a file that a scan keeps: masks have some dozens of them, photographs and JPEG many more."""


@dataclass(frozen=True)
class MaskScan:
    """Contents of one mask file.

    Args:
        path: the file.
        values: values that occur, sorted; empty where the file holds colours other than greys.
        colors: colours that occur in an RGB or a palette file.
        palette: colour of each value of a palette file.
        is_rgb: the file holds colours, not values.
        missing: values or colours that occur and that the file declares as nodata or transparent; they are not among
            the above.
        hides: alpha or a mask hides some pixels.
        origin: how the file was stored.
        counts: values, or colours of a file of colours, that occur, with their pixels; those of `missing` too.
        n_pixels: of the file.
    """

    path: Path
    values: tuple[int, ...]
    colors: tuple[Color, ...]
    palette: tuple[tuple[int, Color], ...]
    is_rgb: bool
    missing: tuple[int | Color, ...] = ()
    hides: bool = False
    origin: MaskOrigin | None = None
    counts: tuple[tuple[int | Color, int], ...] = ()
    n_pixels: int = 0


def runs(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Values of the runs of equal neighbours in row order, and the runs' lengths; masks consist of few long runs."""
    flat = values.ravel()
    starts = np.flatnonzero(np.concatenate(([True], flat[1:] != flat[:-1])))
    return flat[starts], np.diff(starts, append=len(flat))


def scan_mask(path: Path, page: int = 0) -> MaskScan:
    """Values and colours that occur in a mask file.

    Raises:
        InputError: the file cannot be read.
    """
    return scan_file(path, page, _read(path, page))


def _read(path: Path, page: int, window: raster.Window | None = None) -> MaskFile:
    """A mask file or a window of it; of a painted one, what is less than half opaque is hidden."""
    file = read_mask_file(path, page=page, window=window)
    return read_painting(path, page=page, window=window) if file.values.ndim == 3 else file


def scan_file(path: Path, page: int, file: MaskFile) -> MaskScan:
    """`scan_mask` of a file that was read already."""
    stored: NDArray[Any] = file.values
    origin, hides = file.origin, bool(file.hidden.any())
    coded = _pack(stored) if stored.ndim == 3 else stored
    shown = coded[~file.hidden] if hides else coded
    declared = {_key(code) for code in file.missing}
    keys, pixels = _counted(shown)
    if stored.ndim == 3:
        of_key = {key: _unpack(key) for key in keys[:_MOST_COLORS]}
        colors = tuple(color for key, color in of_key.items() if key not in declared)
        gone: tuple[int | Color, ...] = tuple(color for key, color in of_key.items() if key in declared)
        grey = all(r == g == b for r, g, b in colors)
        shares = tuple((of_key[key], n) for key, n in zip(keys, pixels, strict=True) if key in of_key)
        values = tuple(c[0] for c in colors) if grey else ()
        return MaskScan(path, values, colors, (), True, gone, hides, origin, shares, file.hidden.size)
    values = tuple(v for v in keys if v not in declared)
    palette = _palette(path, page, file, values)
    gone = tuple(v for v in keys if v in declared)
    counts = tuple((key, n) for key, n in zip(keys, pixels, strict=True))
    shades = tuple(c for _, c in palette)
    return MaskScan(path, values, shades, palette, False, gone, hides, origin, counts, file.hidden.size)


def _counted(values: NDArray[Any]) -> tuple[list[int], list[int]]:
    """The values that occur, sorted, and how often each does."""
    if not values.size:
        return [], []
    first, lengths = runs(values)
    found, where = np.unique(first, return_inverse=True)
    return [int(v) for v in found], [int(n) for n in np.bincount(where.ravel(), weights=lengths)]


def _palette(path: Path, page: int, file: MaskFile, values: Sequence[int]) -> tuple[tuple[int, Color], ...]:
    """The colour that a palette file shows for each of some values that occur in it; nothing for other files."""
    shown = _shown_colors(path, page)
    if shown is None or shown.shape[:2] != file.values.shape or not values:
        return ()
    first, lengths = runs(file.values)
    found, where = np.unique(first, return_index=True)
    at = (np.cumsum(lengths) - lengths)[where]
    color_of = dict(zip((int(v) for v in found), shown.reshape(-1, 3)[at], strict=True))
    return tuple((value, (int(r), int(g), int(b))) for value in values for r, g, b in [color_of[value]])


def _grey(path: Path, file: MaskFile) -> MaskFile:
    """A file of values; of greys in RGB, one band of them."""
    stored: NDArray[Any] = file.values
    if stored.ndim == 2:
        return file
    if (stored != stored[..., :1])[~file.hidden].any():
        raise InputError(f"{path}: the mask holds colours, the other masks hold values")
    missing = tuple(c[0] for c in file.missing if isinstance(c, tuple))
    return file._replace(values=stored[..., 0], missing=missing)


def _colors(
    path: Path, page: int, window: raster.Window | None
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]:
    """(H, W, 3) colours; (H, W) true where alpha or a mask hides them; and where the file declares them missing."""
    file = _read(path, page, window)
    stored: NDArray[Any] = file.values
    gone = _isin(_pack(stored) if stored.ndim == 3 else stored, file.missing)
    if stored.ndim == 3:
        return stored, file.hidden, gone
    shown = _shown_colors(path, page, window)
    if shown is not None:
        return shown, file.hidden, gone
    if stored.dtype != np.uint8:
        raise InputError(f"{path}: the mask holds {stored.dtype} values, the other masks hold colours")
    return np.repeat(stored[..., None], 3, axis=2), file.hidden, gone


def read_labels(
    path: Path, legend: Legend, encoding: Encoding, page: int = 0, window: raster.Window | None = None
) -> NDArray[np.uint8]:
    """(H, W) uint8 label map of a mask file or a window of it.

    Pixels that alpha or a mask hides are not labelled, nor those of a value that the file declares as nodata or
    transparent, unless the legend names that value as a class.

    Raises:
        InputError: the file cannot be read, or holds values or colours that are not in the legend.
    """
    try:
        if encoding in ("colors", "near-colors"):
            colors, hidden, gone = _colors(path, page, window)
            keys = _pack(colors)
            if gone.any():
                hidden = hidden | (gone & ~np.isin(keys, [_key(color) for color in legend.colors]))
            keys[hidden] = _key(legend.colors[0])
            few, lengths = runs(keys)
            few_colors = np.stack([few >> 16, few >> 8 & 255, few & 255], axis=-1).astype(np.uint8)
            if encoding == "near-colors":
                few_labels = nearest_classes(legend, few_colors)
            else:
                few_labels = legend.labels_of_colors(few_colors[None])[0]
            labels = np.repeat(few_labels, lengths).reshape(keys.shape)
        else:
            named = (0,) if encoding == "instances" else legend.codes
            file = _read(path, page, window)
            if encoding == "instances" and file.values.ndim == 3:  # a colour for each object, black is none
                file = file._replace(values=_pack(file.values.astype(np.uint8)), missing=tuple(map(_key, file.missing)))
            file = _grey(path, file)
            values: NDArray[Any] = file.values
            hidden = file.hidden
            if undefined := tuple(code for code in file.missing if code not in named):
                hidden = hidden | _isin(values, undefined)
            if hidden.any():
                values = np.where(hidden, named[0], values)
            labels = (values > 0).astype(np.uint8) if encoding == "instances" else legend.labels(values)
        labels[hidden] = IGNORE
        return labels
    except InputError as error:
        raise InputError(str(error) if str(path) in str(error) else f"{path}: {error}") from error


def nearest_classes(legend: Legend, colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The class of colours that compression has changed.

    Args:
        legend: classes and ignored colours.
        colors: (n, 3) uint8.

    Returns:
        (n,) uint8 class of the colour of the legend that is nearest by the largest difference of a channel; `IGNORE`
        where that is more than 64, or an ignored colour is nearest.
    """
    known = np.array([*legend.colors, *legend.ignored_colors], np.int16)
    classes = np.array([*range(legend.n_classes), *[IGNORE] * len(legend.ignored_colors)], np.uint8)
    keys, where = np.unique(_pack(colors), return_inverse=True)
    found = np.stack([keys >> 16, keys >> 8 & 255, keys & 255], axis=-1).astype(np.int16)
    labels = np.empty(len(found), np.uint8)
    for start in range(0, len(found), 1 << 16):
        part = found[start : start + (1 << 16)]
        apart = np.abs(part[:, None] - known[None]).max(axis=2)
        nearest = apart.argmin(axis=1)
        labels[start : start + len(part)] = np.where(apart.min(axis=1) <= NEAR, classes[nearest], IGNORE)
    return labels[where.ravel()]


def read_objects(files: Sequence[Path], page: int = 0, window: raster.Window | None = None) -> NDArray[np.int32]:
    """(H, W) int32 objects of an image or a window of it, 0 where there is none.

    Args:
        files: one file whose values number the objects, or whose colours tell them apart (black is none); or several
            files, each of which shows one object by whatever is not 0. Where two overlap, the later file counts.
        page: of the one file, where it is a stack.
        window: part to read; None for all.

    Raises:
        InputError: a file cannot be read, or several differ in size.
    """
    if len(files) == 1:
        stored = _objects(files[0], page, window)
        if stored.ndim == 2:
            return stored.astype(np.int32)
        _, numbers = np.unique(np.append(0, _pack(stored)), return_inverse=True)  # black is 0, also where there is none
        return numbers.ravel()[1:].reshape(stored.shape[:2]).astype(np.int32)
    objects: NDArray[np.int32] | None = None
    for number, path in enumerate(files, 1):
        its = _objects(path, 0, window)
        shown = (its if its.ndim == 2 else its.any(axis=2)) != 0
        objects = np.zeros(shown.shape, np.int32) if objects is None else objects
        if shown.shape != objects.shape:
            raise InputError(f"{path} is {shown.shape[0]}x{shown.shape[1]}, the other objects of its image are not")
        objects[shown] = number
    if objects is None:
        raise InputError("objects need a file")
    return objects


def _objects(path: Path, page: int, window: raster.Window | None) -> NDArray[Any]:
    """Values or colours of a file of objects, 0 where alpha, a mask or nodata says that there is none."""
    file = read_mask_file(path, page=page, window=window)
    stored: NDArray[Any] = file.values
    none = file.hidden | _isin(_pack(stored) if stored.ndim == 3 else stored, file.missing)
    stored[none] = 0
    return stored


def _shown_colors(path: Path, page: int, window: raster.Window | None = None) -> NDArray[np.uint8] | None:
    """Colours that a palette file shows; None for other files."""
    with raster.open(path, page=page) as image:
        if image.n_bands != 3 or image.dtype != np.uint8:
            return None
        return np.ascontiguousarray(np.moveaxis(image.read(window)[0], 0, -1))


def _pack(rgb: NDArray[np.uint8]) -> NDArray[np.int32]:
    return (rgb[..., 0].astype(np.int32) << 16) | (rgb[..., 1].astype(np.int32) << 8) | rgb[..., 2]


def _key(code: int | Color) -> int:
    """A value as it is, a colour packed into one number."""
    return code[0] << 16 | code[1] << 8 | code[2] if isinstance(code, tuple) else code


def _isin(values: NDArray[Any], codes: Sequence[int | Color]) -> NDArray[np.bool_]:
    """(H, W) true where values, or packed colours, are among the codes."""
    found: NDArray[np.bool_] = np.zeros(values.shape, bool)
    for code in codes:
        found |= values == _key(code)
    return found


def _unpack(key: int) -> Color:
    return int(key) >> 16, int(key) >> 8 & 255, int(key) & 255
