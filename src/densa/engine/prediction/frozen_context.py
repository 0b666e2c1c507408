"""Models whose output depends on the whole image: in tiles, all of which see the image-wide context of one overview."""

from __future__ import annotations

from collections.abc import Callable
from operator import methodcaller

from densa.engine.prediction.budget import WHOLE_SIDE_PX
from densa.raster import Raster, overview
from densa.segmenter import Segmenter

__all__ = ["frozen_context"]

OVERVIEW_SIDE_PX = 1024
"""Side of the reduced image that the context is taken from."""


def frozen_context(
    segmenter: Segmenter, raster: Raster, tell: Callable[[str], None]
) -> Callable[[Segmenter], Segmenter] | None:
    """The wrapper that lets a segmenter predict a raster in tiles; None where it needs none.

    Whether it does depends on the model and the size of the image alone, since the map depends on it.

    Args:
        segmenter: anything trained.
        raster: an image of any size.
        tell: gets a line for the user.
    """
    if not segmenter.whole_image:
        return None
    if raster.height * raster.width <= WHOLE_SIDE_PX**2:
        return None
    pixels, valid = overview(raster, OVERVIEW_SIDE_PX)
    tell(
        f"{raster.path.name}: the model looks at the whole image; its image-wide context is computed once from an "
        f"overview of {valid.shape[0]} x {valid.shape[1]} pixels and held for all tiles"
    )
    return methodcaller("with_frozen_context", pixels, valid)
