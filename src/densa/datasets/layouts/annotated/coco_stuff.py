"""COCO-Stuff: pixel maps of things and stuff (Caesar et al. 2018, arXiv:1612.03716)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from densa.datasets.annotations.json_files import first_bytes
from densa.datasets.layouts.annotated.images import split_in_name
from densa.datasets.layouts.layout import Coding, Layout
from densa.errors import InputError
from densa.legend import Legend

__all__ = ["read_coco_stuff"]

_THINGS = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "street sign", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow",
    "elephant", "bear", "zebra", "giraffe", "hat", "backpack", "umbrella", "shoe", "eye glasses", "handbag", "tie",
    "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard",
    "surfboard", "tennis racket", "bottle", "plate", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana",
    "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch",
    "potted plant", "bed", "mirror", "dining table", "window", "desk", "toilet", "door", "tv", "laptop", "mouse",
    "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "blender", "book",
    "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush", "hair brush",
)  # fmt: skip
_STUFF = (
    "banner", "blanket", "branch", "bridge", "building-other", "bush", "cabinet", "cage", "cardboard", "carpet",
    "ceiling-other", "ceiling-tile", "cloth", "clothes", "clouds", "counter", "cupboard", "curtain", "desk-stuff",
    "dirt", "door-stuff", "fence", "floor-marble", "floor-other", "floor-stone", "floor-tile", "floor-wood", "flower",
    "fog", "food-other", "fruit", "furniture-other", "grass", "gravel", "ground-other", "hill", "house", "leaves",
    "light", "mat", "metal", "mirror-stuff", "moss", "mountain", "mud", "napkin", "net", "paper", "pavement", "pillow",
    "plant-other", "plastic", "platform", "playingfield", "railing", "railroad", "river", "road", "rock", "roof", "rug",
    "salad", "sand", "sea", "shelf", "sky-other", "skyscraper", "snow", "solid-other", "stairs", "stone", "straw",
    "structural-other", "table", "tent", "textile-other", "towel", "tree", "vegetable", "wall-brick", "wall-concrete",
    "wall-other", "wall-panel", "wall-stone", "wall-tile", "wall-wood", "water-other", "waterdrops", "window-blind",
    "window-other", "wood",
)  # fmt: skip
_NEVER = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83, 91}
"""Categories that no image of COCO has; ids count from 1, things before stuff."""
_OTHER = 183  # in maps of stuff: all things
_UNLABELLED = 255


def read_coco_stuff(root: Path) -> Layout | None:
    """The layout of `root`, None where it is another one.

    The pixels of `stuffthingmaps/` are the ids of the categories minus 1, and 255 where there is no label; those of
    `stuff_train2017_pixelmaps/` are the ids of stuff, 183 for all things, and 0 where there is no label.
    """
    layout = Layout(root, "coco-stuff", reads_legend=False)
    both = [folder for name in ("stuffthingmaps", "stuffthingmaps_trainval2017") for folder in _below(root / name)]
    stuff = [folder for folder in sorted(root.iterdir()) if re.fullmatch(r"stuff_\w+_pixelmaps", folder.name)]
    for masks in both or stuff:
        name = masks.name if both else masks.name.removeprefix("stuff_").removesuffix("_pixelmaps")
        images = next((f for f in (root / "images" / name, root / name, root / "images") if f.is_dir()), None)
        if images is not None:
            layout.add(images, masks, split=split_in_name(name))
    if not any(sample.mask for sample in layout.samples):
        return None
    names = _names(root / "labels.txt")
    if both:
        ids = [i for i in names if i not in _NEVER]
        legend = Legend(
            tuple(names[i] for i in ids), codes=tuple(i - 1 for i in ids), ignored_codes=(*(i - 1 for i in _NEVER), 255)
        )
    else:
        ids = [i for i in names if i > len(_THINGS)]
        legend = Legend((*(names[i] for i in ids), "other"), codes=(*ids, _OTHER), ignored_codes=(0, _UNLABELLED))
    layout.codings[""] = Coding(legend, "COCO-Stuff's table of categories", "values")
    layout.said = "pixel maps of things and stuff" if both else "pixel maps of stuff, things as the class other"
    return layout


def _below(folder: Path) -> list[Path]:
    """The folders in a folder, or itself where it has none."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir()) or [folder]


def _names(file: Path) -> dict[int, str]:
    """The name of each id: of a file of lines such as "1: person", or else the published ones."""
    published = dict(enumerate((*_THINGS, *_STUFF), 1))
    if not file.is_file():
        return published
    found = dict(_lines(file))
    found.pop(0, None)
    if set(found) != set(published) or len(set(found.values())) < len(found):
        raise InputError(f'{file} must name the ids 1 to {len(published)}, a line each such as "1: person"')
    return dict(sorted(found.items()))


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    for line in first_bytes(file, 1 << 16).decode("utf-8", "replace").splitlines():
        number, colon, name = line.partition(":")
        if colon and number.strip().isdecimal():
            yield int(number), name.strip()
