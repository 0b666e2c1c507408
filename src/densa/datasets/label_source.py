"""Labels that no mask file holds: drawn from strokes, polygons or annotations, by windows, when they are read."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from densa.raster import Window

__all__ = ["LabelSource"]


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
