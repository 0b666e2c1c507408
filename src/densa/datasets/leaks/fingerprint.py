"""What an image is compared by with thousands of others: some kilobytes, made in one reading."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.raster import Raster
from densa.raster.alignment import Frame, frame_of

__all__ = ["MOST_PIXELS", "SIDES", "Border", "Fingerprint", "fingerprint_of", "place_of", "read_fingerprint"]

SIDES = ("left", "right", "top", "bottom")
MOST_PIXELS = 1 << 25
"""A larger image is a scene: it is compared by its place alone."""
_SMALL = 32  # side of the reduced image
_FLAT = 0.02  # contrast of the reduced image, as a share of the range of the type or of the image's own
_LINE = 256  # pixels of a border that are compared
_SMOOTH = 9  # pixels: what varies more slowly along a border is not its detail
_EVERY = 4  # of this many columns and rows one is kept, chosen by what it holds
_LEAST_STEPS = 16  # changes along a column, so that it can be told from others


@dataclass(frozen=True)
class Border:
    """The outermost line of pixels on one side.

    Attributes:
        length: its pixels.
        detail: (n,) float16 fast variation along it, of norm 1; of a long line the middle. None where there is none.
        whole: (n,) float16 the line without its mean, of norm 1.
        smooth: (n / 8,) float16 means along it, in the units of the image.
        contrast: standard deviation of the line.
    """

    length: int
    detail: NDArray[np.float16] | None
    whole: NDArray[np.float16]
    smooth: NDArray[np.float16]
    contrast: float


@dataclass(frozen=True)
class Fingerprint:
    """What one image is recognised by.

    Attributes:
        pixels: digest of size, type and values; None where all are equal, or the image is too large.
        small: (32, 32) float16 grey values, of mean 0 and norm 1; None where there is too little contrast to compare.
        borders: by side; a side that does not vary is left out.
        lines: "columns" and "rows": hashes (n,) uint64 of some columns or rows, and their places (n,) int32.
        frame: where the image lies.
    """

    pixels: str | None
    small: NDArray[np.float16] | None
    borders: dict[str, Border]
    lines: dict[str, tuple[NDArray[np.uint64], NDArray[np.int32]]]
    frame: Frame


def read_fingerprint(image: Raster) -> Fingerprint:
    """The fingerprint of an open image; of a scene that is too large for it, the place alone."""
    if image.height * image.width * image.n_bands > MOST_PIXELS:
        return place_of(image)
    return fingerprint_of(*image.read(), frame_of(image))


def place_of(image: Raster) -> Fingerprint:
    """The fingerprint of a scene that is too large to be compared by its pixels: the place alone."""
    return Fingerprint(None, None, {}, {}, frame_of(image))


def fingerprint_of(values: NDArray[Any], valid: NDArray[np.bool_], frame: Frame) -> Fingerprint:
    """The fingerprint of an image that was read.

    Args:
        values: (bands, H, W) of any numeric type.
        valid: (H, W) bool.
        frame: where the image lies.
    """
    flat = values.reshape(len(values), -1)
    if values.size == 0 or bool((flat == flat[:, :1]).all()):
        return Fingerprint(None, None, {}, {}, frame)
    head = f"{values.shape} {values.dtype.newbyteorder('=').str}".encode()
    digest = hashlib.blake2b(np.ascontiguousarray(values).data, digest_size=16, key=head[:64]).hexdigest()
    shown = values[:3]
    grey = shown.mean(axis=0, dtype=np.float32)
    if values.dtype.kind == "f":
        grey = np.nan_to_num(grey)
    if not valid.all():
        grey = np.where(valid, grey, grey[valid].mean() if valid.any() else np.float32(0))
    whole = _as_integers(shown)
    lines = {"columns": _line_hashes(whole), "rows": _line_hashes(whole.T)}
    edges: dict[str, Any] = {"left": np.s_[:, 0], "right": np.s_[:, -1], "top": np.s_[0], "bottom": np.s_[-1]}
    found = {side: _border(grey[place], valid[place]) for side, place in edges.items()}
    borders = {side: border for side, border in found.items() if border is not None}
    return Fingerprint(digest, _small(grey, values.dtype), borders, lines, frame)


def _small(grey: NDArray[np.float32], dtype: np.dtype[Any]) -> NDArray[np.float16] | None:
    """Means of 32 x 32 cells; None for images that are flat at this size, or smaller than it."""
    if min(grey.shape) < _SMALL:
        return None
    rows, columns = (np.arange(_SMALL) * side // _SMALL for side in grey.shape)
    sums = np.add.reduceat(np.add.reduceat(grey, rows, axis=0), columns, axis=1)
    heights, widths = (np.diff(np.append(at, side)) for at, side in ((rows, grey.shape[0]), (columns, grey.shape[1])))
    means = sums / (heights[:, None] * widths)
    contrast, spread = float(means.std()), float(grey.std())
    if contrast < max(_FLAT * 255 if dtype == np.uint8 else 0.0, 0.15 * spread, 1e-12):
        return None
    centred = means - means.mean()
    small: NDArray[np.float16] = (centred / np.linalg.norm(centred)).astype(np.float16)
    return small


def _border(line: NDArray[np.float32], valid: NDArray[np.bool_]) -> Border | None:
    """A border line; None where it is short, not valid throughout, or does not vary."""
    n = len(line)
    if n < 32 or not valid.all():
        return None
    start = max(0, (n - _LINE) // 2)
    kept = line[start : start + _LINE]
    padded = np.pad(kept, _SMOOTH // 2, mode="edge")
    total = np.cumsum(np.concatenate([[0.0], padded.astype(np.float64)]))
    detail = kept - (total[_SMOOTH:] - total[:-_SMOOTH]) / _SMOOTH
    norm, contrast = float(np.linalg.norm(detail)), float(kept.std())
    if np.count_nonzero(np.diff(kept)) < len(kept) // 2:  # drawn shapes and saturated lines resemble each other
        return None
    fine = norm / len(kept) ** 0.5 > 0.02 * contrast
    whole = (kept - kept.mean()) / (contrast * len(kept) ** 0.5)
    cells = len(kept) // 8
    scale = max(1.0, float(np.abs(kept).max()) / 3e4)
    smooth = kept[: cells * 8].reshape(cells, 8).mean(axis=1) / scale
    own = (detail / norm).astype(np.float16) if fine else None
    return Border(n, own, whole.astype(np.float16), smooth.astype(np.float16), contrast / scale)


def _as_integers(values: NDArray[Any]) -> NDArray[np.float64]:
    """(H, W) integers below 2^18 as floats: equal pixels, equal numbers; the sum over bands."""
    if values.dtype.kind == "f":
        bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
        values = ((bits >> 16) ^ bits).astype(np.uint16)
    elif values.dtype.itemsize > 2:
        values = ((values >> 16) ^ values).astype(np.uint16)
    elif values.dtype.kind == "i":
        values = values.view(f"u{values.dtype.itemsize}")
    return values.sum(axis=0, dtype=np.float64)


def _line_hashes(values: NDArray[np.float64]) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """Hashes of the columns of an image that hold enough to be told apart, one of four; and the columns' numbers.

    A column is chosen by its hash, so that of two images that share columns the same are chosen. Values below 2^18
    times weights below 2^22, summed over 2^12 rows, are exact in float64, in whatever order they are summed.
    """
    height, width = values.shape
    totals = np.zeros((2, width), np.uint64)
    for row in range(0, height, 1 << 12):
        part = values[row : row + (1 << 12)]
        sums = (_weights(height)[:, row : row + len(part)] @ part).astype(np.uint64)
        totals = totals * np.uint64(0x9E3779B97F4A7C15) + sums
    hashes = totals[0] ^ (totals[1] << np.uint64(24))
    steps = np.count_nonzero(values[1:] != values[:-1], axis=0)
    kept = (totals[1] % np.uint64(_EVERY) == 0) & (steps >= max(_LEAST_STEPS, height // 8))
    places = np.flatnonzero(kept).astype(np.int32)
    found, first, counts = np.unique(hashes[places], return_index=True, return_counts=True)
    once = counts == 1  # repeated columns are a pattern
    return found[once], places[first[once]]


def _weights(n: int) -> NDArray[np.float64]:
    """(2, n) random integers, the same in every run; a hash is the sum of values times these."""
    return _drawn_weights(1 << max(12, int(n - 1).bit_length()))[:, :n]


@cache
def _drawn_weights(n: int) -> NDArray[np.float64]:
    return np.random.default_rng(20190229).integers(1, 1 << 22, (n, 2)).astype(np.float64).T
