"""Choice of a CRF for a trained model on its validation images."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from densa.crf import Sample, TunedCrf, tune_dense_crf
from densa.datasets import Dataset
from densa.engine import predict
from densa.errors import InputError
from densa.progress import Progress, progress_bar
from densa.raster import Window
from densa.segmenter import Refined, Segmenter, load_segmenter, store_crf

__all__ = ["tune_and_say", "tune_crf", "tune_run"]

MOST_PIXELS = 1 << 22  # of an image, whose probabilities are held in memory


def tune_crf(segmenter: Segmenter, dataset: Dataset, *, seed: int = 0, progress: Progress | None = None) -> TunedCrf:
    """The CRF that raises the mean IoU of a segmenter most, by successive halving; see `densa.crf.tune_dense_crf`.

    Images are predicted again in each round, so that only one is in memory at a time.

    Args:
        segmenter: anything trained.
        dataset: images with masks that it was not trained on.
        seed: chooses the images of the early rounds.
        progress: called with (refinements done, of all).

    Raises:
        InputError: no image, or images that are too large to hold in memory.
    """
    if len(dataset) == 0:
        raise InputError("a CRF is tuned on validation images, there is none; give the data a val split")
    bands = Refined(segmenter)  # brings the bands into the units of the CRF

    def samples() -> Iterator[Sample]:
        for i in range(len(dataset)):
            with dataset.open_image(i) as image:
                if image.height * image.width > MOST_PIXELS:
                    raise InputError(
                        f"{image.path} has {image.height} x {image.width} pixels, a CRF is tuned on images of up to "
                        f"{MOST_PIXELS}; cut it, or tune on others"
                    )
                tiles = list(predict(segmenter, image, tile_size=_whole(segmenter, image.height, image.width)))
                pixels, valid = image.read(Window(0, 0, image.height, image.width))
            values, inside = bands.image(pixels, valid)
            yield Sample(tiles[0].probabilities, values, dataset.labels(i), inside)

    return tune_dense_crf(samples, seed=seed, ignore=255, progress=progress)


def tune_run(folder: Path, dataset: Dataset, *, seed: int = 0, progress: Progress | None = None) -> TunedCrf:
    """Tune the CRF of a model folder and record it in the folder, or record that none improves the model.

    Raises:
        InputError: data that `tune_crf` refuses, or no model folder.
    """
    found = tune_crf(load_segmenter(folder), dataset, seed=seed, progress=progress)
    store_crf(folder, found.parameters)
    return found


def tune_and_say(folder: Path, dataset: Dataset, *, seed: int, progress: bool) -> TunedCrf:
    """As `tune_run`; `progress` shows a bar and the result on stderr."""
    with progress_bar("tuning the CRF", shown=progress) as show:
        found = tune_run(folder, dataset, seed=seed, progress=show)
    if progress:
        print(f"densa: {found}; on the {len(dataset)} validation images, by which it was chosen", file=sys.stderr)
    return found


def _whole(segmenter: Segmenter, height: int, width: int) -> int:
    stride = segmenter.stride
    return -(-max(height, width) // stride) * stride
