"""One stage of a region method as a job that any executor runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from densa import raster as rasters
from densa.engine.regions.stages.stage import Stage, Tile
from densa.engine.regions.stages.store import Store
from densa.engine.resources.budget import keep_worker_small
from densa.engine.tiles.block import Block
from densa.engine.tiles.grid import Grid
from densa.engine.work.array_file import encode_arrays
from densa.raster import Raster

__all__ = ["StageJob", "StageWorker"]


@dataclass(frozen=True)
class StageJob:
    """One stage over one raster; sent to other processes as it is.

    Args:
        key: tells jobs apart.
        image, page: opened by every process itself.
        grid: the tiles.
        stage: what is computed.
        store: results of the stages before; the work folder must be at the same path in every process.
        cache_bytes: that GDAL may keep in each process; 0 for its usual amount.
        threads: of Numba in each worker; 0 leaves them.
    """

    key: str
    image: Path
    page: int
    grid: Grid
    stage: Stage
    store: Store
    cache_bytes: int = 0
    threads: int = 0

    def open(self) -> StageWorker:
        """The image, for this process."""
        keep_worker_small(self.cache_bytes)
        self.limit_threads()
        return self.opened(rasters.open(self.image, page=self.page))

    def opened(self, raster: Raster) -> StageWorker:
        """The same from what is open already."""
        return StageWorker(self, raster)

    def limit_threads(self) -> None:
        """Numba's setting holds for the thread that makes it."""
        if self.threads:
            import numba

            numba.set_num_threads(min(self.threads, numba.get_num_threads()))


@dataclass(frozen=True)
class StageWorker:
    """A stage and an image in one process."""

    job: StageJob
    raster: Raster

    def read(self, number: int) -> Tile:
        """A tile, with the block that the stage usually asks for."""
        core = self.job.grid.tile(number)[0]
        ahead: Block | None = None
        if self.job.stage.halo >= 0:
            ahead = Tile(self.raster, number, core).read(self.job.stage.halo)
        return Tile(self.raster, number, core, ahead)

    def compute(self, block: Tile) -> Mapping[str, NDArray[Any]]:
        """What the stage leaves for it."""
        return self.job.stage.compute(block, self.job.store)

    def pack(self, result: Mapping[str, NDArray[Any]]) -> bytes:
        """The same as bytes."""
        return encode_arrays(result)

    def close(self) -> None:
        """Close the image."""
        self.raster.close()
