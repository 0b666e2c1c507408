"""Images with partial labels as a data set: strokes or a painted image for each, some of them held out to validate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from densa import raster
from densa.datasets.dataset import Dataset, Sample, strips
from densa.datasets.image_files import image_files
from densa.datasets.label_source import LabelSource
from densa.datasets.splits.groups import choose_groups
from densa.datasets.strokes.classes import natural_order
from densa.datasets.strokes.drawing import StrokeLabels
from densa.datasets.strokes.holding_out import held_out_strokes
from densa.datasets.strokes.reading import Drawn, is_drawn, is_strokes, read_drawn
from densa.datasets.wording import listed
from densa.errors import InputError
from densa.legend import IGNORE, Legend
from densa.raster.alignment import Frame, frame_of
from densa.settings import VectorLabels

__all__ = ["MANY_IMAGES", "open_strokes", "strokes_of", "width_of_strokes"]

MANY_IMAGES = 5
"""From as many labelled images on, whole images are held out for validation; of fewer, strokes of each."""


@dataclass(frozen=True)
class _Labelled:
    """An image and the file of its strokes."""

    name: str
    image: Path
    file: Path
    frame: Frame


def open_strokes(
    data: Path | str,
    strokes: Path | str,
    *,
    legend: Legend | Path | str | None = None,
    bands: Sequence[int | str] | None = None,
    page: int = 1,
    width: float | None = None,
    val_fraction: float | None = None,
    seed: int = 0,
) -> dict[str, Dataset]:
    """Open images that strokes, points, polygons or painted pixels label in part; all other pixels have no label.

    Five labelled images or more are split by image. Of fewer, strokes are held out whole: about `val_fraction` of those
    of each class, at least one where a class has two, and the windows that hold them are the validation split; what is
    held out is not trained on.

    Args:
        data: an image; or a folder of images, of which those with a file of strokes are read.
        strokes: the file of strokes of the image, or a folder of layers named by class; with several images a folder of
            files (or folders of layers) of the same stem. See `read_drawn`.
        legend: the classes or their file; None: those that the files name.
        bands: to be read of every image, by number from 1 or by name; None: all.
        page: of a stack, from 1.
        width: of points, and of lines whose file gives none, in pixels; None: 5.
        val_fraction: share held out, from 0 (none) to below 1; None: 0.2.
        seed: of the choice.

    Returns:
        "train" and, where something is held out, "val".

    Raises:
        InputError: no image has strokes, they cannot be read, draw an unknown class or one class alone, or lie outside
            of the image.

    Examples:
        >>> from densa.datasets.strokes import open_strokes
        >>> from densa.shallow import tissue
        >>> splits = open_strokes(*tissue("tissue"))
        >>> {name: split.legend.class_names for name, split in splits.items()}["train"]
        ('gland', 'stroma', 'lumen')
        >>> int((splits["train"].labels(0) != 255).sum()) > 1000
        True
    """
    found, notes = _pairs(Path(data), Path(strokes), page)
    given = legend if isinstance(legend, Legend) or legend is None else Legend.from_file(legend)
    drawn = [_read(one, given, page, width) for one in found]
    chosen = given or _common([one.legend for one in drawn])
    drawn = [d if d.legend == chosen else _read(one, chosen, page, width) for d, one in zip(drawn, found, strict=True)]
    classes = [_classes_in(one.labels) for one in drawn]
    if len(alone := set().union(*classes)) < 2:
        raise InputError(
            f"all labels are of {chosen.class_names[alone.pop()]} alone; draw strokes of two classes or more"
            if alone
            else f"{strokes} labels no pixel of the images"
        )
    notes += [line for one in drawn for line in one.notes]
    samples = tuple(
        Sample(one.name, one.image, one.file, one.name, page=page - 1, drawn=labels.labels)
        for one, labels in zip(found, drawn, strict=True)
    )
    wanted = None if bands is None else tuple(bands)
    said = f"labels drawn from {Path(strokes).name}; classes: {listed(chosen.class_names)}; other pixels have no label"
    whole = Dataset(samples, chosen, legend_source=str(strokes), bands=wanted, layout="strokes", taken=(said,))
    fraction = 0.2 if val_fraction is None else val_fraction
    splits, line = _split(whole, classes, fraction, seed) if fraction else ({"train": whole}, None)
    return {name: replace(split, remarks=(*notes, *([line] if line else []))) for name, split in splits.items()}


def strokes_of(labels: VectorLabels | Path | str | None) -> VectorLabels | None:
    """The options of labels that are strokes; None for vector files and where there are no labels."""
    options = (
        labels if isinstance(labels, VectorLabels) else VectorLabels(labels=None if labels is None else Path(labels))
    )
    return options if options.labels is not None and is_strokes(options.labels) else None


def width_of_strokes(options: VectorLabels) -> float | None:
    """The width in pixels of strokes without one, of the options of labels.

    Raises:
        InputError: a width in metres, or an option that strokes do not have.
    """
    given = {name for name, value in options.flat().items() if value not in (None, False)}
    idle = sorted(given - {"labels", "line_width"})
    if idle:
        raise InputError(f"{', '.join(idle)} has no effect on strokes, which name their classes; leave it out")
    if options.line_width is None:
        return None
    if options.line_width.endswith("m"):
        raise InputError(f"line_width of strokes is in pixels, got {options.line_width}; leave out the m")
    return float(options.line_width)


def _read(one: _Labelled, legend: Legend | None, page: int, width: float | None) -> Drawn:
    return read_drawn(one.file, one.frame, legend=legend, page=page - 1, width=width)


def _pairs(data: Path, strokes: Path, page: int) -> tuple[list[_Labelled], list[str]]:
    """Images and their files, and lines on what is left out."""
    if data.is_dir():
        if not strokes.is_dir():
            raise InputError(
                f"{data} is a folder of images, so strokes must be a folder of files named like them, got {strokes}; "
                "or give the one image that the strokes are drawn on"
            )
        return _pairs_of_folders(data, strokes)
    file = strokes
    if strokes.is_dir():
        own = [
            path for path in sorted(strokes.iterdir()) if path.stem == data.stem and (path.is_dir() or is_drawn(path))
        ]
        if len(own) > 1:
            raise InputError(f"{strokes} holds {listed([path.name for path in own])} for {data.name}; keep one of them")
        file = own[0] if own else strokes
    if file.exists() and file.resolve() == data.resolve():
        raise InputError(f"{file} is the image itself; give the file of its strokes")
    return [_Labelled(data.stem, data, file, frame_of(data, page - 1))], []


def _pairs_of_folders(data: Path, strokes: Path) -> tuple[list[_Labelled], list[str]]:
    below = strokes.resolve()
    images = [path for path in image_files(data) if below not in path.resolve().parents]
    named = {path.relative_to(data).with_suffix("").as_posix(): path for path in images}
    files: dict[str, list[Path]] = {}
    for path in sorted(strokes.rglob("*")):
        name = path.relative_to(strokes).as_posix()
        stem = name if path.is_dir() else path.relative_to(strokes).with_suffix("").as_posix()
        if stem in named and (path.is_dir() or is_drawn(path)) and not path.name.startswith("."):
            files.setdefault(stem, []).append(path)
    if twice := [paths for paths in files.values() if len(paths) > 1]:
        raise InputError(f"{listed([path.name for path in twice[0]])} are strokes of one image; keep one of them")
    if not files:
        first = f" (first image: {images[0].name})" if images else ""
        raise InputError(
            f"no file in {strokes} is named like one of the {len(images)} images in {data}{first}; name strokes like "
            "their image: scene.json for scene.tif"
        )
    found = [_Labelled(stem, named[stem], paths[0], frame_of(named[stem])) for stem, paths in sorted(files.items())]
    n = len(images) - len(found)
    return found, [f"{n} of {len(images)} images have no strokes and are left out"] if n else []


def _common(legends: Sequence[Legend]) -> Legend:
    """One legend of several: equal ones, or all names; in the first one's order where it has them all."""
    first = legends[0]
    names = {name: color for legend in legends for name, color in zip(legend.class_names, legend.colors, strict=True)}
    if set(names) == set(first.class_names):
        return first
    ordered = natural_order(names)
    shows_colors = all(name.startswith("#") for name in ordered)
    return Legend(tuple(ordered), tuple(names[name] for name in ordered) if shows_colors else ())


