"""Data Science Bowl 2018 (Caicedo et al. 2019) and its like: `ID/images/ID.png`, in `ID/masks/` a file per object."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densa import raster
from densa.datasets.dataset import Sample
from densa.datasets.image_files import image_files
from densa.datasets.layouts.layout import Coding, Layout, split_of
from densa.datasets.legends import OBJECTS
from densa.datasets.masks import read_objects
from densa.errors import InputError

__all__ = ["ObjectFiles", "has_a_file_per_object", "read_dsb2018"]


@dataclass(frozen=True)
class ObjectFiles:
    """The label map of an image whose objects have a file each: 1 where any of them shows one."""

    image: Path
    files: tuple[Path, ...]

    @property
    def height(self) -> int:
        """Height of the image in pixels."""
        return self._size()[0]

    @property
    def width(self) -> int:
        """Width of the image in pixels."""
        return self._size()[1]

    def read(self, window: raster.Window) -> NDArray[np.uint8]:
        """(h, w) uint8: 1 where an object is, 0 elsewhere.

        Raises:
            InputError: a file cannot be read, or has another size than the image.
        """
        if not self.files:
            return np.zeros((window.height, window.width), np.uint8)
        size = self._size()
        with raster.open(self.files[0]) as first:
            if (first.height, first.width) != size:
                raise InputError(f"{self.files[0]} is {first.height}x{first.width}, the image {size[0]}x{size[1]}")
        return (read_objects(self.files, window=window) > 0).astype(np.uint8)

    def _size(self) -> tuple[int, int]:
        with raster.open(self.image) as image:
            return image.height, image.width


def read_dsb2018(root: Path) -> Layout | None:
    """The layout of `root`, None where it is another one.

    Images without a folder of objects are not labelled; an empty folder says that there is no object.
    """
    layout = Layout(root, "dsb2018", codings={"": Coding(OBJECTS, "a file per object", "values")})
    for folder in (root, *sorted(f for f in root.iterdir() if f.is_dir() and not f.name.startswith("."))):
        split, _ = split_of(folder.name.replace("stage1_", "").replace("stage2_", "")) if folder != root else ("", "")
        if folder.name.lower().startswith("stage2_"):
            split = "test"
        for one in sorted(f for f in folder.iterdir() if f.is_dir()):
            if (sample := _sample(one)) is not None:
                layout.splits.setdefault(split, []).append(sample)
    if not layout.labels:
        return None
    layout.said = "images ID/images/ID, in ID/masks/ a file per object: what any shows is object, the rest background"
    return layout


def has_a_file_per_object(layout: Layout) -> bool:
    """Whether files beside images show objects, not masks: several of one image, or all with names of their own."""
    if any(len(sample.objects) > 1 for sample in layout.samples):
        return True
    own = [file.stem != sample.image.stem for sample in layout.samples for file in sample.objects]
    return len(own) > 1 and all(own)


def _sample(folder: Path) -> Sample | None:
    """The image of a folder, with the files of its objects; None where the folder is no such."""
    if not (folder / "images").is_dir():
        return None
    images = list(image_files(folder / "images", 0))
    if len(images) != 1:
        return None
    masks = folder / "masks"
    if not masks.is_dir():
        return Sample(folder.name, images[0], None, folder.name)
    files = tuple(image_files(masks, 0))
    drawn = ObjectFiles(images[0], files)
    return Sample(folder.name, images[0], masks, folder.name, objects=files, drawn=drawn)
