"""Tile sizes within a memory budget, and GDAL's cache of decoded blocks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from densa import raster
from densa.engine.resources.memory import return_large_blocks
from densa.machine import memory_bytes
from densa.raster.grid import Grid

__all__ = ["ASSEMBLY_BYTES", "Cost", "fitting_tile_size", "keep_worker_small", "limit_read_cache", "scarce_memory"]

ASSEMBLY_BYTES = 200_000_000  # copying a finished raster to a Cloud-Optimized GeoTIFF
LARGEST_TILE_PX = 8192  # larger ones save hardly any halo, and an interruption loses more
_SCARCE_BYTES, _SCARCE_SHARE = 8e9, 0.75  # below it the largest tiles of the widest networks do not fit
_BLOCK_PX = 512  # of the GeoTIFFs that are written


@dataclass(frozen=True)
class Cost:
    """Memory needed to compute a block.

    It is `fixed` bytes, and `per_pixel` for each of its pixels, `waiting` of which are for the blocks before and after.
    """

    fixed: float
    per_pixel: float
    waiting: float = 0

    def of(self, pixels: int) -> float:
        """Bytes for a block of that many pixels."""
        return self.fixed + self.per_pixel * pixels


def scarce_memory() -> int | None:
    """A budget where memory is scarce, by the machine or its limits, and none was given; None elsewhere."""
    memory = memory_bytes()
    return int(_SCARCE_SHARE * memory) if memory < _SCARCE_BYTES else None


def limit_read_cache(budget: int) -> int:
    """Set the cache of decoded blocks of this process to a twentieth of the budget, 16 to 256 MB; returns its bytes."""
    cache = min(256, max(16, budget // 20 // 10**6)) * 10**6
    raster.set_read_cache(cache)
    return cache


def keep_worker_small(cache_bytes: int) -> None:
    """Give a worker process the read cache of the process that sent the job; 0: GDAL's default."""
    if cache_bytes:
        raster.set_read_cache(cache_bytes)
        return_large_blocks()


def fitting_tile_size(
    side: int,
    stride: int,
    grid_of: Callable[[int], Grid],
    needed_of: Callable[[Grid], float],
    memory: float,
    tiles: int,
) -> tuple[int | None, float]:
    """The tile size that computes the fewest pixels within a budget.

    Args:
        side: longer side of the raster.
        stride: tile sizes are multiples of it.
        grid_of: tiles of a size.
        needed_of: bytes that a grid needs at once.
        memory: bytes.
        tiles: least number of tiles, where the raster is large enough.

    Returns:
        The size, None where the smallest tile needs more; and the bytes of the last grid that was tried.
    """
    fitting = []
    needed = 0.0
    for size in _candidates(stride, side):
        grid = grid_of(size)
        needed = needed_of(grid)
        if needed > memory:
            break
        # Of equals the smaller: less is lost by an interruption, and there are more tiles for the workers.
        fitting.append((grid.computed_pixels(), size))
    enough = [pair for pair in fitting if len(grid_of(pair[1])) >= tiles]
    return (min(enough or fitting)[1] if fitting else None), needed


def _candidates(stride: int, side: int) -> list[int]:
    """Sizes to try, from small to large: multiples of the stride, then of the blocks of the files as well."""
    step = max(stride, -(-64 // stride) * stride)
    aligned = math.lcm(stride, _BLOCK_PX)
    largest = min(LARGEST_TILE_PX, -(-side // stride) * stride)
    small = range(step, min(aligned, largest + 1), step)
    sizes = {
        *small,
        *range(aligned, largest + 1, aligned),
        *([largest] if largest == -(-side // stride) * stride else []),
    }
    return sorted(sizes)
