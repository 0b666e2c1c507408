"""The layout of a data set: that whose reader recognises the folder, or the one that is named."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from densa import raster
from densa.datasets.dataset import Sample
from densa.datasets.layouts.annotated.coco import read_coco
from densa.datasets.layouts.annotated.coco_stuff import read_coco_stuff
from densa.datasets.layouts.annotated.label_studio import read_label_studio
from densa.datasets.layouts.annotated.labelme import read_labelme
from densa.datasets.layouts.annotated.ultralytics import read_ultralytics
from densa.datasets.layouts.cell_tracking import read_cell_tracking
from densa.datasets.layouts.folders import read_folders
from densa.datasets.layouts.layout import Layout, NoLayout, find_lists
from densa.datasets.layouts.nnunet import read_nnunet
from densa.datasets.layouts.published.ade20k import is_scene_parsing, read_ade20k
from densa.datasets.layouts.published.camvid import read_camvid
from densa.datasets.layouts.published.cityscapes import read_cityscapes
from densa.datasets.layouts.published.deepglobe import is_land_cover, read_deepglobe
from densa.datasets.layouts.published.dsb2018 import has_a_file_per_object, read_dsb2018
from densa.datasets.layouts.published.isprs import is_isprs, read_isprs
from densa.datasets.layouts.published.landcover_ai import read_landcover_ai
from densa.datasets.layouts.published.loveda import read_loveda
from densa.datasets.layouts.scene_tiles import scenes_of_tiles, strips_of_tiles
from densa.datasets.layouts.segnet import read_segnet
from densa.datasets.layouts.suffixes import read_stacks, read_suffixes
from densa.datasets.layouts.vector import read_vector, read_vector_folder
from densa.datasets.layouts.voc import read_voc
from densa.datasets.threads import in_threads
from densa.errors import InputError
from densa.locations import Elsewhere, location
from densa.raster.alignment import Frame, frame_of
from densa.settings import VectorLabels

__all__ = ["LAYOUTS", "PLAIN", "find_layout", "known_layout"]


@dataclass(frozen=True)
class Reader:
    """One layout.

    Attributes:
        read: the layout of a folder, None where it is another one.
        expects: what the folder holds, for messages.
        is_sure: whether what was found is this layout and not another data set with such names; asked where the layout
            is not named. None: always.
    """

    read: Callable[[Path], Layout | None]
    expects: str
    is_sure: Callable[[Layout], bool] | None = None


LAYOUTS = {
    "voc": Reader(read_voc, "JPEGImages/ and SegmentationClass/"),
    "segnet": Reader(read_segnet, "train/ and trainannot/, val/ and valannot/"),
    "cell-tracking": Reader(read_cell_tracking, "01/t000.tif and 01_GT/SEG/man_seg000.tif"),
    "cityscapes": Reader(read_cityscapes, "leftImg8bit/SPLIT/CITY/ and gtFine/SPLIT/CITY/"),
    "ade20k": Reader(read_ade20k, "images/training/ and annotations/training/", is_scene_parsing),
    "camvid": Reader(read_camvid, "701_StillsRaw_full/ and LabeledApproved_full/"),
    "loveda": Reader(read_loveda, "Train/Rural/images_png/ and Train/Rural/masks_png/"),
    "deepglobe": Reader(
        read_deepglobe, "train/N_sat.jpg and train/N_mask.png in the colours of land cover", is_land_cover
    ),
    "landcover-ai": Reader(read_landcover_ai, "images/ and masks/ of its orthophotos, or their tiles *_m.png"),
    "isprs": Reader(read_isprs, "*_RGB.tif (or *_RGBIR, *_IRRG) and *_label.tif", is_isprs),
    "nnunet": Reader(read_nnunet, "dataset.json, imagesTr/case_0000.tif and labelsTr/case.tif"),
    "dsb2018": Reader(read_dsb2018, "ID/images/ID.png and in ID/masks/ a file per object", has_a_file_per_object),
    "coco": Reader(read_coco, "a JSON file of images, annotations and categories"),
    "coco-stuff": Reader(read_coco_stuff, "stuffthingmaps/ or stuff_train2017_pixelmaps/, and images/"),
    "labelme": Reader(read_labelme, "a JSON file of shapes for each image"),
    "label-studio": Reader(read_label_studio, "an export in JSON of Label Studio, and its images"),
    "ultralytics": Reader(read_ultralytics, "data.yaml, images/ and labels/ with a text file for each image"),
}
"""Layouts that a folder is recognised by. Where several recognise one folder, the first has those of the same labels.

