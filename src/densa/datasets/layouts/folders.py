"""A folder of images beside a folder of masks, at the root or in folders of scenes and splits below it.

A folder `instances/` beside them tells the objects of the masks apart; see `pair_folders`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from densa.datasets.image_files import image_files
from densa.datasets.layouts.layout import Layout, split_of
from densa.errors import InputError

__all__ = ["IMAGE_FOLDERS", "MASK_FOLDERS", "read_folders"]

IMAGE_FOLDERS = {"images", "image", "imgs", "img", "img_dir", "jpegimages", "photos"}
MASK_FOLDERS = {
    "masks", "mask", "labels", "label", "annotations", "annotation", "annot", "annots", "gt", "groundtruth",
    "ground_truth", "ann_dir", "targets", "segmentationclass",
}  # fmt: skip
_OBJECTS = {"instances", "instance", "instance_masks", "objects", "segmentationobject"}
_DEPTH = 4  # levels of folders that are searched


def read_folders(
    root: Path, *, without: Collection[Path] = frozenset(), rather_not: Collection[Path] = frozenset()
) -> Layout:
    """The layout of `root`; it has no samples where no image has a mask.

    Args:
        root: folder of the data set.
        without: folders that are not looked at, such as those of another layout's labels.
        rather_not: folders of images that are looked at only where no others lie beside them.

    Raises:
        InputError: a folder holds several folders of images, or several of masks.
    """
    layout = Layout(root, "pairs")
    found: list[str] = []
    for folder, place in _folders(root):
        inside = sorted(f for f in folder.iterdir() if f.is_dir() and f not in without)
        images = [f for f in inside if f.name.lower() in IMAGE_FOLDERS]
        images = [f for f in images if f not in rather_not] or images
        masks = [f for f in inside if f.name.lower() in MASK_FOLDERS]
        if not images:
            continue
        images, masks = _with_files(images), _with_files(masks)
        if len(images) > 1 or len(masks) > 1:
            several = ", ".join(f.name for f in (images if len(images) > 1 else masks))
            raise InputError(f"{folder} has several folders of one kind ({several}); name them with images= and masks=")
        objects = next((f for f in inside if f.name.lower() in _OBJECTS), None)
        split, group = split_of(place)
        found.append(f"images in {images[0].relative_to(root)}/, masks in {_name(masks, root)}")
        layout.add(images[0], masks[0] if masks else None, objects=objects, split=split, group=group)
    if not any(sample.mask for sample in layout.samples):
        layout.splits = {}
    layout.said = found[0] + (f" (and so in {len(found) - 1} more folders)" if len(found) > 1 else "") if found else ""
    return layout


def _with_files(folders: list[Path]) -> list[Path]:
    """Those of several folders that hold image files, where some do: annotations/ may hold JSON alone."""
    return [f for f in folders if next(image_files(f), None)] or folders if len(folders) > 1 else folders


def _name(masks: Sequence[Path], root: Path) -> str:
    return f"{masks[0].relative_to(root)}/" if masks else "none"


def _folders(folder: Path, place: str = "", depth: int = 0) -> Iterator[tuple[Path, str]]:
    """The folder and those below it, with their place; folders of images and masks are not entered."""
    yield folder, place
    if depth < _DEPTH:
        for child in sorted(folder.iterdir()):
            known = child.name.lower() in IMAGE_FOLDERS | MASK_FOLDERS | _OBJECTS
            if child.is_dir() and not known and not child.name.startswith("."):
                yield from _folders(child, f"{place}/{child.name}".lstrip("/"), depth + 1)
