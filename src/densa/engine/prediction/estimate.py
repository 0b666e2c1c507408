"""Time, disk and memory of a prediction, estimated from a few of its tiles."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.engine.prediction.plan import plan_prediction
from densa.engine.prediction.task import PredictionFiles, PredictionTask
from densa.engine.prediction.windows import Tiling
from densa.engine.resources.emptiness import spread, tiles_with_data
from densa.engine.resources.estimate import ASSEMBLY_SECONDS_PER_PIXEL, Estimate
from densa.engine.resources.memory import peak_during
from densa.engine.work.crew import threads_of_each
from densa.engine.work.packing import encode_tile
from densa.engine.work.settings import Work
from densa.legend import IGNORE
from densa.machine import n_processors
from densa.raster import PolygonWriter, Raster
from densa.segmenter import Segmenter

__all__ = ["estimate_prediction"]

_CALIBRATED_TILES = 3


def estimate_prediction(
    segmenter: Segmenter, raster: Raster, outputs: PredictionFiles, work: Work = Work(), *, blend: str | None = None
) -> Estimate:
    """Estimate time, disk and memory of `predict_to_file` with the same arguments; nothing is written.

    Three tiles are computed, spread over the image; more are read to find the share that has data. Workers of a remote
    cluster are assumed to be as fast as one process here.

    Raises:
        InputError: what `predict_to_file` refuses before it begins, except files that exist.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, engine, networks, raster, segmenter
        >>> network = networks.build("unet", 1, 2, width=1)
        >>> model = segmenter.NetworkSegmenter(network, Legend(("ground", "roof")), segmenter.BandContract(1))
        >>> raster.write_bands("image.tif", np.zeros((1, 40, 60), np.uint8))
        >>> with raster.open("image.tif") as image:
        ...     found = engine.estimate_prediction(model, image, engine.PredictionFiles("map.tif"))
        ...
        >>> found.tiles, found.empty
        (1, 0.0)
    """
    task = plan_prediction(segmenter, raster, outputs, work, fingerprint="", blend=blend)
    grid, n_planes = task.job.grid, task.job.products.n_planes
    computed = task.job.tiling.computed
    with_data, share = tiles_with_data(raster, grid)
    tried = [with_data[i] for i in spread(len(with_data), _CALIBRATED_TILES)]
    if len(computed) == 1 < len(grid):  # parts of the only window
        task, tried = replace(task, job=replace(task.job, tiling=Tiling(computed, computed))), [0] * bool(tried)
    trials, peak = _try(task, tried)
    pixels = raster.height * raster.width
    total = _Trial(*map(sum, zip(*trials, strict=True))) if trials else _Trial(1, 1, 0.0, 0, 0.0, 0)
    of_all = pixels * share / total.core_pixels
    computing = total.seconds / total.block_pixels * computed.computed_pixels() * share / _at_once(task)
    writing = pixels * n_planes * ASSEMBLY_SECONDS_PER_PIXEL
    return Estimate(
        tiles=len(grid),
        tile_size=grid.tile_size,
        halo=grid.halo,
        overhead=computed.computed_pixels() / pixels - 1,
        empty=1 - share,
        seconds=computing + writing + total.drawing_seconds * of_all,
        # tiles, the TIFF, and its copy with overviews; polygons
        disk_bytes=int((3.4 * total.stored_bytes + total.drawn_bytes) * of_all) + 2**20,
        memory_bytes=peak * max(1, work.crew.local_processes),
    )


class _Trial(NamedTuple):
    """Pixels, seconds and bytes of a tile; seconds and bytes of its polygons."""

    block_pixels: int
    core_pixels: int
    seconds: float
    stored_bytes: int
    drawing_seconds: float
    drawn_bytes: int


def _try(task: PredictionTask, numbers: Sequence[int]) -> tuple[list[_Trial], int]:
    """Compute some tiles; returns the cost of each, and the peak of resident memory."""
    grid, products = task.job.grid, task.job.products
    worker = task.job.opened(task.segmenter, task.raster)
    trials: list[_Trial] = []
    peak = 0

    def packed_planes(number: int) -> tuple[int, NDArray[np.uint8]]:
        planes = products.planes(worker.compute(worker.read(number)))
        return len(encode_tile(planes)), planes

    with _as_worker(task):
        for place, number in enumerate(numbers):
            if place == 0 and len(grid) > 1:  # the first use loads and compiles
                packed_planes(number)
            done = list[tuple[int, NDArray[np.uint8]]]()
            begin = time.perf_counter()
            _, most = peak_during(lambda: done.append(packed_planes(number)))  # noqa: B023  # runs at once
            seconds = time.perf_counter() - begin
            [(size, planes)] = done
            core, window = grid.tile(number)
            drawing = (0.0, 0) if task.files.polygons is None else _polygons_of(task, planes)
            trials.append(_Trial(window.height * window.width, core.height * core.width, seconds, size, *drawing))
            peak = max(peak, most)
    return trials, peak


def _polygons_of(task: PredictionTask, planes: NDArray[np.uint8]) -> tuple[float, int]:
    """Seconds and bytes of the polygons of one tile, less those of an empty file."""
    assert task.files.polygons is not None
    nothing = np.full((2, 1, 1), IGNORE, np.uint8)
    found = []
    with tempfile.TemporaryDirectory(prefix="densa-") as folder:
        for name, labels, sure in (
            ("empty", *nothing),
            ("tile", planes[0], planes[task.job.products.place("confidence")][0]),
        ):
            file = Path(folder) / f"{name}{task.files.polygons.suffix}"
            begin = time.perf_counter()
            with PolygonWriter(file, task.segmenter.legend, width=labels.shape[1]) as writer:
                writer.write(labels, sure)
            found.append((time.perf_counter() - begin, file.stat().st_size))
    (before, least), (seconds, size) = found
    return max(seconds - before, 0.0), max(size - least, 0)


def _at_once(task: PredictionTask) -> int:
    """Tiles that are computed at once without slowing each other down."""
    return min(task.work.crew.at_once, n_processors(), len(task.job.tiling.computed))


@contextmanager
def _as_worker(task: PredictionTask) -> Iterator[None]:
    """Limit torch to the threads of one worker."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(task.job.threads or threads_of_each(1))
    try:
        yield
    finally:
        torch.set_num_threads(before)
