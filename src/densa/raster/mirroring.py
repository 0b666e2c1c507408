"""Mirroring beyond an image's border, without repeating the edge pixel: 2 1 0 1 2."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["mirrored"]


def mirrored(index: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Map any row (or column) into 0..size-1 by mirroring, repeatedly if necessary, as `np.pad(mode="reflect")` does.

    Args:
        index: rows, also below 0 and from `size` on.
        size: rows of the image; an image of one row is repeated.
    """
    if size == 1:
        return np.zeros_like(index)
    period = 2 * (size - 1)
    folded = index % period
    return np.minimum(folded, period - folded)
