"""Ultralytics: data.yaml, images/ and labels/, with a text file of polygons (or a PNG of classes) for each image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from densa import raster
from densa.datasets.annotations.json_files import first_bytes, path_inside
from densa.datasets.annotations.shapes import DrawnShapes, Outline, outline
from densa.datasets.class_table import BACKGROUND, class_table
from densa.datasets.dataset import Sample
from densa.datasets.image_files import image_files
from densa.datasets.layouts.annotated.images import add_sample
from densa.datasets.layouts.layout import Coding, Layout, split_of
from densa.errors import InputError, one_line
from densa.legend import IGNORE, Legend

__all__ = ["read_ultralytics"]

_LARGEST = 1 << 20  # bytes of data.yaml
_LARGEST_LABELS = 1 << 28  # bytes of a file of labels
_SPLITS = ("train", "val", "test")


def read_ultralytics(root: Path) -> Layout | None:
    """The layout of `root`, None where it is another one.

    Larger polygons are drawn first, so that the smaller ones lie on top; an image without a file has no object. Where
    `masks/` takes the place of `labels/`, its PNG files hold the numbers of the classes, and 255 for no label.
    """
    found = _description(root)
    if found is None:
        return None
    file, content = found
    names = _names(file, content)
    layout = Layout(root, "ultralytics", values=names, background=BACKGROUND, reads_legend=False)
    images = {split: _images(root, file, content.get(split), split) for split in _SPLITS if content.get(split)}
    pairs = [(split, image, _labels(root, image)) for split, own in images.items() for image in own]
    if not pairs:
        return None
    masks = {label for _, _, label in pairs if label is not None and label.suffix == ".png"}
    if masks:
        return _with_masks(layout, names, pairs, file)
    if not any(label is not None for _, _, label in pairs):
        return None
    counts: list[int] = []
    for split, image, label in pairs:
        with raster.open(image) as opened:
            size = opened.height, opened.width
        shapes = [] if label is None else _shapes(label, len(names), size)
        shapes.sort(key=lambda one: -one[0].polygon.area)
        counts.append(len(shapes))
        drawn = DrawnShapes(size, [shape for shape, _ in shapes], [number for _, number in shapes])
        add_sample(layout, image, label or file, drawn, split)
    layout.codings[""] = Coding(class_table(names, background=BACKGROUND).legend, f"names of {file.name}")
    without = sum(label is None for _, _, label in pairs)
    layout.said = f"{sum(counts)} polygons of the text files in labels/, the smaller on top"
    if without:
        layout.remarks.append(f"{without} of {len(pairs)} images have no text file: nothing is on them")
    return layout


def _with_masks(
    layout: Layout, names: tuple[str, ...], pairs: list[tuple[str, Path, Path | None]], file: Path
) -> Layout:
    layout.values = layout.background = None
    for split, image, label in pairs:
        inner, group = split_of(image.parent.relative_to(layout.root).as_posix())
        name = f"{group}/{image.stem}" if group else image.stem
        layout.splits.setdefault(split or inner, []).append(Sample(name, image, label, group))
    layout.codings[""] = Coding(Legend(names, ignored_codes=(IGNORE,)), f"names of {file.name}", "values")
    layout.said = "masks in masks/ hold the numbers of data.yaml"
    return layout


def _description(root: Path) -> tuple[Path, dict[str, Any]] | None:
    """data.yaml, or the one YAML file that names classes and images to train on."""
    files = sorted(path for path in root.iterdir() if path.suffix.lower() in {".yaml", ".yml"} and path.is_file())
    files.sort(key=lambda path: path.stem.lower() not in {"data", "dataset"})
    for path in files:
        head = first_bytes(path, _LARGEST + 1)
        if len(head) > _LARGEST or b"names" not in head or b"train" not in head:
            continue
        try:
            content = yaml.safe_load(head.decode("utf-8-sig"))
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            raise InputError(f"{path} cannot be read: {one_line(error)}") from error
        if isinstance(content, dict) and content.get("names") and content.get("train"):
            return path, content
    return None


def _names(path: Path, content: dict[str, Any]) -> tuple[str, ...]:
    given = content["names"]
    if isinstance(given, dict):
        if sorted(given, key=str) and set(given) != set(range(len(given))):
            raise InputError(f"{path}: names must be numbered 0 to {len(given) - 1}, got {', '.join(map(str, given))}")
        given = [given[i] for i in range(len(given))]
    if not isinstance(given, list) or len(set(map(str, given))) < len(given):
        raise InputError(f"{path}: names must be a list of different names")
    count = content.get("nc")
    if count is not None and count != len(given):
        raise InputError(f"{path}: nc is {count}, but there are {len(given)} names; correct one of them")
    return tuple(map(str, given))


def _images(root: Path, file: Path, given: Any, split: str) -> list[Path]:
    """The images of a split: those of folders, or of a list."""
    found: list[Path] = []
    for text in given if isinstance(given, list) else [given]:
        if not isinstance(text, str):
            raise InputError(f"{file}: {split} must be a folder or a list of them, got {text!r:.40}")
        place = _place(root, file, text)
        if place.is_dir():
            found += image_files(place)
        elif place.is_file() and place.suffix.lower() == ".txt":
            lines = place.read_text(encoding="utf-8").splitlines()
            found += [path_inside(root, root, line.strip(), place) for line in lines if line.strip()]
        else:
            raise InputError(f"{file}: {split} names {text!r}, which is not in {root}")
    return found


def _place(root: Path, file: Path, text: str) -> Path:
    """A folder that data.yaml names: relative to the data set, whatever `path` or ../ say of where that was."""
    inside = text.replace("\\", "/")
    while inside.startswith(("../", "./")):
        inside = inside.partition("/")[2]
    return path_inside(root, root, inside, file)


def _labels(root: Path, image: Path) -> Path | None:
    """The file of an image: where images/ in its path is labels/, or masks/; None where there is none."""
    parts = list(image.relative_to(root).parts)
    where = [i for i, part in enumerate(parts[:-1]) if part == "images"]
    for name, suffix in (("labels", ".txt"), ("labels", ".png"), ("masks", ".png")):
        changed = list(parts)
        if where:
            changed[where[-1]] = name
        path = root.joinpath(*changed).with_suffix(suffix)
        if path != image and path.is_file():
            return path
    return None


def _shapes(path: Path, n_classes: int, size: tuple[int, int]) -> list[tuple[Outline, int]]:
    try:
        if path.stat().st_size > _LARGEST_LABELS:
            raise InputError(f"{path} has more than {_LARGEST_LABELS >> 20} MiB, too much to be read")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    found = []
    for n, line in enumerate(lines, 1):
        if not line.strip():
            continue
        source = f"{path}: line {n}"
        try:
            numbers = np.array([float(word) for word in line.split()])
        except ValueError as error:
            raise InputError(f"{source} must be a class and x y of corners, got {line[:40]!r}") from error
        if len(numbers) == 5:
            raise InputError(f"{source} is a box (5 numbers): nothing says which of its pixels are labelled")
        if len(numbers) < 7 or len(numbers) % 2 == 0:
            raise InputError(f"{source} must be a class and x y of at least 3 corners, got {len(numbers)} numbers")
        label = int(numbers[0]) if np.isfinite(numbers[0]) else -1
        if label != numbers[0] or not 0 <= label < n_classes:
            raise InputError(f"{source} has the class {numbers[0]:g}; data.yaml names 0 to {n_classes - 1}")
        corners = numbers[1:].reshape(-1, 2)
        if not ((corners >= -1) & (corners <= 2)).all():
            raise InputError(f"{source} must have coordinates from 0 to 1, shares of the image; got others")
        shape = outline(corners * (size[1], size[0]))
        if shape is not None:
            found.append((shape, label))
    return found
