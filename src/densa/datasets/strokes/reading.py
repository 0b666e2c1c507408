"""The strokes or the painted image that label one image, read by what kind of file they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densa.datasets.image_files import IMAGE_SUFFIXES
from densa.datasets.label_source import LabelSource
from densa.datasets.strokes.classes import NamedStroke, named_strokes, natural_order
from densa.datasets.strokes.drawing import StrokeLabels
from densa.datasets.strokes.imagej import read_rois
from densa.datasets.strokes.napari import class_in_name, read_napari
from densa.datasets.strokes.painted import PaintedLabels, open_painting
from densa.datasets.strokes.stroke import Strokes
from densa.datasets.strokes.stroke_json import is_stroke_json, read_stroke_json
from densa.errors import InputError
from densa.legend import IGNORE, MAX_CLASSES, Legend
from densa.raster import Window
from densa.raster.alignment import Frame, Onto, frame_of, onto
from densa.raster.shapes.vector_files import VECTOR_FILES

__all__ = ["STROKE_SUFFIXES", "Drawn", "is_drawn", "is_strokes", "read_drawn", "read_strokes"]

STROKE_SUFFIXES = {".json", ".roi", ".zip", ".csv"}
"""Suffixes of files of strokes; painted images have those of images."""


@dataclass(frozen=True)
class Drawn:
    """The partial labels of one image.

    Attributes:
        legend: the classes of the file, or the given ones.
        labels: draws them by windows.
        notes: what was decided in reading the file, a line each.
    """

    legend: Legend
    labels: LabelSource
    notes: tuple[str, ...] = ()


class Layers:
    """Label maps laid over each other, the last one on top: a `LabelSource`."""

    def __init__(self, sources: Sequence[LabelSource]) -> None:
        self.sources, self.height, self.width = tuple(sources), sources[0].height, sources[0].width

    def read(self, window: Window) -> NDArray[np.uint8]:
        """(h, w) uint8 class of each pixel of a window; 255 where no layer has a label."""
        labels = self.sources[0].read(window)
        for source in self.sources[1:]:
            above = source.read(window)
            labels[above != IGNORE] = above[above != IGNORE]
        return labels


def read_strokes(path: Path | str, *, height: int | None = None, width: int | None = None) -> Strokes:
    """Read a file of strokes: JSON, regions of ImageJ (.roi, .zip), or shapes of napari (.csv).

    The JSON is `{"classes": [{"name": "cell", "color": "#f0b428"}, ...], "strokes": [{"class": "cell", "width": 5,
    "points": [[x, y], ...]}, ...]}`, with the classes as in a legend file, "class" a name or an index, and "width" 5
    where it is missing; "shape": "polygon" fills the area. `stroke_schema` is its JSON schema.

    Args:
        path: the file.
        height, width: of the image in pixels; regions of ImageJ outside of it are refused.

    Raises:
        InputError: the file cannot be read, or is not a file of strokes.

    Examples:
        >>> from densa.datasets.strokes import read_strokes
        >>> from densa.shallow import tissue
        >>> image, file = tissue("tissue")
        >>> strokes = read_strokes(file)
        >>> strokes.legend.class_names
        ('gland', 'stroma', 'lumen')
    """
    path = Path(path)
    if path.suffix.lower() not in {".roi", ".zip", ".csv"}:
        return read_stroke_json(path)
    most = 10**9
    return named_strokes(_named(path, height or most, width or most, None, None), None, path)


def is_drawn(path: Path) -> bool:
    """Whether a file may hold strokes or be painted, by its suffix."""
    return path.suffix.lower() in STROKE_SUFFIXES | IMAGE_SUFFIXES


def is_strokes(path: Path, *, unclear: bool = False) -> bool:
    """Whether labels are strokes or painted, and not a vector file or a folder of such files.

    Args:
        path: of the labels.
        unclear: the answer for JSON that is neither.
    """
    if path.is_dir():
        inside = [file for file in path.rglob("*") if file.suffix.lower() in VECTOR_FILES and file.is_file()]
        if inside:
            return all(is_strokes(file, unclear=unclear) for file in inside)
        return unclear or any(map(is_drawn, path.rglob("*")))
    if path.suffix.lower() == ".json":
        found = is_stroke_json(path)
        return unclear if found is None else found
    return is_drawn(path) or (unclear and path.suffix.lower() not in VECTOR_FILES)


def read_drawn(
    path: Path, image: Frame, *, legend: Legend | None = None, page: int = 0, width: float | None = None
) -> Drawn:
    """Read the partial labels of an image.

    Args:
        path: a file of strokes (see `read_strokes`); a painted image of the image's size, or georeferenced as it is; or
            a folder of such files, each of which is of the class that it is named by.
        image: where the image lies.
        legend: the classes; None: those of the file.
        page: of a stack that is painted.
        width: of points and of lines whose file gives none, in pixels; None: 5.

    Raises:
        InputError: it cannot be read, does not fit the image or the legend, or labels no pixel of the image.
    """
    if path.is_dir():
        return _read_layers(path, image, legend, width)
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES:
        painting = open_painting(path, legend, page)
        grid, note = _grid_of(path, image, page)
        return Drawn(
            painting.legend,
            PaintedLabels(painting, image.height, image.width, grid=grid),
            (*note, *painting.notes),
        )
    if suffix == ".json":
        strokes = read_stroke_json(path, width)
        strokes = strokes if legend is None else strokes.numbered_as(legend, path)
    elif suffix in STROKE_SUFFIXES:
        strokes = named_strokes(_named(path, image.height, image.width, None, width), legend, path)
    else:
        raise InputError(
            f"{path} is no file of strokes; give .json, ImageJ's .roi or .zip, napari's .csv, or a painted image"
        )
    labels = StrokeLabels(strokes.strokes, image.height, image.width)
    return Drawn(strokes.legend, labels, _outside(labels, path))


def _named(path: Path, height: int, width: int, name: str | None, line_width: float | None) -> list[NamedStroke]:
    """Strokes with the names of their classes; `name`: that of the layer, for files that name none."""
    if path.suffix.lower() == ".csv":
        return read_napari(path, name=name or class_in_name(path), line_width=line_width)
    return read_rois(path, height=height, width=width, line_width=line_width)


def _outside(labels: StrokeLabels, path: Path) -> tuple[str, ...]:
    """A line on strokes that the image does not have.

    Raises:
        InputError: it has none of them.
    """
    n, total = labels.outside(), len(labels.strokes)
    size = f"the image of {labels.height} x {labels.width} pixels"
    if n == total:
        raise InputError(f"no stroke of {path} touches {size}; points are [x, y] in pixels of the image")
    return (f"{path.name}: {n} of {total} strokes lie outside of {size} and are left out",) if n else ()


def _grid_of(path: Path, image: Frame, page: int) -> tuple[Onto | None, tuple[str, ...]]:
    """How a painted image is read on the grid of the image, and a line on it."""
    own = frame_of(path, page)
    if own.is_placed and image.is_placed:
        grid = onto(own, image)
        line = f"{path.name} is resampled to the grid of {image.path.name} by the nearest pixel, by its georeference"
        return grid, () if grid is None else (line,)
    if (own.height, own.width) != (image.height, image.width):
        raise InputError(
            f"{path} has {own.height} x {own.width} pixels, the image {image.path} {image.height} x {image.width}; "
            "paint on an image of the same size, or give both a georeference"
        )
    return None, ()


def _read_layers(folder: Path, image: Frame, legend: Legend | None, width: float | None) -> Drawn:
    """The files of a folder, each of the class that it is named by, in natural order."""
    files = [path for path in folder.iterdir() if is_drawn(path) and not path.name.startswith(".")]
    by_name = {path.stem: path for path in files}
    names = natural_order(by_name)
    if not names or len(by_name) < len(files) or len(names) > MAX_CLASSES:
        raise InputError(
            f"{folder} must hold a file for each class (road.csv, field.png, ...), named by it; it holds {len(files)}"
        )
    chosen = legend or Legend(tuple(names))
    sources: list[LabelSource] = []
    notes: list[str] = []
    for name in names:
        path = by_name[name]
        if name not in chosen.class_names:
            raise InputError(f"{path} is named by the class {name!r}; the legend has {', '.join(chosen.class_names)}")
        label = chosen.class_names.index(name)
        if path.suffix.lower() in IMAGE_SUFFIXES:
            painting = open_painting(path)
            grid, note = _grid_of(path, image, 0)
            if painting.all_opaque:
                raise InputError(f"{path} has no transparent pixel; a layer of a class is transparent elsewhere")
            sources.append(PaintedLabels(painting, image.height, image.width, grid=grid, label=label))
            notes += note
            continue
        if path.suffix.lower() == ".json":
            raise InputError(f"{path} names its classes itself; give it alone, or layers as .csv, .roi, .zip or images")
        found = _named(path, image.height, image.width, name, width)
        strokes = named_strokes([(name, stroke) for _, stroke in found], chosen, path)
        labels = StrokeLabels(strokes.strokes, image.height, image.width)
        notes += _outside(labels, path)
        sources.append(labels)
    if all(isinstance(source, StrokeLabels) for source in sources):
        strokes_of_all = [stroke for source in sources for stroke in source.strokes]  # type: ignore[attr-defined]
        return Drawn(chosen, StrokeLabels(strokes_of_all, image.height, image.width), tuple(notes))
    return Drawn(chosen, Layers(sources), tuple(notes))
