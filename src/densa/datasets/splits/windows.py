"""Windows of images as images of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from densa.datasets.dataset import Dataset
from densa.raster import Raster, Window
from densa.raster.part import Part

__all__ = ["WindowDataset"]


@dataclass(frozen=True)
class WindowDataset(Dataset):
    """A `Dataset` of windows of images.

    Args:
        windows: one window for each sample, inside its image.

    Examples:
        >>> from densa import datasets
        >>> train = datasets.open(datasets.coins("coins"))["train"]
        >>> blocks = datasets.block_split(train, block=64, buffer=16)["train"]
        >>> len(blocks.windows) == len(blocks)
        True
        >>> blocks.size(0) == (blocks.windows[0].height, blocks.windows[0].width)
        True
    """

    windows: tuple[Window, ...] = ()

    @classmethod
    def of(cls, dataset: Dataset, places: Sequence[tuple[int, Window]]) -> Self:
        """Windows of the images of a data set, each given by the number of its image; named by their corner."""
        samples = tuple(
            replace(s := dataset.samples[i], name=f"{s.name}@{window.row},{window.column}") for i, window in places
        )
        same = {f.name: getattr(dataset, f.name) for f in fields(Dataset) if f.init and not f.name.startswith("_")}
        return cls(**same | {"samples": samples}, windows=tuple(window for _, window in places))

    def subset(self, numbers: Sequence[int]) -> Self:
        """The windows of these numbers; see `Dataset.subset`."""
        return replace(super().subset(numbers), windows=tuple(self.windows[i] for i in numbers))

    def whole_size(self, i: int) -> tuple[int, int]:
        """Height and width of the image that window `i` is part of."""
        with super().open_image(i) as image:
            return image.height, image.width

    def part_of(self, i: int) -> tuple[str, int, int]:
        """Name of the image that window `i` is part of, and the row and column of its corner."""
        window, sample = self.windows[i], self.samples[i]
        return sample.name.removesuffix(f"@{window.row},{window.column}"), window.row, window.column

    def open_image(self, i: int) -> Raster:
        """The window of image `i` as a raster of its own, to be closed by the caller."""
        return _WindowOfFile(super().open_image(i), self.windows[i])

    def remember_place(self, i: int, opened: Raster) -> None:
        """Nothing: masks are laid over the whole images."""

    def mask_labels(self, i: int, window: Window | None = None) -> NDArray[np.uint8]:
        """(h, w) uint8 label map of the window, or of a part of it."""
        return super().mask_labels(i, _shifted(self.windows[i], window))

    def mask_size(self, i: int) -> tuple[int, int]:
        """Height and width of the window."""
        return self.windows[i].height, self.windows[i].width

    def instances(self, i: int) -> NDArray[np.int32]:
        """(h, w) objects of the window; see `Dataset.instances`."""
        return self._instances(i, self.windows[i])


class _WindowOfFile(Part):
    """A window of a raster, with its georeference; closing it closes the raster."""

    def __init__(self, whole: Raster, window: Window) -> None:
        super().__init__(whole, window)
        place = whole.georeference
        if place is not None and place.transform is not None:
            t, row, column = place.transform, window.row, window.column
            corner = t.a * column + t.b * row + t.c, t.d * column + t.e * row + t.f
            place = replace(place, transform=type(t)(t.a, t.b, corner[0], t.d, t.e, corner[1]))
        self.georeference, self.n_pages, self.metadata = place, whole.n_pages, dict(whole.metadata)

    def close(self) -> None:
        self._whole.close()


def _shifted(own: Window, window: Window | None) -> Window:
    """A part of a window, in coordinates of the image."""
    if window is None:
        return own
    return Window(own.row + window.row, own.column + window.column, window.height, window.width)
