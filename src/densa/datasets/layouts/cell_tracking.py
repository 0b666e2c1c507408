"""Cell Tracking Challenge: frames `01/t012.tif`, instance masks `01_GT/SEG/man_seg012.tif` (or `01_ST`)."""

from __future__ import annotations

import re
from pathlib import Path

from densa.datasets.dataset import Sample
from densa.datasets.layouts.layout import Layout

__all__ = ["read_cell_tracking"]


def read_cell_tracking(root: Path) -> Layout | None:
    """The layout of `root`, None where it is another one."""
    said = "frames in NN/, numbered objects in NN_GT/SEG/ or NN_ST/SEG/, each of which is foreground"
    layout = Layout(root, "cell-tracking", instances=True, grouped=True, said=said)
    for sequence in sorted(f for f in root.iterdir() if f.is_dir() and re.fullmatch(r"\d\d", f.name)):
        masks = next((m for end in ("GT", "ST") if (m := root / f"{sequence.name}_{end}" / "SEG").is_dir()), None)
        for mask in sorted(masks.glob("man_seg*.tif")) if masks else ():
            number = mask.stem.removeprefix("man_seg")
            name = f"{sequence.name}/t{number}"
            sample = Sample(name, sequence / f"t{number}.tif", mask, sequence.name)
            layout.splits.setdefault("", []).append(sample)
    return layout if layout.splits else None
