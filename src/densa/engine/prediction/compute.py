"""The probabilities of one tile, in smaller pieces where memory does not reach."""

from __future__ import annotations

import gc
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.engine.resources.exhaustion import is_out_of_memory
from densa.engine.tiles.block import Block
from densa.engine.tiles.grid import inside
from densa.errors import InputError
from densa.legend import IGNORE
from densa.raster import Window
from densa.segmenter import Segmenter

__all__ = ["TileComputer", "TilePrediction"]


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


class TileComputer:
    """Applies a segmenter to blocks.

    Where memory runs out, the tile is computed in pieces of half its side, and so are those after it. The result is the
    same: a piece takes its context from the block.

    Args:
        segmenter: anything trained.
    """

    def __init__(self, segmenter: Segmenter) -> None:
        self.segmenter = segmenter
        self.piece_size: int | None = None  # None: tiles are computed in one piece

    def __call__(self, block: Block) -> TilePrediction:
        """Probabilities of the block's core; 0 where a tile has no valid pixel, which is not computed.

        Raises:
            InputError: memory does not reach for the smallest piece.
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
                probabilities[:, *inside(piece, core)] = self._piece(block, piece, self._context(piece, block.window))
        return TilePrediction(core, probabilities, valid)

    def _piece(self, block: Block, piece: Window, context: Window) -> NDArray[np.float32]:
        if not block.valid[inside(piece, block.window)].any():
            return np.zeros((self.segmenter.legend.n_classes, piece.height, piece.width), np.float32)
        rows, columns = inside(context, block.window)
        found = self.segmenter.probabilities_at(
            block.pixels[:, rows, columns], block.valid[rows, columns], context.row, context.column
        )
        return found[:, *inside(piece, context)]

    def _context(self, piece: Window, block: Window) -> Window:
        """The piece with its context, inside the block."""
        halo, stride = self.segmenter.halo, self.segmenter.stride
        row = max((piece.row - halo) // stride * stride, block.row)
        column = max((piece.column - halo) // stride * stride, block.column)
        bottom = min(piece.row + piece.height + halo, block.row + block.height)
        right = min(piece.column + piece.width + halo, block.column + block.width)
        return Window(row, column, bottom - row, right - column)

    def _halve(self, block: Block, error: BaseException) -> None:
        """Take smaller pieces from now on."""
        stride = self.segmenter.stride
        now = self.piece_size or max(block.core.height, block.core.width)
        half = -(-now // (2 * stride)) * stride
        if self.segmenter.whole_image or half >= now:
            raise InputError(
                f"memory does not reach to predict {block.window.height} x {block.window.width} pixels at once"
                f"{'' if half < now else ', the least that the model takes'}; close other programs, use fewer workers, "
                "or run where there is more memory"
            ) from error
        self.piece_size = half
        _free_device_memory()


def _free_device_memory() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
