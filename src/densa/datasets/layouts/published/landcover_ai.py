"""LandCover.ai (Boguszewski et al. 2021, arXiv:2005.02264): whole orthophotos, or the tiles that its script cuts."""

from __future__ import annotations

import re
from pathlib import Path

from densa.datasets.dataset import Sample
from densa.datasets.image_files import image_files
from densa.datasets.layouts.layout import Coding, Layout, find_lists
from densa.legend import Legend

__all__ = ["read_landcover_ai"]

_LEGEND = Legend(
    ("background", "building", "woodland", "water", "road"),
    ((0, 0, 0), (222, 31, 7), (34, 97, 38), (0, 120, 255), (128, 128, 128)),
)
_SCENE = re.compile(r"[MN]-\d\d-\d+-[A-D]-[a-d]-\d-\d", re.IGNORECASE)
_TILE = re.compile(rf"({_SCENE.pattern})_\d+", re.IGNORECASE)


def read_landcover_ai(root: Path) -> Layout | None:
    """The layout of `root`, None where it is another one."""
    coding = Coding(_LEGEND, "LandCover.ai's classes", "values")
    layout = Layout(root, "landcover-ai", codings={"": coding}, grouped=True)
    places = [folder for folder in (root / "output", root) if folder.is_dir()]
    tiles = next((t for folder in places if (t := _tiles(folder))), [])
    if (root / "images").is_dir() and (root / "masks").is_dir():
        masks = {path.stem: path for path in image_files(root / "masks", 0)}
        for path in image_files(root / "images", 0):
            if _SCENE.fullmatch(path.stem):
                sample = Sample(path.stem, path, masks.get(path.stem), path.stem)
                layout.splits.setdefault("", []).append(sample)
    if tiles and not (layout.splits and not find_lists(root)):
        layout.splits, layout.lists = {"": tiles}, find_lists(root)
        layout.said = "tiles *.jpg, labels *_m.png; tiles of one orthophoto are a scene"
    elif layout.splits:
        layout.reads_lists = False  # they name tiles, of all scenes in each split
        layout.said = "whole orthophotos in images/, labels in masks/, each of which is a scene"
    return layout if any(sample.mask for sample in layout.samples) else None


def _tiles(folder: Path) -> list[Sample]:
    """The tiles of a folder, with their masks."""
    files = {path.stem: path for path in image_files(folder, 0)}
    return [
        Sample(stem, path, files[f"{stem}_m"], match[1])
        for stem, path in files.items()
        if (match := _TILE.fullmatch(stem)) and f"{stem}_m" in files
    ]
