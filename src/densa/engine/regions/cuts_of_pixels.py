"""Normalized cuts of the pixels of an image of limited size; for larger images see `cuts_of_regions`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from densa.engine.regions.settings import N_SEGMENTS, VALUE_SCALE
from densa.engine.regions.stages.stage import RegionMethod, Stage, Tile
from densa.engine.regions.stages.store import Store
from densa.errors import InputError
from densa.raster import Raster
from densa.raster.grid import Grid
from densa.regions import normalized_cuts, pixel_affinities, recursive_normalized_cuts

__all__ = ["PixelCuts"]


@dataclass(frozen=True)
class PixelCuts(RegionMethod):
    """`densa.regions.normalized_cuts` of an image of at most a megapixel, in one tile.

    Args:
        n_segments: how many segments; None where `max_cut` is given.
        max_cut: halve the image, and the halves again, while a cut costs at most this.
        value_scale: see `densa.regions.pixel_affinities`.

    Raises:
        InputError: not exactly one of the two.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> from densa.engine import regions
        >>> image = np.zeros((20, 30), np.uint8)
        >>> image[:, 15:] = 200
        >>> method = regions.PixelCuts(2)
        >>> int(regions.segment_array(method, raster.from_array(image)).max())
        2
    """

    MOST_PIXELS: ClassVar[int] = 2**20
    name = "normalized-cuts"
    whole = True
    n_segments: int | None = N_SEGMENTS
    max_cut: float | None = None
    value_scale: float = VALUE_SCALE

    def __post_init__(self) -> None:
        if (self.n_segments is None) == (self.max_cut is None):
            raise InputError("give either a count of segments or the largest cut")

    def parameters(self) -> dict[str, Any]:
        """Parameters that a run which continues another must share with it."""
        return {
            "base": "pixels",
            "n_segments": self.n_segments,
            "max_cut": self.max_cut,
            "value_scale": self.value_scale,
        }

    def stages(self, raster: Raster) -> list[Stage]:
        """One, over the whole image."""
        n_pixels = raster.height * raster.width
        if n_pixels > self.MOST_PIXELS:
            raise InputError(
                f"pixels are cut in images of {self.MOST_PIXELS} pixels at most, {raster.path.name} has {n_pixels}; "
                "cut its superpixels with base=slic"
            )
        if self.n_segments is not None and self.n_segments > n_pixels:
            raise InputError(f"n_segments must be at most the number of pixels {n_pixels}, got {self.n_segments}")
        return [_Cuts(self.n_segments, self.max_cut, self.value_scale)]

    def bytes_per_pixel(self, raster: Raster) -> float:
        """Mostly the weights of the 40 neighbours within the radius, and the multigrid's copies of them."""
        return 900.0


@dataclass(frozen=True)
class _Cuts(Stage):
    n_segments: int | None
    max_cut: float | None
    value_scale: float
    name = "cuts"
    halo = 0
    paints = True

    def compute(self, tile: Tile, store: Store) -> dict[str, NDArray[Any]]:
        """Segments of the whole image; several pieces of one segment have one number."""
        block = tile.read(0)
        image = np.ascontiguousarray(np.moveaxis(block.pixels, 0, -1))
        if not block.valid.any():
            return {"fragments": np.zeros(block.valid.shape, np.int32)}
        graph = pixel_affinities(image, value_scale=self.value_scale, mask=block.valid)
        if self.n_segments is not None:
            return {"fragments": normalized_cuts(graph, min(self.n_segments, int(block.valid.sum())))}
        assert self.max_cut is not None
        return {"fragments": recursive_normalized_cuts(graph, self.max_cut)}

    def gather(self, store: Store, grid: Grid) -> None:
        """Segments are numbered already."""
        count = int(store.load(self.name, 0, "fragments")["fragments"].max(initial=0))
        store.save("numbers", 0, {"numbers": np.arange(count + 1, dtype=np.int32)})
        store.save_table("regions", {"count": np.array(count)})
