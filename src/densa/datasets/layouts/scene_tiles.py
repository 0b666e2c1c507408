"""Georeferenced tiles that adjoin on the ground: the tiles of a scene, which a split does not divide."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from densa.raster.alignment import Frame, forward

__all__ = ["STRIPS", "scenes_of_tiles", "strips_of_tiles"]

STRIPS = 5
"""Parts that a data set of a single scene is divided into, across its longer side."""
_APART = 1.0  # pixels between tiles that adjoin, or by which they overlap


def scenes_of_tiles(frames: Sequence[Frame | None]) -> NDArray[np.intp] | None:
    """Scene of each tile, from 0: tiles of one grid that share a part of a side are of one.

    Only north-up rasters of equal pixels and one reference system adjoin; those that lie over each other by more than a
    pixel do not.

    Args:
        frames: of the tiles; None where one has no place.

    Returns:
        None where no two tiles adjoin.
    """
    boxes, systems = [], []
    for frame in frames:
        place = None if frame is None else frame.georeference
        if frame is None or place is None or place.transform.b or place.transform.d:
            return None
        t = place.transform
        x, y = sorted((t.c, t.c + t.a * frame.width)), sorted((t.f, t.f + t.e * frame.height))
        boxes.append((x[0], y[0], x[1], y[1]))
        systems.append((str(place.crs), round(abs(t.a), 9), round(abs(t.e), 9)))
    if len(set(systems)) != 1 or len(boxes) < 2:
        return None
    corners, pixel = np.array(boxes), np.array(systems[0][1:], float)
    apart = _APART * pixel
    grown = shapely.box(*(corners + np.concatenate([-apart, apart])).T)
    first, second = shapely.STRtree(grown).query(grown, predicate="intersects")
    first, second = first[first < second], second[first < second]
    overlap = np.minimum(corners[first, 2:], corners[second, 2:]) - np.maximum(corners[first, :2], corners[second, :2])
    along = (overlap > apart).sum(axis=1)
    meets = (along == 1) & (overlap >= -apart).all(axis=1)
    if not meets.any():
        return None
    edges = coo_array((np.ones(int(meets.sum()), bool), (first[meets], second[meets])), shape=(len(boxes),) * 2)
    return connected_components(edges, directed=False)[1].astype(np.intp)


def strips_of_tiles(frames: Sequence[Frame]) -> NDArray[np.intp]:
    """Strip of each tile of one scene, from 0, across its longer side: about equally many tiles are in each."""
    centres = np.array([_centre(frame) for frame in frames])
    along = centres[:, int(np.argmax(np.ptp(centres, axis=0)))]
    places, numbers = np.unique(np.round(along, 6), return_inverse=True)
    n = min(STRIPS, len(places))
    return numbers.ravel() * n // len(places)


def _centre(frame: Frame) -> tuple[float, float]:
    assert frame.georeference is not None
    x, y = forward(frame.georeference, np.array(frame.width / 2), np.array(frame.height / 2))
    return float(x), float(y)
