"""Labels that no mask file holds: drawn from strokes, polygons or annotations, by windows, when they are read."""

from __future__ import annotations

from collections.abc import Set
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from densa.raster import Window

__all__ = ["InPieces", "LabelSource"]


class LabelSource(Protocol):
    """The label map of one image on the image's grid, drawn by windows; never held whole."""

    @property
    def height(self) -> int:
        """Height of the image in pixels."""
        ...

    @property
    def width(self) -> int:
        """Width of the image in pixels."""
        ...

    def read(self, window: Window) -> NDArray[np.uint8]:
        """(h, w) uint8 class of each pixel of a window inside the image; 255 where it has no label."""
        ...


@runtime_checkable
class InPieces(LabelSource, Protocol):
    """Labels drawn by strokes or features, some of which can be left out; nothing else has a label."""

    def classes_of_pieces(self) -> NDArray[np.int64]:
        """(n,) class of each stroke or feature; 255 where it labels no pixel of the image."""
        ...

    def without_pieces(self, pieces: Set[int]) -> LabelSource:
        """The same labels, where the pixels that some of the pieces cover have no label."""
        ...
