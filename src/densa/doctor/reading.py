"""Reading a pair once for all checks: each file is decoded one time, and little is kept of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa import raster
from densa.datasets import Dataset, Sample
from densa.datasets.dataset import strips
from densa.datasets.inferring.numbered import count_pieces
from densa.datasets.leaks import fingerprint_of, place_of
from densa.datasets.masks import MaskScan, scan_file
from densa.doctor.alignment import best_turn, correlation, peak_of
from densa.doctor.files import fault_of, suffix_of_content
from densa.doctor.subject import Fault, ImageFacts, Overlay, Record
from densa.errors import InputError
from densa.raster.alignment import frame_of
from densa.raster.masks.values import MaskFile, read_mask_file
from densa.raster.raster import Raster

__all__ = ["THUMBNAIL", "read_pair"]

THUMBNAIL = 32
"""Side of the grey picture that is kept of each image."""
_CROP = 512  # side of the middle of a pair whose edges are compared
_MOST_CODES = 96  # values or colours that are kept of a mask
_MANY = 5  # values above which a mask may number objects
_COPY = 0.97  # correlation of a mask with its image from which it shows the image


@dataclass
class _Middle:
    """The grey middle of an image, and where it is valid."""

    grey: NDArray[np.float32]
    valid: NDArray[np.bool_]


def read_pair(split: str, dataset: Dataset, i: int, *, compare_edges: bool = True) -> Record:
    """Read one pair.

    Args:
        split: name of the split.
        dataset: of the pair; its legend is not used.
        i: number of the pair.
        compare_edges: look for shifts and turns of the mask.
    """
    sample = dataset.samples[i]
    image: ImageFacts | Fault
    middle = None
    try:
        image, middle = _read_image(dataset, i)
    except InputError as error:
        image = Fault(fault_of(sample.image), str(error))
    if sample.drawn is not None:
        return Record(split, sample, image, _drawn(sample))
    if sample.mask is None:
        return Record(split, sample, image)
    try:
        file = read_mask_file(sample.mask, page=sample.page)
        scan = scan_file(sample.mask, sample.page, file)
        values: NDArray[Any] = file.values
        digest = hashlib.blake2b(np.ascontiguousarray(values).data, digest_size=16).digest()
        pieces = count_pieces(values) if values.ndim == 2 and len(scan.values) > _MANY else None
    except InputError as error:
        return Record(split, sample, image, Fault(_fault(sample.mask, error), str(error)))
    size = (values.shape[0], values.shape[1])
    overlay = None
    if isinstance(image, ImageFacts) and middle is not None:
        overlay = _overlay(dataset, i, image, middle, file, compare_edges=compare_edges)
    suffix = suffix_of_content(sample.mask)
    return Record(split, sample, image, _few(scan), digest, size, suffix, _lines(values), pieces, overlay)


def _drawn(sample: Sample) -> MaskScan | Fault:
    """Pixels of each label of a file of shapes."""
    assert sample.drawn is not None
    path = sample.mask or sample.image
    n = np.zeros(256, np.int64)
    try:
        for window in strips(sample.drawn.height, sample.drawn.width):
            n += np.bincount(sample.drawn.read(window).ravel(), minlength=256)
    except InputError as error:
        return Fault("file-corrupt", str(error))
    counts = tuple((int(label), int(n[label])) for label in np.flatnonzero(n))
    return MaskScan(path, tuple(label for label, _ in counts), (), (), False, counts=counts, n_pixels=int(n.sum()))


def _fault(path: Path, error: InputError) -> str:
    """The code of a mask that cannot be read; one that can is not a mask."""
    known = fault_of(path)
    if known != "file-corrupt":
        return known
    try:
        with raster.open(path) as opened:
            opened.read()
    except InputError:
        return known
    return "mask-type"


def _read_image(dataset: Dataset, i: int) -> tuple[ImageFacts, _Middle]:
    sample = dataset.samples[i]
    low, high, level, any_valid, all_valid = np.inf, -np.inf, 0.0, False, True
    digest = hashlib.blake2b(digest_size=16)
    with dataset.open_image(i) as image:
        parts = list(strips(image.height, image.width))
        whole: tuple[NDArray[Any], NDArray[np.bool_]] | None = None
        for window in parts:
            values, valid = image.read(window)
            digest.update(np.ascontiguousarray(values).data)
            everything = bool(valid.all())
            shown = values.reshape(len(values), -1) if everything else values[:, valid]
            if shown.size:
                low, high = min(low, float(shown.min())), max(high, float(shown.max()))
                if values.dtype.itemsize > 1:
                    level = max(level, float(np.abs(shown.mean(axis=1, dtype=np.float64)).max()))
            any_valid, all_valid = any_valid or bool(shown.size), all_valid and everything
            whole = (values, valid) if len(parts) == 1 else None
        dataset.remember_valid(i, all_valid)
        dataset.remember_place(i, image)
        thumbnail, middle = _pictures(image, whole)
        place = image.georeference
        facts = ImageFacts(
            image.height,
            image.width,
            image.n_bands,
            "floating-point" if image.dtype.kind == "f" else str(image.dtype),
            low if any_valid else np.nan,
            high if any_valid else np.nan,
            level,
            any_valid,
            ", ".join(dict.fromkeys(f"scale {band.scale:g} offset {band.offset:g}" for band in image.bands)),
            digest.digest(),
            thumbnail,
            None if place is None else place.crs,
            place is not None,
            suffix_of_content(sample.image) if sample.image.is_file() else None,
            image.has_alpha,
            place_of(image) if whole is None else fingerprint_of(*whole, frame_of(image)),
        )
    return facts, middle


def _pictures(image: Raster, whole: tuple[NDArray[Any], NDArray[np.bool_]] | None) -> tuple[NDArray[np.uint8], _Middle]:
    """A small picture of an image, and its middle; of a large one, only its middle and some rows are read again."""
    height, width = image.height, image.width
    window = _middle(height, width)
    if whole is None:
        values, valid = image.read(window)
        rows = np.linspace(0, height - 1, THUMBNAIL).astype(int)
        lines = [_grey(image.read(raster.Window(int(row), 0, 1, width))[0])[0] for row in rows]
        small = np.stack([_cells(line[None], (1, THUMBNAIL))[0] for line in lines])
        return _stretched(small), _Middle(_grey(values), valid)
    values, valid = whole
    cut = np.s_[window.row : window.row + window.height, window.column : window.column + window.width]
    grey = _grey(values)
    grey[~valid] = 0
    return _stretched(_cells(grey, (THUMBNAIL, THUMBNAIL))), _Middle(grey[cut], valid[cut])


def _middle(height: int, width: int) -> raster.Window:
    rows, columns = min(height, _CROP), min(width, _CROP)
    return raster.Window((height - rows) // 2, (width - columns) // 2, rows, columns)


def _grey(values: NDArray[Any]) -> NDArray[np.float32]:
    """Mean of the first three bands."""
    grey: NDArray[np.float32] = values[0].astype(np.float32)
    for band in values[1:3]:
        grey += band
    if len(values) > 1:
        grey /= min(3, len(values))
    return np.nan_to_num(grey, copy=False)


def _cells(grey: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Means over the cells of a grid; an image of fewer pixels repeats them."""
    for axis in (0, 1):
        n = grey.shape[axis]
        starts = np.arange(size[axis]) * n // size[axis]
        if n < size[axis]:
            grey = np.take(grey, starts, axis)
            continue
        lengths = np.diff(starts, append=n)
        sums = np.add.reduceat(grey, starts, axis=axis)
        grey = sums / (lengths[:, None] if axis == 0 else lengths)
    return grey


