"""What the reader of a layout returns: the samples of a folder, by split."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from densa.datasets.class_table import Value
from densa.datasets.dataset import Sample
from densa.datasets.image_files import image_files
from densa.datasets.layouts.pairing import pair_folders
from densa.datasets.masks import Encoding
from densa.errors import InputError
from densa.legend import Legend

__all__ = ["SPLITS", "Coding", "Layout", "NoLayout", "find_lists", "split_of"]

SPLITS = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
"""Folder names that state the split of their images."""

_LISTS_IN = ("", "splits", "ImageSets/Segmentation", "ImageSets")


class NoLayout(InputError):
    """A folder that is no data set, as far as is known."""


@dataclass(frozen=True)
class Coding:
    """How the labels of a layout are read, where the layout says so.

    Attributes:
        legend: the classes, with their values or colours in the files, and those that are ignored.
        source: where it comes from, for people: "Cityscapes' table", or a file.
        encoding: of the masks; None: by their contents.
        nearest: colours near that of a class are of that class, as compression leaves them.
    """

    legend: Legend
    source: str
    encoding: Encoding | None = None
    nearest: bool = False


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
        codings: how the labels are read, where the layout says so: one of the name "", or those of `classes`, the
            first by default.
        said: what was taken for what, for people.
        grouped: the groups of the samples are scenes, even where there is one alone.
        reads_legend: a legend file in the folder comes before `codings`.
        reads_lists: files in the folder list the images of splits.
        values: what classes are called, where labels are drawn: the number of each is its place; None where they are
            masks.
        background: where labels are drawn, name of the class of pixels that nothing covers; None: they have no label.
        remarks: what was decided in reading, a line each, for people.
        unmatched: where folders have images and masks, but no pair of them: how many there are, and the first of each.
    """

    root: Path
    kind: str
    splits: dict[str, list[Sample]] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)
    lists: dict[str, Path] = field(default_factory=dict)
    legend: Path | None = None
    instances: bool = False
    codings: dict[str, Coding] = field(default_factory=dict)
    said: str = ""
    grouped: bool = False
    reads_legend: bool = True
    reads_lists: bool = True
    values: tuple[Value, ...] | None = None
    background: str | None = None
    remarks: list[str] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)

    @property
    def samples(self) -> list[Sample]:
        """The samples of all splits."""
        return [sample for samples in self.splits.values() for sample in samples]

    @property
    def images(self) -> set[Path]:
        """The files of the images."""
        return {sample.image for sample in self.samples}

    @property
    def labels(self) -> set[Path]:
        """The files or folders that hold the labels."""
        return {sample.mask for sample in self.samples if sample.mask is not None}

    def ungroup(self) -> None:
        """Make every image a group of its own."""
        self.grouped = True
        for split, own in self.splits.items():
            self.splits[split] = [replace(sample, group=sample.name) for sample in own]

    def line(self) -> str:
        """What was taken for what, in one line."""
        n, labelled = len(self.samples), sum(sample.mask is not None for sample in self.samples)
        of_them = "all labelled" if labelled == n else f"{labelled} labelled"
        said = f"{self.said}; " if self.said else ""
        return f"layout {self.kind}: {said}{n} image{'s' * (n != 1)}, {of_them}"

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
        if joined := [sample for sample in samples if sample.bands]:
            names = ", ".join(name for name, _ in joined[0].bands)
            shown = ", ".join(path.name for _, path in joined[0].bands[:2])
            self.remarks.append(
                f"the bands of {len(joined)} images lie in files of their own ({shown}, ...) and are read together: "
                f"{names}"
            )


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
