"""Prediction of a raster in tiles: core plus halo, equal to predicting the image in one piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from densa.engine.prediction.frozen_context import frozen_context
from densa.engine.prediction.plan import fitted, plan_prediction
from densa.engine.prediction.task import PredictionFiles, PredictionTask
from densa.engine.prediction.tile import Products, TilePrediction, label_and_confidence
from densa.engine.prediction.tile_job import TileJob
from densa.engine.prediction.windows import tiling_of
from densa.engine.work.crew import compute_ahead
from densa.engine.work.resumable import Outcome, run_task
from densa.engine.work.settings import Work
from densa.engine.work.shard import Shard
from densa.errors import InputError
from densa.progress import Progress
from densa.raster import Raster
from densa.segmenter import Segmenter

__all__ = ["predict", "predict_array", "predict_to_file"]


def predict(
    segmenter: Segmenter,
    raster: Raster,
    *,
    tile_size: int | None = None,
    memory: int | str | None = None,
    windows: bool = True,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Iterator[TilePrediction]:
    """Predict a raster tile by tile.

    Each tile is computed from its core widened by the segmenter's halo, its origin on a multiple of the stride;
    blocks end at the border of the image. A network is only applied to windows of one grid, which follows from the
    network and the size of the image, and tiles group the windows. So the result does not depend on `tile_size`, to
    the last bit. The next tile is read while one is computed.

    Args:
        segmenter: any segmenter; its band contract must fit the raster.
        raster: an open image of any size.
        tile_size: side in pixels of a tile's core, a multiple of the segmenter's stride; None chooses. Where an image
            has several windows, tiles hold whole ones.
        memory: bytes, or text such as "2GB", that may be resident at once; chooses the tile size.
        windows: False applies a network to every tile by itself, which shows whether its halo suffices.
        progress: called with (pixels done, pixels in all) after every tile.
        tell: called with lines for the user.

    Yields:
        Tiles in row-major order; their windows partition the raster. A tile without a valid pixel is not computed:
        its probabilities are 0.

    Raises:
        InputError: the raster's bands are not the segmenter's, the tile size is no multiple of the stride or cuts an
            image of which every pixel depends on all others, or the memory does not suffice.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, engine, networks, raster, segmenter
        >>> network = networks.build("unet", 1, 2, width=1)
        >>> model = segmenter.NetworkSegmenter(network, Legend(("ground", "roof")), segmenter.BandContract(1))
        >>> image = raster.from_array(np.zeros((40, 60), np.uint8))
        >>> tiles = list(engine.predict(model, image, tile_size=32))
        >>> [(tile.window.row, tile.window.column) for tile in tiles]
        [(0, 0), (0, 32), (32, 0), (32, 32)]
        >>> tiles[0].probabilities.shape
        (2, 32, 32)
    """
    raster = fitted(segmenter, raster)
    segmenter = segmenter.for_image(raster.height, raster.width)
    if (frozen := frozen_context(segmenter, raster, tell)) is not None:
        with suppress(InputError):  # what cannot be frozen is applied to the whole image
            segmenter = frozen(segmenter)
    if tile_size is not None and segmenter.whole_image and tile_size < max(raster.height, raster.width):
        raise InputError(
            f"the model's output depends on the whole image, so tiles of {tile_size} cannot be predicted; leave the "
            "tile size out, or use a model with frozen context"
        )
    products = Products(segmenter.legend.n_classes)
    work = Work(tile_size=tile_size, memory=memory)  # type: ignore[arg-type]  # reads text
    of_result = 5 * raster.height * raster.width  # labels and confidence of the whole image
    tiling = tiling_of(segmenter, raster, products, work, reserved=of_result, in_windows=windows, tell=tell)
    job = TileJob("", raster.path, 0, lambda: segmenter, tiling, products)
    done, total = 0, raster.height * raster.width
    for _, tile in compute_ahead(job.opened(segmenter, raster), range(len(tiling.grid))):
        yield tile
        done += tile.window.height * tile.window.width
        if progress:
            progress(done, total)


def predict_array(
    segmenter: Segmenter,
    raster: Raster,
    *,
    tile_size: int | None = None,
    memory: int | str | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Label map (h, w) uint8 and probability of the label (h, w) float32 of a raster that fits in memory.

    They are those of `predict`, whose arguments it takes, and of `predict_to_file`.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, engine, networks, raster, segmenter
        >>> network = networks.build("unet", 1, 2, width=1)
        >>> model = segmenter.NetworkSegmenter(network, Legend(("ground", "roof")), segmenter.BandContract(1))
        >>> image = raster.from_array(np.zeros((40, 60), np.uint8))
        >>> labels, confidence = engine.predict_array(model, image)
        >>> labels.shape, bool(confidence.min() >= 0.5)
        ((40, 60), True)
    """
    tiles = predict(segmenter, raster, tile_size=tile_size, memory=memory, progress=progress, tell=tell)
    return label_and_confidence(raster, tiles)


