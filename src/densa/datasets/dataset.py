"""A data set in memory: images, their masks and the legend of one split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from densa import raster
from densa.datasets.image_files import has_windows
from densa.datasets.label_source import LabelSource
from densa.datasets.masks import Encoding, read_labels, read_objects
from densa.errors import InputError
from densa.legend import IGNORE, Legend
from densa.raster.alignment import Frame, Onto, frame_of, meets, misplacement, onto
from densa.raster.bands import Band, match_bands
from densa.raster.choice.chosen import choose_bands

__all__ = ["Dataset", "Sample", "strips"]

_STRIP_PIXELS = 1 << 24


@dataclass(frozen=True)
class Sample:
    """An image, its mask, and the scene that both belong to.

    Args:
        name: of the sample; unique within a split, may contain "/" where folders are scenes.
        image: image file.
        mask: mask file; with `drawn`, the file of strokes, polygons or annotations; None where there is none.
        group: the scene; a split by fraction never divides one.
        page: page of the files, where they are stacks.
        objects: files beside the mask that tell its objects apart: one that numbers them, or one for each; empty where
            there are none.
        bands: names and files of the bands, where they lie in several files of which `image` is the first.
        drawn: draws the labels on the grid of the image, where they are no raster; None: `mask` is read.

    Examples:
        >>> from densa import datasets
        >>> train = datasets.open(datasets.coins("coins"))["train"]
        >>> sample = train.samples[0]
        >>> sample.name, sample.image.name, sample.mask.name
        ('left', 'left.tif', 'left.png')
    """

    name: str
    image: Path
    mask: Path | None
    group: str
    page: int = 0
    objects: tuple[Path, ...] = ()
    drawn: LabelSource | None = None
    bands: tuple[tuple[str, Path], ...] = ()

    def open(self, wanted: Sequence[int | str] | None = None) -> raster.Raster:
        """The image as a raster, to be closed by the caller; `wanted`: bands by name, whose files alone are opened."""
        if self.bands:
            own = dict(self.bands)
            named = [str(band) for band in wanted or () if band in own]
            chosen = self.bands if len(named) < len(wanted or own) else [(name, own[name]) for name in named]
            names, files = zip(*chosen, strict=True)
            return raster.open_together(files, names, page=self.page)
        return raster.open(self.image, page=self.page)


@dataclass(frozen=True)
class Dataset:
    """One split of a data set.

    Args:
        samples: images with their masks.
        legend: names and file encoding of the classes.
        encoding: how the masks encode the class.
        legend_source: where the legend comes from, for people.
        problems: what was found wrong when the files were paired; `check` reports it.
        remarks: what was decided in reading the masks, a line each, for people.
        align: resample masks to the grid of their image, where both are georeferenced.
        bands: to be read of every image, by number from 1 or by name, in this order; None: all.
        like: the bands that images have, where they are known: those of images that name them are read in this order.
        layout: name of the layout of the folder; "" where it has none.
        has_published_classes: the classes are those of a published table, of which many may not occur.
        taken: what was taken for what: the layout, and classes that no file names, a line each, for people.

    Examples:
        >>> from densa import datasets
        >>> train = datasets.open(datasets.coins("coins"))["train"]
        >>> len(train), train.legend.class_names, train.size(0), train.n_bands
        (1, ('background', 'coin'), (303, 192), 1)
        >>> train.labels(0).shape
        (303, 192)
    """

    samples: tuple[Sample, ...]
    legend: Legend
    encoding: Encoding = "values"
    legend_source: str = "given"
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    align: bool = False
    bands: tuple[int | str, ...] | None = None
    like: tuple[Band, ...] = ()
    layout: str = ""
    taken: tuple[str, ...] = ()
    has_published_classes: bool = False
    # Images known to have no invalid pixel need not be read for their label maps.
    _all_valid: dict[int, bool] = field(default_factory=dict, repr=False, compare=False)
    _grids: dict[int, Onto | None] = field(default_factory=dict, repr=False, compare=False)
    _places: dict[int, Frame] = field(default_factory=dict, repr=False, compare=False)
    _mask_places: dict[int, Frame] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.samples)

    def subset(self, numbers: Sequence[int]) -> Self:
        """The images of these numbers, in this order, as a data set of their own."""
        return self.with_samples(self.samples[i] for i in numbers)

    @cached_property
    def n_bands(self) -> int:
        """Number of bands of the first image; `check` makes sure that all images have as many."""
        if not self.samples:
            raise InputError("the data set holds no image")
        with self.open_image(0) as image:
            return image.n_bands

    def with_samples(self, samples: Iterable[Sample]) -> Self:
        """The same data set with other samples, so that what is noted of the images is forgotten."""
        forgotten: dict[str, Any] = {f.name: {} for f in fields(Dataset) if f.name.startswith("_")}
        return replace(self, samples=tuple(samples), **forgotten)

    def open_image(self, i: int) -> raster.Raster:
        """The raster of image `i`, to be closed by the caller."""
        wanted = [band.name for band in self.like] if self.bands is None else self.bands
        return _as_wanted(self.samples[i].open(wanted), self.bands, self.like)

    def size(self, i: int) -> tuple[int, int]:
        """Height and width of image `i`; only its header is read."""
        with self.open_image(i) as image:
            return image.height, image.width

    def part_of(self, i: int) -> tuple[str, int, int] | None:
        """Name of the image that `i` is a window of, with its row and column; None where it is a whole image."""
        return None

    def image(self, i: int, window: raster.Window | None = None) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Image `i` or a window of it: (bands, h, w) in its own type, and (h, w) true where it is valid."""
        with self.open_image(i) as image:
            bands, valid = image.read(window)
        if window is None:
            self.remember_valid(i, bool(valid.all()))
        return bands, valid

    def remember_valid(self, i: int, all_valid: bool) -> None:
        """Note whether image `i` has no invalid pixel, so that `labels` need not read it again."""
        self._all_valid[i] = all_valid

    def remember_place(self, i: int, opened: raster.Raster) -> None:
        """Note where image `i`, which is open, lies, so that it need not be opened again."""
        self._places[i] = frame_of(opened)

    def labels(self, i: int) -> NDArray[np.uint8]:
        """(h, w) uint8 label map of image `i`; `IGNORE` where not labelled and where the image is invalid.

        Raises:
            InputError: there is no mask, it cannot be read, it has another size than the image, or it holds values or
                colours that are not in the legend.
        """
        return self.labels_and_valid(i)[0]

    def labels_and_valid(self, i: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
        """The label map of image `i`, see `labels`, and (h, w) true where the image is valid; None where all of it is.

        The image is read in strips, and not at all where it is known to have no invalid pixel.
        """
        parts = list(self.strips_of_labels(i))
        labels = parts[0][0] if len(parts) == 1 else np.concatenate([part for part, _ in parts])
        if self._all_valid.get(i, False):
            return labels, None
        return labels, np.concatenate([np.ones(part.shape, bool) if v is None else v for part, v in parts])

    def strips_of_labels(self, i: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_] | None]]:
        """What `labels_and_valid` returns, by strips of rows from the top: neither image nor labels are held whole.

        Only masks whose format has no windows are decoded as a whole.
        """
        height, width = self.mask_size(i)
        read = self.mask_reader(i)
        if self._all_valid.get(i, False):
            yield from ((read(window), None) for window in strips(height, width))
            return
        all_valid = True
        with self.open_image(i) as image:
            if (image.height, image.width) != (height, width):
                size = _size((image.height, image.width))
                raise InputError(f"{self.samples[i].mask} is {_size((height, width))}, the image {size}")
            for window in strips(height, width):
                labels, valid = read(window), image.read(window)[1]
                labels[~valid] = IGNORE
                all_valid = all_valid and bool(valid.all())
                yield labels, valid
        self.remember_valid(i, all_valid)

    def mask_labels(self, i: int, window: raster.Window | None = None) -> NDArray[np.uint8]:
        """(h, w) uint8 label map of image `i` or a window of it, from the mask file alone."""
        sample = self.samples[i]
        if sample.drawn is not None:
            return sample.drawn.read(window or raster.Window(0, 0, sample.drawn.height, sample.drawn.width))
        if sample.mask is None:
            raise InputError(f"{sample.image} has no mask")

        def read(part: raster.Window | None) -> NDArray[np.uint8]:
            return read_labels(sample.mask, self.legend, self.encoding, sample.page, part)  # type: ignore[arg-type]

        return self._on_grid(i, read, IGNORE, window)

    def misplacement(self, i: int) -> str | None:
        """What is wrong where image `i` and its mask do not lie at one place on the ground; None otherwise.

        A mask of another size than its image is resampled to it, where both are georeferenced, and must only meet it.
        """
        image, mask = self._frames(i)
        if self.align:
            return None
        return meets(mask, image) if self.is_resampled(i) else misplacement(mask, image)

    def is_resampled(self, i: int) -> bool:
        """Whether the mask of image `i` is read on the grid of the image: `align`, or one of another size is placed."""
        if not self._mask_frame(i).is_placed:  # the image need not be opened
            return False
        image, mask = self._frames(i)
        if not image.is_placed:
            return False
        placed = image.georeference is not None and mask.georeference is not None
        return self.align or (placed and (mask.height, mask.width) != (image.height, image.width))

    def is_placed_by_pixels(self, i: int) -> bool:
        """Whether of image `i` and its mask only one is georeferenced, so that they are laid over pixel by pixel."""
        image, mask = self._frames(i)
        return image.is_placed != mask.is_placed

    def _frames(self, i: int) -> tuple[Frame, Frame]:
        """Of image `i`, and of its mask; the mask's is the image's where there is none."""
        if i not in self._places:
            self._places[i] = frame_of(self.samples[i].image, self.samples[i].page)
        return self._places[i], self._mask_frame(i)

    def _mask_frame(self, i: int) -> Frame:
        """Of the mask of image `i`; that of the image where there is none."""
        sample = self.samples[i]
        if sample.mask is None or sample.drawn is not None:
            if i not in self._places:
                self._places[i] = frame_of(sample.image, sample.page)
            return self._places[i]
        if i not in self._mask_places:
            self._mask_places[i] = frame_of(sample.mask, sample.page)
        return self._mask_places[i]

    def _on_grid(
        self,
        i: int,
        read: Callable[[raster.Window | None], NDArray[Any]],
        fill: int,
        window: raster.Window | None,
    ) -> NDArray[Any]:
        """A window of a file beside image `i`, on the grid of the image, see `is_resampled`."""
        if not self.is_resampled(i):
            return read(window)
        if i not in self._grids:
            image, mask = self._frames(i)
            self._grids[i] = onto(mask, image)
        grid = self._grids[i]
        if grid is None:
            return read(window)
        if has_windows(self.samples[i].mask):
            return grid.read(read, fill, window)
        whole = read(None)
        return grid.read(lambda at: whole[at.row : at.row + at.height, at.column : at.column + at.width], fill, window)

    def reads_labels_by_window(self, i: int) -> bool:
        """Whether a part of the label map of image `i` is read without the whole: by the mask's format, or drawn."""
        return self.samples[i].drawn is not None or has_windows(self.samples[i].mask)

    def mask_reader(self, i: int) -> Callable[[raster.Window], NDArray[np.uint8]]:
        """A function that returns `mask_labels` of windows of image `i`.

        It reads the windows where the format allows that; other masks are decoded now, once, and cut.
        """
        if self.reads_labels_by_window(i):
            return partial(self.mask_labels, i)
        whole = self.mask_labels(i)
        return lambda at: whole[at.row : at.row + at.height, at.column : at.column + at.width]

    def mask_size(self, i: int) -> tuple[int, int]:
        """Height and width of the mask of image `i`; only its header is read."""
        sample = self.samples[i]
        if sample.drawn is not None:
            return sample.drawn.height, sample.drawn.width
        if sample.mask is None:
            raise InputError(f"{sample.image} has no mask")
        if self.is_resampled(i):
            image, _ = self._frames(i)
            return image.height, image.width
        with raster.open(sample.mask, page=sample.page) as mask:
            return mask.height, mask.width

    def numbers_objects(self, i: int) -> bool:
        """Whether files tell the objects of image `i` apart, so that those that touch are not one."""
        return self.encoding == "instances" or bool(self.samples[i].objects)

    def instances(self, i: int) -> NDArray[np.int32]:
        """(h, w) objects of image `i`, from 1; 0 is background (class 0 and what is not labelled).

        The numbers of instance masks as they are, or those of the sample's `objects` where the label map is not
        `IGNORE`; otherwise the 4-connected components of each class but the first.

        Raises:
            InputError: a file cannot be read, or the objects have another size than the mask.
        """
        return self._instances(i, None)

    def _instances(self, i: int, window: raster.Window | None) -> NDArray[np.int32]:
        """`instances`; `window`: the part of the files that is the image."""
        sample = self.samples[i]
        if self.encoding == "instances" and sample.mask is not None:
            mask = sample.mask
            return self._on_grid(i, lambda part: read_objects([mask], sample.page, part), 0, window).astype(np.int32)
        if sample.objects:
            numbered = self._on_grid(i, lambda part: read_objects(sample.objects, sample.page, part), 0, window)
            labels = self.mask_labels(i)
            if numbered.shape != labels.shape:
                raise InputError(f"{sample.objects[0]} is {_size(numbered.shape)}, the mask {_size(labels.shape)}")
            numbered[labels == IGNORE] = 0
            return numbered
        labels = self.labels(i)
        objects = np.zeros(labels.shape, np.int32)
        count = 0
        for label in range(1, self.legend.n_classes):
            components, n = ndimage.label(labels == label)
            objects[components > 0] = components[components > 0] + count
            count += n
        return objects


def _as_wanted(image: raster.Raster, bands: Sequence[int | str] | None, like: Sequence[Band]) -> raster.Raster:
    """The chosen bands of an image, or those that the other images have.

    Raises:
        InputError: there are no such bands.
    """
    if bands is not None:
        return choose_bands(image, bands)
    if not like or list(like) == list(image.bands):
        return image
    try:
        match = match_bands(like, image.bands)
    except InputError as error:
        raise InputError(
            f"the bands of {image.path} {error}; `bands` decides which are read of every image, such as bands=1,2,3"
        ) from error
    return image if match is None else choose_bands(image, match.numbers)


def strips(height: int, width: int) -> Iterator[raster.Window]:
    """Strips of an image from top to bottom, each small enough to be held in memory."""
    rows = max(1, min(height, _STRIP_PIXELS // width))
    for row in range(0, height, rows):
        yield raster.Window(row, 0, min(rows, height - row), width)


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]}x{shape[1]}"
