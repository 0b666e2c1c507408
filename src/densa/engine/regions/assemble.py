"""The files of a segmentation, written from what the stages left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from densa.engine.regions.store import Store
from densa.raster import BandsWriter, Raster

__all__ = ["RegionOutputs", "write_products"]


@dataclass(frozen=True)
class RegionOutputs:
    """The files of one segmentation.

    Attributes:
        regions: .tif of int32 region numbers from 1, 0 where there is none.
    """

    regions: Path

    def each(self) -> dict[str, Path]:
        """Product -> file; the regions come last: when they are there, all are."""
        files = {"regions": self.regions}
        return {name: path for name, path in files.items() if path is not None}

    def inside(self, folder: Path) -> RegionOutputs:
        """The same names in another folder."""
        moved: dict[str, Any] = {name: folder / path.name for name, path in self.each().items()}
        return replace(self, **moved)


def write_products(store: Store, raster: Raster, outputs: RegionOutputs, *, tags: Mapping[str, str]) -> None:
    """Write the files of a finished segmentation, a tile at a time."""
    with BandsWriter(
        outputs.regions,
        1,
        raster.height,
        raster.width,
        np.int32,
        like=raster,
        band_names=("region",),
        nodata=0,
        tags=tags,
    ) as writer:
        for number in range(len(store.grid)):
            writer.write(store.grid.tile(number)[0], store.tile_regions(number)[None])
