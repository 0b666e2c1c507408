"""The layout of a data set: the first whose reader recognises the folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from densa import raster
from densa.datasets.dataset import Sample
from densa.datasets.layouts.cell_tracking import read_cell_tracking
from densa.datasets.layouts.folders import read_folders
from densa.datasets.layouts.layout import Layout, find_lists
from densa.datasets.layouts.segnet import read_segnet
from densa.datasets.layouts.voc import read_voc
from densa.datasets.threads import in_threads
from densa.errors import InputError
from densa.locations import Elsewhere, location

__all__ = ["find_layout"]

READERS = (read_voc, read_segnet, read_cell_tracking)
"""Readers of the layouts that a folder is recognised by, tried in this order; `read_folders` follows them."""

_LEGENDS = ("legend.json", "legend.yaml", "legend.yml", "legend.csv", "label_colors.txt", "classes.txt")


def find_layout(root: Path, images: Path | None = None, masks: Path | None = None) -> Layout:
    """Find the images and masks of a data set.

    Args:
        root: folder of the data set.
        images: folder of the images, where it has a name of its own; relative to `root` or absolute.
        masks: folder of the masks, likewise; required with `images`.

    Raises:
        InputError: `root` is not a folder, or no layout is recognised in it.
    """
    if not root.is_dir():
        place = location(root)
        what = "a URL: download it" if isinstance(place, Elsewhere) else "a file" if root.exists() else "not there"
        raise InputError(f"a data set is a folder of images and masks, {place} is {what}")
    if (images is None) != (masks is None):
        raise InputError("images and masks go together: give both folders or neither")
    if images is not None and masks is not None:
        layout = Layout(root, "given")
        for folder in (root / images, root / masks):
            if not folder.is_dir():
                raise InputError(f"{folder} is not a folder")
        layout.add(root / images, root / masks)
    else:
        known = (read(folder) for folder in _descent(root) for read in READERS)
        layout = next((found for found in known if found), None) or read_folders(root)
    if layout.unmatched and not any(sample.mask for sample in layout.samples):
        raise InputError(
            f"there are {layout.unmatched[0]}; name a mask like its image, where marks such as _mask, _gt or "
            "_labelIds do not count"
        )
    if not layout.samples:
        raise InputError(
            f"{root} holds no data set: expected the folders images/ and masks/ (with or without train/, val/, test/), "
            "train/ and trainannot/, or PASCAL VOC's JPEGImages/ and SegmentationClass/"
        )
    places = [layout.root / name for name in _LEGENDS] + [root / name for name in _LEGENDS]
    layout.legend = next((path for path in places if path.is_file()), None)
    layout.lists = layout.lists or find_lists(layout.root) or find_lists(root)
    _name_groups(layout)
    _expand_pages(layout)
    return layout


def _descent(root: Path) -> Iterator[Path]:
    """The folder, then the one inside it as long as it is the only one (VOCdevkit/VOC2012)."""
    yield root
    below = [folder for folder in root.iterdir() if folder.is_dir() and not folder.name.startswith(".")]
    if len(below) == 1:
        yield from _descent(below[0])


def _name_groups(layout: Layout) -> None:
    """A group is a folder of images; where there is only one folder, every image is a group of its own."""
    samples = layout.samples
    if len({sample.group for sample in samples}) > 1 or layout.kind == "cell-tracking":
        rename = {s: s if s.group else replace(s, group=s.name) for s in samples}
    else:
        rename = {s: replace(s, name=Path(s.name).name, group=Path(s.name).name) for s in samples}
    for split, own in layout.splits.items():
        layout.splits[split] = sorted((rename[s] for s in own), key=lambda s: s.name)


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
        return [sample]  # `check` reports what is wrong with it
    if n_pages == 1:
        return [sample]
    digits = len(str(n_pages - 1))
    return [replace(sample, name=f"{sample.name}_{page:0{digits}}", page=page) for page in range(n_pages)]
