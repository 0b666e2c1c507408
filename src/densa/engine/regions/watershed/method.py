"""Watershed of a raster of any size: the minimum spanning forest rooted in markers, tile by tile.

With given markers, the forest is that of the filled relief. So there are two: that of the relief, from which follow the
levels at which basins without a marker are flooded, and that of the levels. With minima, every basin has a marker.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densa.engine.regions.settings import SIGMA
from densa.engine.regions.stages.stage import RegionMethod, Stage, Tile
from densa.engine.regions.stages.value_range import RangeStage, value_range
from densa.engine.regions.watershed.minima import MinimaStage, marker_numbers
from densa.engine.regions.watershed.relief import Relief
from densa.engine.regions.watershed.spanning_forest import label_nodes, level_nodes
from densa.engine.work.journal import image_identity
from densa.errors import InputError
from densa.locations import location
from densa.raster import Raster, Window
from densa.raster import open as open_raster
from densa.raster.alignment import Frame, frame_of, misplacement
from densa.raster.alignment import onto as onto_grid
from densa.raster.grid import Grid, common, inside, overlap, widened
from densa.regions.shared.checks import MAX_PIXELS, check_connectivity
from densa.regions.watershed.markers import check_count, grid_markers
from densa.regions.watershed.spanning_forest import MOST_STEPS, Terrain, filled_terrain, terrain, unordered_terrain
from densa.regions.watershed.spanning_forest_tiles import TileOrigin, shrink

if TYPE_CHECKING:
    from densa.engine.regions.stages.store import Store

__all__ = ["Watershed"]

_MARGIN = 1 + MOST_STEPS + 1  # the pixel beside the core, its plateau, and a lower pixel
_LEVELS = "levels"


@dataclass(frozen=True)
class Watershed(RegionMethod):
    """Watershed regions as `densa.regions.watershed_forest` defines and numbers them, for rasters of any size.

    Equal to ``watershed_forest(relief, markers, connectivity, mask=valid)``, where the relief is
    ``gradient_magnitude(image, sigma, bands=bands)`` of the image with 0 under invalid pixels, or the image's one band.
    Unlike `densa.regions.watershed`, it offers neither lines between regions nor compact regions, which depend on the
    order of flooding.

    Args:
        markers: None: the regional minima of the relief, whose first pixels give the order of the regions; or about how
            many markers to place on a regular grid; or a raster of the image's size, one band of integers from 1, 0 or
            nodata where there is no marker, which are the numbers of the regions.
        sigma: of the gradient, in pixels; 0: Sobel's operator.
        relief: "gradient" floods the magnitude of the image's gradient; "as-is" its one band, such as heights.
        connectivity: 1: pixels have 4 neighbours, 2: 8.
        bands: "largest" or "di-zenzo", how the gradients of several bands become one, see `gradient_magnitude`.
        align: resample a georeferenced raster of markers to the grid of the image, by the nearest pixel.

    Raises:
        InputError: an argument out of its range.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> from densa.engine import regions
        >>> image = np.zeros((20, 30), np.uint8)
        >>> image[:, 15:] = 200
        >>> method = regions.Watershed(4)
        >>> int(regions.segment_array(method, raster.from_array(image)).max())
        4
    """

    markers: int | Path | None = None
    sigma: float = SIGMA
    relief: str = "gradient"
    connectivity: int = 1
    bands: str = "largest"
    align: bool = False
    name = "watershed"

    def __post_init__(self) -> None:
        check_connectivity(self.connectivity)
        Relief(self.relief, self.sigma, self.bands)
        if isinstance(self.markers, (str, Path)):
            object.__setattr__(self, "markers", location(self.markers))
        if self.markers is None or isinstance(self.markers, Path):
            return
        if isinstance(self.markers, bool) or not isinstance(self.markers, int) or self.markers < 1:
            raise InputError(f"markers must be a count from 1, a raster file, or None for minima, got {self.markers!r}")

    def parameters(self) -> dict[str, Any]:
        """Parameters that a run which continues another must share with it; a raster of markers by its content."""
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
            **({"align": True} if self.align else {}),
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
            onto = _check_marker_raster(markers, raster, self.align)
        if markers is None:
            return [MinimaStage(relief, self.connectivity), MinimaForestStage(relief, self.connectivity)]
        stages: list[Stage] = []
        if isinstance(markers, int):
            check_count(markers, min(raster.height * raster.width, MAX_PIXELS))
            stages.append(RangeStage())
        given = Markers(markers, onto if isinstance(markers, Path) else None)
        return [*stages, FillStage(relief, given, self.connectivity), ForestStage(given, self.connectivity)]

    def inputs(self) -> list[Path]:
        """See `RegionMethod`; the raster of markers."""
        return [self.markers] if isinstance(self.markers, Path) else []

    def expected_regions(self, raster: Raster) -> int | None:
        """See `RegionMethod`; the count of markers."""
        return self.markers if isinstance(self.markers, int) else None

    def bytes_per_pixel(self, raster: Raster) -> float:
        """Measured on noise from few markers, where most edges are listed."""
        relief = Relief(self.relief, self.sigma, self.bands)
        forest = 1.15 * (40 if relief.itemsize(raster) > 4 else 30)
        return raster.n_bands * raster.dtype.itemsize + 1 + max(relief.bytes_per_pixel(raster), forest)


@dataclass(frozen=True)
class Markers:
    """Given markers: a raster of markers, or how many to place on a grid.

    Args:
        source: the raster, or the number.
        onto: grid that the raster is resampled to; None where it lies on it.
    """

    source: int | Path
    onto: Frame | None = None

    def read(self, tile: Tile, store: Store, window: Window) -> NDArray[np.int32]:
        """(h, w) numbers of the markers of a window, 0: none; also on invalid pixels."""
        if isinstance(self.source, Path):
            return _read_markers(self.source, window, self.onto)
        n_valid = value_range(store).n_valid
        return grid_markers((tile.height, tile.width), check_count(self.source, n_valid), n_valid, window)


@dataclass(frozen=True)
class MinimaForestStage(Stage):
    """Finds the part of the forest that a tile decides, and joins the rest; comes after `MinimaStage`.

    Args:
        relief: what is flooded from its minima.
        connectivity: 1 or 2.
    """

    relief: Relief
    connectivity: int
    name = "forest"
    paints = True

    @property
    def halo(self) -> int:
        """The margin, and the halo of the relief."""
        return _MARGIN + self.relief.halo

    def compute(self, tile: Tile, store: Store) -> dict[str, NDArray[Any]]:
        """Nodes and undecided edges of one tile, see `shrink`; the nodes at its faces."""
        relief, valid, window = self.relief.read(tile, _MARGIN)
        land = terrain(relief, valid, None, self.connectivity)
        del relief
        land.fill_steps()
        return _shrunk(tile, land.part(*inside(tile.core, window)), marker_numbers(store, tile.number))

    def gather(self, store: Store, grid: Grid) -> None:
        """Label of every node."""
        label_nodes(store, self.name, grid)


@dataclass(frozen=True)
class FillStage(Stage):
    """Finds the level of each pixel: that of a flood from the markers when it reaches the pixel.

    Args:
        relief: what is flooded.
        markers: where the flood begins.
        connectivity: 1 or 2.
    """

    relief: Relief
    markers: Markers
    connectivity: int
    name = "fill"

    @property
    def halo(self) -> int:
        """One pixel, and the halo of the relief."""
        return 1 + self.relief.halo

    def compute(self, tile: Tile, store: Store) -> dict[str, NDArray[Any]]:
        """The arrays of `MinimaForestStage`, with "raised" levels; the number of marker pixels."""
        relief, valid, window = self.relief.read(tile, 1)
        place = inside(tile.core, window)
        given = self.markers.read(tile, store, window)
        n_given = np.count_nonzero(given[place])
        given[~valid] = 0
        land = unordered_terrain(relief, valid, self.connectivity).part(*place)
        del relief
        counts = {"n_given": np.array(n_given), "n_used": np.array(np.count_nonzero(given[place]))}
        left = _shrunk(tile, land, given[place], fill=True)
        whole = {name: left.pop(name) for name in ("raised", "fragments")}
        blocks = {
            f"{name}{i}": np.ascontiguousarray(array[inside(block, tile.core)])
            for name, array in whole.items()
            for i, block in enumerate(_blocks(tile.core))
        }
        return counts | left | blocks

    def gather(self, store: Store, grid: Grid) -> None:
        """Level of every node.

        Raises:
            InputError: all markers lie on invalid pixels.
        """
        counts = [store.load(self.name, number, "n_given", "n_used") for number in range(len(grid))]
        n_given, n_used = (sum(int(count[name]) for count in counts) for name in ("n_given", "n_used"))
        if n_given and not n_used and isinstance(self.markers.source, Path):
            raise InputError(
                f"all {n_given} marker pixels of {self.markers.source} lie where the image has no data; give at least "
                "one elsewhere"
            )
        level_nodes(store, self.name, grid, _LEVELS)


@dataclass(frozen=True)
class ForestStage(Stage):
    """`MinimaForestStage` for the levels that `FillStage` found.

    Args:
        markers: where the flood begins.
        connectivity: 1 or 2.
    """

    markers: Markers
    connectivity: int
    name = "forest"
    halo = -1
    margin = _MARGIN
    paints = True

    def compute(self, tile: Tile, store: Store) -> dict[str, NDArray[Any]]:
        """Nodes and undecided edges of one tile, see `shrink`; the nodes at its faces."""
        window = widened(tile.core, _MARGIN, tile.height, tile.width)
        levels, reached = _levels(store, window)
        given = self.markers.read(tile, store, window) * reached
        land = filled_terrain(levels, reached, given, self.connectivity)
        del levels
        land.fill_steps()
        place = inside(tile.core, window)
        return _shrunk(tile, land.part(*place), given[place])

    def gather(self, store: Store, grid: Grid) -> None:
        """Label of every node."""
        label_nodes(store, self.name, grid)


def _shrunk(tile: Tile, land: Terrain, markers: NDArray[np.int32], fill: bool = False) -> dict[str, NDArray[Any]]:
    left = shrink(land, markers, TileOrigin(tile.core.row, tile.core.column, tile.width), fill)
    nodes = left["fragments"]
    faces = {"top": nodes[0], "bottom": nodes[-1], "left": nodes[:, 0], "right": nodes[:, -1]}
    return left | {side: np.ascontiguousarray(face) for side, face in faces.items()}


def _blocks(core: Window) -> Iterator[Window]:
    """Parts of a core, cut where the margins of neighbours end, so that a neighbour unpacks only what it needs."""
    cuts = []
    for start, side in ((core.row, core.height), (core.column, core.width)):
        inner = (_MARGIN, side - _MARGIN) if side > 2 * _MARGIN else ()
        cuts.append(list(pairwise((start, *(start + cut for cut in inner), start + side))))
    for (top, bottom), (left, right) in product(*cuts):
        yield Window(top, left, bottom - top, right - left)


def _levels(store: Store, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Levels of a window, and which pixels have one."""
    shape = window.height, window.width
    levels, reached = np.empty(0), np.empty(shape, bool)
    for number, tile_part in store.grid.tiles_in(window):
        nodes = store.load(_LEVELS, number)
        for i, block in enumerate(_blocks(store.grid.tile(number)[0])):
            if not overlap(block, tile_part):
                continue
            part = common(block, tile_part)
            found = store.load(FillStage.name, number, f"raised{i}", f"fragments{i}")
            there, here = inside(part, block), inside(part, window)
            raised, its = found[f"raised{i}"][there], found[f"fragments{i}"][there]
            if not levels.size:
                levels = np.empty(shape, raised.dtype)
            np.maximum(raised, nodes["levels"][its], out=levels[here], casting="unsafe")
            reached[here] = nodes["reached"][its]
    return levels, reached


