"""labelme: a JSON file of shapes for each image (https://github.com/wkentaro/labelme)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from densa import raster
from densa.datasets.annotations.json_files import first_bytes, load_json, path_inside
from densa.datasets.annotations.shapes import Bitmap, DrawnShapes, Painted, Shape
from densa.datasets.class_table import BACKGROUND, REST, UNLABELLED, class_table, in_order
from densa.datasets.image_files import IMAGE_SUFFIXES
from densa.datasets.layouts.annotated.images import add_sample, files_of, numbers_of
from densa.datasets.layouts.layout import Coding, Layout
from densa.errors import InputError
from densa.raster.shapes.pillow import bitmap

__all__ = ["read_labelme"]

_SPECIAL = {"_background_": REST, "__ignore__": UNLABELLED}
_POINTS = {"rectangle": 2, "circle": 2, "line": 2, "point": 1, "oriented_rectangle": 4, "mask": 2}
_LEAST = {"polygon": 3, "linestrip": 2, "points": 1}


def read_labelme(root: Path) -> Layout | None:
    """The layout of `root`, None where it is another one.

    Shapes are drawn by labelme's rule, in the order of the file. The classes are the labels of all files; `__ignore__`
    is not labelled, `_background_` is the class of what no shape covers.
    """
    files = [path for path in files_of(root, ".json") if _may_be(path)]
    contents = {path: content for path in files if (content := _content(path)) is not None}
    if not contents:
        return None
    labels = [shape["label"] for content in contents.values() for shape in content["shapes"]]
    values = in_order(label for label in labels if label not in _SPECIAL)
    if not values:
        raise InputError(
            f"the {len(contents)} files of labelme in {root} hold no shape with a class: nothing is labelled"
        )
    layout = Layout(root, "labelme", values=values, background=BACKGROUND, reads_legend=False)
    for path, content in contents.items():
        image = _image(root, path, content)
        size = _size(content, image)
        shapes, numbers = [], []
        for i, row in enumerate(content["shapes"]):
            number = _SPECIAL.get(row["label"], -9)
            for shape in _shapes(row, f"{path}: shape {i + 1}", size):
                shapes.append(shape)
                numbers.append(values.index(row["label"]) if number == -9 else number)
        add_sample(layout, image, path, DrawnShapes(size, shapes, numbers))
    n = len(contents)
    layout.codings[""] = Coding(class_table(values, background=BACKGROUND).legend, f"labels of {n} files of labelme")
    layout.said = f"{len(labels)} shapes of {n} JSON files, in their order"
    return layout


def _may_be(path: Path) -> bool:
    head = first_bytes(path)
    return head.lstrip().startswith(b"{") and (b'"shapes"' in head or b'"imagePath"' in head)


def _content(path: Path) -> Mapping[str, Any] | None:
    """The content of a file; None where it is of another kind."""
    content = load_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
        return None
    if not isinstance(content.get("imagePath"), str):
        raise InputError(f"{path} must name its image: imagePath is missing")
    for i, shape in enumerate(content["shapes"]):
        if not isinstance(shape, dict) or not isinstance(shape.get("label"), str) or not shape["label"].strip():
            raise InputError(f"{path}: shape {i + 1} must have a label and points")
    return content


def _image(root: Path, path: Path, content: Mapping[str, Any]) -> Path:
    """The image that a file is of: that which it names, or the one of its own stem beside it."""
    found = path_inside(root, path.parent, content["imagePath"], path)
    if found.is_file() and found.suffix.lower() in IMAGE_SUFFIXES:
        return found
    beside = [other for end in IMAGE_SUFFIXES if (other := path.with_suffix(end)).is_file()]
    if len(beside) == 1:
        return beside[0]
    raise InputError(f"{path} is of the image {content['imagePath']!r}, which is not there")


def _size(content: Mapping[str, Any], image: Path) -> tuple[int, int]:
    given = content.get("imageHeight"), content.get("imageWidth")
    if all(isinstance(side, int) and not isinstance(side, bool) and 0 < side < 1 << 20 for side in given):
        return given  # type: ignore[return-value]
    with raster.open(image) as opened:
        return opened.height, opened.width


def _shapes(row: Mapping[str, Any], source: str, size: tuple[int, int]) -> list[Shape]:
    kind = str(row.get("shape_type") or "polygon")
    points = numbers_of(row.get("points"), source, "its points")
    wanted, least = _POINTS.get(kind), _LEAST.get(kind)
    if wanted is None and least is None:
        raise InputError(f"{source} has the type {kind!r}; choose from {', '.join(sorted(_POINTS | _LEAST))}")
    if (wanted is not None and len(points) != wanted) or len(points) < (least or 0):
        raise InputError(f"{source}: a {kind} has {wanted or f'at least {least}'} points, got {len(points)}")
    corners = tuple((float(x), float(y)) for x, y in points)
    if kind == "mask":
        return [_bitmap(row, corners, source, size)]
    if kind == "points":
        return [Painted("point", (corner,)) for corner in corners]
    return [Painted("polygon" if kind == "oriented_rectangle" else kind, corners)]


def _bitmap(
    row: Mapping[str, Any], corners: tuple[tuple[float, float], ...], source: str, size: tuple[int, int]
) -> Bitmap:
    """A mask that is a PNG in the file, between two corners that belong to it."""
    (left, top), (right, bottom) = ((int(x), int(y)) for x, y in corners)
    try:
        data = base64.b64decode(row.get("mask") or "", validate=True)
        pixels = bitmap(data, size[0] * size[1])
    except (TypeError, binascii.Error, InputError) as error:
        raise InputError(f"{source}: its mask {error}") from error
    if pixels.shape != (bottom - top + 1, right - left + 1) or top < 0 or left < 0:
        raise InputError(
            f"{source}: its mask is {pixels.shape[0]} x {pixels.shape[1]}, its corners are {bottom - top + 1} x "
            f"{right - left + 1} pixels apart"
        )
    return Bitmap(top, left, pixels)
