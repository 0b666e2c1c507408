"""COCO: a JSON file of images, categories, and polygons or run lengths (Lin et al. 2014, arXiv:1405.0312)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from densa.datasets.annotations.coco_masks import CocoPolygons, ColumnRuns
from densa.datasets.annotations.json_files import first_bytes, load_json, path_inside
from densa.datasets.annotations.shapes import DrawnShapes, Shape
from densa.datasets.class_table import BACKGROUND, UNLABELLED, class_table
from densa.datasets.image_files import IMAGE_SUFFIXES
from densa.datasets.layouts.annotated.images import add_sample, files_of, numbers_of, split_in_name
from densa.datasets.layouts.layout import Coding, Layout
from densa.errors import InputError

__all__ = ["read_coco"]

_OTHERS = ("captions_", "person_keypoints_", "panoptic_", "image_info_")
"""Beginnings of files of COCO that hold no masks of classes, or the same once more."""
_IN = ("", "images", "data", "imgs", "JPEGImages")
"""Folders of images, below the data set or the JSON file; one that is named like the split comes before them."""
_SIDE = 1 << 20  # of an image in pixels


def read_coco(root: Path) -> Layout | None:
    """The layout of `root`, None where it is another one.

    Larger objects are drawn first, so that the smaller ones lie on top; crowds are not labelled.
    """
    found = [(path, content) for path in _candidates(root) if (content := _content(path)) is not None]
    if not found:
        return None
    layout = Layout(root, "coco", values=_classes(found), background=BACKGROUND, reads_legend=False)
    counts: dict[str, int] = defaultdict(int)
    for path, content in found:
        _read(layout, path, content, counts)
    if not layout.samples:
        raise InputError(
            f"{found[0][0]} names {counts['missing']} images, none of which is there (first: "
            f"{_file_name(found[0][1]['images'][0], found[0][0])!r}); put them into {root}/images"
        )
    n, without = counts["drawn"], counts["without"]
    if without and not n:
        raise InputError(
            f"{found[0][0]} holds boxes alone, no polygons or masks: nothing says which pixels are labelled"
        )
    names = ", ".join(path.name for path, _ in found)
    layout.codings[""] = Coding(
        class_table(layout.values or (), background=BACKGROUND).legend, f"categories of {names}"
    )
    crowds = f", {counts['crowds']} crowds not labelled" if counts["crowds"] else ""
    layout.said = f"{n} masks of {names}, the smaller on top{crowds}"
    if counts["missing"]:
        layout.remarks.append(f"{counts['missing']} images of {names} are not there and are left out")
    if without:
        layout.remarks.append(f"{without} annotations of {names} are boxes without an outline and are left out")
    return layout


def _candidates(root: Path) -> list[Path]:
    """The JSON files that may be of COCO."""
    found = [
        path
        for path in files_of(root, ".json", 2)
        if not path.name.startswith(_OTHERS)
        and (head := first_bytes(path)).lstrip().startswith(b"{")
        and any(key in head for key in (b'"images"', b'"annotations"', b'"categories"', b'"info"', b'"licenses"'))
        and b'"shapes"' not in head
    ]
    return [path for path in found if path.name.startswith("instances_")] or found


def _content(path: Path) -> dict[str, Any] | None:
    """The three tables; None where the file is of another kind."""
    content = load_json(path)
    keys = ("images", "annotations", "categories")
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in keys):
        return None
    for key in keys:
        if not all(isinstance(row, dict) for row in content[key]):
            raise InputError(f"{path}: {key} must be a list of objects")
        for row in content[key]:
            for name in ("id", "image_id", "category_id"):
                if isinstance(row.get(name), list | dict):
                    raise InputError(f"{path}: {name} of {key} must be a number, got {row[name]!r:.40}")
    return content if content["images"] else None


def _classes(found: Sequence[tuple[Path, Mapping[str, Any]]]) -> tuple[str, ...]:
    """Names of the categories of all files, by their id; without the one that only holds the others together."""
    names: dict[str, Any] = {}
    for path, content in found:
        rows = sorted(
            content["categories"], key=lambda row: (not isinstance(row.get("id"), int), str(row.get("id")).zfill(12))
        )
        used = {row.get("category_id") for row in content["annotations"]}
        above = {row.get("supercategory") for row in rows}
        for row in rows:
            name = row.get("name")
            if not isinstance(name, str) or not name.strip():
                raise InputError(f"{path}: a category must have a name, got {row!r:.60}")
            if row.get("id") in used or name not in above or len(rows) == 1 or row.get("supercategory") == name:
                names.setdefault(name, None)
    return tuple(names)


def _read(layout: Layout, path: Path, content: Mapping[str, Any], counts: dict[str, int]) -> None:
    values = list(layout.values or ())
    number = {row.get("id"): values.index(row["name"]) for row in content["categories"] if row["name"] in values}
    of_image: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    ids = {row.get("id") for row in content["images"]}
    for row in content["annotations"]:
        if row.get("image_id") not in ids:
            raise InputError(
                f"{path}: annotation {row.get('id')} is of the image {row.get('image_id')}, which is not listed"
            )
        of_image[row.get("image_id")].append(row)
    split = split_in_name(path.stem)
    bases = list(_bases(layout.root, path))
    for row in content["images"]:
        image = _image(layout.root, bases, _file_name(row, path), path)
        if image is None:
            counts["missing"] += 1
            continue
        height, width = (_side(row.get(side), path, row.get("id"), side) for side in ("height", "width"))
        drawn = list(_shapes(of_image[row.get("id")], number, height, width, path, counts))
        drawn.sort(key=lambda one: -one[0])  # stable: of equal ones the later lies on top
        shapes, numbers = [shape for _, shape, _ in drawn], [n for _, _, n in drawn]
        add_sample(layout, image, path, DrawnShapes((height, width), shapes, numbers), split)


def _shapes(
    rows: Sequence[Mapping[str, Any]],
    number: Mapping[Any, int],
    height: int,
    width: int,
    path: Path,
    counts: dict[str, int],
) -> Iterator[tuple[float, Shape, int]]:
    """Area, shape and number of each annotation of an image; crowds come as the largest, below all others."""
    for row in rows:
        source = f"{path}: annotation {row.get('id')}"
        if row.get("category_id") not in number:
            raise InputError(f"{source} has the category {row.get('category_id')!r}, which is not listed")
        given, is_crowd = row.get("segmentation"), bool(row.get("iscrowd"))
        shape = _shape(given, height, width, source)
        if shape is None:
            counts["without"] += 1
            continue
        counts["drawn"] += not is_crowd
        counts["crowds"] += is_crowd
        area = row.get("area")
        known = isinstance(area, int | float) and not isinstance(area, bool) and 0 < area < np.inf
        size = float(area) if known else shape.area  # type: ignore[arg-type]
        yield np.inf if is_crowd else size, shape, UNLABELLED if is_crowd else number[row["category_id"]]


def _shape(given: object, height: int, width: int, source: str) -> CocoPolygons | ColumnRuns | None:
    """Polygons or run lengths; None where there is no outline."""
    if given is None or given == []:
        return None
    if isinstance(given, list):
        rings = [numbers_of(ring, source, "a polygon") for ring in (given if isinstance(given[0], list) else [given])]
        rings = [ring for ring in rings if len(ring) > 2]
        return CocoPolygons(rings, height, width) if rings else None
    counts = given.get("counts") if isinstance(given, dict) else None
    size = given.get("size") if isinstance(given, dict) else None
    if isinstance(counts, list) and all(isinstance(n, int) and not isinstance(n, bool) for n in counts):
        try:
            counts = np.array(counts, np.int64)
        except OverflowError as error:
            raise InputError(f"{source} has run lengths of too many pixels, longer than its image") from error
    if size != [height, width] or not isinstance(counts, str | np.ndarray):
        raise InputError(
            f'{source} must have polygons, or {{"counts": ..., "size": [{height}, {width}]}} as its image; got '
            f"{given!r:.60}"
        )
    runs = ColumnRuns(counts, height, width, source)
    _ = runs.box  # decoded now: what is wrong with it is said with the file
    return runs


def _side(value: object, path: Path, image: object, side: str) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _SIDE:
        raise InputError(f"{path}: image {image} must have its {side} in pixels, got {value!r:.40}")
    return value


def _file_name(row: Mapping[str, Any], path: Path) -> str:
    name = row.get("file_name")
    if not isinstance(name, str):
        raise InputError(f"{path}: image {row.get('id')} must have a file_name, got {name!r:.40}")
    return name


def _bases(root: Path, path: Path) -> Iterator[Path]:
    """Folders that the names of images may be relative to."""
    last = path.stem.rpartition("_")[2]  # "train2017" of instances_train2017
    own = [
        f"{before}{name}" for name in dict.fromkeys((last, split_in_name(last))) if name for before in ("", "images/")
    ]
    for base in dict.fromkeys((path.parent, root, path.parent.parent if path.parent != root else root)):
        for name in (*own, *_IN):
            if (base / name).is_dir():
                yield base / name


def _image(root: Path, bases: Sequence[Path], name: str, path: Path) -> Path | None:
    for base in bases:
        found = path_inside(root, base, name, path) if base == bases[0] or ".." not in name else None
        if found is not None and found.suffix.lower() in IMAGE_SUFFIXES and found.is_file():
            return found
    return None