def _check_marker_raster(markers: Path, raster: Raster, align: bool) -> Frame | None:
    """The grid of the image where the markers are to be resampled to it, None where they lie on it."""
    with open_raster(markers) as found:
        drawn, image = frame_of(found), frame_of(raster)
        if align and onto_grid(drawn, image) is not None:
            resampled: Frame | None = image
        elif misplaced := misplacement(drawn, image):
            raise InputError(misplaced)
        else:
            resampled = None
        if resampled is None and (found.height, found.width) != (raster.height, raster.width):
            raise InputError(
                f"markers must have the size of the image, {raster.height} x {raster.width} pixels, {markers} has "
                f"{found.height} x {found.width}; draw them on the image, or resample them to its grid"
            )
        if found.n_bands != 1 or found.dtype.kind not in "bui":
            raise InputError(
                f"markers must be one band of integers, {markers} has {found.n_bands} of {found.dtype}; number them "
                "from 1"
            )
    return resampled


def _read_markers(path: Path, window: Window, image: Frame | None) -> NDArray[np.int32]:
    with open_raster(path) as raster:

        def read(part: Window) -> NDArray[np.integer]:
            values, valid = raster.read(part)
            return values[0] * valid

        grid = None if image is None else onto_grid(frame_of(raster), image)
        markers = read(window) if grid is None else grid.read(read, 0, window)
    low, high = int(markers.min()), int(markers.max())
    if low < 0 or high > MAX_PIXELS:
        raise InputError(
            f"markers must be numbered from 1 to {MAX_PIXELS}, {path} has {low if low < 0 else high}; renumber "
            "them, for example with the method relabel"
        )
    return markers.astype(np.int32)
