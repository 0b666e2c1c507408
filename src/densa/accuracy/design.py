"""How a sample was drawn, as it is written into the file of its points and read from there."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self, get_args

from densa.accuracy.drawing import Design
from densa.accuracy.estimation import Stratum
from densa.accuracy.units import LARGEST_BLOCK
from densa.errors import InputError, one_line

__all__ = ["COLUMN", "SampleDesign"]

COLUMN = "design"
"""Name of the column whose first cell holds the design."""
_VERSION = 1
_LONGEST = 1 << 20  # characters
_MOST_STRATA = 1 << 16


@dataclass(frozen=True)
class SampleDesign:
    """How a sample was drawn, and what is needed to estimate from it.

    Attributes:
        design: stratified, random or systematic.
        strata: the strata with their numbers of units and areas; one that is the whole map, if the design has none.
        unit: "m2" or "px", of areas.
        block: side of a sampling unit in pixels; 1: pixels.
        map: name of the map that was sampled.
        strata_of: name of the raster whose values are the strata; empty: the classes of the map.
        seed: of the random numbers.
        crs: reference system of the map, as text; empty where it has none.

    Examples:
        >>> from densa import accuracy
        >>> design = accuracy.SampleDesign("random", (accuracy.Stratum("all", 100, 100.0),), unit="px")
        >>> accuracy.SampleDesign.of_text(design.to_text()) == design
        True
    """

    design: Design
    strata: tuple[Stratum, ...]
    unit: str = "m2"
    block: int = 1
    map: str = ""
    strata_of: str = ""
    seed: int = 0
    crs: str = ""

    def to_text(self) -> str:
        """The design as JSON in one line."""
        return json.dumps({"densa_sample": _VERSION, **asdict(self)}, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def of_text(cls, text: str, source: str = "the design") -> Self:
        """Read what `to_text` wrote; files come from elsewhere, so everything is checked.

        Args:
            text: the JSON.
            source: where it was found, for messages.

        Raises:
            InputError: it is something else, or was damaged.
        """
        try:
            if len(text) > _LONGEST:
                raise ValueError(f"it is longer than {_LONGEST} characters")
            content = json.loads(text)
            if not isinstance(content, dict) or content.pop("densa_sample", None) != _VERSION:
                raise ValueError(f'it must be {{"densa_sample": {_VERSION}, ...}}')
            return cls._of(content)
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
            raise InputError(f"{source} cannot be read: {one_line(error)}; restore the file that was drawn") from error

    @classmethod
    def _of(cls, content: Mapping[str, Any]) -> Self:
        design, unit, block = content["design"], content["unit"], content["block"]
        if design not in get_args(Design) or unit not in ("m2", "px"):
            raise ValueError(f"design {design!r} in {unit!r} is unknown")
        if not (isinstance(block, int) and 1 <= block <= LARGEST_BLOCK):
            raise ValueError(f"block must be from 1 to {LARGEST_BLOCK}, got {block!r}")
        given = content["strata"]
        if not isinstance(given, list) or not 1 <= len(given) <= _MOST_STRATA:
            raise ValueError("strata must be a list")
        strata = tuple(_stratum(entry) for entry in given)
        if len({one.name for one in strata}) < len(strata):
            raise ValueError("strata must have different names")
        texts = {name: str(content.get(name, ""))[:4096] for name in ("map", "strata_of", "crs")}
        return cls(design, strata, unit, block, seed=int(content.get("seed", 0)), **texts)


def _stratum(entry: Mapping[str, Any]) -> Stratum:
    name, units, area = entry["name"], entry["units"], float(entry["area"])
    if not isinstance(name, str) or not isinstance(units, int) or units < 1 or not 0 < area < math.inf:
        raise ValueError(f"a stratum must have a name, units and an area, got {dict(entry)!r:.200}")
    return Stratum(name, units, area)
