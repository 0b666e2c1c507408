"""Prediction of a raster in tiles: core plus halo, equal to predicting the image in one piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densa.engine.prediction.compute import TilePrediction
from densa.engine.prediction.plan import Task, check_bands, checked_grid, plan_task
from densa.engine.prediction.planes import Products
from densa.engine.prediction.resumable import predict_journalled
from densa.engine.prediction.tile_job import TileJob
from densa.engine.prediction.writers import Outputs, Writers
from densa.engine.work.crew import Crew
from densa.engine.work.executors import compute_ahead
from densa.engine.work.files import check_files, is_complete
from densa.engine.work.journal import WorkFolder
from densa.engine.work.resuming import begun_tile_size
from densa.engine.work.shard import Shard
from densa.legend import IGNORE
from densa.raster import Raster
from densa.segmenter import Segmenter

__all__ = ["Progress", "predict", "predict_array", "predict_to_file"]

Progress = Callable[[int, int], None]
"""Called with (pixels done, pixels in all) after every tile."""


def predict(
    segmenter: Segmenter, raster: Raster, *, tile_size: int | None = None, progress: Progress | None = None
) -> Iterator[TilePrediction]:
    """Predict a raster tile by tile.

    Each tile is computed from its core widened by the segmenter's halo, its origin on a multiple of the stride;
    at the image's border the block ends where the image ends. So the result does not depend on `tile_size`. The next
    tile is read while one is computed.

    Args:
        segmenter: anything trained; its band contract must fit the raster.
        raster: an open image of any size.
        tile_size: side in pixels of a tile's core, a multiple of the segmenter's stride; None chooses.
        progress: called after every tile.

    Yields:
        Tiles in row-major order; their windows partition the raster. A tile without a valid pixel is not computed:
        its probabilities are 0.

    Raises:
        InputError: the raster's bands are not the segmenter's, or the tile size is no multiple of the stride.
    """
    check_bands(segmenter, raster)
    segmenter = segmenter.for_image(raster.height, raster.width)
    grid = checked_grid(segmenter, raster, tile_size)
    job = TileJob("", raster.path, 0, lambda: segmenter, grid, Products(segmenter.legend.n_classes))
    done, total = 0, raster.height * raster.width
    for _, tile in compute_ahead(job.opened(segmenter, raster), range(len(grid))):
        yield tile
        done += tile.window.height * tile.window.width
        if progress:
            progress(done, total)


def predict_array(
    segmenter: Segmenter, raster: Raster, *, tile_size: int | None = None, progress: Progress | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Label map (h, w) uint8 and probability of the label (h, w) float32 of a raster that fits in memory."""
    labels = np.full((raster.height, raster.width), IGNORE, np.uint8)
    confidence = np.zeros((raster.height, raster.width), np.float32)
    for tile in predict(segmenter, raster, tile_size=tile_size, progress=progress):
        w = tile.window
        place = np.s_[w.row : w.row + w.height, w.column : w.column + w.width]
        labels[place] = tile.labels()
        confidence[place] = np.where(tile.valid, tile.probabilities.max(axis=0), 0)
    return labels, confidence


def predict_to_file(
    segmenter: Segmenter,
    raster: Raster,
    output: Path,
    *,
    page: int = 0,
    probabilities: Path | None = None,
    uncertainty: Path | None = None,
    polygons: Path | None = None,
    min_area: float = 0,
    simplify: float = 0,
    tile_size: int | None = None,
    memory: int | None = None,
    blend: str | None = None,
    workers: int = 1,
    executor: str = "threads",
    dask: str | None = None,
    shard: str | None = None,
    load: Callable[[], Segmenter] | None = None,
    fingerprint: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> bool:
    """Write the label map of a raster, and its probabilities when asked for.

    An image of more than one tile has a work folder `OUTPUT.partial` until it is finished, which `resume` continues
    after anything. The files are the same to the last byte, whoever computes the tiles and however often it is
    interrupted. Tiles of another size give the same labels; a probability may then be rounded to the other of two.

    Args:
        segmenter: anything trained.
        raster: an open image.
        output: a .png (palette) or .tif (colour table, class names, georeference) file; appears when complete.
        page: of the image in its file; other processes open it by path and page.
        probabilities: a .tif of one uint8 band per class, named; value / 255 is the probability.
        uncertainty: a .tif of the entropy of the probabilities, uint8; 255 where all classes are equally probable.
        polygons: a .gpkg, .geojson or .fgb file of the regions of one class, not cut at the borders of tiles.
        min_area, simplify: of the polygons, see `densa.raster.PolygonWriter`.
        tile_size: see `predict`; of the blended windows where `blend` is given.
        memory: bytes that may be resident at once in all processes of this machine, or in each worker of a remote Dask
            cluster; chooses the tile size. None does not measure.
        blend: "linear" or "hann": windows that overlap by half instead of exact tiles, see `Blended`.
        workers: threads or processes that compute tiles.
        executor: "threads" or "processes".
        dask: address of a scheduler, or "local:4".
        shard: "i/n": compute every n-th tile only, from the i-th (0..n-1); whoever finds the last one finished writes
            the output. The work folder is shared.
        load: makes the segmenter in another process (picklable); None sends the segmenter itself.
        fingerprint: of the model's files; None tries the model on a block of noise.
        resume: continue from the work folder, where there is one.
        overwrite: replace files that exist; without `resume`, an unfinished work folder too.
        progress: called after every tile.
        tell: gets lines for the user.

    Returns:
        Whether the output is complete; False where other shards are not done.

    Raises:
        InputError: what `predict` refuses, an output that exists, a work folder of something else, a disk that is full.
    """
    outputs = Outputs(output, probabilities, uncertainty, polygons, min_area, simplify)
    crew, part = Crew(workers, executor, dask), Shard.of(shard)
    folder = WorkFolder(output)
    if not (resume or part):
        check_files(outputs.each().values(), folder, resume=False, overwrite=overwrite)  # before the model is tried

    def plan(begun_with: int | None) -> Task:
        return plan_task(
            segmenter,
            raster,
            outputs,
            page=page,
            tile_size=tile_size,
            memory=memory,
            blend=blend,
            crew=crew,
            load=load,
            fingerprint=fingerprint,
            begun_with=begun_with,
            tell=tell,
        )

    may_continue = resume or part is not None
    task = plan(begun_tile_size(folder) if may_continue else None)
    if may_continue and folder.stored() is None and is_complete(task.outputs.each(), task.tags):
        folder.remove()
        return True
    check_files(outputs.each().values(), folder, resume=may_continue, overwrite=overwrite)
    if len(task.grid) == 1 and part is None and folder.stored() is None:
        _predict_directly(task, overwrite, progress)
        return True
    return predict_journalled(
        task, plan, folder, crew, part, resume=resume, overwrite=overwrite, progress=progress, tell=tell
    )


def _predict_directly(task: Task, overwrite: bool, progress: Progress | None) -> None:
    """One tile: nothing to resume."""
    with Writers(
        task.outputs, task.job.products, task.raster, task.segmenter.legend, tags=task.tags, overwrite=overwrite
    ) as writers:
        worker = task.job.opened(task.segmenter, task.raster)
        for _, tile in compute_ahead(worker, range(len(task.grid))):
            writers.write_strip(tile.window.row, [task.job.products.planes(tile)])
    if progress:
        progress(task.raster.height * task.raster.width, task.raster.height * task.raster.width)
