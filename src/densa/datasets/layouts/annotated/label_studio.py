"""Label Studio: an export in JSON or JSON-MIN with polygons, rectangles, ellipses, points and brushes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from densa.datasets.annotations.brush import Brush, decode_brush
from densa.datasets.annotations.json_files import first_bytes, load_json, path_inside
from densa.datasets.annotations.shapes import DrawnShapes, Shape, outline
from densa.datasets.class_table import BACKGROUND, class_table, in_order
from densa.datasets.layouts.annotated.images import ImageIndex, add_sample, files_of, number_of, numbers_of
from densa.datasets.layouts.layout import Coding, Layout
from densa.errors import InputError

__all__ = ["read_label_studio"]

_KINDS = ("polygon", "brush", "rectangle", "ellipse", "keypoint", "bitmask")
_NAMED = tuple(f"{kind}labels" for kind in _KINDS)
_UPLOADED = re.compile(r"^[0-9a-f]{8}-")  # before the name of a file that was uploaded
_CORNERS = 64  # of the polygon of an ellipse


def read_label_studio(root: Path) -> Layout | None:
    """The layout of `root`, None where it is another one.

    Of several annotations of an image, the one that is marked as ground truth counts, or else the last one that was not
    cancelled. Regions are drawn in their order.
    """
    found = [(path, tasks) for path in files_of(root, ".json", 1) if (tasks := _tasks(path)) is not None]
    if not found:
        return None
    regions: dict[Path, tuple[Path, list[Mapping[str, Any]], str]] = {}
    index = ImageIndex(root)
    counts: dict[str, int] = defaultdict(int)
    for path, tasks in found:
        for task in tasks:
            source = f"{path}: task {task.get('id', '?')}"
            own = _regions(task, counts)
            if own is None:
                counts["unlabelled"] += 1
                continue
            image = _image(root, path, task, index, source)
            if image is None:
                counts["missing"] += 1
            else:
                regions[image] = (path, own, source)
    labels = [label for _, own, source in regions.values() for region in own for label in _labels(region, source)]
    if not labels:
        missing = f"; {counts['missing']} images of it are not there" if counts["missing"] else ""
        raise InputError(f"{found[0][0]} holds no region with a class on an image of {root}{missing}")
    layout = Layout(root, "label-studio", values=in_order(labels), background=BACKGROUND, reads_legend=False)
    for image, (path, own, source) in regions.items():
        add_sample(layout, image, path, _drawn(own, list(layout.values or ()), image, source))
    names = ", ".join(path.name for path, _ in found)
    layout.codings[""] = Coding(class_table(layout.values or (), background=BACKGROUND).legend, f"labels of {names}")
    layout.said = f"{len(labels)} regions of {names}, in their order"
    for key, what in (("missing", "are not there"), ("unlabelled", "have no annotation")):
        if counts[key]:
            layout.remarks.append(f"{counts[key]} images of {names} {what} and are left out")
    if counts["several"]:
        layout.remarks.append(
            f"{counts['several']} images have several annotations: ground truth, or the last one, counts"
        )
    return layout


def _tasks(path: Path) -> list[Mapping[str, Any]] | None:
    """The tasks of an export; None where the file is of another kind."""
    head = first_bytes(path)
    keys = (b'"annotations"', b'"completions"', b'"data"', b'"annotator"', b"labels")
    if not head.lstrip().startswith(b"[") or not any(key in head for key in keys):
        return None
    content = load_json(path)
    if not isinstance(content, list) or not content or not all(isinstance(task, dict) for task in content):
        return None
    return content if any(_is_task(task) for task in content) else None


def _is_task(task: Mapping[str, Any]) -> bool:
    full = isinstance(task.get("data"), dict) and ("annotations" in task or "completions" in task)
    return full or any(_is_flat(value) for value in task.values())


def _is_flat(value: object) -> bool:
    """Whether it is the regions of a task in JSON-MIN."""
    return isinstance(value, list) and any(isinstance(one, dict) and set(one) & set(_NAMED) for one in value)


def _regions(task: Mapping[str, Any], counts: dict[str, int]) -> list[Mapping[str, Any]] | None:
    """The regions of a task; None where nobody annotated it."""
    if not isinstance(task.get("data"), dict):
        flat = [one for value in task.values() if _is_flat(value) for one in value if isinstance(one, dict)]
        return [{"value": one, **one} for one in flat] or None
    given = task.get("annotations") or task.get("completions") or []
    found = given if isinstance(given, list) else []
    done = [one for one in found if isinstance(one, dict) and not one.get("was_cancelled")]
    if not done:
        return None
    counts["several"] += len(done) > 1
    chosen = next((one for one in done if one.get("ground_truth")), done[-1])
    result = chosen.get("result")
    return [one for one in result if isinstance(one, dict)] if isinstance(result, list) else []


def _labels(region: Mapping[str, Any], source: str) -> list[str]:
    """The classes of a region: one, or none where it is no area, as a choice for the whole image."""
    value = region.get("value")
    if not isinstance(value, dict):
        return []
    for name in (*_NAMED, "labels"):
        if isinstance(value.get(name), list) and value[name] and _kind(region) is not None:
            if len(value[name]) > 1:
                raise InputError(
                    f"{source} has a region of the classes {', '.join(map(str, value[name]))}; give it one"
                )
            return [str(value[name][0])]
    return []


def _kind(region: Mapping[str, Any]) -> str | None:
    value = region["value"]
    if "rle" in value:
        return "brush"
    if "points" in value:
        return "polygon"
    if "radiusX" in value:
        return "ellipse"
    if "x" in value and "y" in value:
        is_point = region.get("type") in ("keypointlabels", "keypoint") or "keypointlabels" in value
        return "keypoint" if is_point else "rectangle"
    return None


def _drawn(regions: Sequence[Mapping[str, Any]], values: Sequence[object], image: Path, source: str) -> DrawnShapes:
    from densa import raster

    with raster.open(image) as opened:
        size = opened.height, opened.width
    shapes, numbers = [], []
    for i, region in enumerate(regions):
        for label in _labels(region, source):
            given = region.get("original_height"), region.get("original_width")
            if given != (None, None) and given != size:
                raise InputError(
                    f"{source}: region {i + 1} was drawn on {given[0]} x {given[1]} pixels, {image} has {size[0]} x "
                    f"{size[1]}"
                )
            if region.get("image_rotation"):
                raise InputError(f"{source}: region {i + 1} was drawn on a rotated image; export it without rotation")
            for shape in _shapes(region["value"], str(_kind(region)), size, f"{source}: region {i + 1}"):
                shapes.append(shape)
                numbers.append(values.index(label))
    return DrawnShapes(size, shapes, numbers)


def _shapes(value: Mapping[str, Any], kind: str, size: tuple[int, int], source: str) -> Iterator[Shape]:
    """The shape of a region, whose coordinates are per cent of the image."""
    if kind == "brush":
        yield _brush(value, size, source)
        return
    scale = np.array([size[1], size[0]]) / 100
    if kind == "polygon":
        points = numbers_of(value["points"], source, "its points")
        if len(points) < 3:
            raise InputError(f"{source}: a polygon has at least 3 points, got {len(points)}")
        found = outline(points * scale)
    elif kind == "keypoint":
        x, y = (number_of(value.get(name), source, name) for name in "xy")
        width = number_of(value.get("width", 0), source, "width") * scale[0]
        found = outline(np.array([[x, y]]) * scale, max(width, 1.0))
    else:
        found = outline(_corners(value, kind, source, scale))
    if found is not None:
        yield found


def _corners(value: Mapping[str, Any], kind: str, source: str, scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners of a rectangle, or of the polygon of an ellipse, in pixels; rotated clockwise about their anchor."""
    names = ("x", "y", "width", "height") if kind == "rectangle" else ("x", "y", "radiusX", "radiusY")
    x, y, a, b = (number_of(value.get(name), source, name) for name in names)
    turn = np.radians(number_of(value.get("rotation", 0), source, "rotation"))
    if kind == "rectangle":
        around = np.array([[0, 0], [a, 0], [a, b], [0, b]])
    else:
        angle = np.arange(_CORNERS) * (2 * np.pi / _CORNERS)
        around = np.stack([a * np.cos(angle), b * np.sin(angle)], axis=1)
    around = around * scale
    rotated = around @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return np.array([x, y]) * scale + rotated


