"""Validation: whole images, each predicted as by `predict`, counted in one confusion matrix."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from densa.datasets import Dataset
from densa.engine import predict_array
from densa.errors import InputError, one_line
from densa.metrics import ConfusionMatrix
from densa.segmenter import Segmenter

__all__ = ["say_unmeasured", "validate"]


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


def say_unmeasured(failure: Exception) -> None:
    """Say in one line on stderr why a model has no score; called when the model is saved.

    Raises:
        Exception: the failure, where it is a defect and not one of the images or of this machine.
    """
    if not isinstance(failure, (InputError, OSError, MemoryError)):
        raise failure
    print(f"densa: the model is saved without a score, for its validation failed: {one_line(failure)}", file=sys.stderr)
