"""What a prediction will take, before it begins: from a few of its tiles."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.engine.prediction.plan import Task, plan_task
from densa.engine.prediction.writers import Outputs
from densa.engine.resources.estimate import ASSEMBLY_SECONDS_PER_PIXEL, Estimate
from densa.engine.resources.memory import peak_during
from densa.engine.tiles.block import Block, read_block
from densa.engine.work.crew import Crew
from densa.engine.work.executors import n_processors, threads_of_each
from densa.engine.work.tile_file import encode_tile
from densa.legend import IGNORE
from densa.raster import PolygonWriter, Raster
from densa.segmenter import Segmenter

__all__ = ["estimate", "estimate_prediction"]

_CALIBRATED_TILES = 3
_LOOKED_AT_TILES = 32


def estimate_prediction(
    segmenter: Segmenter,
    raster: Raster,
    output: Path,
    *,
    probabilities: Path | None = None,
    uncertainty: Path | None = None,
    polygons: Path | None = None,
    tile_size: int | None = None,
    memory: int | None = None,
    blend: str | None = None,
    workers: int = 1,
    executor: str = "threads",
    dask: str | None = None,
) -> Estimate:
    """What `predict_to_file` with the same arguments will take; nothing is written.

    Raises:
        InputError: what `predict_to_file` refuses before it begins, an output that exists aside.
    """
    crew = Crew(workers, executor, dask)
    outputs = Outputs(output, probabilities, uncertainty, polygons)
    options: dict[str, Any] = {"tile_size": tile_size, "memory": memory, "blend": blend, "crew": crew}
    return estimate(plan_task(segmenter, raster, outputs, fingerprint="", **options), crew)


def estimate(task: Task, crew: Crew) -> Estimate:
    """Estimate a prediction from three of its tiles, spread over the image, and a look at which tiles have data.

    Args:
        task: the prediction.
        crew: who will compute it. Workers of a remote cluster are taken to be as fast as one process here.
    """
    grid = task.grid
    worker = task.job.opened(task.segmenter, task.raster)
    with_data, looked_at = [], _spread(len(grid), _LOOKED_AT_TILES)
    for number in looked_at:
        core = grid.tile(number)[0]
        _, valid = task.raster.read(core, bands=[1])
        if valid.any():
            with_data.append(number)
    share = len(with_data) / len(looked_at)
    tried = [with_data[i] for i in _spread(len(with_data), _CALIBRATED_TILES)]
    costs = list[tuple[int, float, int, int]]()
    polygons = list[tuple[float, int]]()
    peak = 0

    def one(block: Block) -> tuple[int, NDArray[np.uint8]]:
        planes = task.job.products.planes(worker.compute(block))
        return len(encode_tile(planes)), planes

    with _as_worker(task):
        for place, number in enumerate(tried):
            if place == 0 and len(grid) > 1:  # the first use loads and compiles
                one(read_block(task.raster, grid, number))
            done = list[tuple[int, NDArray[np.uint8]]]()
            begin = time.perf_counter()

            def run(number: int = number, done: list[tuple[int, NDArray[np.uint8]]] = done) -> None:
                done.append(one(read_block(task.raster, grid, number)))

            _, most = peak_during(run)
            seconds = time.perf_counter() - begin
            [(size, planes)] = done
            core, window = grid.tile(number)
            costs.append((window.height * window.width, seconds, size, core.height * core.width))
            peak = max(peak, most)
            if task.outputs.polygons is not None:
                polygons.append(_polygons_of(task, planes))
    pixels = task.raster.height * task.raster.width
    computed, spent, stored, of_cores = (sum(column) for column in zip(*costs, strict=True)) if costs else (1, 0, 0, 1)
    computing = spent / computed * grid.computed_pixels() * share / _at_once(task, crew)
    writing = pixels * task.job.products.n_planes * ASSEMBLY_SECONDS_PER_PIXEL
    kept = stored / of_cores * pixels * share
    drawing = sum(cost[0] for cost in polygons) / of_cores * pixels * share
    drawn = sum(cost[1] for cost in polygons) / of_cores * pixels * share
    return Estimate(
        tiles=len(grid),
        tile_size=grid.tile_size,
        halo=grid.halo,
        overhead=grid.computed_pixels() / pixels - 1,
        empty=1 - share,
        seconds=computing + writing + drawing,
        disk_bytes=int(3.4 * kept + drawn) + 2**20,  # tiles, the TIFF, and its copy with overviews; polygons
        memory_bytes=peak * max(1, crew.local_processes),
    )


def _polygons_of(task: Task, planes: NDArray[np.uint8]) -> tuple[float, int]:
    """Seconds and bytes of the polygons of one tile, beyond those of a file without any."""
    assert task.outputs.polygons is not None
    nothing = np.full((2, 1, 1), IGNORE, np.uint8)
    found = []
    with tempfile.TemporaryDirectory(prefix="densa-") as folder:
        for name, labels, sure in (
            ("empty", *nothing),
            ("tile", planes[0], planes[task.job.products.place("confidence")][0]),
        ):
            file = Path(folder) / f"{name}{task.outputs.polygons.suffix}"
            begin = time.perf_counter()
            with PolygonWriter(file, task.segmenter.legend, width=labels.shape[1]) as writer:
                writer.write(labels, sure)
            found.append((time.perf_counter() - begin, file.stat().st_size))
    (before, least), (seconds, size) = found
    return max(seconds - before, 0.0), max(size - least, 0)


def _spread(n: int, most: int) -> list[int]:
    """Up to `most` different numbers of 0..n-1, evenly spread."""
    if n <= most:
        return list(range(n))
    return sorted({int(i) for i in np.linspace(0, n - 1, most + 2)[1:-1].round()})


def _at_once(task: Task, crew: Crew) -> int:
    """Tiles that are computed at the same time without slowing each other."""
    return min(crew.local_processes or crew.threads, n_processors(), len(task.grid))


@contextmanager
def _as_worker(task: Task) -> Iterator[None]:
    """Torch with as many threads as one of the workers has."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(task.job.threads or threads_of_each(1))
    try:
        yield
    finally:
        torch.set_num_threads(before)
