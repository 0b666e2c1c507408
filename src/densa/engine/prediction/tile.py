"""One tile of a prediction: read, computed (in pieces where memory does not suffice) and packed."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.engine.resources.exhaustion import is_out_of_memory
from densa.errors import InputError
from densa.legend import IGNORE
from densa.raster import Raster, Window
from densa.raster.grid import Block, inside
from densa.segmenter import Segmenter

__all__ = [
    "Products",
    "TileComputer",
    "TilePrediction",
    "entropy",
    "label_and_confidence",
]

# --------------------------------------------------------------------------------------------- computing a tile


class TilePrediction(NamedTuple):
    """Prediction of one tile: its window in the raster, (classes, h, w) float32 probabilities, (h, w) validity."""

    window: Window
    probabilities: NDArray[np.float32]
    valid: NDArray[np.bool_]

    def labels(self) -> NDArray[np.uint8]:
        """(h, w) uint8 most probable class (the lowest index of equals), 255 where the raster is invalid."""
        labels = self.probabilities.argmax(axis=0).astype(np.uint8)
        labels[~self.valid] = IGNORE
        return labels


def label_and_confidence(
    raster: Raster, tiles: Iterable[TilePrediction]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Label map (h, w) uint8 and probability of the label (h, w) float32 of the raster that the tiles cover."""
    labels = np.full((raster.height, raster.width), IGNORE, np.uint8)
    confidence = np.zeros((raster.height, raster.width), np.float32)
    for tile in tiles:
        w = tile.window
        place = np.s_[w.row : w.row + w.height, w.column : w.column + w.width]
        labels[place] = tile.labels()
        confidence[place] = np.where(tile.valid, tile.probabilities.max(axis=0), 0)
    return labels, confidence


class TileComputer:
    """Applies a segmenter to blocks.

    Where memory runs out, the tile is computed in pieces of half its side, and so are those after it. The result is the
    same: the halo of a piece comes from the block.

    Args:
        segmenter: any segmenter.
        piece_size: side of the pieces; None computes tiles in one piece.
    """

    def __init__(self, segmenter: Segmenter, piece_size: int | None = None) -> None:
        self.segmenter = segmenter
        self.piece_size = piece_size

    def __call__(self, block: Block) -> TilePrediction:
        """Probabilities of the block's core; 0 where a tile has no valid pixel, which is not computed.

        Raises:
            InputError: memory does not suffice for the smallest piece.
        """
        while True:
            try:
                return self._in_pieces(block)
            except (MemoryError, RuntimeError, InputError) as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(block, error)
            gc.collect()  # outside the handler: the traceback holds what the network had computed

    def _in_pieces(self, block: Block) -> TilePrediction:
        core = block.core
        valid = block.valid[inside(core, block.window)]
        size = self.piece_size
        if size is None or size >= max(core.height, core.width):
            return TilePrediction(core, self._piece(block, core, block.window), valid)
        probabilities = np.empty((self.segmenter.legend.n_classes, core.height, core.width), np.float32)
        for row in range(core.row, core.row + core.height, size):
            for column in range(core.column, core.column + core.width, size):
                height = min(size, core.row + core.height - row)
                width = min(size, core.column + core.width - column)
                piece = Window(row, column, height, width)
                window = self._with_halo(piece, block.window)
                probabilities[:, *inside(piece, core)] = self._piece(block, piece, window)
        return TilePrediction(core, probabilities, valid)

    def _piece(self, block: Block, piece: Window, window: Window) -> NDArray[np.float32]:
        """Probabilities of a piece, computed from the window around it."""
        if not block.valid[inside(piece, block.window)].any():
            return np.zeros((self.segmenter.legend.n_classes, piece.height, piece.width), np.float32)
        rows, columns = inside(window, block.window)
        found = self.segmenter.probabilities_at(
            block.pixels[:, rows, columns], block.valid[rows, columns], window.row, window.column
        )
        return found[:, *inside(piece, window)]

    def _with_halo(self, piece: Window, block: Window) -> Window:
        """The piece with its halo, inside the block."""
        halo, stride = self.segmenter.halo, self.segmenter.stride
        row = max((piece.row - halo) // stride * stride, block.row)
        column = max((piece.column - halo) // stride * stride, block.column)
        bottom = min(piece.row + piece.height + halo, block.row + block.height)
        right = min(piece.column + piece.width + halo, block.column + block.width)
        return Window(row, column, bottom - row, right - column)

    def _halve(self, block: Block, error: BaseException) -> None:
        """Compute smaller pieces from now on."""
        stride = self.segmenter.stride
        now = self.piece_size or max(block.core.height, block.core.width)
        half = -(-now // (2 * stride)) * stride
        if self.segmenter.whole_image or half >= now:
            raise InputError(
                f"memory does not suffice to predict {block.window.height} x {block.window.width} pixels at once"
                f"{'' if half < now else '; the model takes no less'}; close other programs, use fewer workers, "
                "or run where there is more memory"
            ) from error
        self.piece_size = half
        _free_device_memory()


def _free_device_memory() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


# ------------------------------------------------------------------------------------------ planes that are kept


@dataclass(frozen=True)
class Products:
    """The planes (uint8) that are kept of every tile, in this order, after the plane of labels.

    Args:
        n_classes: of the segmenter.
        confidence: probability of the label, times 255.
        uncertainty: entropy of the probabilities, 255 where all classes are equally probable.
        probabilities: of every class, times 255.
    """

    n_classes: int
    confidence: bool = False
    uncertainty: bool = False
    probabilities: bool = False

    @property
    def n_planes(self) -> int:
        """Planes of a tile; the labels are plane 0."""
        return 1 + self.confidence + self.uncertainty + self.n_classes * self.probabilities

    def place(self, name: str) -> slice:
        """Planes of one product: "confidence", "uncertainty" or "probabilities"."""
        counts = {
            "labels": 1,
            "confidence": int(self.confidence),
            "uncertainty": int(self.uncertainty),
            "probabilities": self.n_classes * self.probabilities,
        }
        names = list(counts)
        start = sum(counts[n] for n in names[: names.index(name)])
        return slice(start, start + counts[name])

    def planes(self, tile: TilePrediction) -> NDArray[np.uint8]:
        """(planes, h, w) uint8 of a tile; where the raster is invalid the label is 255 and all else 0."""
        planes = np.zeros((self.n_planes, *tile.valid.shape), np.uint8)
        planes[0] = tile.labels()
        if self.confidence:
            planes[self.place("confidence")] = _bytes(tile.probabilities.max(axis=0))
        if self.uncertainty:
            planes[self.place("uncertainty")] = _bytes(entropy(tile.probabilities))
        if self.probabilities:
            for plane, probability in zip(planes[self.place("probabilities")], tile.probabilities, strict=True):
                plane[...] = _bytes(probability)
        if not tile.valid.all():
            planes[1:, ~tile.valid] = 0
        return planes


def entropy(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) entropy of (classes, h, w) probabilities, as a share of the largest possible, 0..1."""
    total = np.zeros(probabilities.shape[1:], np.float32)
    for p in probabilities:  # one class after the other: no second array of all
        total -= p * np.log(np.maximum(p, np.float32(1e-12)))
    return total / np.float32(np.log(max(len(probabilities), 2)))


def _bytes(share: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(np.clip(share, 0, 1) * np.float32(255)).astype(np.uint8)
