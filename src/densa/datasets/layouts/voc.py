"""PASCAL VOC: JPEGImages, of which only some have a mask in SegmentationClass, and files that list the splits."""

from __future__ import annotations

from pathlib import Path

from densa.datasets.layouts.layout import Layout, find_lists

__all__ = ["read_voc"]


def read_voc(root: Path) -> Layout | None:
    """The layout of `root`, None where it is another one."""
    images, masks = root / "JPEGImages", root / "SegmentationClass"
    if not (images.is_dir() and masks.is_dir()):
        return None
    said = "images in JPEGImages/, masks in SegmentationClass/"
    layout = Layout(root, "voc", lists=find_lists(root), said=said)
    objects = root / "SegmentationObject"  # for every mask, one that numbers its objects
    layout.add(images, masks, objects=objects if objects.is_dir() else None)
    if not layout.lists:
        layout.splits = {s: [x for x in samples if x.mask] for s, samples in layout.splits.items()}
    return layout
