"""Cityscapes (Cordts et al. 2016, arXiv:1604.01685): `leftImg8bit/SPLIT/CITY/` beside `gtFine/SPLIT/CITY/`.

The classes are those of `cityscapesscripts/helpers/labels.py`: 19 for training and evaluation, or all 30.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from densa.datasets.dataset import Sample
from densa.datasets.image_files import image_files
from densa.datasets.layouts.layout import SPLITS, Coding, Layout
from densa.legend import Color, Legend

__all__ = ["coding_of_files", "read_cityscapes"]

_LABELS: tuple[tuple[str, int, int, Color], ...] = (
    ("unlabeled", 0, 255, (0, 0, 0)),
    ("ego vehicle", 1, 255, (0, 0, 0)),
    ("rectification border", 2, 255, (0, 0, 0)),
    ("out of roi", 3, 255, (0, 0, 0)),
    ("static", 4, 255, (0, 0, 0)),
    ("dynamic", 5, 255, (111, 74, 0)),
    ("ground", 6, 255, (81, 0, 81)),
    ("road", 7, 0, (128, 64, 128)),
    ("sidewalk", 8, 1, (244, 35, 232)),
    ("parking", 9, 255, (250, 170, 160)),
    ("rail track", 10, 255, (230, 150, 140)),
    ("building", 11, 2, (70, 70, 70)),
    ("wall", 12, 3, (102, 102, 156)),
    ("fence", 13, 4, (190, 153, 153)),
    ("guard rail", 14, 255, (180, 165, 180)),
    ("bridge", 15, 255, (150, 100, 100)),
    ("tunnel", 16, 255, (150, 120, 90)),
    ("pole", 17, 5, (153, 153, 153)),
    ("polegroup", 18, 255, (153, 153, 153)),
    ("traffic light", 19, 6, (250, 170, 30)),
    ("traffic sign", 20, 7, (220, 220, 0)),
    ("vegetation", 21, 8, (107, 142, 35)),
    ("terrain", 22, 9, (152, 251, 152)),
    ("sky", 23, 10, (70, 130, 180)),
    ("person", 24, 11, (220, 20, 60)),
    ("rider", 25, 12, (255, 0, 0)),
    ("car", 26, 13, (0, 0, 142)),
    ("truck", 27, 14, (0, 0, 70)),
    ("bus", 28, 15, (0, 60, 100)),
    ("caravan", 29, 255, (0, 0, 90)),
    ("trailer", 30, 255, (0, 0, 110)),
    ("train", 31, 16, (0, 80, 100)),
    ("motorcycle", 32, 17, (0, 0, 230)),
    ("bicycle", 33, 18, (119, 11, 32)),
    ("license plate", -1, -1, (0, 0, 142)),
)
"""Name, id, train id and colour of each label."""
_VOID_IDS = range(4)  # what is no thing of the scene: unlabelled, the car itself, borders
_TEST_CITIES = {"berlin", "bielefeld", "bonn", "leverkusen", "mainz", "munich"}
_KINDS = ("labelIds", "labelTrainIds", "color")
_SOURCE = "Cityscapes' table of labels"


def read_cityscapes(root: Path) -> Layout | None:
    """The layout of `root`, None where it is another one."""
    images = root / "leftImg8bit"
    truth = next((root / name for name in ("gtFine", "gtCoarse") if (root / name).is_dir()), None)
    if truth is None or not images.is_dir():
        return None
    masks = {path.stem.lower(): path for path in image_files(truth)}
    layout = Layout(root, "cityscapes", grouped=True)
    found: dict[str, dict[Path, Path]] = {kind: {} for kind in _KINDS}
    files: list[tuple[str, str, str, Path]] = []
    for path in image_files(images):
        place = path.parent.relative_to(images).parts
        split = SPLITS.get(place[0].lower(), "train") if place else ""
        stem = path.stem.removesuffix("_leftImg8bit")
        files.append((split, "/".join(place[1:]) or stem, stem, path))
        for kind in _KINDS:
            mask = masks.get(f"{stem}_{truth.name}_{kind}".lower())
            if mask is not None:
                found[kind][path] = mask
    kind = max(_KINDS, key=lambda one: len(found[one]))  # the first of equals: ids tell most
    if not found[kind]:
        return None
    labelled = {path.parent.parent for path in found[kind]}  # train_extra has no fine labels
    for split, city, stem, path in files:
        mask = None if split == "test" and city in _TEST_CITIES else found[kind].get(path)
        if mask is None and split != "test" and path.parent.parent not in labelled:
            continue
        layout.splits.setdefault(split, []).append(Sample(f"{city}/{stem}", path, mask, city))
    layout.codings = _codings(kind)
    layout.said = (
        f"images in leftImg8bit/, labels in {truth.name}/*_{truth.name}_{kind}.png; {_WORDS[kind]}; cities are scenes"
    )
    return layout


def coding_of_files(masks: Sequence[Path]) -> Coding | None:
    """The coding of masks that are named like Cityscapes', wherever they lie; None for others."""
    kinds = {next((k for k in _KINDS[:2] if f.stem.lower().endswith(f"gtfine_{k}".lower())), "") for f in masks}
    return _codings(kind)["train"] if len(kinds) == 1 and (kind := kinds.pop()) else None


_WORDS = {
    "labelIds": "ids become the 19 train classes (--classes all: 30), other ids are ignored",
    "labelTrainIds": "the 19 train classes, 255 is ignored",
    "color": "colours become the 19 train classes, other colours are ignored",
}


def _codings(kind: str) -> dict[str, Coding]:
    trained = [label for label in _LABELS if 0 <= label[2] < 255]
    if kind == "labelTrainIds":
        return {
            "train": Coding(_legend(trained, [train_id for _, _, train_id, _ in trained], (255,)), _SOURCE, "values")
        }
    if kind == "color":
        others = {color for *_, color in _LABELS} - {color for *_, color in trained}
        legend = _legend(trained, list(range(19)), (255,), tuple(sorted(others)))
        return {"train": Coding(legend, _SOURCE, "colors")}
    ids = {label[1] for label in _LABELS} | {255}
    things = [label for label in _LABELS if label[1] >= 0 and label[1] not in _VOID_IDS]
    sets = {"train": trained, "all": things}
    return {
        name: Coding(
            _legend(labels, [i for _, i, _, _ in labels], tuple(sorted(ids - {i for _, i, _, _ in labels}))),
            _SOURCE,
            "values",
        )
        for name, labels in sets.items()
    }


def _legend(
    labels: list[tuple[str, int, int, Color]],
    codes: list[int],
    ignored: tuple[int, ...],
    ignored_colors: tuple[Color, ...] = (),
) -> Legend:
    shown: list[Color] = []
    for *_, (red, green, blue) in labels:  # poles and groups of poles have one colour in the table
        color = (red, green, blue)
        while color in shown or color == (0, 0, 0):
            color = (color[0], color[1], color[2] + 1)
        shown.append(color)
    return Legend(tuple(name for name, *_ in labels), tuple(shown), tuple(codes), ignored, ignored_colors)
