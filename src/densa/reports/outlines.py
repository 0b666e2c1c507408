"""An image with the outlines of its regions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.regions import boundaries
from densa.reports.thumbnails import shrink_image

__all__ = ["outlined"]

_OUTLINE = (255, 221, 51)


def outlined(image: NDArray[Any], valid: NDArray[np.bool_], regions: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 picture of an image with a line, one pixel wide, where two regions meet.

    Args:
        image: (bands, H, W) of any numeric type; the first three bands are shown, or the first as grey.
        valid: (H, W), False where the image has no data: grey.
        regions: (H, W) region of each pixel, from 0.
    """
    picture = shrink_image(image, valid, (valid.shape[0], valid.shape[1]))
    picture[boundaries(regions, "thin")] = _OUTLINE
    return picture
