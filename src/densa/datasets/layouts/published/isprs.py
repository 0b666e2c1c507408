"""ISPRS Potsdam and Vaihingen: `top_potsdam_2_10_RGB.tif` with `top_potsdam_2_10_label.tif`, in one folder or several.

Also Vaihingen as it is published: `top/top_mosaic_09cm_area1.tif` with a file of the same name in
`gts_for_participants/`. The colours of the classes are the corners of the colour cube.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path

from densa.datasets.dataset import Sample
from densa.datasets.image_files import image_files
from densa.datasets.layouts.layout import Coding, Layout, split_of
from densa.datasets.layouts.published.looking import shows_palette
from densa.legend import Legend

__all__ = ["ISPRS", "is_isprs", "read_isprs"]

ISPRS = Legend(
    ("impervious surface", "building", "low vegetation", "tree", "car", "clutter"),
    ((255, 255, 255), (0, 0, 255), (0, 255, 255), (0, 255, 0), (255, 255, 0), (255, 0, 0)),
    codes=(1, 2, 3, 4, 5, 6),
    ignored_codes=(0, 255),
    ignored_colors=((0, 0, 0),),
)
"""Classes of Potsdam and Vaihingen; black is the boundary of objects in masks without boundaries, and is ignored."""
_IMAGE = re.compile(r"(.+)_(RGBIR|RGB|IRRG)", re.IGNORECASE)
_LABEL = re.compile(r"(.+?)(_label_noBoundary|_label|_noBoundary)", re.IGNORECASE)
_VAIHINGEN = re.compile(r"(top_mosaic_09cm_area\d+)(_noBoundary)?", re.IGNORECASE)
_BEST = ("RGBIR", "RGB", "IRRG")


def read_isprs(root: Path) -> Layout | None:
    """The layout of `root`, None where it is another one."""
    images: dict[str, dict[str, Path]] = defaultdict(dict)  # by ending, then by the stem before it
    labels: dict[str, dict[str, Path]] = defaultdict(dict)
    for path in image_files(root, 3):
        if area := _VAIHINGEN.fullmatch(path.stem):
            place = path.parent.relative_to(root).as_posix().lower()
            is_truth = bool(area[2] or re.search(r"(^|[/_])(gts?|ground_?truth|labels?)($|[/_])", place))
            (labels if is_truth else images)["_noBoundary" if area[2] else ""][area[1].lower()] = path
        elif match := _LABEL.fullmatch(path.stem):
            labels[match[2]][_bare(match[1])] = path
        elif match := _IMAGE.fullmatch(path.stem):
            images[match[2].upper()][match[1].lower()] = path
    n_pairs = {(image, label): len(images[image].keys() & labels[label].keys()) for image in images for label in labels}
    if not any(n_pairs.values()):
        return None
    chosen_image, chosen_label = max(
        n_pairs, key=lambda pair: (n_pairs[pair], -(len(pair[1])), -(_BEST.index(pair[0]) if pair[0] in _BEST else 9))
    )
    layout = Layout(root, "isprs", codings={"": Coding(ISPRS, "ISPRS' colours", nearest=True)})
    masks = labels[chosen_label]
    for stem, path in sorted(images[chosen_image].items()):
        split, _ = split_of(path.parent.relative_to(root).as_posix())
        if stem in masks or split == "test" or not split:
            layout.splits.setdefault(split, []).append(Sample(stem, path, masks.get(stem), stem))
    if all(sample.mask is None for sample in layout.splits.get("", [])):
        layout.splits.pop("", None)
    elif unlabelled := [s for s in layout.splits.get("", []) if s.mask is None]:
        layout.splits[""] = [s for s in layout.splits[""] if s.mask is not None]
        if "test" not in layout.splits:
            layout.splits["test"] = unlabelled
    layout.said = _said(images, labels, chosen_image, chosen_label)
    return layout


def is_isprs(layout: Layout) -> bool:
    """Whether the data set is Potsdam or Vaihingen, by the names of files or the colours of masks."""
    names = [path.stem.lower() for path in layout.images]
    return all("potsdam" in name or _VAIHINGEN.match(name) for name in names) or shows_palette(layout, ISPRS)


def _bare(stem: str) -> str:
    """The stem of the image of a label file: without the mark of an image, where it has one."""
    match = _IMAGE.fullmatch(stem)
    return (match[1] if match else stem).lower()


def _said(images: dict[str, dict[str, Path]], labels: dict[str, dict[str, Path]], image: str, label: str) -> str:
    counts = Counter({**{f"*_{end}": len(own) for end, own in images.items() if end and end != image}})
    counts += Counter({f"*{end}": len(own) for end, own in labels.items() if end and end != label})
    others = f" ({', '.join(counts)} are left)" if counts else ""
    end = f"*_{image}" if image else "top_mosaic_*"
    named = f"*{label}" if label else "of the same name"
    return (
        f"images {end}, labels {named}{others}, whose colours are ISPRS', as near as compression left them; black is "
        "ignored"
    )
