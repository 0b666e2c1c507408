"""Which image belongs to which mask: the folder layouts that data sets come in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from densa import raster
from densa.datasets.pairing import image_files, pair_folders
from densa.datasets.sample import Sample
from densa.datasets.threads import in_threads
from densa.errors import InputError

__all__ = ["SPLITS", "Layout", "find_layout"]

SPLITS = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
"""Folder names that say which split their images belong to."""

_IMAGES = {"images", "image", "imgs", "img", "img_dir", "jpegimages", "photos"}
_MASKS = {
    "masks", "mask", "labels", "label", "annotations", "annotation", "annot", "annots", "gt", "groundtruth",
    "ground_truth", "ann_dir", "targets", "segmentationclass",
}  # fmt: skip
# SegNet's way: the masks of `train` lie in `trainannot` beside it.
_BESIDE = ("annot", "_annot", "_masks", "_mask", "_labels", "_label", "_gt")
_LEGENDS = ("legend.json", "legend.yaml", "legend.yml", "legend.csv", "label_colors.txt", "classes.txt")
_LISTS_IN = ("", "splits", "ImageSets/Segmentation", "ImageSets")
_DEPTH = 4


@dataclass
class Layout:
    """What a folder holds; split "" is for images that no folder puts into a split."""

    root: Path
    kind: str
    splits: dict[str, list[Sample]] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)
    lists: dict[str, Path] = field(default_factory=dict)
    legend: Path | None = None
    instances: bool = False

    def add(self, images: Path, masks: Path | None, *, split: str = "", group: str = "") -> None:
        """Pair the files of two folders; `train/`, `val/`, `test/` inside them decide the split."""
        samples, problems = pair_folders(images, masks, group=group)
        for sample in samples:
            inner, place = _take_split(sample.group)
            name = f"{place}/{Path(sample.name).name}" if place else Path(sample.name).name
            self.splits.setdefault(inner or split, []).append(replace(sample, name=name, group=place))
        if problems:
            self.problems.setdefault(split, []).extend(problems)


def find_layout(root: Path, images: Path | None = None, masks: Path | None = None) -> Layout:
    """Find the images and masks of a data set.

    Args:
        root: folder of the data set.
        images: folder of the images, where it has a name of its own; relative to `root` or absolute.
        masks: folder of the masks, likewise; needed with `images`.

    Raises:
        InputError: `root` is no folder, or nothing in it is a layout that is known.
    """
    if not root.is_dir():
        raise InputError(f"a data set is a folder, {root} is not one")
    if (images is None) != (masks is None):
        raise InputError("images and masks go together: give both folders or neither")
    if images is not None and masks is not None:
        layout = Layout(root, "given")
        for folder in (root / images, root / masks):
            if not folder.is_dir():
                raise InputError(f"{folder} is not a folder")
        layout.add(root / images, root / masks)
    else:
        known = (find(folder) for folder in _descent(root) for find in (_voc, _segnet, _cell_tracking))
        layout = next((found for found in known if found), None) or _paired(root)
    if not any(layout.splits.values()):
        raise InputError(
            f"{root} holds no data set: expected the folders images/ and masks/ (with or without train/, val/, test/), "
            "train/ and trainannot/, or PASCAL VOC's JPEGImages/ and SegmentationClass/"
        )
    places = [layout.root / name for name in _LEGENDS] + [root / name for name in _LEGENDS]
    layout.legend = next((path for path in places if path.is_file()), None)
    layout.lists = layout.lists or _lists(layout.root) or _lists(root)
    _name_groups(layout)
    _expand_pages(layout)
    return layout


def _descent(root: Path) -> Iterator[Path]:
    """The folder, and what is in it as long as that is one folder alone (VOCdevkit/VOC2012)."""
    yield root
    below = [folder for folder in root.iterdir() if folder.is_dir() and not folder.name.startswith(".")]
    if len(below) == 1:
        yield from _descent(below[0])


def _voc(root: Path) -> Layout | None:
    """PASCAL VOC: only some of JPEGImages have a mask, and files list the splits."""
    images, masks = root / "JPEGImages", root / "SegmentationClass"
    if not (images.is_dir() and masks.is_dir()):
        return None
    layout = Layout(root, "voc", lists=_lists(root))
    layout.add(images, masks)
    if not layout.lists:
        layout.splits = {s: [x for x in samples if x.mask] for s, samples in layout.splits.items()}
    return layout


def _segnet(root: Path) -> Layout | None:
    """SegNet's tutorial: `train` + `trainannot`, `val` + `valannot`, `test` + `testannot`."""
    layout = Layout(root, "segnet")
    folders = {folder.name.lower(): folder for folder in sorted(root.iterdir()) if folder.is_dir()}
    for name, split in SPLITS.items():
        if name not in folders:
            continue
        masks = next((folders[name + end] for end in _BESIDE if name + end in folders), None)
        # A split folder with images/ inside is a paired layout; a test split may come without masks.
        if masks is not None or (split == "test" and next(image_files(folders[name], 0), None)):
            layout.add(folders[name], masks, split=split)
    return layout if any(s.mask for samples in layout.splits.values() for s in samples) else None


