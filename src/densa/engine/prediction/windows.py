"""The windows in which a model is applied to an image, and the tiles that group them.

Libraries of neural networks order their sums by the shape of what they are given: two tilings of one image would differ
in the last bits of some probabilities, and in the labels of pixels of which two classes are equally probable. So a
network only ever sees the windows of one grid, which follows from the network and the size of the image. Tile size,
memory, workers and executors decide which windows are computed when and where, never what a window is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from densa.engine.prediction.budget import choose_tile_size, default_tile_size
from densa.engine.prediction.tile import Products
from densa.engine.resources.budget import ASSEMBLY_BYTES, scarce_memory
from densa.engine.resources.memory import resident_bytes, return_large_blocks
from densa.engine.work.settings import Work
from densa.errors import InputError
from densa.raster import Raster
from densa.raster.grid import Grid
from densa.segmenter import Segmenter

__all__ = ["Tiling", "tiling_of", "window_grid"]

_SMALL_PX = 512**2  # images that are not worth the measurement of a budget that nobody gave


@dataclass(frozen=True)
class Tiling:
    """The tiles of an image, and how they are computed.

    Attributes:
        grid: the tiles.
        windows: which the tiles group, or the only one, of which they are parts; None: tiles of any size have the same
            result, or memory does not suffice for a window.
        piece_size: side of the pieces in which tiles are computed; None: in one piece.
    """

    grid: Grid
    windows: Grid | None = None
    piece_size: int | None = None

    @property
    def only_window(self) -> Grid | None:
        """The windows, where there is one."""
        return self.windows if self.windows is not None and len(self.windows) == 1 else None

    @property
    def computed(self) -> Grid:
        """What is computed at once: windows, or else the tiles."""
        if self.windows is not None:
            return self.windows
        return self.grid


def window_grid(segmenter: Segmenter, height: int, width: int) -> Grid | None:
    """The windows of an image; None where any block of the image gives the same bits.

    They are the default tiles, so that those are computed in one piece.
    """
    if segmenter.any_block and not segmenter.whole_image:
        return None
    return Grid(height, width, default_tile_size(segmenter, height, width), segmenter.halo, segmenter.stride)


def tiling_of(
    segmenter: Segmenter,
    raster: Raster,
    products: Products,
    work: Work,
    *,
    reserved: int = 0,
    begun_with: int | None = None,
    in_windows: bool = True,
    tell: Callable[[str], None] = lambda line: None,
) -> Tiling:
    """The tiles of an image, of the requested or the best size, within the requested memory.

    Args:
        segmenter: with all its wrappers.
        raster: the image.
        products: what is kept of a tile.
        work: tile size, memory and workers; without memory, three quarters of what the process may use are the
            budget where that is scarce.
        reserved: bytes that other parts of this process will need.
        begun_with: tile size of the run that is continued.
        in_windows: False: every tile is computed by itself.
        tell: called with lines for the user.

    Raises:
        InputError: a tile size that is no multiple of the stride, or too small a memory.
    """
    windows = window_grid(segmenter, raster.height, raster.width) if in_windows else None
    size = _grouped(segmenter, raster, windows, work.tile_size, tell) or begun_with
    if windows is not None and len(windows) > 1 and size is not None and size % windows.tile_size:
        windows = None  # of a run that had less memory
    given, work = work.memory, _limited(work, raster)
    if work.memory is None:
        grid = _grid(segmenter, raster, size or default_tile_size(segmenter, raster.height, raster.width))
        return Tiling(grid, windows, _piece(grid, windows))
    try:
        best = _within_memory(segmenter, raster, products, work, reserved, windows)
    except InputError as error:
        if given is not None:
            raise
        raise InputError(
            f"{error}; it is three quarters of what this process may use, `memory` sets another"
        ) from error
    if windows is None:
        return Tiling(_grid(segmenter, raster, size or best), None, best if size and best < size else None)
    if best < windows.tile_size:
        tell(
            f"{raster.path.name}: memory does not suffice for windows of {windows.tile_size} px; in tiles of {best} px "
            "the same labels come out, except where the two best probabilities differ by less than 1e-5"
        )
        windows = None
        return Tiling(_grid(segmenter, raster, size or best), None, best if size and best < size else None)
    grid = _grid(segmenter, raster, size or best)
    return Tiling(grid, windows, _piece(grid, windows))


def _limited(work: Work, raster: Raster) -> Work:
    """With a budget where memory is scarce on this machine and none was given."""
    if work.memory is not None or work.dask is not None or raster.height * raster.width <= _SMALL_PX:
        return work
    return replace(work, memory=scarce_memory())


def _grouped(
    segmenter: Segmenter, raster: Raster, windows: Grid | None, size: int | None, tell: Callable[[str], None]
) -> int | None:
    """The tile size that holds whole windows, or parts of the only one."""
    if size is None or windows is None:
        return size
    _grid(segmenter, raster, size)  # refuses what is no multiple of the stride
    if len(windows) == 1 or size % windows.tile_size == 0:
        return size
    whole = max(1, size // windows.tile_size) * windows.tile_size
    tell(
        f"{raster.path.name}: tiles of {whole} px instead of {size}: the model is applied to windows of "
        f"{windows.tile_size} px whatever the tiles, so that these have no effect on the map"
    )
    return whole


def _piece(grid: Grid, windows: Grid | None) -> int | None:
    """Tiles of several windows are computed a window at a time."""
    return windows.tile_size if windows is not None and grid.tile_size > windows.tile_size else None


def _within_memory(
    segmenter: Segmenter, raster: Raster, products: Products, work: Work, reserved: int, windows: Grid | None
) -> int:
    """The best tile size within the memory."""
    assert work.memory is not None
    crew, memory = work.crew, work.memory
    return_large_blocks()
    raster.read(bands=[1], window=(0, 0, 1, 1))  # type: ignore[arg-type]  # an image that is decoded whole is in memory from here on
    shared = 0, 1
    if crew.local_processes:  # each holds as much as this one does before its first tile
        shared = resident_bytes() + ASSEMBLY_BYTES, crew.local_processes
        memory = (memory - shared[0]) // crew.local_processes
    tiles = 2 * crew.at_once if crew.at_once > 1 else 1  # so that no worker stays idle for long
    return choose_tile_size(
        segmenter,
        raster,
        products,
        memory,
        reserved=reserved,
        workers=crew.threads,
        tiles=tiles,
        shared=shared,
        windows=windows,
    )


def _grid(segmenter: Segmenter, raster: Raster, size: int) -> Grid:
    return Grid(raster.height, raster.width, size, segmenter.halo, segmenter.stride)