def _brush(value: Mapping[str, Any], size: tuple[int, int], source: str) -> Brush:
    data = value.get("rle")
    if not isinstance(data, list) or not all(isinstance(n, int) and 0 <= n < 256 for n in data):
        raise InputError(f"{source}: rle must be a list of bytes")
    packed = np.array(data, np.uint8)
    if len(packed) < 8:
        raise InputError(f"{source} ends early: its run lengths are cut off")
    n_values = int.from_bytes(packed[:4].tobytes(), "big")
    if n_values != 4 * size[0] * size[1]:
        decode_brush(packed, *size, source)  # says what is wrong
    return Brush(packed, *size, source)


def _image(root: Path, path: Path, task: Mapping[str, Any], index: ImageIndex, source: str) -> Path | None:
    """The image of a task, by the name in its path or URL; None where it is not there.

    Raises:
        InputError: several images have its name, or its path leaves the data set.
    """
    place = task.get("data")
    named = place if isinstance(place, dict) else task
    texts = [text for text in named.values() if isinstance(text, str) and _is_image(text)]
    if not texts:
        raise InputError(f"{source} names no image")
    local, names = _local_path(texts[0]), []
    if local:
        found = path_inside(root, path.parent, local, path)
        if found.is_file():
            return found
        parts = local.replace("\\", "/").split("/")
        for start in range(len(parts)):  # what the path was relative to is not known
            below = root.joinpath(*parts[start:])
            if below.is_file():
                return below
        names.append(parts[-1])
    names += [name for name in (task.get("file_upload"),) if isinstance(name, str)]
    for name in (*names, *(_UPLOADED.sub("", name) for name in names)):
        images = index.named(name)
        if len(images) > 1:
            raise InputError(f"{source} is of {name!r}, of which there are several: {images[0]} and {images[1]}")
        if images:
            return images[0]
    return None


def _is_image(text: str) -> bool:
    path = _local_path(text)
    return bool(re.search(r"\.(png|jpe?g|jpe|tiff?|bmp|gif|webp|jp2|pgm|ppm|vrt)$", path, re.IGNORECASE))


def _local_path(text: str) -> str:
    """The path in a URL or path, relative: that of `?d=` in Label Studio's local files."""
    parts = urlsplit(text)
    asked = parse_qs(parts.query).get("d") if parts.query else None
    return unquote(asked[0] if asked else parts.path).lstrip("/") if "\\" not in text else text
