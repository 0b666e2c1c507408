"""Visible seams: one raster predicted with two tilings, and the pixels at which the two maps differ.

A prediction applies a network to the windows of one grid, so that its map does not depend on the tiles. Here it is
applied to each tile by itself: whether labels depend on where a tile ends shows whether the halo suffices.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densa import raster as rasters
from densa.engine import TilePrediction, predict
from densa.errors import InputError
from densa.progress import Progress
from densa.raster import Raster, Window
from densa.reports.thumbnails import shrink_image
from densa.segmenter import Segmenter

__all__ = ["Seams", "find_seams", "seams_picture"]

_PICTURE_SIDE_PX = 1600
_TIE = 1e-5  # rounding changes the probabilities of a network in float32 by less
_RED = np.array([230, 25, 40], np.float32)


@dataclass(frozen=True)
class Seams:
    """Differences between two tilings of one raster.

    Attributes:
        tile_sizes: sides of the tiles in pixels.
        pixels: number of pixels with data.
        differing: number of pixels with data whose labels differ, ties left aside.
        ties: number of those whose labels differ, but whose two best probabilities do not by more than 1e-5: libraries
            of neural networks order their sums by the size of the tile, and round otherwise.
        counts: (h, w) int64, differing pixels in every square of `cell` x `cell` pixels.
        cell: side of these squares in pixels.

    Examples:
        >>> import numpy as np
        >>> from densa import reports
        >>> reports.Seams((32, 64), pixels=1000, differing=2, counts=np.array([[0, 2]]), cell=16).share
        0.002
    """

    tile_sizes: tuple[int, int]
    pixels: int
    differing: int
    counts: NDArray[np.int64]
    cell: int
    ties: int = 0

    @property
    def share(self) -> float:
        """Share of the pixels with data that differ, 0 if there are none."""
        return self.differing / self.pixels if self.pixels else 0.0


def find_seams(
    segmenter: Segmenter,
    raster: Raster,
    tile_sizes: tuple[int, int],
    *,
    other: Segmenter | None = None,
    progress: Progress | None = None,
) -> Seams:
    """Predict a raster of any size with two tilings and count the pixels whose labels differ.

    The first map is kept in a temporary file, one byte per pixel; the second is compared with it tile by tile.

    Args:
        segmenter: a trained model.
        raster: an open image.
        tile_sizes: sides of the tiles, each a multiple of the segmenter's stride; a size not below that of the image
            predicts it as a whole.
        other: segmenter of the second prediction, for example a blended one of the same model; None for `segmenter`.
        progress: called with (pixels done, pixels in all) of both predictions.

    Raises:
        InputError: a tile size that does not fit, or as `engine.predict`.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, networks, raster, reports, segmenter
        >>> network = networks.build("unet", 1, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(1)
        >>> model = segmenter.NetworkSegmenter(network, legend, bands, precision="float32")
        >>> image = raster.from_array(np.zeros((64, 64), np.uint8))
        >>> found = reports.find_seams(model, image, (32, 64))
        >>> found.pixels, found.tile_sizes
        (4096, (32, 64))
    """
    total = raster.height * raster.width
    if total < 1 or min(tile_sizes) < 1:
        raise InputError(f"tile_sizes must be at least 1 pixel, got {tile_sizes[0]} and {tile_sizes[1]}")
    cell = max(1, -(-max(raster.height, raster.width) // _PICTURE_SIDE_PX))
    counts = np.zeros((-(-raster.height // cell), -(-raster.width // cell)), np.int64)
    pixels = done = ties = 0
    with tempfile.TemporaryFile(prefix="densa-") as file:
        first = np.memmap(file, np.uint8, "w+", shape=(raster.height, raster.width))
        for maker, tile_size in ((segmenter, tile_sizes[0]), (other or segmenter, tile_sizes[1])):
            for tile in predict(maker, raster, tile_size=tile_size, windows=False):
                w = tile.window
                place = np.s_[w.row : w.row + w.height, w.column : w.column + w.width]
                if done < total:
                    first[place] = tile.labels()
                else:
                    differs = (first[place] != tile.labels()) & tile.valid
                    equal = _ties(tile, differs)
                    ties += int(equal.sum())
                    _count(counts, differs & ~equal, w, cell)
                    pixels += int(tile.valid.sum())
                done += w.height * w.width
                if progress:
                    progress(done, 2 * total)
        del first
    return Seams(tile_sizes, pixels, int(counts.sum()), counts, cell, ties)


def seams_picture(found: Seams, raster: Raster) -> NDArray[np.uint8]:
    """(h, w, 3) uint8: the raster in light grey, and every cell with a differing pixel in red.

    Examples:
        >>> import numpy as np
        >>> from densa import raster, reports
        >>> found = reports.Seams((32, 64), pixels=2048, differing=2, counts=np.array([[0, 2]]), cell=32)
        >>> reports.seams_picture(found, raster.from_array(np.zeros((32, 64), np.uint8))).shape
        (1, 2, 3)
    """
    overview, valid = rasters.overview(raster, max(found.counts.shape))
    grey = shrink_image(overview, valid, valid.shape).astype(np.float32).mean(axis=2, keepdims=True)
    height, width = found.counts.shape
    rows = np.minimum(np.arange(height) * valid.shape[0] // height, valid.shape[0] - 1)
    columns = np.minimum(np.arange(width) * valid.shape[1] // width, valid.shape[1] - 1)
    picture = np.repeat(120 + 0.5 * grey[rows[:, None], columns], 3, axis=2)
    picture[found.counts > 0] = _RED
    return picture.round().clip(0, 255).astype(np.uint8)


def _ties(tile: TilePrediction, among: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels whose two best probabilities are equal but for rounding."""
    equal = np.zeros(among.shape, np.bool_)
    probabilities = tile.probabilities[:, among]
    if probabilities.size and len(probabilities) > 1:
        second, first = np.partition(probabilities, -2, axis=0)[-2:]
        equal[among] = first - second <= _TIE
    return equal


def _count(counts: NDArray[np.int64], differs: NDArray[np.bool_], window: Window, cell: int) -> None:
    rows, columns = np.nonzero(differs)
    np.add.at(counts, ((rows + window.row) // cell, (columns + window.column) // cell), 1)
