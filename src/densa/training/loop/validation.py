"""Validation: whole images, each predicted as by `predict`, counted in one confusion matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from densa.datasets import Dataset
from densa.engine import predict_array
from densa.metrics import ConfusionMatrix
from densa.segmenter import Segmenter

__all__ = ["validate"]


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
        images: numbers of the images to use; None: all.
        stopped: called before every image; true ends the validation early, with the images so far.
    """
    confusion = ConfusionMatrix(dataset.legend.n_classes)
    for i in range(len(dataset)) if images is None else images:
        if stopped():
            break
        with dataset.open_image(i) as image:
            confusion.update(dataset.labels(i), predict_array(segmenter, image)[0])
    return confusion
