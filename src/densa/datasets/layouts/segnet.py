"""SegNet's tutorial: `train` and `trainannot`, `val` and `valannot`, `test` and `testannot` side by side."""

from __future__ import annotations

from pathlib import Path

from densa.datasets.image_files import image_files
from densa.datasets.layouts.layout import SPLITS, Layout

__all__ = ["read_segnet"]

_ENDINGS = ("annot", "_annot", "_masks", "_mask", "_labels", "_label", "_gt")
"""Of the folder of masks, after the name of the split."""


def read_segnet(root: Path) -> Layout | None:
    """The layout of `root`, None where it is another one."""
    layout = Layout(root, "segnet")
    folders = {folder.name.lower(): folder for folder in sorted(root.iterdir()) if folder.is_dir()}
    for name, split in SPLITS.items():
        if name not in folders:
            continue
        masks = next((folders[name + end] for end in _ENDINGS if name + end in folders), None)
        if masks is not None:
            layout.said = layout.said or f"images in {folders[name].name}/, masks in {masks.name}/"
        # A split folder with images/ inside is the layout of `folders`; a test split may come without masks.
        if masks is not None or (split == "test" and next(image_files(folders[name], 0), None)):
            layout.add(folders[name], masks, split=split)
    return layout if any(sample.mask for sample in layout.samples) else None
