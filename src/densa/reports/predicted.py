"""Pairs of an evaluation whose predictions are computed as they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from densa.datasets import Dataset
from densa.engine import predict
from densa.errors import InputError
from densa.legend import IGNORE
from densa.metrics import CalibrationCounts
from densa.progress import Progress
from densa.raster import Raster
from densa.reports.evaluation import Pair
from densa.segmenter import Segmenter, fit_raster

__all__ = ["pairs_of_predictions"]

_SHOWN_SIDE_PX = 480  # probabilities are kept at the size of the page's pictures


def pairs_of_predictions(
    segmenter: Segmenter,
    dataset: Dataset,
    *,
    tile_size: int | None = None,
    fit: Callable[[Raster], Raster] | None = None,
    progress: Progress | None = None,
) -> Iterator[Pair]:
    """Predict the images of a data set one after the other.

    Args:
        segmenter: a trained model with the classes of the data set.
        dataset: images with masks.
        tile_size: see `engine.predict`; the labels do not depend on it.
        fit: gives the bands of an image as the segmenter takes them; None: `densa.segmenter.fit_raster`.
        progress: called with (images done, images in all).

    Yields:
        One pair per image, with its probabilities at about the size of the page's pictures, and the calibration counts
        of all of them.

    Raises:
        InputError: the legends have different classes, or an image does not fit the segmenter.

    Examples:
        >>> from densa import datasets, networks, reports, segmenter
        >>> test = datasets.open(datasets.coins("coins"))["test"]
        >>> network = networks.build("unet", 1, 2, width=1)
        >>> model = segmenter.NetworkSegmenter(network, test.legend, segmenter.BandContract(1))
        >>> pairs = list(reports.pairs_of_predictions(model, test))
        >>> len(pairs), pairs[0].predicted.shape == test.size(0)
        (1, True)
    """
    names, expected = dataset.legend.class_names, segmenter.legend.class_names
    if names != expected:
        raise InputError(
            f"the data set must have the classes of the model, {', '.join(expected)}, got {', '.join(names)}; "
            "open it with the model's legend"
        )
    for i, sample in enumerate(dataset.samples):
        target = dataset.labels(i)
        labels, probabilities, counts = _predict(
            segmenter, dataset, i, target, tile_size=tile_size, fit=fit or partial(_fit, segmenter)
        )
        yield Pair(
            name=sample.name,
            target=target,
            predicted=labels,
            image=partial(dataset.image, i),
            probabilities=lambda shown=probabilities: shown,  # type: ignore[misc]
            calibration=counts,
            scene=sample.group,
            part=dataset.part_of(i),
            source=sample.image,
        )
        if progress:
            progress(i + 1, len(dataset))


def _fit(segmenter: Segmenter, image: Raster) -> Raster:
    return fit_raster(segmenter.bands, image).raster


def _predict(
    segmenter: Segmenter,
    dataset: Dataset,
    i: int,
    target: NDArray[np.uint8],
    *,
    tile_size: int | None,
    fit: Callable[[Raster], Raster],
) -> tuple[NDArray[np.uint8], NDArray[np.float32], CalibrationCounts]:
    """Label map of image `i`, every n-th row and column of its probabilities, and the calibration of all of them."""
    counts = CalibrationCounts(segmenter.legend.n_classes)
    with dataset.open_image(i) as image:
        labels = np.full((image.height, image.width), IGNORE, np.uint8)
        step = max(1, -(-max(labels.shape) // _SHOWN_SIDE_PX))
        kept = np.zeros((segmenter.legend.n_classes, *(-(-side // step) for side in labels.shape)), np.float32)
        for tile in predict(segmenter, fit(image), tile_size=tile_size):
            row, column, height, width = tile.window
            place = np.s_[row : row + height, column : column + width]
            labels[place] = tile.labels()
            if target.shape == labels.shape:  # otherwise the evaluation says it
                try:
                    counts.update(tile.probabilities, target[place], labels[place])
                except InputError as error:
                    raise InputError(f"{dataset.samples[i].name}: {error}") from error
            seen = tile.probabilities[:, -row % step :: step, -column % step :: step]
            top, left = -(-row // step), -(-column // step)
            kept[:, top : top + seen.shape[1], left : left + seen.shape[2]] = seen
    return labels, kept, counts