def predict_to_file(
    segmenter: Segmenter,
    raster: Raster,
    outputs: PredictionFiles,
    work: Work = Work(),
    *,
    page: int = 0,
    blend: str | None = None,
    shard: str | None = None,
    load: Callable[[], Segmenter] | None = None,
    fingerprint: str | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> bool:
    """Write the label map of a raster, and the other files requested.

    An image of more than one tile has a work folder `LABELS.partial` until it is finished, from which a run with
    `resume` continues after any interruption. The files are the same to the last byte for any tiles, memory and workers
    and however often the run is interrupted.

    Args:
        segmenter: any segmenter.
        raster: an open image.
        outputs: the files, which appear when they are complete.
        work: tiles, memory and workers. `tile_size` is that of the blended windows where `blend` is given; `memory`
            chooses the tile size, and limits each worker of a remote Dask cluster by itself.
        page: of the image in its file; other processes open it by path and page.
        blend: "linear" or "hann": windows that overlap by half instead of exact tiles, see `Blended`.
        shard: "i/n": compute every n-th tile only, from the i-th (0..n-1). The work folder is shared; the shard that
            finds the last tile finished writes the files.
        load: returns the segmenter, in another process (picklable); None sends the segmenter itself.
        fingerprint: of the model's files; None computes one from the probabilities of a block of noise.
        progress: called with (pixels done, pixels in all) after every tile.
        tell: called with lines for the user.

    Returns:
        Whether the files are complete; False where other shards are not done.

    Raises:
        InputError: what `predict` refuses, a file that exists, a work folder of another job, a full disk.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, engine, networks, raster, segmenter
        >>> network = networks.build("unet", 1, 2, width=1)
        >>> model = segmenter.NetworkSegmenter(network, Legend(("ground", "roof")), segmenter.BandContract(1))
        >>> raster.write_bands("image.tif", np.zeros((1, 40, 60), np.uint8))
        >>> from pathlib import Path
        >>> files = engine.PredictionFiles(Path("map.tif"), probabilities=Path("map.probabilities.tif"))
        >>> with raster.open("image.tif") as image:
        ...     engine.predict_to_file(model, image, files, engine.Work(tile_size=32))
        ...
        True
        >>> labels, legend = raster.read_label_map("map.tif")
        >>> labels.shape, legend.class_names
        ((40, 60), ('ground', 'roof'))
    """
    part = Shard.of(shard)

    def plan(begun_with: int | None) -> PredictionTask:
        task = plan_prediction(
            segmenter,
            raster,
            outputs,
            work,
            page=page,
            blend=blend,
            load=load,
            fingerprint=fingerprint,
            begun_with=begun_with,
            tell=tell,
        )
        return replace(task, shard=part, progress=progress)

    outcome, _ = run_task("prediction", outputs, work, plan, part, inputs=raster.files)
    return outcome is not Outcome.WAITS
