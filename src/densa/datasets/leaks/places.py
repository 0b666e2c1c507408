"""Images that overlap on the ground, by their georeference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.datasets.leaks.fingerprint import Fingerprint
from densa.raster.alignment import Frame
from densa.raster.earth.footprint import corners_on_the_ground

__all__ = ["overlaps_on_the_ground"]

_LEAST_SHARE = 0.01  # of the smaller image
_LEAST_PX = 1.5  # rows or columns that overlap; tiles that touch are rounded


def overlaps_on_the_ground(prints: Sequence[Fingerprint | None]) -> Iterator[tuple[int, int, float]]:
    """Pairs of georeferenced images that overlap, and the share of the smaller one that does.

    Images of one frame are left out where all of the set are of one: such a georeference is a placeholder, or the
    images are of one place at several times.
    """
    placed = [i for i, one in enumerate(prints) if one is not None and one.frame.georeference is not None]
    if len(placed) < 2:
        return
    frames = [prints[i].frame for i in placed]  # type: ignore[union-attr]
    if len({(frame.height, frame.width, str(frame.georeference)) for frame in frames}) == 1:
        return
    import shapely

    by_system: dict[bool, list[int]] = defaultdict(list)
    for k, frame in enumerate(frames):
        by_system[frame.georeference is not None and frame.georeference.crs is not None].append(k)
    for own in by_system.values():
        one_crs = frames[own[0]].georeference.crs  # type: ignore[union-attr]
        corners = [_corners(frames[k], one_crs) for k in own]
        kept = [(k, ring) for k, ring in zip(own, corners, strict=True) if ring is not None and np.isfinite(ring).all()]
        if len(kept) < 2:
            continue
        shapes = shapely.polygons(np.stack([ring for _, ring in kept]))
        tree = shapely.STRtree(shapes)
        first, second = tree.query(shapes, predicate="intersects")
        once = first < second
        first, second = first[once], second[once]
        common = shapely.area(shapely.intersection(shapes[first], shapes[second]))
        areas = shapely.area(shapes)
        smaller = np.minimum(areas[first], areas[second])
        share = np.divide(common, smaller, out=np.zeros_like(common), where=smaller > 0)
        for a, b, part in zip(first, second, share, strict=True):
            i, j = kept[a][0], kept[b][0]
            sides = min(min(frames[k].height, frames[k].width) for k in (i, j))
            if part >= max(_LEAST_SHARE, _LEAST_PX / sides):
                yield placed[i], placed[j], float(part)


def _corners(frame: Frame, crs: Any) -> NDArray[np.float64] | None:
    assert frame.georeference is not None
    return corners_on_the_ground(frame.georeference, frame.height, frame.width, crs)