A reader returns what it finds without opening images; `Layout.codings` are its classes, where the layout says them, and
`Sample.drawn` draws labels that are no masks.
"""
PLAIN = {
    "pairs": Reader(read_folders, "the folders images/ and masks/ (with or without train/, val/, test/)"),
    "stacks": Reader(read_stacks, "train-volume.tif and train-labels.tif, whose pages are images and masks"),
    "suffixes": Reader(read_suffixes, "a_sat.jpg and a_mask.png, or a.png and a_L.png, a_label.png, a_gt.png"),
    "vector": Reader(read_vector_folder, "georeferenced images and one vector file, or one for each image"),
}
"""Layouts that say nothing but which image belongs to which mask, tried where no other recognises the folder."""
_ALIASES = {
    "mscoco": "coco", "yolo": "ultralytics",
    "camvidpublished": "camvid", "cvat": "voc", "folders": "pairs", "pascalvoc": "voc", "sceneparsing": "ade20k",
    "stack": "stacks",
}  # fmt: skip
_LEGENDS = (
    "legend.json",
    "legend.yaml",
    "legend.yml",
    "legend.csv",
    "label_colors.txt",
    "class_dict.csv",
    "classes.txt",
    "_classes.csv",
    "train/_classes.csv",
)


def find_layout(
    root: Path,
    images: Path | None = None,
    masks: Path | None = None,
    *,
    layout: str | None = None,
    labels: VectorLabels | None = None,
) -> Layout:
    """Find the images and masks of a data set.

    Args:
        root: folder of the data set.
        images: folder of the images, where it has a name of its own; relative to `root` or absolute.
        masks: folder of the masks, likewise; required with `images`.
        layout: name of the layout; None: the one that the folder is recognised by.
        labels: how vector labels are read, where they are the labels; `root` may then be an image.

    Raises:
        InputError: `root` is not a folder; several layouts are recognised in it; or it has not that of `layout`.
        NoLayout: no layout is recognised.
    """
    if labels is not None and (labels.is_given or layout == "vector"):
        if masks is not None or (layout is not None and known_layout(layout) != "vector"):
            raise InputError("vector labels take the place of masks; leave out `masks`, `layout` or `labels`")
        return _completed(read_vector(root, labels, images), root if root.is_dir() else root.parent)
    if not root.is_dir():
        place = location(root)
        what = "a URL: download it" if isinstance(place, Elsewhere) else "a file" if root.exists() else "not there"
        raise InputError(f"a data set is a folder of images and masks, {place} is {what}")
    if (images is None) != (masks is None):
        raise InputError("images and masks go together: give both folders or neither")
    if images is not None and masks is not None:
        found = _given(root, root / images, root / masks, layout)
    else:
        found = _recognised(root) if layout is None else _named(root, known_layout(layout))
    if found.unmatched and not any(sample.mask for sample in found.samples):
        raise InputError(
            f"there are {found.unmatched[0]}; name a mask like its image, where marks such as _mask, _gt or "
            "_labelIds do not count"
        )
    if not found.samples:
        raise NoLayout(
            f"{root} holds no data set: expected the folders images/ and masks/ (with or without train/, val/, test/), "
            "train/ and trainannot/, PASCAL VOC's JPEGImages/ and SegmentationClass/, or another layout of "
            f"{', '.join({**LAYOUTS, **PLAIN})}"
        )
    return _completed(found, root)


def _completed(found: Layout, root: Path) -> Layout:
    """A layout with its legend and lists, its samples named, and each page of a stack one of them."""
    places = [found.root / name for name in _LEGENDS] + [root / name for name in _LEGENDS]
    if found.reads_legend:
        found.legend = found.legend or next((path for path in places if path.is_file()), None)
    if found.reads_lists:
        found.lists = found.lists or find_lists(found.root) or find_lists(root)
    _leave_out_parts(found)
    _name_groups(found)
    _group_tiles(found, _expand_pages(found))
    return found


def known_layout(name: str) -> str:
    """The name of a layout as densa spells it: "LandCover.ai" is "landcover-ai".

    Raises:
        InputError: there is no such layout.
    """

    def bare(text: str) -> str:
        return re.sub(r"[^a-z0-9]", "", text.lower())

    names = {bare(known): known for known in {**LAYOUTS, **PLAIN}} | _ALIASES
    if bare(name) in names:
        return names[bare(name)]
    near = difflib.get_close_matches(bare(name), names, n=1)
    hint = f"; did you mean {names[near[0]]}?" if near else ""
    raise InputError(f"layout must be one of {', '.join({**LAYOUTS, **PLAIN})}, got {name!r}{hint}")


def _given(root: Path, images: Path, masks: Path, layout: str | None) -> Layout:
    """The images and masks of two folders."""
    if layout is not None:
        raise InputError("layout says where images and masks are; leave it out, or `images` and `masks`")
    for folder in (images, masks):
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder")
    found = Layout(root, "given", said=f"images in {images}, masks in {masks}")
    found.add(images, masks)
    return found


def _named(root: Path, name: str) -> Layout:
    """The layout of a name.

    Raises:
        InputError: the folder is laid out otherwise.
    """
    reader = (LAYOUTS | PLAIN)[name]
    for folder in _descent(root):
        found = reader.read(folder)
        if found is not None and (found.samples or found.unmatched):
            return found
    raise InputError(f"{root} has not the layout {name}: it expects {reader.expects}")


def _recognised(root: Path) -> Layout:
    """The layout that a folder is recognised by; without samples where there is none.

    Raises:
        InputError: several are, and their labels are not the same.
    """
    for folder in _descent(root):
        found: list[Layout] = []
        faults: list[InputError] = []
        for reader in LAYOUTS.values():
            try:
                layout = reader.read(folder)
            except InputError as error:  # of a file that is none of this layout, where another one is recognised
                faults.append(error)
                continue
            if layout is not None and reader.is_sure is not None and not reader.is_sure(layout):
                continue
            if layout is not None and not any(_is_of(layout, other) for other in found):
                found.append(layout)
        if found:
            _refuse_several(folder, found)
            return found[0]
        if faults:
            raise faults[0]
    layout = Layout(root, "none")
    for reader in PLAIN.values():
        another = reader.read(root)
        if another is not None and another.samples:
            return another
        if another is not None and another.unmatched:
            layout = another
    return layout


def _is_of(layout: Layout, other: Layout) -> bool:
    """Whether all labels of a layout are labels of another one, which says more of them."""
    return layout.labels <= other.labels


def _refuse_several(folder: Path, found: list[Layout]) -> None:
    """Refuse a folder of several layouts; folders of images and masks beside those of another layout are one, too."""
    several = [layout.kind for layout in found]
    if len(several) == 1:
        images, labels = (_below(folder, paths) for paths in (found[0].images, found[0].labels))
        try:
            beside = read_folders(folder, without=labels - images, rather_not=images)
        except InputError:  # several folders of masks
            return
        if not beside.labels - found[0].labels and found[0].values is not None:
            beside = read_suffixes(folder)  # masks among images and files of shapes
        if beside.labels - found[0].labels - found[0].images:
            several.append(beside.kind)
    if len(several) > 1:
        raise InputError(
            f"{folder} holds several layouts: "
            + ", and ".join(f"{kind} ({(LAYOUTS | PLAIN)[kind].expects})" for kind in several)
            + f"; name the one to read, as layout={several[0]}"
        )


def _below(root: Path, paths: set[Path]) -> set[Path]:
    """The folders below `root` that hold the paths."""
    return {folder for path in paths for folder in path.parents} - {root, *root.parents}


def _descent(root: Path) -> Iterator[Path]:
    """The folder, then the one inside it as long as it is the only one (VOCdevkit/VOC2012)."""
    yield root
    below = [folder for folder in root.iterdir() if folder.is_dir() and not folder.name.startswith(".")]
    if len(below) == 1:
        yield from _descent(below[0])


def _leave_out_parts(layout: Layout) -> None:
    """Leave out the images that a mosaic (VRT) among the images is made of: their pixels are there already."""
    mosaics = [sample.image for sample in layout.samples if sample.image.suffix.lower() == ".vrt"]
    parts: set[Path] = set()
    for path in mosaics:
        try:
            with raster.open(path) as image:
                parts |= {file.resolve() for file in image.files} - {path.resolve()}
        except InputError:
            continue  # `check` reports what is wrong with it
    n = len(layout.samples)
    for split, samples in layout.splits.items() if parts else ():
        layout.splits[split] = [sample for sample in samples if sample.image.resolve() not in parts]
    if left := n - len(layout.samples):
        layout.remarks.append(f"{left} images are parts of a mosaic ({mosaics[0].name}, ...) and are left out")


def _name_groups(layout: Layout) -> None:
    """A group is a folder of images; where there is only one folder, every image is a group of its own."""
    samples = layout.samples
    if len({sample.group for sample in samples}) > 1 or layout.grouped:
        rename = {s: s if s.group else replace(s, group=s.name) for s in samples}
    else:
        rename = {s: replace(s, name=Path(s.name).name, group=Path(s.name).name) for s in samples}
    for split, own in layout.splits.items():
        layout.splits[split] = sorted((rename[s] for s in own), key=lambda s: s.name)


def _expand_pages(layout: Layout) -> dict[Path, Frame]:
    """One sample for each page of a multi-page TIFF; the pages of a file stay one group. Where the TIFFs lie."""
    frames: dict[Path, Frame] = {}
    for split, samples in layout.splits.items():
        opened = list(in_threads(_pages, samples))
        found = [pages for pages, _ in opened]
        frames |= {s.image: frame for s, (_, frame) in zip(samples, opened, strict=True) if frame is not None}
        layout.splits[split] = [page for pages in found for page in pages]
        for sample, pages in zip(samples, found, strict=True):
            if problem := _spare_pages(sample, len(pages)):
                layout.problems.setdefault(split, []).append(problem)
    return frames


def _group_tiles(layout: Layout, frames: dict[Path, Frame]) -> None:
    """Tiles that adjoin on the ground are one group, where nothing else tells a scene; those of a single scene, strips.

    Args:
        layout: whose images in no split's folder are grouped.
        frames: where images lie.
    """
    loose = layout.splits.get("", [])
    if any(sample.group != sample.name or sample.page for sample in loose):
        return  # folders or files tell the scenes
    placed = [frames.get(sample.image) for sample in loose]
    scenes = scenes_of_tiles(placed)
    if scenes is None:
        return
    n_scenes = int(scenes.max()) + 1
    named = f"tiles of {n_scenes} scenes, which adjoin on the ground: a scene is never divided between splits"
    if n_scenes == 1:
        scenes = strips_of_tiles([frame for frame in placed if frame is not None])
        n = int(scenes.max()) + 1
        named = f"tiles of one scene, which adjoin on the ground: splits take whole strips of it, of {n}"
    first = {int(scene): loose[int((scenes == scene).argmax())].name for scene in scenes}
    layout.splits[""] = [replace(s, group=first[int(scene)]) for s, scene in zip(loose, scenes, strict=True)]
    layout.remarks.append(f"the {len(loose)} images are {named}")


def _spare_pages(sample: Sample, n_pages: int) -> str | None:
    """What is wrong where the mask of an image of `n_pages` pages, of which there are several, has more of them."""
    if n_pages < 2 or sample.mask is None or sample.drawn is not None:
        return None
    try:
        with raster.open(sample.mask) as mask:
            n_masks = mask.n_pages
    except InputError:
        return None  # `check` reports what is wrong with it
    return None if n_masks <= n_pages else f"{sample.mask}: it has {n_masks} pages, {sample.image} has {n_pages}"


def _pages(sample: Sample) -> tuple[list[Sample], Frame | None]:
    """A sample for each page of its image, and where the image lies; None where it is not looked at."""
    if sample.image.suffix.lower() not in {".tif", ".tiff"} or sample.drawn is not None:
        return [sample], None
    try:
        with raster.open(sample.image) as image:
            n_pages, frame = image.n_pages, frame_of(image)
    except InputError:
        return [sample], None  # `check` reports what is wrong with it
    if n_pages == 1:
        return [sample], frame
    digits = len(str(n_pages - 1))
    return [replace(sample, name=f"{sample.name}_{page:0{digits}}", page=page) for page in range(n_pages)], frame
