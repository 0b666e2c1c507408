"""The job of predicting the tiles of one image: opens a worker in any process, which reads, computes and packs them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from densa import raster as rasters
from densa.engine.prediction.tile import Products, TileComputer, TilePrediction
from densa.engine.prediction.windows import Tiling
from densa.engine.resources.budget import keep_worker_small
from densa.engine.work.job import Worker
from densa.engine.work.packing import encode_tile
from densa.parallel import limit_threads
from densa.raster import Raster, Window
from densa.raster.choice.chosen import BandChoice, opened_as
from densa.raster.grid import Block, Grid, inside, read_block
from densa.segmenter import Segmenter

__all__ = ["TileJob", "TileWorker", "Wrap"]

Wrap = Callable[[Segmenter], Segmenter]


@dataclass(frozen=True)
class TileJob:
    """The job of computing tiles of one image with one model; see `densa.engine.work.job.Job`.

    Args:
        key: identifies the job; a process that serves several opens each once.
        image, page, choice: opened by every process itself.
        load: makes the segmenter.
        wraps: wrappers of the segmenter, innermost first (frozen context, blending).
        tiling: the tiles, and the windows that they are computed in.
        products: planes that are kept.
        cache_bytes: of GDAL in each process; 0: its default.
        threads: of torch in each worker; 0: no limit.
    """

    key: str
    image: Path
    page: int
    load: Callable[[], Segmenter]
    tiling: Tiling
    products: Products
    choice: BandChoice | None = None
    wraps: tuple[Wrap, ...] = ()
    cache_bytes: int = 0
    threads: int = 0

    @property
    def grid(self) -> Grid:
        """The tiles."""
        return self.tiling.grid

    def open(self) -> Worker:
        """The segmenter and the image, for this process."""
        keep_worker_small(self.cache_bytes)
        self.limit_threads()
        segmenter = self.load()
        for wrap in self.wraps:
            segmenter = wrap(segmenter)
        return self.opened(segmenter, opened_as(self.choice, rasters.open(self.image, page=self.page)))

    def opened(self, segmenter: Segmenter, raster: Raster) -> Worker:
        """The same, of a segmenter and an image that are open already."""
        computer = TileComputer(segmenter, self.tiling.piece_size)
        if (window := self.tiling.only_window) is not None and len(self.grid) > 1:
            return _PartWorker(self, TileWorker(self, computer, raster, window), self.grid)
        return TileWorker(self, computer, raster, self.grid)

    def limit_threads(self) -> None:
        """Limit torch and kernels to `threads` in the calling thread."""
        limit_threads(self.threads)
        if self.threads:
            import torch

            torch.set_num_threads(self.threads)


@dataclass(frozen=True)
class TileWorker:
    """A model and an image in one process; see `densa.engine.work.job.Worker`."""

    job: TileJob
    computer: TileComputer
    raster: Raster
    grid: Grid

    def read(self, number: int) -> Block:
        """A tile with its halo."""
        return read_block(self.raster, self.grid, number)

    def compute(self, block: Block) -> TilePrediction:
        """Its probabilities."""
        return self.computer(block)

    def pack(self, result: TilePrediction) -> bytes:
        """Its planes."""
        return encode_tile(self.job.products.planes(result))

    def close(self) -> None:
        """Close the image."""
        self.raster.close()


class _PartWorker:
    """Tiles that are parts of the only window of an image, which is computed once, when the first of them is.

    Args:
        job: the job.
        whole: computes the window.
        grid: the tiles.
    """

    def __init__(self, job: TileJob, whole: TileWorker, grid: Grid) -> None:
        self.job, self.grid = job, grid
        self._whole = whole
        self._computed: TilePrediction | None = None
        self._lock = threading.Lock()

    def read(self, number: int) -> Window:
        """Where the tile is."""
        return self.grid.tile(number)[0]

    def compute(self, core: Window) -> TilePrediction:
        """Its part of the window's probabilities."""
        with self._lock:
            if self._computed is None:
                self._computed = self._whole.compute(self._whole.read(0))
            window, probabilities, valid = self._computed
        place = inside(core, window)
        return TilePrediction(core, probabilities[:, *place], valid[place])

    def pack(self, result: TilePrediction) -> bytes:
        """Its planes."""
        return self._whole.pack(result)

    def close(self) -> None:
        """Close the image, and forget the window."""
        self._computed = None
        self._whole.close()
