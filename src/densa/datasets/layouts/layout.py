"""What the reader of a layout returns: the samples of a folder, by split."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from densa.datasets.dataset import Sample
from densa.datasets.image_files import image_files
from densa.datasets.layouts.pairing import pair_folders

__all__ = ["SPLITS", "Layout", "find_lists", "split_of"]

SPLITS = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
"""Folder names that state the split of their images."""

_LISTS_IN = ("", "splits", "ImageSets/Segmentation", "ImageSets")


@dataclass
class Layout:
    """The samples of a folder; split "" is for images that no folder assigns to a split.

    Attributes:
        root: folder of the data set.
        kind: name of the layout.
        splits: samples of each split.
        problems: what was found wrong in pairing, by split.
        lists: files that list the images of a split.
        legend: file of the legend; None where there is none.
        instances: the masks number objects.
        unmatched: where folders have images and masks, but no pair of them: how many there are, and the first of each.
    """

    root: Path
    kind: str
    splits: dict[str, list[Sample]] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)
    lists: dict[str, Path] = field(default_factory=dict)
    legend: Path | None = None
    instances: bool = False
    unmatched: list[str] = field(default_factory=list)

    @property
    def samples(self) -> list[Sample]:
        """The samples of all splits."""
        return [sample for samples in self.splits.values() for sample in samples]

    def add(
        self, images: Path, masks: Path | None, *, objects: Path | None = None, split: str = "", group: str = ""
    ) -> None:
        """Pair the files of two or three folders; `train/`, `val/` and `test/` inside them decide the split."""
        samples, problems = pair_folders(images, masks, objects=objects, group=group)
        files = [] if masks is None or any(sample.mask for sample in samples) else list(image_files(masks))
        if samples and files:
            self.unmatched.append(
                f"{len(samples)} images in {images} and {len(files)} masks in {masks}, but no two have the same stem "
                f"(first: {samples[0].image.name} and {files[0].name})"
            )
        for sample in samples:
            inner, place = split_of(sample.group)
            name = f"{place}/{Path(sample.name).name}" if place else Path(sample.name).name
            self.splits.setdefault(inner or split, []).append(replace(sample, name=name, group=place))
        if problems:
            self.problems.setdefault(split, []).extend(problems)


def split_of(place: str) -> tuple[str, str]:
    """("train", "scene 1") for "train/scene 1"; ("", place) where no part of the path is the name of a split."""
    parts = [part for part in place.split("/") if part]
    for i, part in enumerate(parts):
        if part.lower() in SPLITS:
            return SPLITS[part.lower()], "/".join(parts[:i] + parts[i + 1 :])
    return "", "/".join(parts)


def find_lists(root: Path) -> dict[str, Path]:
    """Files such as train.txt that list the images of the splits."""
    for folder in _LISTS_IN:
        found = {s: p for s in ("train", "val", "test") if (p := root / folder / f"{s}.txt").is_file()}
        both = root / folder / "trainval.txt"
        if "train" not in found and both.is_file():
            found["train"] = both
        if "train" in found or "val" in found:
            return found
    return {}
