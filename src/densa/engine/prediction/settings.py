"""Settings of predictions alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from densa.options import Group, Option

__all__ = ["PolygonShape"]


@dataclass(frozen=True, kw_only=True)
class PolygonShape(Group, title="Outputs"):
    """Options of the polygons of a label map; see `densa.raster.PolygonWriter`.

    Examples:
        >>> from densa import engine
        >>> engine.PolygonShape(min_area=20, simplify=0.5)
        PolygonShape(min_area=20.0, simplify=0.5)
    """

    min_area: Annotated[float, Ge(0), Option("Merge polygons smaller than this.", "m2 or px")] = 0
    simplify: Annotated[float, Ge(0), Option("Simplify the borders of polygons by up to this.", "map units")] = 0
