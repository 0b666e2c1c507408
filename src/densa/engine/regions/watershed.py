"""Watershed of a raster of any size: the minimum spanning forest rooted in markers, tile by tile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densa.engine.grid import Grid, inside
from densa.engine.identity import image_identity
from densa.engine.regions.forest import label_nodes
from densa.engine.regions.minima import MinimaStage, marker_numbers
from densa.engine.regions.relief import Relief
from densa.engine.regions.value_range import RangeStage, value_range
from densa.errors import InputError
from densa.raster import Raster, Window
from densa.raster import open as open_raster
from densa.regions._features import MAX_PIXELS, check_connectivity
from densa.regions._markers import check_count, grid_markers
from densa.regions.forest import MOST_STEPS, terrain
from densa.regions.forest_tiles import Place, shrink

if TYPE_CHECKING:
    from densa.engine.regions.stage import Stage, Tile
    from densa.engine.regions.store import Store

__all__ = ["Watershed"]


@dataclass(frozen=True)
class Watershed:
    """Watershed regions as `densa.regions.watershed_forest` defines and numbers them, the same for any tiling.

    Equal to ``watershed_forest(relief, markers, connectivity, mask=valid)``, where the relief is
    ``gradient_magnitude(image, sigma, bands=bands)`` of the image with 0 under invalid pixels, or the image's one band.
    Lines between regions and compact regions, which `densa.regions.watershed` has, are not offered: they depend on the
    order of flooding.

    Args:
        markers: None for the regional minima of the relief, regions then being numbered by their minima's first
            pixels; or about how many pixels to lay on a regular grid; or a raster of the image's size, one band of
            integers from 1, 0 or nodata where there is no marker, which gives the regions their numbers.
        sigma: of the gradient, in pixels; 0: Sobel's operator.
        relief: "gradient" floods the magnitude of the image's gradient; "as-is" its one band as it is, such as an
            elevation model.
        connectivity: 1: pixels have 4 neighbours, 2: 8.
        bands: "largest" or "di-zenzo", how the gradients of several bands become one, see `gradient_magnitude`.

    Raises:
        InputError: an argument out of its range.
    """

    markers: int | Path | None = None
    sigma: float = 1.0
    relief: str = "gradient"
    connectivity: int = 1
    bands: str = "largest"

    def __post_init__(self) -> None:
        check_connectivity(self.connectivity)
        Relief(self.relief, self.sigma, self.bands)
        if isinstance(self.markers, str):
            object.__setattr__(self, "markers", Path(self.markers))
        if self.markers is None or isinstance(self.markers, Path):
            return
        if isinstance(self.markers, bool) or not isinstance(self.markers, int) or self.markers < 1:
            raise InputError(f"markers must be a count from 1, a raster file, or None for minima, got {self.markers!r}")

    @property
    def name(self) -> str:
        """As on the command line."""
        return "watershed"

    def parameters(self) -> dict[str, Any]:
        """What a run that is continued must share; of a raster of markers, its content."""
        markers: Any = self.markers
        if isinstance(self.markers, Path):
            with open_raster(self.markers) as raster:
                markers = image_identity(raster, 0)
        return {
            "markers": markers,
            "sigma": self.sigma,
            "relief": self.relief,
            "connectivity": self.connectivity,
            "bands": self.bands,
        }

    def stages(self, raster: Raster) -> list[Stage]:
        """Markers, then the forest.

        Raises:
            InputError: several bands for a relief; a count of markers above the number of pixels; a raster of markers
                of another size, or that are not integers.
        """
        relief = Relief(self.relief, self.sigma, self.bands)
        relief.check(raster)
        markers = self.markers
        if isinstance(markers, Path):
            markers = markers.absolute()
            _check_marker_raster(markers, raster)
        forest = ForestStage(relief, markers, self.connectivity)
        if markers is None:
            return [MinimaStage(relief, self.connectivity), forest]
        if isinstance(markers, int):
            check_count(markers, min(raster.height * raster.width, MAX_PIXELS))
            return [RangeStage(), forest]
        return [forest]

    def bytes_per_pixel(self, raster: Raster) -> float:
        """Measured on noise from few markers, where most edges are listed."""
        work = Relief(self.relief, self.sigma, self.bands).bytes_per_pixel(raster)
        return raster.n_bands * raster.dtype.itemsize + 1 + max(work, 1.15 * 24)


@dataclass(frozen=True)
class ForestStage:
    """Finds the forest of each tile as far as it is certain there, and joins the rest.

    Args:
        relief: what is flooded.
        markers: see `Watershed`; None: what `MinimaStage` found.
        connectivity: 1 or 2.
    """

    relief: Relief
    markers: int | Path | None
    connectivity: int
    name: str = "forest"
    paints: bool = True

    @property
    def halo(self) -> int:
        """The pixel beside the core, its plateau, what is lower than that, and what the relief is computed from."""
        return 1 + MOST_STEPS + 1 + self.relief.halo

    def compute(self, tile: Tile, store: Store) -> dict[str, NDArray[Any]]:
        """Nodes and undecided edges of one tile, see `shrink`; the nodes at its faces; how many markers there are."""
        relief, valid, window = self.relief.read(tile, self.halo - self.relief.halo)
        place = inside(tile.core, window)
        given = None if self.markers is None else self._given(tile, store, window)
        n_given = 0 if given is None else np.count_nonzero(given[place])
        if given is not None:
            given[~valid] = 0
        land = terrain(relief, valid, given, self.connectivity)
        del relief
        land.fill_steps()
        land = land.part(*place)
        markers = marker_numbers(store, tile.number) if given is None else given[place]
        left = shrink(land, markers, Place(tile.core.row, tile.core.column, tile.width))
        nodes = left["fragments"]
        faces = {"top": nodes[0], "bottom": nodes[-1], "left": nodes[:, 0], "right": nodes[:, -1]}
        counts = {"n_given": np.array(n_given), "n_used": np.array(np.count_nonzero(markers))}
        return left | {side: np.ascontiguousarray(face) for side, face in faces.items()} | counts

    def _given(self, tile: Tile, store: Store, window: Window) -> NDArray[np.int32]:
        """(h, w) numbers of the given markers of a window, 0: none."""
        if isinstance(self.markers, Path):
            return _read_markers(self.markers, window)
        assert self.markers is not None
        n_valid = value_range(store).n_valid
        return grid_markers((tile.height, tile.width), check_count(self.markers, n_valid), n_valid, window)

    def gather(self, store: Store, grid: Grid) -> None:
        """Label of every node.

        Raises:
            InputError: all markers lie on invalid pixels.
        """
        counts = [store.load(self.name, number, "n_given", "n_used") for number in range(len(grid))]
        n_given, n_used = (sum(int(count[name]) for count in counts) for name in ("n_given", "n_used"))
        if n_given and not n_used and isinstance(self.markers, Path):
            raise InputError(
                f"all {n_given} marker pixels of {self.markers} lie where the image has no data; give at least one "
                "elsewhere"
            )
        label_nodes(store, self.name, grid)


def _check_marker_raster(markers: Path, raster: Raster) -> None:
    with open_raster(markers) as found:
        if (found.height, found.width) != (raster.height, raster.width):
            raise InputError(
                f"markers must have the size of the image, {raster.height} x {raster.width} pixels, {markers} has "
                f"{found.height} x {found.width}; draw them on the image, or resample them to its grid"
            )
        if found.n_bands != 1 or found.dtype.kind not in "bui":
            raise InputError(
                f"markers must be one band of integers, {markers} has {found.n_bands} of {found.dtype}; number them "
                "from 1"
            )


def _read_markers(path: Path, window: Window) -> NDArray[np.int32]:
    with open_raster(path) as raster:
        values, valid = raster.read(window)
    markers = values[0] * valid
    low, high = int(markers.min()), int(markers.max())
    if low < 0 or high > MAX_PIXELS:
        raise InputError(
            f"markers must be numbered from 1 to {MAX_PIXELS}, {path} has {low if low < 0 else high}; number them "
            "anew, such as with the method relabel"
        )
    return markers.astype(np.int32)
