"""A network with image pooling made fit for tiles: its pooled features are those of one fixed overview."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.segmenter.contract import Segmenter

__all__ = ["with_frozen_context"]


def with_frozen_context(
    segmenter: Segmenter, overview: NDArray[Any], valid: NDArray[np.bool_] | None = None
) -> Segmenter:
    """A segmenter of local halo: every tile sees the context of the same overview.

    With the image itself as overview, labels are those of the whole image; with a reduced copy
    (`densa.raster.overview`) they are nearly those, and in any case the same for every tiling.

    Args:
        segmenter: any; one that does not depend on the whole image is returned as it is. Of an ensemble the members
            that do are frozen.
        overview: (bands, h, w), in the units of the image.
        valid: (h, w), False where the overview has no data.

    Raises:
        InputError: an overview of other bands, or a segmenter that has no context to hold fixed.
    """
    if not getattr(segmenter, "whole_image", False):
        return segmenter
    freeze = getattr(segmenter, "with_frozen_context", None)
    if freeze is None:
        raise InputError(f"{type(segmenter).__name__} depends on the whole image and cannot be cut into tiles")
    frozen: Segmenter = freeze(overview, valid)
    return frozen