def _cell_tracking(root: Path) -> Layout | None:
    """Cell Tracking Challenge: frames `01/t012.tif`, instance masks `01_GT/SEG/man_seg012.tif` (else `01_ST`)."""
    layout = Layout(root, "cell-tracking", instances=True)
    for sequence in sorted(f for f in root.iterdir() if f.is_dir() and re.fullmatch(r"\d\d", f.name)):
        masks = next((m for end in ("GT", "ST") if (m := root / f"{sequence.name}_{end}" / "SEG").is_dir()), None)
        for mask in sorted(masks.glob("man_seg*.tif")) if masks else ():
            number = mask.stem.removeprefix("man_seg")
            name = f"{sequence.name}/t{number}"
            sample = Sample(name, sequence / f"t{number}.tif", mask, sequence.name)
            layout.splits.setdefault("", []).append(sample)
    return layout if layout.splits else None


def _paired(root: Path) -> Layout:
    """Folders of images and masks side by side, at the root or in folders of scenes and splits below it."""
    layout = Layout(root, "pairs")
    for folder, place in _folders(root):
        inside = sorted(f for f in folder.iterdir() if f.is_dir())
        images = [f for f in inside if f.name.lower() in _IMAGES]
        masks = [f for f in inside if f.name.lower() in _MASKS]
        if not images:
            continue
        if len(images) > 1 or len(masks) > 1:
            several = ", ".join(f.name for f in (images if len(images) > 1 else masks))
            raise InputError(f"{folder} has several folders of one kind ({several}); name them with images= and masks=")
        split, group = _take_split(place)
        layout.add(images[0], masks[0] if masks else None, split=split, group=group)
    if not any(s.mask for samples in layout.splits.values() for s in samples):
        layout.splits = {}
    return layout


def _folders(folder: Path, place: str = "", depth: int = 0) -> Iterator[tuple[Path, str]]:
    yield folder, place
    if depth < _DEPTH:
        for child in sorted(folder.iterdir()):
            known = child.name.lower() in _IMAGES | _MASKS
            if child.is_dir() and not known and not child.name.startswith("."):
                yield from _folders(child, f"{place}/{child.name}".lstrip("/"), depth + 1)


def _take_split(place: str) -> tuple[str, str]:
    """("train", "scene 1") of "train/scene 1"; ("", place) where no part names a split."""
    parts = [part for part in place.split("/") if part]
    for i, part in enumerate(parts):
        if part.lower() in SPLITS:
            return SPLITS[part.lower()], "/".join(parts[:i] + parts[i + 1 :])
    return "", "/".join(parts)


def _lists(root: Path) -> dict[str, Path]:
    """Files such as train.txt that list the images of the splits."""
    for folder in _LISTS_IN:
        found = {s: p for s in ("train", "val", "test") if (p := root / folder / f"{s}.txt").is_file()}
        both = root / folder / "trainval.txt"
        if "train" not in found and both.is_file():
            found["train"] = both
        if "train" in found or "val" in found:
            return found
    return {}


def _name_groups(layout: Layout) -> None:
    """A scene is a folder; where there is but one folder, every image stands for itself."""
    everything = [s for samples in layout.splits.values() for s in samples]
    if len({sample.group for sample in everything}) > 1 or layout.kind == "cell-tracking":
        rename = {s: s if s.group else replace(s, group=s.name) for s in everything}
    else:
        rename = {s: replace(s, name=Path(s.name).name, group=Path(s.name).name) for s in everything}
    for split, samples in layout.splits.items():
        layout.splits[split] = sorted((rename[s] for s in samples), key=lambda s: s.name)


def _expand_pages(layout: Layout) -> None:
    """One sample for each page of a multi-page TIFF; the pages of a file stay one group."""
    for split, samples in layout.splits.items():
        layout.splits[split] = [page for pages in in_threads(_pages, samples) for page in pages]


def _pages(sample: Sample) -> list[Sample]:
    if sample.image.suffix.lower() not in {".tif", ".tiff"}:
        return [sample]
    try:
        with raster.open(sample.image) as image:
            n_pages = image.n_pages
    except InputError:
        return [sample]  # `check` says what is wrong with it
    if n_pages == 1:
        return [sample]
    digits = len(str(n_pages - 1))
    return [replace(sample, name=f"{sample.name}_{page:0{digits}}", page=page) for page in range(n_pages)]
