"""The tile size of a prediction: the largest whose computation stays within a memory budget."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from densa.engine.prediction.tile import Products
from densa.engine.resources.budget import Cost, fitting_tile_size, limit_read_cache
from densa.engine.resources.exhaustion import is_out_of_memory
from densa.engine.resources.memory import peak_during, resident_bytes, shown_bytes
from densa.errors import InputError
from densa.raster import Raster
from densa.raster.grid import Grid
from densa.segmenter import Segmenter

__all__ = ["choose_tile_size", "default_tile_size", "measure_cost"]

# Up to this side an image is predicted in one piece: no halo is computed twice, and the widest network of densa needs
# less than about 4 GB for activations.
WHOLE_SIDE_PX = 2048
_MEASURED_SIDES_PX = (128, 256, 512)
_SAFETY = 1.15  # of the measurement: larger tensors leave other gaps in the heap
_CONVERTED = 2  # copies of a block while it is read: of the file's values and the mask, and the caller's


def default_tile_size(segmenter: Segmenter, height: int, width: int) -> int:
    """Side in pixels of a tile's core, a multiple of the stride.

    The whole image where it is small, or where the segmenter's output depends on all of it.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, engine, networks, raster, segmenter
        >>> network = networks.build("unet", 1, 2, width=1)
        >>> model = segmenter.NetworkSegmenter(network, Legend(("ground", "roof")), segmenter.BandContract(1))
        >>> engine.default_tile_size(model, 40, 60) >= 60
        True
    """
    whole = height * width <= WHOLE_SIDE_PX**2 or segmenter.whole_image
    side = max(height, width) if whole else WHOLE_SIDE_PX
    return -(-side // segmenter.stride) * segmenter.stride


def measure_cost(segmenter: Segmenter, dtype: np.dtype[Any], products: Products, memory: int) -> Cost:
    """Measure the memory that a segmenter needs on blocks of increasing size, and add that of the tiles that wait.

    Args:
        segmenter: as it will be used, weights loaded.
        dtype: of the raster's values.
        products: what is kept of a tile.
        memory: bytes that may be resident during the measurement.
    """
    points: list[tuple[int, float]] = []
    for side in _MEASURED_SIDES_PX:
        side = -(-side // segmenter.stride) * segmenter.stride
        if len(points) > 1 and resident_bytes() + 2 * points[-1][1] / points[-1][0] * side * side > memory:
            break
        points.append((side * side, _peak(segmenter, dtype, side)))
    (small, low), (large, high) = points[-2:]
    slope = (high - low) / (large - small) if high > low else high / large
    waiting = (
        2 * (segmenter.bands.n_bands * dtype.itemsize + 1) * _CONVERTED  # one block computed, one read ahead
        + 4 * products.n_classes  # probabilities of the previous tile, which is being written
        + 2 * products.n_planes + 8  # its planes, and temporaries
    )  # fmt: skip
    return Cost(max(low - slope * small, 0) + 16e6, slope * _SAFETY + waiting, waiting)


def _peak(segmenter: Segmenter, dtype: np.dtype[Any], side: int) -> float:
    """Bytes that computing a square block adds to those that the process holds."""
    block = np.zeros((segmenter.bands.n_bands, side, side), dtype)
    valid = np.ones((side, side), bool)
    segmenter.probabilities(block, valid)  # the first call loads and compiles
    before, most = peak_during(lambda: segmenter.probabilities(block, valid))
    return float(most - before)


def choose_tile_size(
    segmenter: Segmenter,
    raster: Raster,
    products: Products,
    memory: int,
    *,
    reserved: int = 0,
    workers: int = 1,
    tiles: int = 1,
    shared: tuple[int, int] = (0, 1),
    windows: Grid | None = None,
) -> int:
    """The tile size that computes the fewest pixels within a budget.

    Args:
        segmenter: as it will be used, loaded in this process.
        raster: the image.
        products: what is kept of a tile.
        memory: bytes that may be resident at once, everything included.
        reserved: bytes that other parts of this process will need.
        workers: threads of this process that compute tiles at once.
        tiles: least number of tiles, where the image is large enough.
        shared: bytes set aside before `memory` was divided, and the number of processes; for the message.
        windows: which tiles are to hold whole, if that can be.

    Returns:
        That of `windows` where the budget allows it. Otherwise a multiple of the stride, and of 512 as well where the
        budget allows tiles of that size.

    Raises:
        InputError: the smallest tile needs more; the message says how much.
    """
    if segmenter.whole_image:
        return default_tile_size(segmenter, raster.height, raster.width)
    cache = limit_read_cache(memory)
    try:
        cost = measure_cost(segmenter, raster.dtype, products, memory)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise InputError(
            f"memory does not suffice to try the model on {_MEASURED_SIDES_PX[-1]} x {_MEASURED_SIDES_PX[-1]} pixels; "
            "close other programs or run where there is more"
        ) from error
    spoken_for = resident_bytes() + cache + reserved
    if windows is not None:
        known = segmenter.working_bytes(*windows.largest_sides())
        pixels = windows.largest_block()
        of_window = cost.of(pixels) if known is None else cost.fixed + _SAFETY * known + cost.waiting * pixels
        if spoken_for + workers * of_window <= memory:
            return windows.tile_size
    size, needed = fitting_tile_size(
        max(raster.height, raster.width),
        segmenter.stride,
        lambda size: _grid(segmenter, raster, size),
        lambda grid: spoken_for + workers * cost.of(grid.largest_block()),
        memory,
        tiles,
    )
    if size is None:
        aside, n_processes = shared
        given, least = (aside + n_processes * amount for amount in (memory, math.ceil(needed / 1e7) * 10**7))
        many = max(workers, n_processes)
        raise InputError(
            f"a memory of {shown_bytes(given)} is too small for this model on {raster.path.name}; the least is "
            f"{shown_bytes(least)}" + (f" with {many} workers; take fewer or give more" if many > 1 else "")
        )
    return size


def _grid(segmenter: Segmenter, raster: Raster, size: int) -> Grid:
    return Grid(raster.height, raster.width, size, segmenter.halo, segmenter.stride)
