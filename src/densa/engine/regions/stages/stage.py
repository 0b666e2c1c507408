"""What a region method is to the engine: stages, each a local step per tile and a global step over what those left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from densa.engine.tiles.block import Block, read_window
from densa.engine.tiles.grid import Grid, widened
from densa.raster import Raster, Window

if TYPE_CHECKING:
    from densa.engine.regions.stages.store import Store

__all__ = ["RegionMethod", "Stage", "Tile", "expected_regions", "gather_bytes"]


class Tile:
    """One tile of a raster in a worker.

    Attributes:
        number: of the tile in its grid.
        core: the window that the tile owns; cores partition the raster.
        height, width: of the raster.
    """

    def __init__(self, raster: Raster, number: int, core: Window, ahead: Block | None = None) -> None:
        self.number = number
        self.core = core
        self.height, self.width = raster.height, raster.width
        self._raster = raster
        self._ahead = ahead

    def read(self, halo: int) -> Block:
        """The core widened by `halo` pixels, clipped to the raster; values are 0 where they are invalid."""
        window = widened(self.core, halo, self.height, self.width)
        if self._ahead is not None and self._ahead.window == window:
            return self._ahead
        return read_window(self._raster, self.core, window)


class Stage(Protocol):
    """One pass over the tiles; picklable.

    A stage leaves named arrays for every tile, which later stages and its own global step read from the store. The one
    with an attribute `paints = True` leaves, of its (h, w) core,

    * "fragments": (h, w) int32 connected pieces from 1, 0 where there is no region;
    * "firsts": (n,) int64 place (row * width + column in the raster) of the first pixel of each piece;
    * "right": (h, 3) bool, whether pixel (y, last column) is joined to (y + d - 1, next column), d = 0, 1, 2;
    * "down": (w, 3) bool, whether pixel (last row, x) is joined to (next row, x + d - 1);
    * "faces": (2 w + 2 h,) int32 pieces along the upper and lower row, the left and right column (all five are what
      `stitching.fragment_arrays` makes);

    and its global step has the pieces numbered ("numbers" of every tile, see `stitching.number_fragments`). One with an
    attribute `merges = True` may come later; its global step ends with `Store.save_merge`.
    """

    @property
    def name(self) -> str:
        """Lower-case letters and digits; names its files."""

    @property
    def halo(self) -> int:
        """Pixels around a core that are usually read; -1: none of the image (`margin` may say what else is)."""

    def compute(self, tile: Tile, store: Store) -> Mapping[str, NDArray[Any]]:
        """The local step, in any worker: the same arrays whoever computes them."""

    def gather(self, store: Store, grid: Grid) -> None:
        """The global step, when all tiles are there; doing it again changes nothing."""


class RegionMethod(Protocol):
    """A region method with its parameters, checked when it is made; picklable.

    It may have a method `expected_regions(raster)`, about how many regions there will be before any are merged, and its
    stages `gather_bytes(raster, n_regions)`, memory of their global step: where both are known, a budget that is too
    small is refused before anything is computed.
    """

    @property
    def name(self) -> str:
        """As on the command line."""

    def parameters(self) -> dict[str, Any]:
        """What a run that is continued must share, as JSON."""

    def stages(self, raster: Raster) -> Sequence[Stage]:
        """The passes, in order.

        Raises:
            InputError: the method does not fit the raster.
        """

    def bytes_per_pixel(self, raster: Raster) -> float:
        """Memory at the peak of a stage, per pixel of its block."""


def expected_regions(method: RegionMethod, raster: Raster) -> int | None:
    """About how many regions there will be before any are merged, of a method that says so."""
    told: int | None = getattr(method, "expected_regions", lambda _: None)(raster)
    return told


def gather_bytes(stage: Stage, raster: Raster, n_regions: float) -> float:
    """Memory of a global step that grows with the number of regions; 0 of a stage that says nothing."""
    told: float = getattr(stage, "gather_bytes", lambda *_: 0.0)(raster, n_regions)
    return told


Regions = Callable[[Window], NDArray[np.int32]]
"""Region numbers of a window: of a finished segmentation, or of a raster file."""
