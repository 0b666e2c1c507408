"""What a worker must know to compute any tile of a prediction, and the tiles themselves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from densa import raster as rasters
from densa.engine.compute import TileComputer, read_block
from densa.engine.grid import Grid
from densa.engine.memory import return_large_blocks
from densa.engine.products import Products
from densa.engine.tile_file import encode_tile
from densa.raster import Raster
from densa.segmenter import Segmenter

__all__ = ["Opened", "TileJob", "close_job", "run_tile"]

Wrap = Callable[[Segmenter], Segmenter]


@dataclass(frozen=True)
class TileJob:
    """One image and one model; sent to other processes as it is.

    Args:
        key: tells jobs apart; a process that serves several opens each once.
        image, page: opened by every process itself.
        load: makes the segmenter.
        wraps: what is put around it, innermost first (frozen context, blending).
        grid: the tiles.
        products: what is kept of each.
        piece_size: computes tiles in pieces of this side, where the grid's are too large for the budget.
        cache_bytes: that GDAL may keep in each process; 0 for its usual amount.
        threads: of torch in each worker; 0 leaves them.
    """

    key: str
    image: Path
    page: int
    load: Callable[[], Segmenter]
    grid: Grid
    products: Products
    wraps: tuple[Wrap, ...] = ()
    piece_size: int | None = None
    cache_bytes: int = 0
    threads: int = 0

    def open(self) -> Opened:
        """The segmenter and the image, for this process."""
        if self.cache_bytes:
            from densa.engine.budget import limit_read_cache

            limit_read_cache(20 * self.cache_bytes)
            return_large_blocks()
        if self.threads:
            import torch

            torch.set_num_threads(self.threads)
        segmenter = self.load()
        for wrap in self.wraps:
            segmenter = wrap(segmenter)
        return self.opened(segmenter, rasters.open(self.image, page=self.page))

    def opened(self, segmenter: Segmenter, raster: Raster) -> Opened:
        """The same from what is open already."""
        computer = TileComputer(segmenter)
        computer.piece_size = self.piece_size
        return Opened(computer, raster)


class Opened(NamedTuple):
    """A model and an image in one process."""

    computer: TileComputer
    raster: Raster


_OPEN: dict[str, Opened] = {}
_OPEN_LOCK = threading.Lock()


def run_tile(job: TileJob, number: int) -> bytes:
    """Read, compute and encode one tile in a worker process; the model is loaded at the first."""
    with _OPEN_LOCK:
        if job.key not in _OPEN:
            for old in list(_OPEN):  # one model at a time: memory
                _OPEN.pop(old).raster.close()
            _OPEN[job.key] = job.open()
        opened = _OPEN[job.key]
    tile = opened.computer(read_block(opened.raster, job.grid, number))
    return encode_tile(job.products.planes(tile))


def close_job(key: str) -> None:
    """Let go of the model and the image of a job in this process."""
    with _OPEN_LOCK:
        if key in _OPEN:
            _OPEN.pop(key).raster.close()