def _stretched(grey: NDArray[np.float32]) -> NDArray[np.uint8]:
    low, high = float(grey.min()), float(grey.max())
    if not high > low:
        return np.zeros(grey.shape, np.uint8)
    scaled: NDArray[np.uint8] = np.round((grey - low) * (255 / (high - low))).astype(np.uint8)
    return scaled


def _lines(values: NDArray[Any]) -> int:
    """Number of different rows or columns, whichever are fewer; a rectangle has two."""
    columns = np.ascontiguousarray(np.swapaxes(values, 0, 1))
    return min(len({line.tobytes() for line in values}), len({line.tobytes() for line in columns}))


def _few(scan: MaskScan) -> MaskScan:
    """The scan with its most frequent values or colours, where there are many."""
    if len(scan.counts) <= _MOST_CODES * 4 or not scan.is_rgb:
        return scan
    kept = {code for code, _ in sorted(scan.counts, key=lambda pair: -pair[1])[:_MOST_CODES]}
    return MaskScan(
        scan.path,
        scan.values,
        tuple(color for color in scan.colors if color in kept),
        scan.palette,
        scan.is_rgb,
        scan.missing,
        scan.hides,
        scan.origin,
        tuple(pair for pair in scan.counts if pair[0] in kept),
        scan.n_pixels,
    )


def _overlay(
    dataset: Dataset, i: int, image: ImageFacts, middle: _Middle, file: MaskFile, *, compare_edges: bool
) -> Overlay:
    values: NDArray[Any] = file.values
    height, width = values.shape[:2]
    try:
        misplaced = dataset.misplacement(i)
    except InputError as error:
        misplaced = str(error)
    keys = values if values.ndim == 2 else values.astype(np.int64) @ np.array([65536, 256, 1])
    window = _middle(height, width)
    keys = keys[window.row : window.row + window.height, window.column : window.column + window.width]
    if (height, width) != (image.height, image.width) and not misplaced and dataset.is_resampled(i):
        return Overlay(False, None)
    if misplaced is None and dataset.is_resampled(i):
        return Overlay(False, resampled=True)
    if (height, width) != (image.height, image.width):
        turns = (
            best_turn(middle.grey, keys) if compare_edges and (width, height) == (image.height, image.width) else None
        )
        return Overlay(True, misplaced, turns=None if turns is None else turns[1])
    gap = _gap(file, middle, window)
    if not compare_edges:
        return Overlay(False, misplaced, is_copy=_is_copy(middle.grey, values, window), gap=gap)
    surface = correlation(middle.grey, keys)
    turns = best_turn(middle.grey, keys)
    return Overlay(
        False,
        misplaced,
        None if surface is None else peak_of(surface),
        surface,
        None if turns is None else turns[1],
        _is_copy(middle.grey, values, window),
        gap=gap,
    )


def _gap(file: MaskFile, middle: _Middle, window: raster.Window) -> float:
    """Share of the middle that the mask declares as nodata where the image is valid."""
    if not file.missing:
        return 0.0
    values: NDArray[Any] = file.values
    part = values[window.row : window.row + window.height, window.column : window.column + window.width]
    gone = np.zeros(part.shape[:2], bool)
    for code in file.missing:
        gone |= (part == code).all(axis=2) if part.ndim == 3 else part == code
    return float((gone & middle.valid).mean())


def _is_copy(grey: NDArray[np.float32], values: NDArray[Any], window: raster.Window) -> bool:
    """Whether a mask shows its image: many values that go with those of the image."""
    part = values[window.row : window.row + window.height, window.column : window.column + window.width]
    shown = part.mean(axis=2) if part.ndim == 3 else part
    few = shown[::4, ::4]
    if few.size < 16 or len(np.unique(few)) < 16:
        return False
    a, b = grey - grey.mean(), shown - shown.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return size > 0 and float((a * b).sum()) / size > _COPY
