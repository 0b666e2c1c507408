"""ADE20K's SceneParsing (Zhou et al. 2017): `images/training/` beside `annotations/training/`; 0 is not labelled."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from densa.datasets.image_files import image_files
from densa.datasets.layouts.layout import Coding, Layout
from densa.datasets.layouts.published.looking import has_values_from
from densa.errors import InputError
from densa.legend import Legend

__all__ = ["is_scene_parsing", "read_ade20k"]

_N_CLASSES = 150
_LISTS = ("objectInfo150.txt", "objectInfo150.csv", "sceneCategories.txt")
_MANY = 20
_FULL = re.compile(r"ADE_(train|val|frame)_\w+_seg$", re.IGNORECASE)
_NAMES = (
    "wall", "building", "sky", "floor", "tree", "ceiling", "road", "bed", "windowpane", "grass", "cabinet", "sidewalk",
    "person", "earth", "door", "table", "mountain", "plant", "curtain", "chair", "car", "water", "painting", "sofa",
    "shelf", "house", "sea", "mirror", "rug", "field", "armchair", "seat", "fence", "desk", "rock", "wardrobe", "lamp",
    "bathtub", "railing", "cushion", "base", "box", "column", "signboard", "chest of drawers", "counter", "sand",
    "sink", "skyscraper", "fireplace", "refrigerator", "grandstand", "path", "stairs", "runway", "case", "pool table",
    "pillow", "screen door", "stairway", "river", "bridge", "bookcase", "blind", "coffee table", "toilet", "flower",
    "book", "hill", "bench", "countertop", "stove", "palm", "kitchen island", "computer", "swivel chair", "boat",
    "bar", "arcade machine", "hovel", "bus", "towel", "light", "truck", "tower", "chandelier", "awning", "streetlight",
    "booth", "television receiver", "airplane", "dirt track", "apparel", "pole", "land", "bannister", "escalator",
    "ottoman", "bottle", "buffet", "poster", "stage", "van", "ship", "fountain", "conveyer belt", "canopy", "washer",
    "plaything", "swimming pool", "stool", "barrel", "basket", "waterfall", "tent", "bag", "minibike", "cradle",
    "oven", "ball", "food", "step", "tank", "trade name", "microwave", "pot", "animal", "bicycle", "lake",
    "dishwasher", "screen", "blanket", "sculpture", "hood", "sconce", "vase", "traffic light", "tray", "ashcan", "fan",
    "pier", "crt screen", "plate", "monitor", "bulletin board", "shower", "radiator", "glass", "clock", "flag",
)  # fmt: skip


def read_ade20k(root: Path) -> Layout | None:
    """The layout of `root`, None where it is another one.

    Raises:
        InputError: it is ADE20K in full, whose masks code thousands of classes; or its list of names cannot be read.
    """
    images, masks = root / "images", root / "annotations"
    splits = [name for name in ("training", "validation") if (images / name).is_dir()]
    if splits and not masks.is_dir() and any(_FULL.fullmatch(path.stem) for path in image_files(images)):
        raise InputError(
            f"{root} is ADE20K in full, whose *_seg.png code thousands of classes in two channels; take its benchmark, "
            "SceneParsing (ADEChallengeData2016), with 150 classes"
        )
    if not any((masks / name).is_dir() for name in splits):
        return None
    layout = Layout(root, "ade20k")
    layout.add(images, masks)
    if not any(sample.mask for sample in layout.samples):
        return None
    file = next((path for path in (root / "objectInfo150.txt", root / "objectInfo150.csv") if path.is_file()), None)
    names = _NAMES if file is None else _names(file)
    legend = Legend(names, codes=tuple(range(1, _N_CLASSES + 1)), ignored_codes=(0, 255))
    layout.codings = {"": Coding(legend, "SceneParsing's classes" if file is None else str(file), "values")}
    layout.said = "images in images/, labels in annotations/: 1 to 150 are SceneParsing's classes, 0 is not labelled"
    return layout


def is_scene_parsing(layout: Layout) -> bool:
    """Whether the data set is SceneParsing: by names of files, by its lists, or by values that few classes have not."""
    if any((layout.root / name).is_file() for name in _LISTS):
        return True
    named = all(path.stem.lower().startswith("ade_") for path in layout.images)
    return named or has_values_from(layout, _MANY)


def _names(file: Path) -> tuple[str, ...]:
    """The names of the classes: the last column of a table of 150 rows, of which the first word is taken.

    Raises:
        InputError: the table cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"list of classes {file} cannot be read: {error}") from error
    delimiter = "\t" if file.suffix == ".txt" else ","
    rows = [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if row and row[0].strip().isdigit()]
    if len(rows) != _N_CLASSES or [int(row[0]) for row in rows] != list(range(1, _N_CLASSES + 1)):
        raise InputError(f"list of classes {file} must number {_N_CLASSES} rows from 1, it has {len(rows)} rows")
    names = [re.split("[;,]", row[-1].strip())[0].strip() or f"class {row[0]}" for row in rows]
    return tuple(name if names.count(name) == 1 else f"{name} ({i})" for i, name in enumerate(names, 1))
