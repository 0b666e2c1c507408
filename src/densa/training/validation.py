"""Validation: whole images, each predicted as prediction does it, into one confusion matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from densa.datasets import Dataset
from densa.legend import IGNORE
from densa.metrics import ConfusionMatrix
from densa.raster import tiles
from densa.segmenter import Segmenter

__all__ = ["predict_labels", "validate"]

# Up to this side an image is predicted whole, unless it is told otherwise.
_TILE_PX = 1024


def validate(
    segmenter: Segmenter,
    dataset: Dataset,
    *,
    images: Sequence[int] | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> ConfusionMatrix:
    """Confusion matrix of a segmenter over the labelled images of a data set.

    Args:
        segmenter: anything trained.
        dataset: images with masks.
        images: which of them; None means all.
        stopped: asked before every image; true ends the validation early, with the images so far.
    """
    confusion = ConfusionMatrix(dataset.legend.n_classes)
    for i in range(len(dataset)) if images is None else images:
        if stopped():
            break
        bands, valid = dataset.image(i)
        confusion.update(dataset.labels(i), predict_labels(segmenter, bands, valid))
    return confusion


def predict_labels(
    segmenter: Segmenter, bands: NDArray[np.generic], valid: NDArray[np.bool_], *, tile_size: int | None = None
) -> NDArray[np.uint8]:
    """(h, w) label map of an image in memory, `IGNORE` where it is invalid; tiled where it is large."""
    height, width = valid.shape
    labels = np.full((height, width), IGNORE, np.uint8)
    size = -(-(tile_size or _TILE_PX) // segmenter.stride) * segmenter.stride
    for core, block in tiles(height, width, size, halo=segmenter.halo, stride=segmenter.stride):
        place = np.s_[block.row : block.row + block.height, block.column : block.column + block.width]
        top, left = core.row - block.row, core.column - block.column
        probabilities = segmenter.probabilities(bands[:, *place], valid[place])
        inner = probabilities[:, top : top + core.height, left : left + core.width]
        labels[core.row : core.row + core.height, core.column : core.column + core.width] = inner.argmax(axis=0)
    labels[~valid] = IGNORE
    return labels
