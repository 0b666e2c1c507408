"""Boundaries of regions, a part of a raster at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.regions.partition.axioms import boundaries

__all__ = ["boundary_of"]


def boundary_of(regions: NDArray[np.int32], core: tuple[slice, slice], mode: str = "thick") -> NDArray[np.bool_]:
    """Boundary pixels of a part of a raster, as `densa.regions.boundaries` of the whole raster has them.

    Args:
        regions: (h, w) regions of the part and one pixel around it, clipped to the raster.
        core: rows and columns of the part in `regions`.
        mode: "thick", "inner" or "thin"; see `densa.regions.boundaries`. Cracks need the whole.

    Returns:
        Booleans of the core's shape.

    Raises:
        InputError: another mode.
    """
    if mode not in ("thick", "inner", "thin"):
        raise InputError(f"mode must be thick, inner or thin, got {mode!r}")
    return boundaries(regions, mode)[core]