def _classes_in(labels: LabelSource) -> set[int]:
    """The classes that some pixel has."""
    if isinstance(labels, StrokeLabels):
        inside = labels.near(raster.Window(0, 0, labels.height, labels.width))
        return {labels.strokes[k].label for k in inside} - {IGNORE}
    found: set[int] = set()
    for window in strips(labels.height, labels.width):
        found |= {int(label) for label in np.unique(labels.read(window))}
    return found - {IGNORE}


def _split(
    whole: Dataset, classes: Sequence[set[int]], fraction: float, seed: int
) -> tuple[dict[str, Dataset], str | None]:
    """The splits, and the line that states the rule and what it gave."""
    every = set().union(*classes)
    if len(whole) >= MANY_IMAGES:
        held = choose_groups({sample.name: 1 for sample in whole.samples}, fraction, seed)
        parts = {
            name: [i for i, sample in enumerate(whole.samples) if (sample.name in held) == (name == "val")]
            for name in ("train", "val")
        }
        if set().union(*(classes[i] for i in parts["train"])) == every:
            splits = {name: whole.subset(own) for name, own in parts.items()}
            n = len(parts["val"])
            return splits, f"validation: {n} of {len(whole)} images are held out; val_fraction=0 holds out none"
    return held_out_strokes(whole, fraction, seed)
