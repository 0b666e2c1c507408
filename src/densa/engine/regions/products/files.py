"""The files of a segmentation, written from the results of its stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densa import raster as rasters
from densa.engine.regions.graph.stage import graph_of
from densa.engine.regions.products.boundaries import boundary_of
from densa.engine.regions.products.statistics_csv import write_statistics
from densa.engine.regions.stages.store import Store
from densa.engine.work.resumable import JobFiles
from densa.errors import InputError
from densa.raster import BandsWriter, Raster, RegionPolygonWriter, Window, write_outlines
from densa.raster.grid import inside, widened

__all__ = ["RegionFiles", "write_products"]

_STRIP_BYTES = 2**24  # of region numbers that are drawn as polygons at once


@dataclass(frozen=True)
class RegionFiles(JobFiles):
    """The files of one segmentation.

    Args:
        regions: .tif of int32 region numbers from 1, 0 where there is none.
        outline: .png or .tif picture of the image with a line where regions meet.
        boundaries: .tif of uint8, 1 on both sides of every boundary.
        polygons: .gpkg, .geojson or .fgb of the regions.
        statistics: .csv of size, place and values of every region.

    Raises:
        InputError: a file of another kind.

    Examples:
        >>> from pathlib import Path
        >>> from densa.engine import regions
        >>> files = regions.RegionFiles(Path("regions.tif"), outline=Path("lines.png"))
        >>> sorted(files.each())
        ['outline', 'regions']
    """

    regions: Path
    outline: Path | None = None
    boundaries: Path | None = None
    polygons: Path | None = None
    statistics: Path | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for product, path in self.each().items():
            if path.suffix.lower() not in _KINDS[product]:
                raise InputError(f"{path} must end in {' or '.join(_KINDS[product])}, for {product}")


_KINDS = {
    "outline": (".png", ".tif", ".tiff"),
    "boundaries": (".tif", ".tiff"),
    "polygons": (".gpkg", ".geojson", ".fgb"),
    "statistics": (".csv",),
    "regions": (".tif", ".tiff"),
}


def write_products(store: Store, raster: Raster, files: RegionFiles, *, tags: Mapping[str, str]) -> None:
    """Write the files of a finished segmentation, a tile or a strip at a time.

    Args:
        store: results of the stages, a `GraphStage` named "statistics" among them for the file of statistics.
        raster: the image.
        files: their names.
        tags: text fields of the rasters.
    """
    size = raster.height, raster.width
    tiles = [store.grid.tile(number)[0] for number in range(len(store.grid))]
    with BandsWriter(
        files.regions, 1, *size, np.int32, like=raster, band_names=("region",), nodata=0, tags=tags
    ) as writer:
        for number, core in enumerate(tiles):
            writer.write(core, store.tile_regions(number)[None])
    if files.boundaries is not None:
        with BandsWriter(
            files.boundaries, 1, *size, np.uint8, like=raster, band_names=("boundary",), tags=tags
        ) as writer:
            for core in tiles:
                writer.write(core, _boundary(store, core, "thick").astype(np.uint8)[None])
    if files.outline is not None:
        write_outlines(files.outline, raster, lambda window: _boundary(store, window, "thin"))
    if files.polygons is not None:
        _write_polygons(files.regions, raster, files.polygons)
    if files.statistics is not None:
        write_statistics(graph_of(store, "statistics"), raster, files.statistics)


def _boundary(store: Store, window: Window, mode: str) -> NDArray[np.bool_]:
    """(h, w) boundary pixels of a window."""
    wide = widened(window, 1, store.grid.height, store.grid.width)
    return boundary_of(store.regions(wide), inside(window, wide), mode)


def _write_polygons(regions: Path, image: Raster, output: Path) -> None:
    """Draw the polygons from the finished raster, in strips of whole rows."""
    rows = max(1, _STRIP_BYTES // (4 * image.width))
    with rasters.open(regions) as made, RegionPolygonWriter(output, like=image, width=image.width) as writer:
        for row in range(0, image.height, rows):
            window = Window(row, 0, min(rows, image.height - row), image.width)
            writer.write(made.read(window)[0][0])
