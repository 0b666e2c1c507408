"""Images and masks that differ by a word of their names: `a_sat.jpg` and `a_mask.png`, `a.png` and `a_L.png`.

They lie in one folder, or in two of any names below one. Stacks are such files too: `train-volume.tif` and
`train-labels.tif`, whose pages are paired.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from densa import raster
from densa.datasets.dataset import Sample
from densa.datasets.image_files import image_files
from densa.datasets.layouts.layout import SPLITS, Layout, split_of
from densa.datasets.layouts.pairing import PairingProblem
from densa.errors import InputError

__all__ = ["read_stacks", "read_suffixes"]

_OF_LABELS = {
    "mask", "masks", "label", "labels", "labelled", "gt", "l", "m", "seg", "segm", "segmentation", "annotation",
    "annotations", "annot", "groundtruth", "truth", "labelids", "labeltrainids",
}  # fmt: skip
_OF_IMAGES = {"sat", "rgb", "img", "imgs", "image", "images", "im", "volume", "raw", "leftimg8bit"}
_LAST_ONLY = {"l", "m", "im"}
_OTHERS = {"stack", "ground"}
_PHOTOS = {".jpg", ".jpeg"}


class _File(NamedTuple):
    path: Path
    place: str
    split: str
    bare: str
    is_label: bool


def read_suffixes(root: Path) -> Layout:
    """The layout of `root`; it has no samples where no image has a mask."""
    layout = Layout(root, "suffixes")
    files = [_file(path, root) for path in image_files(root)]
    pairs = _pairs(files, lambda file: (file.place, file.bare), layout) or _pairs(
        files, lambda file: (file.split, file.bare), layout
    )
    if not pairs:
        pairs = _by_format(files)
    if not pairs:
        return Layout(root, "suffixes")
    taken = {file.path for pair in pairs for file in pair}
    for image, mask in pairs:
        _add(layout, root, image, mask)
    for file in files:
        if file.path not in taken and not file.is_label and (file.split or file.bare.lower()) in ("test", "testing"):
            _add(layout, root, file, None)
    first = min(pairs, key=lambda pair: pair[0].path)
    left = len(files) - len(taken)
    layout.said = (
        f"images such as {first[0].path.relative_to(root).as_posix()}, masks such as "
        f"{first[1].path.relative_to(root).as_posix()}" + (f"; {left} files are left" if left else "")
    )
    return layout


def read_stacks(root: Path) -> Layout | None:
    """The layout of `root` where images and masks are the pages of pairs of files; None where it is another one."""
    layout = read_suffixes(root)
    labelled = [sample for sample in layout.samples if sample.mask is not None]
    if not labelled or any(sample.image.suffix.lower() not in {".tif", ".tiff"} for sample in labelled):
        return None
    try:
        with raster.open(labelled[0].image) as image:
            if image.n_pages < 2:
                return None
    except InputError:
        return None
    layout.kind, layout.said = "stacks", f"{layout.said}; page by page"
    return layout


def _add(layout: Layout, root: Path, image: _File, mask: _File | None) -> None:
    split = image.split or SPLITS.get(image.bare.lower(), "")
    _, group = split_of(image.place)
    stem = image.bare or image.path.stem
    name = f"{group}/{stem}" if group else stem
    layout.splits.setdefault(split, []).append(Sample(name, image.path, None if mask is None else mask.path, group))


def _file(path: Path, root: Path) -> _File:
    """What a file is, by the words at the ends of its stem."""
    place = path.parent.relative_to(root).as_posix()
    place = "" if place == "." else place
    words = re.split(r"([_\-\s]+)", path.stem)  # with what is between them
    is_label, known = False, _OF_LABELS | _OF_IMAGES | _OTHERS
    while words and words[-1].lower() in known:
        is_label = is_label or words[-1].lower() in _OF_LABELS
        words = words[:-2]
    while words and words[0].lower() in known - _LAST_ONLY:
        is_label = is_label or words[0].lower() in _OF_LABELS
        words = words[2:]
    return _File(path, place, split_of(place)[0], "".join(words).lower(), is_label)


def _pairs(files: list[_File], key: Callable[[_File], tuple[str, str]], layout: Layout) -> list[tuple[_File, _File]]:
    """Pairs of the files of one key; where it has several images or masks, a problem."""
    images: dict[tuple[str, str], list[_File]] = defaultdict(list)
    labels: dict[tuple[str, str], list[_File]] = defaultdict(list)
    for file in files:
        (labels if file.is_label else images)[key(file)].append(file)
    pairs, problems = [], []
    for place, own in labels.items():
        others = images.get(place, [])
        if len(own) == len(others) == 1:
            pairs.append((others[0], own[0]))
        elif others:
            names = ", ".join(file.path.name for file in (*others, *own))
            several = f"{len(others)} images and {len(own)} masks of one name ({names})"
            problems.append(PairingProblem.of("name-ambiguous", others[0].path, several))
    if pairs and problems:
        layout.problems.setdefault("", []).extend(problems)
    return pairs


def _by_format(files: list[_File]) -> list[tuple[_File, _File]]:
    """Pairs of a photo and a PNG of the same stem, where every PNG is one of a pair."""
    photos = {(f.place, f.path.stem): f for f in files if f.path.suffix.lower() in _PHOTOS}
    masks = {(f.place, f.path.stem): f for f in files if f.path.suffix.lower() == ".png"}
    if not masks or not masks.keys() <= photos.keys() or len(photos) + len(masks) < len(files):
        return []
    return [(photos[key], mask) for key, mask in masks.items()]
