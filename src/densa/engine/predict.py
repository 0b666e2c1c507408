"""Prediction of a raster in tiles: core plus halo, equal to predicting the image in one piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.legend import IGNORE
from densa.raster import LabelMapWriter, Raster, Window, tiles, write_bands
from densa.segmenter import Segmenter

__all__ = ["TilePrediction", "default_tile_size", "predict", "predict_array", "predict_to_file"]

# Up to this side an image is predicted in one piece: no halo is computed twice, and the widest network of
# densa stays below some 4 GB of activations.
WHOLE_SIDE_PX = 2048

Progress = Callable[[int, int], None]
"""Called with (pixels done, pixels in all) after every tile."""


class TilePrediction(NamedTuple):
    """What was predicted for one tile: `window` of the raster, (classes, h, w) float32, (h, w) bool."""

    window: Window
    probabilities: NDArray[np.float32]
    valid: NDArray[np.bool_]

    def labels(self) -> NDArray[np.uint8]:
        """(h, w) uint8 most probable class (the lowest index of equals), 255 where the raster is invalid."""
        labels = self.probabilities.argmax(axis=0).astype(np.uint8)
        labels[~self.valid] = IGNORE
        return labels


def default_tile_size(segmenter: Segmenter, height: int, width: int) -> int:
    """Side in pixels of a tile's core, a multiple of the stride.

    The whole image where it is small, or where the segmenter's output depends on all of it.
    """
    whole = height * width <= WHOLE_SIDE_PX**2 or getattr(segmenter, "whole_image", False)
    side = max(height, width) if whole else WHOLE_SIDE_PX
    return -(-side // segmenter.stride) * segmenter.stride


def predict(
    segmenter: Segmenter, raster: Raster, *, tile_size: int | None = None, progress: Progress | None = None
) -> Iterator[TilePrediction]:
    """Predict a raster tile by tile.

    Each tile is computed from its core widened by the segmenter's halo, its origin on a multiple of the stride;
    at the image's border the block ends where the image ends. So the result does not depend on `tile_size`.

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
    contract = segmenter.bands
    if raster.n_bands != contract.n_bands:
        raise InputError(
            f"{raster.path} has {raster.n_bands} bands, the model expects {contract.n_bands}"
            f" ({', '.join(contract.names)}); give an image with those bands"
        )
    size = default_tile_size(segmenter, raster.height, raster.width) if tile_size is None else tile_size
    if size < 1 or size % segmenter.stride:
        up = max(1, -(-size // segmenter.stride)) * segmenter.stride
        raise InputError(f"tile size must be a multiple of the model's stride {segmenter.stride}, got {size}; use {up}")
    if getattr(segmenter, "whole_image", False) and size < max(raster.height, raster.width):
        raise InputError(
            f"the model's output depends on the whole image, so tiles of {size} cannot be predicted; leave the tile "
            "size out, or use a model with frozen context"
        )
    done, total = 0, raster.height * raster.width
    for core, block in tiles(raster.height, raster.width, size, halo=segmenter.halo, stride=segmenter.stride):
        pixels, valid = raster.read(block)
        rows = slice(core.row - block.row, core.row - block.row + core.height)
        columns = slice(core.column - block.column, core.column - block.column + core.width)
        if valid[rows, columns].any():
            probabilities = segmenter.probabilities(pixels, valid)[:, rows, columns]
        else:
            probabilities = np.zeros((segmenter.legend.n_classes, core.height, core.width), np.float32)
        yield TilePrediction(core, probabilities, valid[rows, columns])
        done += core.height * core.width
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
    probabilities: Path | None = None,
    tile_size: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write the label map of a raster, and its probabilities when asked for.

    Args:
        segmenter: anything trained.
        raster: an open image.
        output: a .png (palette) or .tif (colour table, class names, georeference) file; appears when complete.
        probabilities: a .tif of one uint8 band per class, named; value / 255 is the probability.
        tile_size: see `predict`.
        overwrite: replace files that exist.
        progress: called after every tile.

    Raises:
        InputError: what `predict` refuses, an output that exists, a disk that is full.
    """
    legend = segmenter.legend
    kept: NDArray[Any] | None = None
    if probabilities is not None:
        kept = np.zeros((legend.n_classes, raster.height, raster.width), np.uint8)
    with ExitStack() as stack:
        if kept is not None and probabilities is not None and not overwrite and probabilities.exists():
            raise InputError(f"{probabilities} exists; choose another output or give --overwrite")
        writer = stack.enter_context(
            LabelMapWriter(output, raster.height, raster.width, legend, like=raster, overwrite=overwrite)
        )
        for tile in predict(segmenter, raster, tile_size=tile_size, progress=progress):
            writer.write(tile.window, tile.labels())
            if kept is not None:
                w = tile.window
                kept[:, w.row : w.row + w.height, w.column : w.column + w.width] = np.rint(tile.probabilities * 255)
    if kept is not None and probabilities is not None:
        write_bands(probabilities, kept, like=raster, band_names=legend.class_names, scale=1 / 255, overwrite=overwrite)
