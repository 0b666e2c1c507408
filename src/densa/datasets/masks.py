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
from densa.legend import Color, Legend

__all__ = ["Encoding", "MaskScan", "read_colors", "read_labels", "read_objects", "read_values", "runs", "scan_mask"]

Encoding = Literal["values", "colors", "instances"]
"""How the masks of a data set encode the class: by value (a palette's index), by colour, or as instance numbers."""


@dataclass(frozen=True)
class MaskScan:
    """Contents of one mask file.

    Args:
        path: the file.
        values: values that occur, sorted; empty where the file holds colours other than greys.
        colors: colours that occur in an RGB or a palette file.
        palette: colour of each value of a palette file.
        is_rgb: the file holds colours, not values.
    """

    path: Path
    values: tuple[int, ...]
    colors: tuple[Color, ...]
    palette: tuple[tuple[int, Color], ...]
    is_rgb: bool


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
    stored: NDArray[Any] = raster.read_mask(path, page=page)
    if stored.ndim == 3:
        colors = tuple(_unpack(key) for key in np.unique(runs(_pack(stored))[0]))
        grey = all(r == g == b for r, g, b in colors)
        return MaskScan(path, tuple(c[0] for c in colors) if grey else (), colors, (), True)
    first, lengths = runs(stored)
    values, where = np.unique(first, return_index=True)
    palette: tuple[tuple[int, Color], ...] = ()
    shown = _shown_colors(path, page)
    if shown is not None and shown.shape[:2] == stored.shape:
        at = (np.cumsum(lengths) - lengths)[where]
        colors = tuple((int(r), int(g), int(b)) for r, g, b in shown.reshape(-1, 3)[at])
        palette = tuple(zip((int(v) for v in values), colors, strict=True))
    return MaskScan(path, tuple(int(v) for v in values), tuple(c for _, c in palette), palette, False)


def read_values(path: Path, page: int = 0, window: raster.Window | None = None) -> NDArray[Any]:
    """(H, W) integers of a mask file or a window of it; an RGB file must hold greys only."""
    stored: NDArray[Any] = raster.read_mask(path, page=page, window=window)
    if stored.ndim == 2:
        return stored
    if (stored != stored[..., :1]).any():
        raise InputError(f"{path}: the mask holds colours, the other masks hold values")
    return stored[..., 0]


def read_colors(path: Path, page: int = 0, window: raster.Window | None = None) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 colours of a mask file or a window of it; of a palette file those that it shows."""
    stored: NDArray[Any] = raster.read_mask(path, page=page, window=window)
    if stored.ndim == 3:
        return stored
    shown = _shown_colors(path, page, window)
    if shown is not None:
        return shown
    if stored.dtype != np.uint8:
        raise InputError(f"{path}: the mask holds {stored.dtype} values, the other masks hold colours")
    return np.repeat(stored[..., None], 3, axis=2)


def read_labels(
    path: Path, legend: Legend, encoding: Encoding, page: int = 0, window: raster.Window | None = None
) -> NDArray[np.uint8]:
    """(H, W) uint8 label map of a mask file or a window of it.

    Raises:
        InputError: the file cannot be read, or holds values or colours that are not in the legend.
    """
    try:
        if encoding == "instances":
            return (read_values(path, page, window) > 0).astype(np.uint8)
        if encoding == "values":
            return legend.labels(read_values(path, page, window))
        colors = read_colors(path, page, window)
        keys, lengths = runs(_pack(colors))
        few = np.stack([keys >> 16, keys >> 8 & 255, keys & 255], axis=-1).astype(np.uint8)
        return np.repeat(legend.labels_of_colors(few[None])[0], lengths).reshape(colors.shape[:2])
    except InputError as error:
        raise InputError(str(error) if str(path) in str(error) else f"{path}: {error}") from error


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
        stored: NDArray[Any] = raster.read_mask(files[0], page=page, window=window)
        if stored.ndim == 2:
            return stored.astype(np.int32)
        _, numbers = np.unique(np.append(0, _pack(stored)), return_inverse=True)  # black is 0, also where there is none
        return numbers.ravel()[1:].reshape(stored.shape[:2]).astype(np.int32)
    objects: NDArray[np.int32] | None = None
    for number, path in enumerate(files, 1):
        its: NDArray[Any] = raster.read_mask(path, window=window)
        shown = (its if its.ndim == 2 else its.any(axis=2)) != 0
        objects = np.zeros(shown.shape, np.int32) if objects is None else objects
        if shown.shape != objects.shape:
            raise InputError(f"{path} is {shown.shape[0]}x{shown.shape[1]}, the other objects of its image are not")
        objects[shown] = number
    if objects is None:
        raise InputError("objects need a file")
    return objects


def _shown_colors(path: Path, page: int, window: raster.Window | None = None) -> NDArray[np.uint8] | None:
    """Colours that a palette file shows; None for other files."""
    with raster.open(path, page=page) as image:
        if image.n_bands != 3 or image.dtype != np.uint8:
            return None
        return np.ascontiguousarray(np.moveaxis(image.read(window)[0], 0, -1))


def _pack(rgb: NDArray[np.uint8]) -> NDArray[np.int32]:
    return (rgb[..., 0].astype(np.int32) << 16) | (rgb[..., 1].astype(np.int32) << 8) | rgb[..., 2]


def _unpack(key: int) -> Color:
    return int(key) >> 16, int(key) >> 8 & 255, int(key) & 255
