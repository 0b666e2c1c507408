"""What a worker must know to compute any tile of a prediction, and the tiles themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from densa import raster as rasters
from densa.engine.prediction.compute import TileComputer, TilePrediction
from densa.engine.prediction.planes import Products
from densa.engine.resources.budget import keep_worker_small
from densa.engine.tiles.block import Block, read_block
from densa.engine.tiles.grid import Grid
from densa.engine.work.tile_file import encode_tile
from densa.raster import Raster
from densa.segmenter import Segmenter

__all__ = ["TileJob", "TileWorker"]

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

    def open(self) -> TileWorker:
        """The segmenter and the image, for this process."""
        keep_worker_small(self.cache_bytes)
        self.limit_threads()
        segmenter = self.load()
        for wrap in self.wraps:
            segmenter = wrap(segmenter)
        return self.opened(segmenter, rasters.open(self.image, page=self.page))

    def opened(self, segmenter: Segmenter, raster: Raster) -> TileWorker:
        """The same from what is open already."""
        computer = TileComputer(segmenter)
        computer.piece_size = self.piece_size
        return TileWorker(self, computer, raster)

    def limit_threads(self) -> None:
        """Torch's setting holds for the thread that makes it."""
        if self.threads:
            import torch

            torch.set_num_threads(self.threads)


@dataclass(frozen=True)
class TileWorker:
    """A model and an image in one process."""

    job: TileJob
    computer: TileComputer
    raster: Raster

    def read(self, number: int) -> Block:
        """A tile with its context."""
        return read_block(self.raster, self.job.grid, number)

    def compute(self, block: Block) -> TilePrediction:
        """Its probabilities."""
        return self.computer(block)

    def pack(self, result: TilePrediction) -> bytes:
        """Its planes."""
        return encode_tile(self.job.products.planes(result))

    def close(self) -> None:
        """Close the image."""
        self.raster.close()
