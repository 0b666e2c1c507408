"""The range of an image's valid values, tile by tile: what fixed-point arithmetic on all of it is anchored to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.engine.grid import Grid
from densa.errors import InputError

if TYPE_CHECKING:
    from densa.engine.regions.stage import Tile
    from densa.engine.regions.store import Store

__all__ = ["RangeStage", "ValueRange", "value_range"]

LARGEST_INTEGER = 2**53  # above it float64 has no room for every integer


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
class RangeStage:
    """Finds the range of the valid values; leaves the table "range".

    Any number of stages of one method may list it: it computes the same wherever it stands. Memory: one block.
    """

    name: str = "range"
    halo: int = 0

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
        store.save_table(self.name, {"n_valid": np.sum([part["n_valid"] for part in parts]), **table})


def _check(lows: NDArray[Any], highs: NDArray[Any]) -> None:
    if lows.dtype.kind == "f":
        return  # infinite values are not valid
    for b, (low, high) in enumerate(zip(lows.tolist(), highs.tolist(), strict=True), start=1):
        if low < -LARGEST_INTEGER or high > LARGEST_INTEGER:
            raise InputError(
                f"integer images must lie between -2**53 and 2**53, band {b} goes from {low} to {high}; rescale the"
                " image or convert it to float64"
            )


def value_range(store: Store) -> ValueRange:
    """What `RangeStage` found."""
    table = store.table("range")
    return ValueRange(int(table["n_valid"]), table["lows"], table["highs"])
