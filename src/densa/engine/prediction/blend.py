"""Blending: windows that overlap by half, averaged with weights that fall towards the window's edge.

For models whose output depends on the whole window. The map depends on the size of the windows. A tile is computed from
all windows that touch it; windows across its edge are computed again for the neighbouring tile. So a blended prediction
can be resumed and shared among workers like any other, and is the same to the last bit for every tile size.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.segmenter import Segmenter

__all__ = ["BLENDS", "Blended"]

BLENDS = ("linear", "hann")


class Blended(Segmenter):
    """A segmenter that predicts windows, each as an image of its own, and blends them.

    Args:
        segmenter: predicts the windows.
        window_size: their side in pixels, a multiple of twice the segmenter's stride.
        weights: "linear" (a triangle) or "hann" (a raised cosine); the sum of either is constant inside an image.

    Raises:
        InputError: unknown weights, or a size that does not fit the stride.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, engine, networks, raster, segmenter
        >>> network = networks.build("unet", 1, 2, width=1)
        >>> model = segmenter.NetworkSegmenter(network, Legend(("ground", "roof")), segmenter.BandContract(1))
        >>> blended = engine.Blended(model, window_size=64, weights="hann")
        >>> blended.probabilities(np.zeros((1, 64, 64), np.uint8)).shape
        (2, 64, 64)
    """

    def __init__(self, segmenter: Segmenter, *, window_size: int, weights: str) -> None:
        if weights not in BLENDS:
            raise InputError(f"blend must be {' or '.join(BLENDS)}, got {weights!r}")
        if window_size < 2 or window_size % (2 * segmenter.stride):
            up = max(1, -(-window_size // (2 * segmenter.stride))) * 2 * segmenter.stride
            raise InputError(
                f"blended windows must be a multiple of {2 * segmenter.stride}, twice the model's stride, got "
                f"{window_size}; use {up}"
            )
        self._segmenter = segmenter
        self._size, self._step = window_size, window_size // 2
        place = (np.arange(window_size) + 0.5) / window_size
        shape = 1 - np.abs(2 * place - 1) if weights == "linear" else np.sin(np.pi * place) ** 2
        self._weight = shape.astype(np.float32)
        self.legend, self.bands = segmenter.legend, segmenter.bands
        self.device, self.dtype = segmenter.device, segmenter.dtype
        self.stride = self._step
        self.halo = self._step  # a window that holds a pixel begins at most so far before a multiple of the step

    def probabilities(self, block: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Blended probabilities of a block at the upper left corner of the image; see `Segmenter.probabilities`."""
        return self.probabilities_at(block, valid, 0, 0)

    def probabilities_at(
        self, block: NDArray[Any], valid: NDArray[np.bool_] | None, row: int, column: int
    ) -> NDArray[np.float32]:
        """Blended probabilities of a block at any position; see `Segmenter.probabilities_at`."""
        height, width = block.shape[1:]
        total = np.zeros((self.legend.n_classes, height, width), np.float32)
        weight = np.zeros((height, width), np.float32)
        # The windows of a pixel are summed in the order of the image, so that the sums do not depend on the block.
        for top in self._origins(height):
            for left in self._origins(width):
                rows, columns = slice(top, top + self._size), slice(left, left + self._size)
                part = None if valid is None else valid[rows, columns]
                if part is not None and not part.any():
                    continue
                share = self._share(min(self._size, height - top), min(self._size, width - left))
                found = self._segmenter.probabilities_at(
                    np.ascontiguousarray(block[:, rows, columns]), part, row + top, column + left
                )
                total[:, rows, columns] += share * found
                weight[rows, columns] += share
        total /= np.where(weight > 0, weight, 1)
        return total

    def _origins(self, side: int) -> range:
        """First rows (columns) of the windows; the edge may cut the last, which is not contained in its predecessor."""
        return range(0, max(side - self._step, 1), self._step)

    def _share(self, height: int, width: int) -> NDArray[np.float32]:
        return self._weight[:height, None] * self._weight[None, :width]
