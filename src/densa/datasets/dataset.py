"""A split of a data set: images, their label maps and the legend; and how to open a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from densa import raster
from densa.datasets.layouts import Layout, find_layout
from densa.datasets.legends import CELLS, choose_encoding, infer_legend, read_legend
from densa.datasets.masks import Encoding, MaskScan, read_labels, read_values, scan_mask
from densa.datasets.sample import Sample
from densa.datasets.splits import SplitRule, split_samples
from densa.datasets.threads import in_threads
from densa.errors import InputError
from densa.legend import IGNORE, Legend

__all__ = ["Dataset", "choose_split", "open_dataset", "strips"]

_STRIP_PIXELS = 1 << 24


@dataclass(frozen=True)
class Dataset:
    """One split of a data set.

    Args:
        samples: images with their masks.
        legend: names and file encoding of the classes.
        encoding: how the masks say the class.
        legend_source: where the legend comes from, for people.
        problems: what was found wrong when the files were paired; `check` reports it.
    """

    samples: tuple[Sample, ...]
    legend: Legend
    encoding: Encoding = "values"
    legend_source: str = "given"
    problems: tuple[str, ...] = ()
    # Images known to have no invalid pixel need not be read for their label maps.
    _all_valid: dict[int, bool] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.samples)

    @cached_property
    def n_bands(self) -> int:
        """Bands of the images, as the first has them; `check` makes sure that all do."""
        if not self.samples:
            raise InputError("the data set holds no image")
        with self.open_image(0) as image:
            return image.n_bands

    def open_image(self, i: int) -> raster.Raster:
        """The raster of image `i`, to be closed by the caller."""
        return raster.open(self.samples[i].image, page=self.samples[i].page)

    def size(self, i: int) -> tuple[int, int]:
        """Height and width of image `i`; reads but its header."""
        with self.open_image(i) as image:
            return image.height, image.width

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

    def labels(self, i: int) -> NDArray[np.uint8]:
        """(h, w) uint8 label map of image `i`; `IGNORE` where not labelled and where the image is invalid.

        Raises:
            InputError: there is no mask, it cannot be read, or it holds what the legend does not know.
        """
        labels = self.mask_labels(i)
        valid = self.valid(i)
        if valid is None:
            return labels
        if valid.shape != labels.shape:
            raise InputError(f"{self.samples[i].mask} is {_size(labels.shape)}, the image {_size(valid.shape)}")
        labels[~valid] = IGNORE
        return labels

    def valid(self, i: int) -> NDArray[np.bool_] | None:
        """(h, w) true where image `i` holds data; None where it is known to hold data everywhere."""
        return None if self._all_valid.get(i, False) else self.image(i)[1]

    def mask_labels(self, i: int, window: raster.Window | None = None) -> NDArray[np.uint8]:
        """(h, w) uint8 label map of image `i` or a window of it, as the mask file alone says it."""
        sample = self.samples[i]
        if sample.mask is None:
            raise InputError(f"{sample.image} has no mask")
        return read_labels(sample.mask, self.legend, self.encoding, sample.page, window)

    def mask_size(self, i: int) -> tuple[int, int]:
        """Height and width of the mask of image `i`; reads but its header."""
        sample = self.samples[i]
        if sample.mask is None:
            raise InputError(f"{sample.image} has no mask")
        with raster.open(sample.mask, page=sample.page) as mask:
            return mask.height, mask.width

    def instances(self, i: int) -> NDArray[np.int32]:
        """(h, w) objects of image `i`, from 1; 0 is background (class 0 and what is not labelled).

        The numbers of instance masks as they stand; else the 4-connected components of each class but the first.
        """
        sample = self.samples[i]
        if self.encoding == "instances" and sample.mask is not None:
            return read_values(sample.mask, sample.page).astype(np.int32)
        labels = self.labels(i)
        objects = np.zeros(labels.shape, np.int32)
        count = 0
        for label in range(1, self.legend.n_classes):
            components, n = ndimage.label(labels == label)
            objects[components > 0] = components[components > 0] + count
            count += n
        return objects


def open_dataset(
    path: Path | str,
    *,
    legend: Legend | Path | str | None = None,
    split: SplitRule | None = None,
    images: Path | str | None = None,
    masks: Path | str | None = None,
) -> dict[str, Dataset]:
    """Open a folder of images and masks.

    Known are `images/` beside `masks/` (and names like them), with or without `train/`, `val/`, `test/` above or below
    and in folders of scenes; SegNet's `train` beside `trainannot`; PASCAL VOC; the Cell Tracking Challenge. A test
    split that the folder brings is never trained on.

    Args:
        path: folder of the data set.
        legend: the legend or its file; else `legend.json|yaml|csv`, `label_colors.txt` or `classes.txt` in the folder;
            else the one that densa's own label maps carry; else it is inferred from all masks, where they need no
            explanation.
        split: how images that no folder or list assigns are split; by default a fifth of the scenes is validation.
        images: folder of the images, where it has a name of its own.
        masks: folder of the masks, likewise.

    Returns:
        A `Dataset` for each of "train", "val" and "test" that has images. `check` them before use.

    Raises:
        InputError: no layout is recognised, the legend cannot be inferred, or the split rule does not fit.
    """
    try:
        given = [None if folder is None else Path(folder) for folder in (images, masks)]
        layout = find_layout(Path(path), *given)
    except OSError as error:
        raise InputError(f"data set {path} cannot be read: {error}") from error
    rule = split or SplitRule()
    splits = split_samples(layout.splits, rule, layout.lists)
    everything = [sample for samples in splits.values() for sample in samples]
    chosen, encoding, source = _legend(layout, everything, legend)
    return {
        name: Dataset(
            tuple(samples), chosen, encoding, source, _problems(layout, name, first=name == next(iter(splits)))
        )
        for name, samples in splits.items()
    }


def choose_split(splits: dict[str, Dataset], split: str | None, data: Path | str) -> Dataset:
    """The split to evaluate on.

    Args:
        splits: as `open_dataset` gives them.
        split: "train", "val" or "test"; None takes test, or val, or train, whichever first has all its masks.
        data: what the user called the data set.

    Raises:
        InputError: there is no such split.
    """
    if split is not None and split not in splits:
        raise InputError(f"{data} has no split {split!r}; choose from {', '.join(splits)}")
    if split is not None:
        return splits[split]
    for name in ("test", "val", "train"):
        if name in splits and all(sample.mask for sample in splits[name].samples):
            return splits[name]
    raise InputError(f"no split of {data} has a mask for every image; name one of {', '.join(splits)}")


def strips(height: int, width: int) -> Iterator[raster.Window]:
    """Strips of an image small enough to be held."""
    rows = max(1, min(height, _STRIP_PIXELS // width))
    for row in range(0, height, rows):
        yield raster.Window(row, 0, min(rows, height - row), width)


def _problems(layout: Layout, split: str, *, first: bool) -> tuple[str, ...]:
    """What went wrong in pairing; what no split owns is the first one's."""
    loose = [p for s, problems in layout.problems.items() if s not in layout.splits or s == "" for p in problems]
    own = layout.problems.get(split, []) if split in layout.splits else []
    return (*own, *(loose if first else ()))


