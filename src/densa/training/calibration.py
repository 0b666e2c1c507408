"""Calibration of a trained model: a scaling fitted to pixels that are no neighbours, measured on other images."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from densa.datasets import Dataset, WindowDataset
from densa.engine import TilePrediction, predict
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
        progress: called with (pixels predicted, of all) after every tile.

    Raises:
        InputError: no image, fewer than 20 blocks with a labelled pixel, none in the held-out half, or images that do
            not fit the segmenter.
    """
    segmenter = uncalibrated(segmenter)
    fitted, held_out = _halves(dataset, seed)
    side = block or _side(fitted)
    apply = fit or partial(_fit, segmenter)
    tiles = _Tiles(segmenter, apply, progress, _n_pixels(fitted) + _n_pixels(held_out))
    found, truth = _pixels_of_fit(tiles, fitted, side, seed)
    scaling = fit_scaling(found, truth, method)
    before, after = CalibrationCounts(len(found)), CalibrationCounts(len(found))
    n_changed = 0
    for i in range(len(held_out)):
        n_changed += _measure(tiles, held_out, i, scaling, (before, after))
    if not before.n_pixels:
        raise InputError(
            "the half that is held out to measure the scaling has no labelled pixel; give more labelled images"
        )
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
    least, most = _SIDES
    return min(max(math.isqrt(_n_pixels(dataset) // _WANTED_PIXELS), least), most)


def _n_pixels(dataset: Dataset) -> int:
    return sum(height * width for height, width in map(dataset.mask_size, range(len(dataset))))


class _Tiles:
    """Predicts images one after the other, and tells how many of all pixels are done."""

    def __init__(self, segmenter: Segmenter, fit: Fit, progress: Progress | None, n_pixels: int) -> None:
        self.segmenter, self.fit, self._progress, self._total, self._done = segmenter, fit, progress, n_pixels, 0

    def of(self, dataset: Dataset, i: int) -> Iterator[TilePrediction]:
        """The tiles of image `i`."""
        with dataset.open_image(i) as image:
            for tile in predict(self.segmenter, self.fit(image)):
                yield tile
                self._done += tile.valid.size
                if self._progress:
                    self._progress(min(self._done, self._total), self._total)


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
    width = labels.shape[1]
    n_blocks = -(-width // block)
    rows, columns = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for top in range(0, labels.shape[0], block):
        strip = labels[top : top + block]
        order = np.full((len(strip), n_blocks * block), np.inf, np.float32)
        order[:, :width] = np.where(strip == IGNORE, np.float32(np.inf), rng.random(strip.shape, np.float32))
        blocks = order.reshape(len(strip), n_blocks, block).swapaxes(0, 1).reshape(n_blocks, -1)
        place = blocks.argmin(axis=1)
        found = np.flatnonzero(np.isfinite(blocks[np.arange(n_blocks), place]))
        rows.append(top + place[found] // block)
        columns.append(found * block + place[found] % block)
    return np.concatenate(rows), np.concatenate(columns)


def _pixels_of_fit(
    tiles: _Tiles, dataset: Dataset, block: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """(classes, n) probabilities and (n,) classes of one pixel of each block."""
    found: list[NDArray[np.float32]] = []
    truth: list[NDArray[np.uint8]] = []
    n_classes = tiles.segmenter.legend.n_classes
    for i in range(len(dataset)):
        labels = dataset.labels(i)
        rows, columns = one_per_block(labels, block, np.random.default_rng((seed, i)))
        if sum(map(len, truth)) + len(rows) > _MOST_NUMBERS // n_classes:
            raise InputError(
                f"a scaling of {n_classes} classes is fitted to at most {_MOST_NUMBERS // n_classes} pixels, blocks of "
                f"{block} px are more; give a larger block"
            )
        for tile in tiles.of(dataset, i):
            row, column, height, width = tile.window
            inside = (rows >= row) & (rows < row + height) & (columns >= column) & (columns < column + width)
            r, c = rows[inside] - row, columns[inside] - column
            kept = tile.valid[r, c]
            found.append(tile.probabilities[:, r[kept], c[kept]])
            truth.append(labels[rows[inside], columns[inside]][kept])
    pixels, classes = np.concatenate(found, axis=1), np.concatenate(truth)
    if len(classes) < LEAST_PIXELS:
        raise InputError(
            f"a scaling is fitted to at least {LEAST_PIXELS} labelled pixels, one in each block of {block} px, got "
            f"{len(classes)}; give more images, or a smaller block"
        )
    return pixels, classes


def _measure(
    tiles: _Tiles, dataset: Dataset, i: int, scaling: Scaling, counts: tuple[CalibrationCounts, CalibrationCounts]
) -> int:
    """Count all labelled pixels of image `i` without and with the scaling; number of those whose label changes."""
    labels, n_changed = dataset.labels(i), 0
    for tile in tiles.of(dataset, i):
        row, column, height, width = tile.window
        target = labels[row : row + height, column : column + width]
        scaled = tile._replace(probabilities=scaling(tile.probabilities))
        before, after = tile.labels(), scaled.labels()
        counts[0].update(tile.probabilities, target, before)
        counts[1].update(scaled.probabilities, target, after)
        n_changed += int(((before != after) & (target != IGNORE)).sum())
    return n_changed
