"""Time, disk and memory of a segmentation, estimated from a part of the raster."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from densa.engine.regions.products.files import RegionFiles
from densa.engine.regions.run import choose_tile_size, halo_of, run_stages, stages_of
from densa.engine.regions.stages.stage import RegionMethod
from densa.engine.resources.emptiness import tiles_with_data
from densa.engine.resources.estimate import ASSEMBLY_SECONDS_PER_PIXEL, Estimate
from densa.engine.resources.memory import peak_bytes, reset_peak, resident_bytes
from densa.engine.work.journal import WorkFolder
from densa.engine.work.settings import Work
from densa.machine import n_processors
from densa.raster import Raster, Window
from densa.raster.grid import Grid
from densa.raster.part import Part

__all__ = ["estimate_segmentation"]

_TRIED_PX = 1024  # side of the part that is segmented
_WARM_PX = 96
_PAINTED_BYTES = 12  # per pixel of a tile: the regions of those that were painted last
_OUTPUT_BYTES = 4 * 2.4  # of a pixel, uncompressed: a TIFF, then its copy with overviews


def estimate_segmentation(
    method_of: Callable[[Raster, float], RegionMethod],
    raster: Raster,
    outputs: RegionFiles,
    work: Work = Work(),
) -> Estimate:
    """Estimate time, disk and memory of `segment_to_file` by segmenting a part of the raster; nothing is written.

    The part is in the middle of the data. The memory is that of the tiles or of the largest table of regions, whichever
    is more; the data of the whole raster is assumed to have as many regions per pixel as the part.

    Args:
        method_of: returns the method for a part of the raster, given the part and its share of the pixels, to which a
            count of superpixels must be reduced.
        raster: an open image.
        outputs: the files.
        work: see `segment_to_file`.

    Raises:
        InputError: what `segment_to_file` refuses, except files that exist; more regions than a stage supports.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from densa import raster
        >>> from densa.engine import regions
        >>> raster.write_bands("image.tif", np.zeros((1, 40, 60), np.uint8))
        >>> files = regions.RegionFiles(Path("regions.tif"))
        >>> def method_of(part, share):
        ...     return regions.Slic(superpixel_size=50)
        ...
        >>> with raster.open("image.tif") as image:
        ...     found = regions.estimate_segmentation(method_of, image, files)
        ...
        >>> found.tiles
        1
    """
    method = method_of(raster, 1.0)
    stages = stages_of(method, raster, outputs)
    size = choose_tile_size(method, stages, raster, work)
    halo = halo_of(stages)
    grid = Grid(raster.height, raster.width, size, halo)
    pixels = raster.height * raster.width
    centre, share = _data(raster, grid)
    with_data = pixels * share if share else pixels  # where there is none, what is tried is as empty as the raster
    _try(method_of, raster, outputs, _WARM_PX, centre)  # the first use compiles
    reset_peak()
    held = resident_bytes()
    seconds, kept, tried, n_regions = _try(method_of, raster, outputs, min(_TRIED_PX, size), centre)
    overhead = grid.computed_pixels() / pixels - 1
    parallel = min(work.crew.at_once, n_processors(), len(grid))
    needed = peak_bytes() + parallel * method.bytes_per_pixel(raster) * max(grid.largest_block() - tried, 0)
    table = max(stage.gather_bytes(raster, n_regions / tried * with_data) for stage in stages)
    needed = max(needed, held + _PAINTED_BYTES * size**2 + table)
    return Estimate(
        tiles=len(grid),
        tile_size=size,
        halo=halo,
        overhead=overhead,
        empty=1 - share,
        seconds=seconds / tried * with_data * (1 + overhead) / parallel + 4 * pixels * ASSEMBLY_SECONDS_PER_PIXEL,
        disk_bytes=int((kept / tried + _OUTPUT_BYTES) * pixels * share) + 2**20,
        memory_bytes=int(needed),
    )


def _data(raster: Raster, grid: Grid) -> tuple[tuple[int, int], float]:
    """Row and column in the middle of the data, and the share of the tiles that have some."""
    numbers, share = tiles_with_data(raster, grid)
    if not numbers:
        return (raster.height // 2, raster.width // 2), share
    core = grid.tile(numbers[len(numbers) // 2])[0]
    rows, columns = np.nonzero(raster.read(core, bands=[1])[1])
    return (core.row + int(np.median(rows) + 0.5), core.column + int(np.median(columns) + 0.5)), share


def _try(
    method_of: Callable[[Raster, float], RegionMethod],
    raster: Raster,
    outputs: RegionFiles,
    side: int,
    centre: tuple[int, int],
) -> tuple[float, int, int, int]:
    """Seconds, bytes of the work folder, pixels of a part around a pixel, and its regions before any are merged."""
    height, width = min(side, raster.height), min(side, raster.width)
    row, column = centre[0] - height // 2, centre[1] - width // 2
    row, column = min(max(row, 0), raster.height - height), min(max(column, 0), raster.width - width)
    window = Window(row, column, height, width)
    part = Part(raster, window)
    method = method_of(part, height * width / (raster.height * raster.width))
    with tempfile.TemporaryDirectory(prefix="densa-") as place:
        folder = WorkFolder(Path(place) / "regions.tif", "segmentation", durable=False)
        folder.make()
        begin = time.perf_counter()
        store = run_stages(stages_of(method, part, outputs), part, folder, Grid(height, width, max(height, width)))
        seconds = time.perf_counter() - begin
        n_bytes = sum(path.stat().st_size for path in folder.path.iterdir())
        return seconds, n_bytes, height * width, int(store.table("regions")["count"])
