"""Images with a vector file of polygons, lines and points, or with one for each image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from densa import raster
from densa.datasets.class_table import BACKGROUND, ClassedPieces, Value, class_table, in_order
from densa.datasets.dataset import Sample
from densa.datasets.image_files import IMAGE_SUFFIXES, image_files
from densa.datasets.layouts.folders import IMAGE_FOLDERS, MASK_FOLDERS
from densa.datasets.layouts.layout import Coding, Layout, split_of
from densa.datasets.vector_labels.drawn import PEN, DrawnFeatures, Pen, draw_features
from densa.datasets.vector_labels.label_features import LabelFeatures, read_areas, read_label_features
from densa.datasets.wording import listed
from densa.errors import InputError
from densa.locations import without_layer
from densa.raster.alignment import frame_of, system_name
from densa.raster.shapes.vector_files import VECTOR_FILES
from densa.settings import VectorLabels

__all__ = ["read_vector", "read_vector_folder"]

_FOLDERS = ("labels", "vectors", "annotations", "polygons", "shapes")
_INTEREST = ("aoi", "area", "areas")
"""Stems of a file of areas of interest beside the labels."""


def read_vector_folder(root: Path) -> Layout | None:
    """The layout of a folder of georeferenced images and one vector file, or one for each image; None for another."""
    found = _labels_in(root)
    if found is None:
        return None
    labels, interest = found
    return read_vector(root, VectorLabels(labels=labels, aoi=interest), None)


def read_vector(root: Path, rules: VectorLabels, images: Path | Sequence[Path] | None) -> Layout:
    """The layout of an image, or of a folder of images, whose labels are vector files.

    Args:
        root: the image or the folder.
        rules: the vector file or folder, and how they are read.
        images: folder of the images, where it has a name of its own, relative to `root` or absolute; or the images.

    Raises:
        InputError: there are no images or labels, they cannot be laid over each other, or no label lies on an image.
    """
    folder = root if root.is_dir() else root.parent
    files = _images(root, images) if images is None or isinstance(images, Path) else list(images)
    labels, interest = rules.labels, rules.aoi
    if labels is None and root.is_dir():
        found = _labels_in(root)
        labels, interest = (None, interest) if found is None else (found[0], interest or found[1])
    if labels is None:
        raise InputError(f"give the vector file of the labels of {root}: labels=FILE")
    label_of, interest_of = _file_of_each(files, labels, "labels"), _file_of_each(files, interest, "aoi")
    read = {file: read_label_features(file, rules.class_field, rules.order_field) for file in _different(label_of)}
    areas = {file: read_areas(file) for file in _different(interest_of)}
    values = in_order(value for features in read.values() for value in features.values)
    numbers = {file: _numbers(features, values) for file, features in read.items()}
    pen = PEN if rules.line_width is None else _pen(rules.line_width)
    drawn: dict[Path, DrawnFeatures] = {}
    n_nowhere = 0
    for path in files:
        file, area = label_of.get(path), interest_of.get(path)
        if file is None or (interest is not None and area is None):
            continue
        with raster.open(path) as image:
            drawn[path], n = draw_features(
                image,
                read[file],
                numbers[file],
                interest=None if area is None else areas[area],
                pen=pen,
                all_touched=rules.all_touched,
            )
        n_nowhere += n
    layout = Layout(folder, "vector", values=values, background=BACKGROUND if interest is not None else None)
    _add_samples(layout, root, drawn, label_of, rules)
    layout.remarks += [line for features in (*read.values(), *areas.values()) for line in features.remarks]
    layout.remarks += _left_out(files, layout, read, drawn, label_of, n_nowhere)
    first = next(iter(read.values()))
    named = f"field {first.class_field} of {first.layer.path.name}" if first.class_field else first.layer.path.name
    layout.codings[""] = Coding(class_table(values, background=layout.background).legend, named)
    layout.said = f"labels drawn from {_shown(labels)}" + ("" if interest is None else f" within {_shown(interest)}")
    return layout


def _add_samples(
    layout: Layout, root: Path, drawn: dict[Path, DrawnFeatures], label_of: dict[Path, Path], rules: VectorLabels
) -> None:
    """The images that have labels: where a shape lies on them, or where other pixels have a class.

    Raises:
        InputError: there is none.
    """
    covers = rules.background not in (None, "none") or (rules.background is None and layout.background is not None)
    for path, source in drawn.items():
        if not source.has_interest or not (covers or len(source.met)):
            continue
        below = root.is_dir() and path.is_relative_to(root)
        place = path.parent.relative_to(root).as_posix() if below else ""
        split, group = split_of("" if place == "." else place)
        name = f"{group}/{path.stem}" if group else path.stem
        blank = np.zeros(len(layout.values or ()) + 2, np.uint8)
        sample = Sample(name, path, without_layer(label_of[path]), group, drawn=ClassedPieces(source, blank))
        layout.splits.setdefault(split, []).append(sample)


def _left_out(
    files: Sequence[Path],
    layout: Layout,
    read: dict[Path, LabelFeatures],
    drawn: dict[Path, DrawnFeatures],
    label_of: dict[Path, Path],
    n_nowhere: int,
) -> list[str]:
    """Lines on images without labels, and on features that lie on no image.

    Raises:
        InputError: no image has a label.
    """
    lines = []
    met = {file: np.zeros(len(features.geometries), bool) for file, features in read.items()}
    for path, source in drawn.items():
        met[label_of[path]][source.met] = True
    n_features = sum(len(one) for one in met.values())
    n_outside = n_features - sum(int(one.sum()) for one in met.values())
    if not layout.samples:
        raise InputError(_nowhere(files, read))
    if n := len(files) - len(layout.samples):
        lines.append(f"{n} of {len(files)} images have no label and are left out")
    if n_outside:
        lines.append(f"{n_outside} of {n_features} features lie on no image and are left out")
    if n_nowhere:
        lines.append(f"{n_nowhere} features have no place in the reference system of the images and are left out")
    return lines


def _nowhere(files: Sequence[Path], read: dict[Path, LabelFeatures]) -> str:
    """Why there is no label: where the features are, and where an image is."""
    features = next(iter(read.values()))
    frame = frame_of(files[0])
    place = frame.georeference
    if place is None:
        there = f"has {frame.height} rows and {frame.width} columns"
    else:
        a, b, c, d, e, f = tuple(place.transform)[:6]
        x, y = sorted((c, c + a * frame.width + b * frame.height)), sorted((f, f + d * frame.width + e * frame.height))
        there = f"reaches from {x[0]:.10g}, {y[0]:.10g} to {x[1]:.10g}, {y[1]:.10g} in {system_name(place.crs)}"
    west, south, east, north = shapely.total_bounds(features.geometries)
    return (
        f"no feature of {features.layer.path} lies on {'any of the images' if len(files) > 1 else files[0]}: they reach"
        f" from {west:.10g}, {south:.10g} to {east:.10g}, {north:.10g} in {system_name(features.layer.crs)}, "
        f"{files[0].name} {there}; check the reference systems"
    )


def _images(root: Path, images: Path | None) -> list[Path]:
    """The images of a data set whose labels are vectors.

    Raises:
        InputError: there are none.
    """
    if root.is_file():
        if images is not None:
            raise InputError(f"{root} is one image; leave `images` out")
        return [root]
    if not root.is_dir():
        raise InputError(f"{root} cannot be read: there is no such image or folder")
    if images is not None:
        folders = [root / images]
        if not folders[0].is_dir():
            raise InputError(f"{folders[0]} is not a folder")
    else:
        folders = [f for f in sorted(root.iterdir()) if f.is_dir() and f.name.lower() in IMAGE_FOLDERS] or [root]
    found = [path for folder in folders for path in image_files(folder)]
    found = [path for path in found if not {part.lower() for part in path.relative_to(root).parts} & MASK_FOLDERS]
    if not found:
        raise InputError(f"{root} holds no image ({', '.join(sorted(IMAGE_SUFFIXES))})")
    return found


def _labels_in(root: Path) -> tuple[Path, Path | None] | None:
    """The vector file of a folder, or the folder of those of its images; and the file of areas of interest."""
    suffixes = VECTOR_FILES - {".json"}
    inside = sorted(path for path in root.iterdir() if path.suffix.lower() in suffixes and path.is_file())
    interest = next((path for path in inside if path.stem.lower() in _INTEREST), None)
    rest = [path for path in inside if path != interest]
    if len(rest) == 1:
        return rest[0], interest
    for folder in (root, *(root / name for name in _FOLDERS)):
        if folder.is_dir():
            stems = {path.stem for path in folder.iterdir() if path.suffix.lower() in suffixes}
            if stems and stems & {path.stem for path in image_files(root)}:
                return folder, interest
    return None


def _file_of_each(files: Sequence[Path], labels: Path | None, what: str) -> dict[Path, Path]:
    """The vector file of each image: the one there is, or that of its stem in a folder.

    Raises:
        InputError: no file has the stem of an image, or several have.
    """
    if labels is None:
        return {}
    if not labels.is_dir():
        return dict.fromkeys(files, labels)
    by_stem: dict[str, list[Path]] = {}
    for path in sorted(labels.rglob("*")):
        if path.suffix.lower() in VECTOR_FILES and path.is_file():
            by_stem.setdefault(path.stem, []).append(path)
    found = {path: by_stem[path.stem] for path in files if path.stem in by_stem}
    if not found:
        raise InputError(
            f"{what}: no vector file in {labels} is named like an image (images: {listed([p.name for p in files])})"
        )
    if several := next((paths for paths in found.values() if len(paths) > 1), None):
        raise InputError(f"{what}: {listed([p.name for p in several])} are of one image; keep one of them")
    return {path: paths[0] for path, paths in found.items()}


def _different(file_of: dict[Path, Path]) -> list[Path]:
    return list(dict.fromkeys(file_of.values()))


def _numbers(features: LabelFeatures, values: Sequence[Value]) -> NDArray[np.int32]:
    number = {value: i for i, value in enumerate(values)}
    return np.array([number[value] for value in features.values], np.int32)


def _pen(text: str) -> Pen:
    return Pen(float(text.removesuffix("m")), "m" if text.endswith("m") else "px")


def _shown(path: Path) -> str:
    return f"{path}/" if path.is_dir() else path.name