def _legend(
    layout: Layout, samples: Sequence[Sample], given: Legend | Path | str | None
) -> tuple[Legend, Encoding, str]:
    legend, source = None, "given"
    if isinstance(given, Legend):
        legend = given
    elif given is not None or layout.legend is not None:
        file = Path(given) if given is not None else layout.legend
        legend, source = read_legend(file), str(file)  # type: ignore[arg-type]
    if layout.instances:
        if legend is not None and legend.n_classes != 2:
            raise InputError(f"instance masks have 2 classes, background and object; {source} has {legend.n_classes}")
        return legend or CELLS, "instances", source if legend else "instance masks"
    masked = [sample for sample in samples if sample.mask is not None]
    results = list(in_threads(_scan, masked))
    scans = [result for result in results if isinstance(result, MaskScan)]
    if legend is not None:
        return legend, choose_encoding(scans, legend), source
    if not scans:
        unread = [str(result) for result in results]
        why = f"none can be read: {'; '.join(unread[:3])}" if unread else "it has none"
        raise InputError(f"no legend can be inferred from the masks of {layout.root}: {why}")
    carried = {raster.carried_legend(scan.path) for scan in scans}
    if len(carried) == 1 and (legend := carried.pop()) is not None:
        return legend, choose_encoding(scans, legend), "carried by the masks"
    return *infer_legend(scans, layout.kind), f"inferred from {len(scans)} masks"


def _scan(sample: Sample) -> MaskScan | InputError:
    """What a mask holds, or why it cannot be read: that is for `check` to report with all other offenders."""
    try:
        return scan_mask(sample.mask, sample.page)  # type: ignore[arg-type]
    except InputError as error:
        return error


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]}x{shape[1]}"
