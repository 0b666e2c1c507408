"""The range of an image's valid values, tile by tile, and the fixed-point numbers that it defines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.engine.regions.stages.stage import Stage, Tile
from densa.errors import InputError
from densa.raster import Raster, Window
from densa.raster.grid import Grid

if TYPE_CHECKING:
    from densa.engine.regions.stages.store import Store

__all__ = ["FixedPoint", "RangeStage", "ValueRange", "fixed_point", "needs_range", "span_of", "value_range"]

LARGEST_INTEGER = 2**53  # up to which float64 represents every integer
_STRIP_PX = 2**18
_BLOCK = 2048  # side of the blocks that are read at once
FLOAT_BITS = 31  # a float image has 2^30 to 2^31 steps


class ValueRange(NamedTuple):
    """Lowest and highest value of each band over the valid pixels; zeros where there is no valid pixel.

    Attributes:
        n_valid: valid pixels of the raster.
        lows, highs: (B,) float64, exact.
    """

    n_valid: int
    lows: NDArray[np.float64]
    highs: NDArray[np.float64]


@dataclass(frozen=True)
class RangeStage(Stage):
    """Finds the range of the valid values; leaves the table "range".

    A method may list it several times; it runs once. Memory: one block.
    """

    name = "range"
    halo = 0

    def compute(self, tile: Tile, store: Store) -> dict[str, NDArray[Any]]:
        """Count of valid pixels, and lowest and highest value per band of one tile, in 64 bits of the image's kind."""
        block = tile.read(0)
        n_valid = int(np.count_nonzero(block.valid))
        kind = {"u": np.uint64, "f": np.float64}.get(block.pixels.dtype.kind, np.int64)
        lows, highs = np.zeros((2, len(block.pixels)), kind)
        if n_valid:
            for b, band in enumerate(block.pixels):
                values = band if n_valid == band.size else band[block.valid]
                lows[b], highs[b] = values.min(), values.max()
        return {"n_valid": np.array(n_valid, np.int64), "lows": lows, "highs": highs}

    def gather(self, store: Store, grid: Grid) -> None:
        """Range of the whole raster.

        Raises:
            InputError: an integer image holds values beyond 2**53.
        """
        parts = [store.load(self.name, number, "n_valid", "lows", "highs") for number in range(len(grid))]
        filled = [part for part in parts if part["n_valid"]] or parts[:1]
        lows = np.min([part["lows"] for part in filled], axis=0)
        highs = np.max([part["highs"] for part in filled], axis=0)
        _check(lows, highs)
        table = {"lows": lows.astype(np.float64), "highs": highs.astype(np.float64)}
        store.save_table(self.name, {"n_valid": np.array(sum(int(part["n_valid"]) for part in parts)), **table})


def _check(lows: NDArray[Any], highs: NDArray[Any]) -> None:
    if lows.dtype.kind == "f":
        return  # infinite values are not valid
    for b, (low, high) in enumerate(zip(lows.tolist(), highs.tolist(), strict=True), start=1):
        if low < -LARGEST_INTEGER or high > LARGEST_INTEGER:
            raise InputError(
                f"integer images must lie between -2**53 and 2**53, band {b} goes from {low} to {high}; rescale the"
                " image or convert it to float64"
            )


def span_of(raster: Raster) -> float:
    """The widest range of a band over the valid pixels of the whole raster; 0 where there is none. Reads it once."""
    lows, highs = np.full((2, raster.n_bands), np.nan)
    for row in range(0, raster.height, _BLOCK):
        for column in range(0, raster.width, _BLOCK):
            window = Window(row, column, min(_BLOCK, raster.height - row), min(_BLOCK, raster.width - column))
            pixels, valid = raster.read(window)
            if valid.any():
                lows = np.fmin(lows, [band[valid].min() for band in pixels])
                highs = np.fmax(highs, [band[valid].max() for band in pixels])
    return float(np.nan_to_num(highs - lows).max(initial=0))


def value_range(store: Store) -> ValueRange:
    """The range that `RangeStage` found."""
    table = store.table("range")
    return ValueRange(int(table["n_valid"]), table["lows"], table["highs"])


@dataclass(frozen=True)
class FixedPoint:
    """Values as integers of steps, whose sums do not depend on the order.

    Booleans and integers of 8 or 16 bits stay as they are. Larger integers are counted from the middle of their range,
    exactly, unless a sum over the raster could exceed 63 bits. Floating-point values are rounded to steps of a power of
    two, the same for all bands, 2^30 to 2^31 of which cover the widest range of a band: the error of a mean is at most
    that range / 2^31. Values that are multiples of such a step, as in most images in float32, stay exact.

    Attributes:
        offset: (B,) value of each band that is 0 steps.
        step: value of a step, a power of two.
        bits: the values of a band differ by at most 2^bits steps.
    """

    offset: NDArray[np.float64]
    step: float
    bits: int

    def __call__(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """(B, h, w) integers; the pixels themselves where they are integers of 8 or 16 bits."""
        kind = pixels.dtype.kind
        if pixels.dtype.itemsize <= 2 and kind in "iu":
            return pixels
        if kind == "b":
            return pixels.view(np.uint8)
        out = np.empty(pixels.shape, np.int32 if self.bits <= FLOAT_BITS else np.int64)
        rows = max(1, _STRIP_PX // pixels.shape[2])  # a strip at a time, so that there is no second image in 64 bits
        for b, offset in enumerate(self.offset):
            for y in range(0, pixels.shape[1], rows):
                part = pixels[b, y : y + rows]
                if kind == "f":
                    exact = (part.astype(np.float64) - offset) / self.step
                    # Invalid pixels are 0, which may be out of the range.
                    out[b, y : y + rows] = np.floor(exact.clip(-(2.0**30) - 1, 2.0**30 + 1) + 0.5)
                else:
                    step = int(self.step)
                    out[b, y : y + rows] = (part.astype(np.int64) - int(offset) + step // 2) // step
        return out


def needs_range(dtype: np.dtype[Any]) -> bool:
    """Whether `fixed_point` needs the range of an image of this type."""
    return not (dtype.kind == "b" or (dtype.kind in "iu" and dtype.itemsize <= 2))


def fixed_point(dtype: np.dtype[Any], n_bands: int, found: ValueRange | None) -> FixedPoint:
    """The fixed-point numbers of an image.

    Args:
        dtype: of the image.
        n_bands: of the image.
        found: its range, where `needs_range`.

    Raises:
        InputError: the values of a float image span less than 1e-30 or exceed 1e30.
    """
    if not needs_range(dtype) or found is None:
        return FixedPoint(np.zeros(n_bands), 1.0, 8 * dtype.itemsize)
    span = float((found.highs - found.lows).max())
    largest = float(np.abs([found.lows, found.highs]).max())
    if dtype.kind == "f" and (largest > 1e30 or 0 < span < 1e-30):
        raise InputError(
            f"image values must span 1e-30 or more and lie within 1e30, they span {span:g} and reach {largest:g}; "
            "rescale the image"
        )
    room = 63 - found.n_valid.bit_length()  # so that a sum over all pixels fits into 63 bits
    bits = math.frexp(span)[1]  # span < 2^bits
    if dtype.kind == "f":
        most = min(FLOAT_BITS, room)
        exponent = bits - most if span else 0
    else:
        most = min(54, room)
        exponent = max(0, bits - most)
    step = math.ldexp(1.0, exponent)
    middle = found.lows + (found.highs - found.lows) / 2
    offset = np.rint(middle / step) * step if span else found.lows
    return FixedPoint(offset, step, max(1, bits - exponent))
