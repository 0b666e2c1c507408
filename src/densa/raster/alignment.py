"""Rasters that are laid over each other: whether they lie on one grid on the ground, and reading one on another's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.transform import from_gcps
from rasterio.warp import transform as reproject

from densa.errors import InputError
from densa.raster.opening import open as open_raster
from densa.raster.raster import Georeference, Raster, Window

__all__ = [
    "Converter",
    "Frame",
    "Onto",
    "forward",
    "frame_of",
    "lies_on",
    "meets",
    "misplacement",
    "onto",
    "system_name",
    "system_named",
]

_TOLERANCE = 0.1  # pixels, over the whole raster
_SAMPLES = 5  # places along each side at which the position is compared
_STEP = 32  # pixels between the places that are converted from one reference system to another; linear between them
_BLOCK = 512  # side of the windows that are resampled at once


@dataclass(frozen=True)
class Frame:
    """Where a raster lies.

    Attributes:
        path: of its file, for messages.
        height, width: in pixels.
        georeference: None where it has none.
        points: (n, 4) column, row, x, y of ground control points, where they replace a transform.
        points_crs: reference system of these points.
    """

    path: Path
    height: int
    width: int
    georeference: Georeference | None
    points: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 4)), compare=False)
    points_crs: Any = field(default=None, compare=False)

    @property
    def is_placed(self) -> bool:
        """Whether it has a transform or points."""
        return self.georeference is not None or len(self.points) > 0


def frame_of(raster: Raster | Path, page: int = 0) -> Frame:
    """Where an open raster, or an image file, lies.

    Raises:
        InputError: the file cannot be read.
    """
    if isinstance(raster, Path):
        with open_raster(raster, page=page) as opened:
            return frame_of(opened)
    points, crs = raster.ground_control
    if raster.georeference is not None or not points:
        return Frame(raster.path, raster.height, raster.width, raster.georeference)
    table = np.array([(point.col, point.row, point.x, point.y) for point in points])
    return Frame(raster.path, raster.height, raster.width, None, table, crs)


def lies_on(other: Frame, image: Frame) -> bool:
    """Whether two rasters have one size and, where both are georeferenced, one place on the ground."""
    return misplacement(other, image) is None and (other.height, other.width) == (image.height, image.width)


def misplacement(other: Frame, image: Frame) -> str | None:
    """What is wrong where two rasters of one size are not at one place on the ground.

    They are compared by their transforms and reference systems, whatever the names of these, at places over the whole
    image: a tenth of a pixel is allowed.

    Returns:
        A sentence with both transforms and the offset; None where the rasters are aligned, or where only one of them,
        or none, is georeferenced.
    """
    if not (image.is_placed and other.is_placed):
        return None
    size = (other.height, other.width) == (image.height, image.width)
    try:
        offset = _offset(other, image) if size else None
    except InputError as error:
        return str(error)
    if offset is None:
        sizes = f"{other.height} x {other.width} and {image.height} x {image.width} pixels"
        return f"{other.path} and {image.path} are georeferenced and have {sizes}; align=True resamples to the image"
    columns, rows, largest = offset
    if largest <= _TOLERANCE:
        return None
    return (
        f"{other.path} lies {_shown(largest)} pixels from {image.path} on the ground ({columns:+.6g} columns,"
        f" {rows:+.6g} rows): its transform is {_place(other)}, that of the image {_place(image)}; correct the"
        " georeference, or give align=True to resample to the image"
    )


def _offset(other: Frame, image: Frame) -> tuple[float, float, float]:
    """Mean offset of `other` in columns and rows, and the largest distance, in pixels."""
    if len(image.points):
        column, row, x, y = image.points.T
        crs = image.points_crs
    else:
        assert image.georeference is not None
        sides = [np.linspace(0, side, _SAMPLES) for side in (image.width, image.height)]
        column, row = (part.ravel() for part in np.meshgrid(*sides))
        x, y = forward(image.georeference, column, row)
        crs = image.georeference.crs
    if len(other.points) and np.array_equal(other.points, image.points):
        return 0.0, 0.0, 0.0
    there = other.georeference or _fitted(other)
    found = Converter(crs, there, other)(x, y)
    apart = column - found[0], row - found[1]
    if not np.isfinite(apart).all():
        raise InputError(f"{other.path} and {image.path} cannot be compared on the ground: {_systems(other, image)}")
    return float(apart[0].mean()), float(apart[1].mean()), float(np.hypot(*apart).max())


def meets(other: Frame, image: Frame) -> str | None:
    """What is wrong where a raster and an image, both with a transform, have no place on the ground in common.

    Returns:
        A sentence with both transforms; None where they have, or where one of them has no transform.
    """
    if image.georeference is None or other.georeference is None:
        return None
    sides = [np.linspace(0, side, _SAMPLES) for side in (image.width, image.height)]
    column, row = (part.ravel() for part in np.meshgrid(*sides))
    x, y = forward(image.georeference, column, row)
    found = Converter(image.georeference.crs, other.georeference, other)(x, y)
    if all(np.isfinite(part).all() for part in found):
        inside = zip(found, (other.width, other.height), strict=True)
        if all(part.max() > 0 and part.min() < side for part, side in inside):
            return None
    return (
        f"{other.path} and {image.path} have no place on the ground in common: its transform is {_place(other)}, that "
        f"of the image {_place(image)}; correct the georeference"
    )


class Onto:
    """Reads a raster on the grid of another, by the nearest pixel; made by `onto`.

    Args:
        other: where the raster lies that is read.
        image: the grid.
    """

    def __init__(self, other: Frame, image: Frame) -> None:
        self._other, self._image = other, image
        assert other.georeference is not None
        assert image.georeference is not None
        self._grid = image.georeference
        self._convert = Converter(self._grid.crs, other.georeference, other)

    def read(self, values: Callable[[Window], NDArray[Any]], fill: int, window: Window | None = None) -> NDArray[Any]:
        """(h, w) values of a window of the grid; a part of the source is in memory at a time.

        Args:
            values: reads an (h, w) window of the raster.
            fill: value where the raster does not reach.
            window: None: the whole grid.
        """
        window = window or Window(0, 0, self._image.height, self._image.width)
        made: NDArray[Any] | None = None
        for top in range(0, window.height, _BLOCK):
            for left in range(0, window.width, _BLOCK):
                height, width = min(_BLOCK, window.height - top), min(_BLOCK, window.width - left)
                block = Window(window.row + top, window.column + left, height, width)
                found = self._block(values, block)
                if found is None:
                    continue
                part, inside = found
                if made is None:
                    made = np.full((window.height, window.width), fill, part.dtype)
                made[top : top + height, left : left + width][inside] = part
        if made is None:  # the rasters have no pixel in common: the type of a pixel is that of all
            made = np.full((window.height, window.width), fill, values(Window(0, 0, 1, 1)).dtype)
        return made

    def _block(
        self, values: Callable[[Window], NDArray[Any]], block: Window
    ) -> tuple[NDArray[Any], NDArray[np.bool_]] | None:
        """Values of the pixels of a block that the raster has, and which these are; None where there is none."""
        columns, rows = (np.floor(part) for part in self._source(block))
        with np.errstate(invalid="ignore"):
            inside = (columns >= 0) & (columns < self._other.width) & (rows >= 0) & (rows < self._other.height)
        if not inside.any():
            return None
        column, row = columns[inside].astype(np.int64), rows[inside].astype(np.int64)
        top, left = int(row.min()), int(column.min())
        source = Window(top, left, int(row.max()) - top + 1, int(column.max()) - left + 1)
        return values(source)[row - top, column - left], inside

    def _source(self, block: Window) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Columns and rows of the raster at the centres of the pixels of a block."""
        places = [block.row + 0.5 + np.arange(block.height), block.column + 0.5 + np.arange(block.width)]
        if self._convert.is_affine:
            row, column = np.meshgrid(*places, indexing="ij")
            return self._convert(*forward(self._grid, column, row))
        nodes = [np.linspace(part[0], part[-1], max(2, -(-len(part) // _STEP) + 1)) for part in places]
        row, column = np.meshgrid(*nodes, indexing="ij")
        found = self._convert(*forward(self._grid, column, row))
        return tuple(_interpolated(part, nodes, places) for part in found)  # type: ignore[return-value]


def onto(other: Frame, image: Frame) -> Onto | None:
    """How to read a raster on the grid of an image; None where it lies on it already, or a georeference is missing.

    Raises:
        InputError: one of them has ground control points only, or their reference systems cannot be converted.
    """
    if not (image.is_placed and other.is_placed) or lies_on(other, image):
        return None
    for frame in (other, image):
        if frame.georeference is None:
            raise InputError(
                f"{frame.path} has ground control points only and cannot be aligned; warp it first: gdalwarp -tps"
                f" {frame.path} {frame.path.stem}-warped.tif"
            )
    return Onto(other, image)


class Converter:
    """Map coordinates in a reference system to columns and rows of a raster.

    Args:
        crs: the reference system; None: that of the raster.
        place: georeference of the raster.
        other: where the raster lies.
    """

    def __init__(self, crs: Any, place: Georeference, other: Frame) -> None:
        self._crs, self._place = crs, place
        self._inverse = Georeference(place.crs, ~place.transform)
        self._middle = forward(place, np.array(other.width / 2), np.array(other.height / 2))[0]
        self.is_affine = (
            crs is None or place.crs is None or crs == place.crs or (_is_local(crs) and _is_local(place.crs))
        )

    def __call__(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Columns and rows of coordinates; infinite where there are none.

        Raises:
            InputError: the reference systems cannot be converted into each other.
        """
        if not self.is_affine:
            try:
                found = reproject(self._crs, self._place.crs, x.ravel(), y.ravel())
            except (RasterioError, CPLE_BaseError) as error:
                raise InputError(
                    f"the reference systems {system_name(self._crs)} and {system_name(self._place.crs)} cannot be"
                    " converted into each other; give both files one system"
                ) from error
            x, y = (np.asarray(part, np.float64).reshape(x.shape) for part in found)
        if self._place.crs is not None and self._place.crs.is_geographic:  # -180..180 and 0..360 are one place
            turn = 2 * math.pi / self._place.crs.units_factor[1]
            with np.errstate(invalid="ignore"):
                x = x - turn * np.round((x - self._middle) / turn)
        return forward(self._inverse, x, y)


def forward(
    place: Georeference, column: NDArray[np.float64], row: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Map coordinates of columns and rows."""
    a, b, c, d, e, f = tuple(place.transform)[:6]
    return a * column + b * row + c, d * column + e * row + f


def _interpolated(
    values: NDArray[np.float64], nodes: Sequence[NDArray[Any]], places: Sequence[NDArray[Any]]
) -> NDArray[np.float64]:
    """Values at nodes of rows and columns, linear between them."""
    for axis in (0, 1):
        known, wanted = nodes[axis], places[axis]
        if len(wanted) == 1:
            values = np.take(values, [0], axis)
            continue
        at = np.clip(np.searchsorted(known, wanted, side="right") - 1, 0, len(known) - 2)
        share = (wanted - known[at]) / (known[at + 1] - known[at])
        share = share[:, None] if axis == 0 else share
        values = np.take(values, at, axis) * (1 - share) + np.take(values, at + 1, axis) * share
    return values


def _fitted(frame: Frame) -> Georeference:
    """The affine transform that fits ground control points best."""
    from rasterio.control import GroundControlPoint

    points = [GroundControlPoint(row=r, col=c, x=x, y=y) for c, r, x, y in frame.points.tolist()]
    return Georeference(frame.points_crs, from_gcps(points))


def _is_local(crs: Any) -> bool:
    return not (crs.is_geographic or crs.is_projected)


def system_name(crs: Any) -> str:
    """A reference system for messages: EPSG:32633, or its name in quotes."""
    if crs is None:
        return "no reference system"
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else f'"{crs.to_wkt().split(chr(34))[1]}"'


def system_named(text: str, source: Path) -> Any:
    """The reference system of a code or a text; `source` is the file that names it.

    Raises:
        InputError: it is not known.
    """
    try:
        return CRS.from_user_input(text)
    except CRSError as error:
        raise InputError(f"{source} names the reference system {text[:80]!r}, which is not known") from error


def _systems(other: Frame, image: Frame) -> str:
    return " and ".join(
        system_name(frame.points_crs if frame.georeference is None else frame.georeference.crs)
        for frame in (other, image)
    )


def _place(frame: Frame) -> str:
    if frame.georeference is None:
        return f"given by {len(frame.points)} ground control points in {system_name(frame.points_crs)}"
    numbers = ", ".join(f"{value:.15g}" for value in tuple(frame.georeference.transform)[:6])
    return f"({numbers}) in {system_name(frame.georeference.crs)}"


def _shown(pixels: float) -> str:
    return f"{pixels:.2f}" if pixels < 100 else f"{pixels:.0f}"
