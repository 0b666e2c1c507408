"""Calibration of a trained model: a scaling fitted to pixels that are no neighbours, measured on other images."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from densa.datasets import Dataset, WindowDataset
from densa.engine import predict
from densa.errors import InputError
from densa.legend import IGNORE
from densa.metrics import CalibrationCounts, CalibrationSummary
from densa.progress import Progress
from densa.raster import Raster, Window
from densa.segmenter import Scaling, Segmenter, fit_raster, fit_scaling, uncalibrated
from densa.segmenter.calibration.fitting import LEAST_PIXELS
from densa.segmenter.calibration.scaling import ScalingMethod

__all__ = ["CalibrationFit", "calibrate", "one_per_block"]

_WANTED_PIXELS = 2000  # of the fit: the side of a block is chosen for about as many
_SIDES = (4, 64)  # of a block that is chosen, least and most
_MOST_NUMBERS = 1 << 26  # probabilities of pixels that are held for the fit

Fit = Callable[[Raster], Raster]


@dataclass(frozen=True)
class CalibrationFit:
    """A scaling, what it was fitted to, and what it does on the held-out half.

    Attributes:
        scaling: of the probabilities.
        n_pixels: pixels of the fit, one in each block.
        block: side of a block in pixels.
        n_images, n_held_out: images, or halves of one image, of the fit and of the held-out half.
        halves: whether the halves are those of one image.
        before, after: of all labelled pixels of the held-out half, without the scaling and with it.
        n_changed: pixels of the held-out half whose label changes.
        n_hard: pixels of the fit with a probability of exactly 1.
        unseen: names of the classes without a pixel in the fit.
    """

    scaling: Scaling
    n_pixels: int
    block: int
    n_images: int
    n_held_out: int
    halves: bool
    before: CalibrationSummary
    after: CalibrationSummary
    n_changed: int
    n_hard: int
    unseen: tuple[str, ...]


def calibrate(
    segmenter: Segmenter,
    dataset: Dataset,
    *,
    method: ScalingMethod = "temperature",
    block: int | None = None,
    seed: int = 0,
    fit: Fit | None = None,
    progress: Progress | None = None,
) -> CalibrationFit:
    """Fit a scaling to one half of the images, and measure it on the other.

    Neighbouring pixels are nearly copies of each other, so the fit takes one labelled pixel of each block, drawn at
    random. Of one image, the upper half is fitted to and the lower half measured.

    Args:
        segmenter: anything trained; a scaling that it has is left out.
        dataset: images with masks that it was not trained on.
        method: see `Scaling`.
        block: side of the blocks in pixels; None: a side of 4 to 64 for about 2000 of them.
        seed: chooses the images of the fit, and the pixels.
        fit: gives the bands of an image as the segmenter takes them; None: `densa.segmenter.fit_raster`.
        progress: called with (images predicted, of all).

    Raises:
        InputError: no image, fewer than 20 blocks with a labelled pixel, none in the held-out half, or images that do
            not fit the segmenter.
    """
    segmenter = uncalibrated(segmenter)
    fitted, held_out = _halves(dataset, seed)
    side = block or _side(fitted)
    apply = fit or partial(_fit, segmenter)
    done, total = 0, len(fitted) + len(held_out)

    def step() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, total)

    found, truth = _pixels_of_fit(segmenter, fitted, side, seed, apply, step)
    scaling = fit_scaling(found, truth, method)
    before, after = CalibrationCounts(len(found)), CalibrationCounts(len(found))
    n_changed = 0
    for i in range(len(held_out)):
        n_changed += _measure(segmenter, held_out, i, scaling, apply, (before, after))
        step()
    if not before.n_pixels:
        raise InputError(f"the held-out half ({len(held_out)} of {total} images) has no labelled pixel; give more data")
    names = dataset.legend.class_names
    return CalibrationFit(
        scaling,
        len(truth),
        side,
        len(fitted),
        len(held_out),
        len(dataset) == 1,
        before.summary(),
        after.summary(),
        n_changed,
        int((found.max(axis=0) >= 1).sum()),
        tuple(names[k] for k in np.setdiff1d(np.arange(len(names)), truth)),
    )


def _halves(dataset: Dataset, seed: int) -> tuple[Dataset, Dataset]:
    """The images of the fit and those of the measurement, or the two halves of one image."""
    if len(dataset) == 0:
        raise InputError("a model is calibrated on labelled images, there is none")
    if len(dataset) > 1:
        order = np.random.default_rng(seed).permutation(len(dataset)).tolist()
        n_fit = (len(order) + 1) // 2
        return dataset.subset(sorted(order[:n_fit])), dataset.subset(sorted(order[n_fit:]))
    whole = dataset.windows[0] if isinstance(dataset, WindowDataset) else Window(0, 0, *dataset.size(0))
    row, column, height, width = whole
    if height < 2:
        raise InputError(f"{dataset.samples[0].name} has one row of pixels, which makes no two halves")
    half = height // 2
    upper, lower = Window(row, column, half, width), Window(row + half, column, height - half, width)
    return WindowDataset.of(dataset, [(0, upper)]), WindowDataset.of(dataset, [(0, lower)])


def _side(dataset: Dataset) -> int:
    """Side of a block for about as many blocks as are wanted."""
    n_pixels = sum(height * width for height, width in map(dataset.mask_size, range(len(dataset))))
    least, most = _SIDES
    return min(max(math.isqrt(n_pixels // _WANTED_PIXELS), least), most)


def _fit(segmenter: Segmenter, image: Raster) -> Raster:
    return fit_raster(segmenter.bands, image).raster


def one_per_block(
    labels: NDArray[np.uint8], block: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of one labelled pixel, drawn at random, of each block that has one.

    Args:
        labels: (H, W) classes, 255 where there is none.
        block: side of a block in pixels.
        rng: draws the pixels.
    """
    height, width = labels.shape
    rows, columns = [], []
    for top in range(0, height, block):
        strip = labels[top : top + block]
        order = rng.random(strip.shape, np.float32)
        order[strip == IGNORE] = np.inf
        for left in range(0, width, block):
            part = order[:, left : left + block]
            place = int(part.argmin())
            if part.flat[place] < np.inf:
                rows.append(top + place // part.shape[1])
                columns.append(left + place % part.shape[1])
    return np.array(rows, np.int64), np.array(columns, np.int64)


def _pixels_of_fit(
    segmenter: Segmenter, dataset: Dataset, block: int, seed: int, fit: Fit, step: Callable[[], None]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """(classes, n) probabilities and (n,) classes of one pixel of each block."""
    found: list[NDArray[np.float32]] = []
    truth: list[NDArray[np.uint8]] = []
    n_classes = segmenter.legend.n_classes
    for i in range(len(dataset)):
        labels = dataset.labels(i)
        rows, columns = one_per_block(labels, block, np.random.default_rng((seed, i)))
        if sum(map(len, truth)) + len(rows) > _MOST_NUMBERS // n_classes:
            raise InputError(
                f"a scaling of {n_classes} classes is fitted to at most {_MOST_NUMBERS // n_classes} pixels, blocks of "
                f"{block} px are more; give a larger block"
            )
        with dataset.open_image(i) as image:
            for tile in predict(segmenter, fit(image)):
                row, column, height, width = tile.window
                inside = (rows >= row) & (rows < row + height) & (columns >= column) & (columns < column + width)
                r, c = rows[inside] - row, columns[inside] - column
                kept = tile.valid[r, c]
                found.append(tile.probabilities[:, r[kept], c[kept]])
                truth.append(labels[rows[inside], columns[inside]][kept])
        step()
    pixels, classes = np.concatenate(found, axis=1), np.concatenate(truth)
    if len(classes) < LEAST_PIXELS:
        raise InputError(
            f"a scaling is fitted to at least {LEAST_PIXELS} labelled pixels, one in each block of {block} px, got "
            f"{len(classes)}; give more images, or a smaller block"
        )
    return pixels, classes


def _measure(
    segmenter: Segmenter,
    dataset: Dataset,
    i: int,
    scaling: Scaling,
    fit: Fit,
    counts: tuple[CalibrationCounts, CalibrationCounts],
) -> int:
    """Count all labelled pixels of image `i` without and with the scaling; number of those whose label changes."""
    labels, n_changed = dataset.labels(i), 0
    with dataset.open_image(i) as image:
        for tile in predict(segmenter, fit(image)):
            row, column, height, width = tile.window
            target = labels[row : row + height, column : column + width]
            scaled = tile._replace(probabilities=scaling(tile.probabilities))
            before, after = tile.labels(), scaled.labels()
            counts[0].update(tile.probabilities, target, before)
            counts[1].update(scaled.probabilities, target, after)
            n_changed += int(((before != after) & (target != IGNORE)).sum())
    return n_changed
