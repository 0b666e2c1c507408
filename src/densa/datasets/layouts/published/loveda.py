"""LoveDA (Wang et al. 2021, arXiv:2110.08733): `Train/Rural/images_png/` beside `masks_png/`; 0 is no data."""

from __future__ import annotations

from pathlib import Path

from densa.datasets.layouts.layout import SPLITS, Coding, Layout
from densa.legend import Legend

__all__ = ["read_loveda"]

_LEGEND = Legend(
    ("background", "building", "road", "water", "barren", "forest", "agriculture"),
    ((255, 255, 255), (255, 0, 0), (255, 255, 0), (0, 0, 255), (159, 129, 183), (0, 255, 0), (255, 195, 128)),
    codes=(1, 2, 3, 4, 5, 6, 7),
    ignored_codes=(0, 255),
    ignored_colors=((0, 0, 0),),
)


def read_loveda(root: Path) -> Layout | None:
    """The layout of `root`, None where it is another one."""
    layout = Layout(root, "loveda", codings={"": Coding(_LEGEND, "LoveDA's classes")})
    for folder in sorted(f for f in root.iterdir() if f.is_dir() and f.name.lower() in SPLITS):
        split = SPLITS[folder.name.lower()]
        for area in sorted(f for f in folder.iterdir() if (f / "images_png").is_dir()):
            masks = area / "masks_png"
            layout.add(area / "images_png", masks if masks.is_dir() else None, split=split, group=area.name)
    if not any(sample.mask for sample in layout.samples):
        return None
    # The areas are halves of the data set: a split by area would leave one out.
    layout.ungroup()
    layout.said = "images in images_png/, labels in masks_png/: 1 to 7 are LoveDA's classes, 0 is no data and ignored"
    return layout
