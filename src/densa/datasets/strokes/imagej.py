"""Regions of interest of ImageJ and Fiji (`.roi`, and `.zip` of the ROI Manager) as strokes, read by `roifile`."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from densa.datasets.strokes.classes import NamedStroke
from densa.datasets.strokes.stroke import DEFAULT_WIDTH, MOST_POINTS, Point, Stroke, check_width
from densa.errors import InputError
from densa.legend import IGNORE

if TYPE_CHECKING:
    from roifile import ImagejRoi

__all__ = ["read_rois"]

MOST_BYTES = 64 * 2**20
"""Bytes of all regions together, unpacked."""
MOST_REGIONS = 100_000
_DAMAGED = (ValueError, IndexError, TypeError, KeyError, OverflowError, ArithmeticError, MemoryError, struct.error)
_OF_IMAGEJ = re.compile(r"\d{3,}(-\d{3,})+(-\d+)?|\d+")
"""Names that ImageJ gives itself: 0123-0456, with slice and number before or behind."""
_NUMBER = re.compile(r"(?<=\S)[\s_#.-]*\(?\d+\)?$")
_CORNERS_OF_OVAL = 64


def read_rois(path: Path, *, height: int, width: int, line_width: float | None = None) -> list[NamedStroke]:
    """The regions of a file of ImageJ, in their order.

    The class of a region is its name without a number at its end ("road-2" is of "road"); of a region with a name
    that ImageJ gave, its group ("group_1"). Areas (polygon, freehand, traced, rectangle, oval, composite) are filled;
    lines have the width of the region, points and lines without one the default.

    Args:
        path: the `.roi` or `.zip` file.
        height, width: of the image, in pixels.
        line_width: of points, and of lines that have none, in pixels; None: 5.

    Raises:
        InputError: `roifile` is not installed, the file is damaged or too large, a region has neither name nor group,
            or one lies outside of the image, which the set was then not drawn on.
    """
    found: list[NamedStroke] = []
    n_points = 0
    for name, roi in _regions(path):
        where = f"region {name!r} of {path}"
        try:
            strokes = list(_strokes(roi, line_width, where))
        except InputError:
            raise
        except _DAMAGED as error:
            raise InputError(f"{where} is damaged: {error}") from error
        n_points += sum(len(stroke.points) for stroke in strokes)
        if n_points > MOST_POINTS:
            raise InputError(f"the regions of {path} have more than {MOST_POINTS} points together; simplify them")
        for stroke in strokes:
            left, top, right, bottom = stroke.box
            if right < 0 or bottom < 0 or left > width - 1 or top > height - 1:
                raise InputError(
                    f"{where} lies at row {top:.0f}, column {left:.0f}, outside of the image of {height} x {width} "
                    "pixels: is it the set of another image, or of another size of it?"
                )
        found += [(_class_of(name, roi, where), stroke) for stroke in strokes]
    return found


def _regions(path: Path) -> Iterator[tuple[str, ImagejRoi]]:
    """Name and content of each region."""
    try:
        from roifile import ImagejRoi
    except ImportError as error:
        raise InputError(
            f"{path} holds regions of ImageJ, which the package roifile reads: pip install 'densa[imagej]'"
        ) from error
    for name, data in _entries(path):
        try:
            roi = ImagejRoi.frombytes(data)
        except _DAMAGED as error:
            raise InputError(f"region {name!r} of {path} is damaged: {error}") from error
        yield roi.name or name, roi


def _entries(path: Path) -> Iterator[tuple[str, bytes]]:
    """Stem and bytes of each `.roi` file; nothing is unpacked onto the disk."""
    try:
        if path.suffix.lower() != ".zip":
            if path.stat().st_size > MOST_BYTES:
                raise InputError(f"{path} has more than {MOST_BYTES // 2**20} MB; it is no region of ImageJ")
            yield path.stem, path.read_bytes()
            return
        with zipfile.ZipFile(path) as archive:
            inside = [info for info in archive.infolist() if info.filename.lower().endswith(".roi")]
            if not inside:
                raise InputError(f"{path} holds no .roi file; save the regions with More > Save in the ROI Manager")
            total = sum(info.file_size for info in inside)
            if len(inside) > MOST_REGIONS or total > MOST_BYTES:
                raise InputError(
                    f"{path} unpacks to {len(inside)} regions of {total} bytes; at most {MOST_REGIONS} of together "
                    f"{MOST_BYTES} are read"
                )
            for info in inside:
                with archive.open(info) as file:  # the header may lie about the size
                    data = file.read(info.file_size + 1)
                if len(data) > info.file_size:
                    raise InputError(f"{path} is damaged: {info.filename!r} is longer than its entry says")
                yield PurePosixPath(info.filename).stem, data
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read: {reason}") from error


def _class_of(name: str, roi: ImagejRoi, where: str) -> str:
    own = "" if _OF_IMAGEJ.fullmatch(name.strip()) else _NUMBER.sub("", name.strip())
    if own:
        return own
    if roi.group:
        return f"group_{roi.group}"
    raise InputError(f"{where} has no class: rename it in the ROI Manager (road, road-2, ...), or give it a group")


def _strokes(roi: ImagejRoi, line_width: float | None, where: str) -> Iterator[Stroke]:
    """The strokes of one region. Areas have corners between pixels, so that pixel centres are at halves."""
    from roifile import ROI_TYPE

    kind = roi.roitype
    if kind == ROI_TYPE.NOROI:
        return
    if kind == ROI_TYPE.POINT:
        shift = 0.5 if roi.subpixelresolution else 0.0
        width = check_width(line_width or DEFAULT_WIDTH, where)
        yield from (Stroke(IGNORE, width, (point,)) for point in _points(roi.coordinates(), shift))
    elif kind in (ROI_TYPE.LINE, ROI_TYPE.FREELINE, ROI_TYPE.POLYLINE, ROI_TYPE.ANGLE):
        shift = 0.5 if roi.subpixelresolution else 0.0
        own = float(roi.float_stroke_width or roi.stroke_width or 0)
        width = check_width(own or line_width or DEFAULT_WIDTH, where)
        yield Stroke(IGNORE, width, _points(roi.coordinates(), shift))
    elif kind in (ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED, ROI_TYPE.RECT, ROI_TYPE.OVAL):
        if roi.multi_coordinates is not None:
            yield from _areas([_points(part, 0.5) for part in roi.coordinates(multi=True)])
        elif kind == ROI_TYPE.OVAL:
            yield Stroke(IGNORE, 1.0, _oval(roi), "polygon")
        else:
            yield from _areas([_points(roi.coordinates(), 0.5)])
    else:
        raise InputError(f"{where} is a {kind.name}, which is neither a line, points nor an area")


def _areas(rings: list[tuple[Point, ...]]) -> Iterator[Stroke]:
    """An area; of a composite one, rings inside others are holes, by the even-odd rule."""
    rings = [ring for ring in rings if len(ring) > 2]
    if rings:
        yield Stroke(IGNORE, 1.0, rings[0], "polygon", tuple(rings[1:]))


def _oval(roi: ImagejRoi) -> tuple[Point, ...]:
    box: list[Any] = (
        [roi.xd, roi.yd, roi.widthd, roi.heightd]
        if roi.subpixelrect
        else [roi.left, roi.top, roi.right - roi.left, roi.bottom - roi.top]
    )
    left, top, wide, high = map(float, box)
    turn = np.linspace(0, 2 * np.pi, _CORNERS_OF_OVAL, endpoint=False)
    x, y = left + wide / 2 * (1 + np.cos(turn)) - 0.5, top + high / 2 * (1 + np.sin(turn)) - 0.5
    return tuple(zip(x.tolist(), y.tolist(), strict=True))


def _points(coordinates: Any, shift: float) -> tuple[Point, ...]:
    """Corners without repetitions, finite."""
    found = np.asarray(coordinates, np.float64).reshape(-1, 2) - shift
    if not len(found) or not np.isfinite(found).all() or (np.abs(found) > 1e9).any():
        raise ValueError("it has no points, or points that are no finite numbers")
    keep = [True, *(bool((a != b).any()) for a, b in pairwise(found))]
    return tuple((float(x), float(y)) for x, y in found[keep])
