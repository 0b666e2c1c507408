"""Pairs of image and mask files by their stems."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from densa.datasets.band_files import BandsOfScene, scenes_in_bands
from densa.datasets.dataset import Sample
from densa.datasets.image_files import IMAGE_SUFFIXES, image_files

__all__ = ["PairingProblem", "pair_folders"]


class PairingProblem(str):
    """A sentence on files that make no pair.

    Attributes:
        code: "mask-extra" or "name-ambiguous", see `densa.doctor`.
        path: the file.
    """

    code: str
    path: Path

    @classmethod
    def of(cls, code: str, path: Path, sentence: str) -> PairingProblem:
        """Make one; the sentence follows the path."""
        problem = cls(f"{path}: {sentence}")
        problem.code, problem.path = code, path
        return problem


Key = tuple[str, str]
"""Subfolder and stem of a file."""

_AFTER = "masks?|labels?|gt|l|seg|segmentation|annotations?|annot|groundtruth|labelhand|images?|img|rgb|s[12]hand|sat"
_BEFORE = "masks?|labels?|gt|seg|annotations?|images?|img"
_CITYSCAPES = "leftimg8bit|(?:gtfine|gtcoarse)_label(?:train)?ids|label(?:train)?ids"
_MARK = re.compile(rf"^(?:{_BEFORE})[_-](?=.)|(?<=.)[_-](?:{_CITYSCAPES}|{_AFTER})$", re.IGNORECASE)
_BESIDE_LABELS = re.compile(r"(?<=.)_(?:color|instanceids)$", re.IGNORECASE)
"""Ends of files that show the classes of a mask of Cityscapes again, in colours or with instances."""
_LABELS = re.compile(r"(?<=.)_label(?:train)?ids$", re.IGNORECASE)


def pair_folders(
    images: Path, masks: Path | None, *, objects: Path | None = None, group: str = ""
) -> tuple[list[Sample], list[PairingProblem]]:
    """Pair the images of a folder with the masks of another.

    A mask belongs to the image with the same stem in the same subfolder; otherwise to the one whose stem is the same
    without marks such as `_mask`, `_gt`, `image_`, or Cityscapes' `_leftImg8bit` and `_gtFine_labelIds`.

    Files of the bands of one scene (`T32_B04.tif`, `T32_B08.tif`) are one image of the scene's name.

    Args:
        images: folder of images; subfolders are scenes or splits.
        masks: folder of masks, with the same subfolders; None where there are no masks.
        objects: folder that tells the objects of the masks apart: for an image, a file of the same stem that numbers
            them, or a folder named by the stem with a file for each; None where there is none.
        group: scene of the folders.

    Returns:
        The samples (their `group` is the scene with the subfolder) and the problems: masks without an image, several
        files of one stem.
    """
    image_of, problems = _by_stem(images, "images")
    mask_of, more = _by_stem(masks, "masks") if masks else ({}, [])
    mask_of = _without_copies(mask_of)
    problems += more
    bands_of = _in_bands(image_of, mask_of)
    partner = {key: mask_of[key] for key in image_of if key in mask_of}
    bare_masks = _by_bare_stem(key for key in mask_of if key not in partner)
    bare_images = _by_bare_stem(key for key in image_of if key not in partner)
    for bare, keys in bare_images.items():
        candidates = bare_masks.get(bare, [])
        if len(keys) == len(candidates) == 1:
            partner[keys[0]] = mask_of[candidates[0]]
        elif len(keys) == 1 and candidates:
            several = ", ".join(mask_of[key].name for key in candidates)
            several = f"{len(candidates)} masks of one image ({several}); keep one of them"
            problems.append(PairingProblem.of("name-ambiguous", image_of[keys[0]], several))
    taken = set(partner.values())
    problems += [
        PairingProblem.of("mask-extra", path, "mask without an image") for path in mask_of.values() if path not in taken
    ]
    samples = []
    for (place, stem), path in image_of.items():
        bands = bands_of.get((place, stem), ())
        inside = "/".join(part for part in (group, place) if part)
        name = f"{inside}/{stem}" if inside else stem
        own = _objects(objects, place, stem) if objects else ()
        samples.append(Sample(name, path, partner.get((place, stem)), inside, objects=own, bands=bands))
    return samples, problems


def _in_bands(image_of: dict[Key, Path], mask_of: dict[Key, Path]) -> dict[Key, BandsOfScene]:
    """Scenes whose bands are files of their own, which one image takes the place of; by subfolder and scene.

    Files of bands are one image where no mask is named like one of them, and no image like the scene.
    """
    place_of = {path: key[0] for key, path in image_of.items()}
    found: dict[Key, BandsOfScene] = {}
    for (_, scene), bands in scenes_in_bands(image_of.values()).items():
        place = place_of[bands[0][1]]
        alone = [(place, path.stem) for _, path in bands]
        if (place, scene) in image_of or any(key in mask_of for key in alone):
            continue
        for key in alone:
            del image_of[key]
        image_of[place, scene] = bands[0][1]
        found[place, scene] = bands
    return found


def _without_copies(mask_of: dict[Key, Path]) -> dict[Key, Path]:
    """The masks without the colours and instances that Cityscapes keeps beside them."""
    labelled = {(place, _LABELS.sub("", stem)) for place, stem in mask_of if _LABELS.search(stem)}

    def is_copy(key: Key) -> bool:
        return bool(_BESIDE_LABELS.search(key[1])) and (key[0], _BESIDE_LABELS.sub("", key[1])) in labelled

    return {key: path for key, path in mask_of.items() if not is_copy(key)}


def _objects(folder: Path, place: str, stem: str) -> tuple[Path, ...]:
    """The files that tell the objects of one image apart."""
    beside = folder / place
    if (beside / stem).is_dir():
        return tuple(image_files(beside / stem, depth=0))
    return tuple(sorted(path for end in IMAGE_SUFFIXES if (path := beside / f"{stem}{end}").is_file()))[:1]


def _by_stem(folder: Path, what: str) -> tuple[dict[Key, Path], list[PairingProblem]]:
    found: dict[Key, list[Path]] = defaultdict(list)
    for path in image_files(folder):
        place = path.parent.relative_to(folder).as_posix()
        found["" if place == "." else place, path.stem].append(path)
    problems = [
        PairingProblem.of(
            "name-ambiguous", paths[0], f"{len(paths)} {what} of one stem ({', '.join(path.name for path in paths)})"
        )
        for paths in found.values()
        if len(paths) > 1
    ]
    return {key: paths[0] for key, paths in found.items()}, problems


def _by_bare_stem(keys: Iterator[Key]) -> dict[Key, list[Key]]:
    found: dict[Key, list[Key]] = defaultdict(list)
    for place, stem in keys:
        found[place, _MARK.sub("", stem).lower()].append((place, stem))
    return found
