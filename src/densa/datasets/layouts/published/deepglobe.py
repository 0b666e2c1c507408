"""DeepGlobe land cover (Demir et al. 2018, arXiv:1805.06561): `119_sat.jpg` beside `119_mask.png`; unknown is black."""

from __future__ import annotations

import csv
from pathlib import Path

from densa.datasets.dataset import Sample
from densa.datasets.image_files import image_files
from densa.datasets.layouts.layout import SPLITS, Coding, Layout
from densa.datasets.layouts.published.looking import shows_palette
from densa.legend import Legend

__all__ = ["is_land_cover", "read_deepglobe"]

_LEGEND = Legend(
    ("urban land", "agriculture land", "rangeland", "forest land", "water", "barren land"),
    ((0, 255, 255), (255, 255, 0), (255, 0, 255), (0, 255, 0), (0, 0, 255), (255, 255, 255)),
    ignored_colors=((0, 0, 0),),
)


def read_deepglobe(root: Path) -> Layout | None:
    """The layout of `root`, None where it is another one.

    DeepGlobe's roads have the same names, but other classes: see `is_land_cover`.
    """
    layout = Layout(root, "deepglobe")
    for folder in [root, *sorted(f for f in root.iterdir() if f.is_dir() and f.name.lower() in SPLITS)]:
        split = "" if folder == root else SPLITS[folder.name.lower()]
        files = {path.stem.lower(): path for path in image_files(folder, 0)}
        for stem, path in files.items():
            if stem.endswith("_sat"):
                name = stem.removesuffix("_sat")
                sample = Sample(name, path, files.get(f"{name}_mask"), name)
                if sample.mask is not None or split == "test":
                    layout.splits.setdefault(split, []).append(sample)
    if not layout.labels:
        return None
    layout.codings = {"": Coding(_LEGEND, "DeepGlobe's colours", nearest=True)}
    layout.reads_legend = False  # class_dict.csv has unknown as a class
    layout.said = (
        "images *_sat, labels *_mask, whose colours are DeepGlobe's land cover, as near as compression left them; "
        "unknown (black) is ignored"
    )
    return layout


def is_land_cover(layout: Layout) -> bool:
    """Whether the classes are those of the land cover: by the list of classes, or by the colours of the masks."""
    file = layout.root / "class_dict.csv"
    if file.is_file():
        try:
            rows = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
        except (OSError, UnicodeDecodeError, csv.Error):
            return False
        return {"urban_land", "agriculture_land"} <= {row[0].strip().lower() for row in rows if row}
    return shows_palette(layout, _LEGEND)
