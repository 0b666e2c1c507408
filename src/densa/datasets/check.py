"""Check of a data set before training: every problem, in one message."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from densa import raster
from densa.datasets.dataset import Dataset, strips
from densa.datasets.threads import in_threads
from densa.datasets.wording import counted
from densa.errors import InputError
from densa.progress import Progress
from densa.raster.choice.chosen import choice_of

__all__ = ["LISTED", "OTHER_UNIT", "check", "unusual"]

T = TypeVar("T")

OTHER_UNIT = 10.0
"""Ratio between the means of two images of one data set that is told."""
LISTED = 10
"""Problems that a message lists; the others are counted."""


class _Finding(NamedTuple):
    n_bands: int | None
    dtype: str | None
    problems: list[str]
    by_pixels: bool = False
    scale: str | None = None
    reordered: bool = False
    remarks: tuple[str, ...] = ()
    level: float = 0.0
    resampled: bool = False
    is_constant: bool = False
    labels: _Labels | None = None


class _Labels(NamedTuple):
    """Size of a label map, pixels of each class and of those without a label at the end, hash of the labels."""

    size: tuple[int, int]
    pixels: NDArray[np.int64]
    digest: bytes


def check(
    *datasets: Dataset,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda line: None,
    training: bool = False,
) -> int:
    """Read all images and masks once and check that they can be trained on.

    Args:
        datasets: the splits that will be used.
        progress: called with (samples read, samples in total).
        tell: called with a line for each decision in reading them.
        training: the first data set is trained on, and the others validate: refuse labels that would waste a training.

    Returns:
        Number of bands, the same in all images.

    Raises:
        InputError: lists every problem (the first 10 and their number): a missing mask, a mask without an image,
            several files of one stem, a size, number of bands or type that differs, a value or colour that is not in
            the legend, a file that cannot be read, an image without a valid pixel, a mask at another place on the
            ground than its image. With `training`, labels of one class alone or of none, and masks that are all equal.

    Examples:
        >>> from densa import datasets
        >>> splits = datasets.open(datasets.coins("coins"))
        >>> datasets.check(*splits.values())
        1
    """
    problems = [problem for dataset in datasets for problem in dataset.problems]
    places = [(dataset, i) for dataset in datasets for i in range(len(dataset))]
    if not places:
        raise InputError("the data set holds no image")
    findings = []
    for n, finding in enumerate(in_threads(lambda place: _examine(*place), places), 1):
        findings.append(finding)
        if progress:
            progress(n, len(places))
    for finding in findings:
        problems += finding.problems
    for what in ("n_bands", "dtype", "scale"):
        problems += _deviants(what, places, findings)
    if problems:
        listed = "".join(f"\n  {problem}" for problem in problems[:LISTED])
        more = f"\n  ... and {len(problems) - LISTED} more" if len(problems) > LISTED else ""
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise InputError(f"the data set has {count}; repair or remove (`densa doctor` says how):{listed}{more}")
    if remarks := [line for finding in findings for line in finding.remarks]:
        tell(remarks[0] + (f" (so in {len(remarks)} files)" if len(remarks) > 1 else ""))
    if line := _levels(places, findings):
        tell(line)
    if n := sum(finding.by_pixels for finding in findings):
        tell(
            f"of {n} of {len(places)} pairs of image and mask only one file is georeferenced: they are laid over by"
            " pixels"
        )
    if n := sum(finding.resampled for finding in findings):
        tell(
            f"{n} of {len(places)} masks have another size than their image: they are resampled to its grid by the"
            " nearest pixel, by their georeference"
        )
    if n := sum(finding.reordered for finding in findings):
        tell(f"the bands of {n} of {len(places)} images are read in another order than stored, by what they are called")
    if training:
        _check_labels(places, findings, datasets[0], tell)
    return next(finding.n_bands for finding in findings if finding.n_bands is not None)


def _check_labels(
    places: list[tuple[Dataset, int]], findings: list[_Finding], train: Dataset, tell: Callable[[str], None]
) -> None:
    """Refuse labels from which nothing can be learnt; say which classes are not learnt."""
    own = [(f, f.labels) for (dataset, _), f in zip(places, findings, strict=True) if dataset is train and f.labels]
    rest = [f.labels for (dataset, _), f in zip(places, findings, strict=True) if dataset is not train and f.labels]
    n = np.sum([labels.pixels for _, labels in own], axis=0)
    names = train.legend.class_names
    more = "; `densa doctor` on the data says what is wrong and how to mend it"
    if not n[:-1].any():
        raise InputError(f"no pixel of {counted(len(own), 'training image')} has a label{more}")
    present = np.flatnonzero(n[:-1])
    if len(present) == 1 and train.legend.n_classes > 1:
        raise InputError(
            f"all labelled pixels of {counted(len(own), 'training image')} are of the class {names[present[0]]}: a "
            f"model would learn to answer it always{more}"
        )
    maps = {labels.digest for _, labels in own}
    if len(own) > 2 and len(maps) == 1 and train.encoding != "instances":
        raise InputError(f"the masks of all {len(own)} training images are equal{more}")
    if constant := sum(f.is_constant for f, _ in own):
        tell(f"{constant} of {len(own)} training images have one value everywhere, and teach nothing{more}")
    there = np.sum([labels.pixels for labels in rest], axis=0) if rest else np.zeros_like(n)
    if lacking := [names[k] for k in np.flatnonzero((n[:-1] == 0) & (there[:-1] > 0))]:
        tell(f"{', '.join(lacking)} occur{'s' * (len(lacking) == 1)} in validation, but not in training{more}")


def _examine(dataset: Dataset, i: int) -> _Finding:
    sample = dataset.samples[i]
    problems: list[str] = []
    n_bands, dtype, size, scale, reordered = None, None, None, None, False
    remarks: tuple[str, ...] = ()
    level, constant = 0.0, False
    labels = None
    try:
        with dataset.open_image(i) as image:
            any_valid, all_valid = False, True
            low, high = np.inf, -np.inf
            for window in strips(image.height, image.width):
                values, valid = image.read(window)
                if values.dtype.itemsize > 1 and valid.any():
                    level = max(level, float(np.abs(values[:, valid].mean(axis=1, dtype=np.float64)).max()))
                any_valid, all_valid = any_valid or bool(valid.any()), all_valid and bool(valid.all())
                if low >= high and valid.any():
                    shown = values[:, valid]
                    low, high = min(low, float(shown.min())), max(high, float(shown.max()))
            dataset.remember_valid(i, all_valid)
            dataset.remember_place(i, image)
            remarks = image.remarks
            # Set after reading: a truncated file is one problem, not two.
            n_bands, size = image.n_bands, (image.height, image.width)
            dtype = "floating-point" if image.dtype.kind == "f" else str(image.dtype)  # of any width
            reordered = dataset.bands is None and choice_of(image) is not None
            scale = ", ".join(dict.fromkeys(f"scale {band.scale:g} offset {band.offset:g}" for band in image.bands))
            constant = low == high
            if not any_valid:
                problems.append(f"{sample.image}: no pixel is valid, all are nodata")
    except InputError as error:
        problems.append(_naming(sample.image, error))
    if sample.mask is None:
        return _Finding(n_bands, dtype, [*problems, f"{sample.image}: image without a mask"], scale=scale)
    by_pixels, resampled = False, False
    try:
        if sample.page and sample.drawn is None and (n := _n_pages(sample.mask)) <= sample.page:
            lacks = f"{sample.mask}: it has {n} page{'s' * (n > 1)}, none for page {sample.page + 1} of {sample.image}"
            return _Finding(n_bands, dtype, [*problems, lacks])
        if size is not None and (misplaced := dataset.misplacement(i)):
            return _Finding(n_bands, dtype, [*problems, misplaced])
        by_pixels = size is not None and dataset.is_placed_by_pixels(i)
        resampled = size is not None and not dataset.align and dataset.is_resampled(i)
        height, width = dataset.mask_size(i)
        if size is not None and sample.drawn is not None and (height, width) != size:  # what is not there is not drawn
            other = f"{sample.mask} is of an image of {height}x{width}, {sample.image} has {size[0]}x{size[1]}"
            return _Finding(n_bands, dtype, [*problems, other])
        labels = _read_labels(dataset, i)
        height, width = labels.size
        if size is not None and (height, width) != size:
            problems.append(f"{sample.mask}: the mask is {height}x{width}, the image {size[0]}x{size[1]}")
        if sample.objects:
            dataset.instances(i)
    except InputError as error:
        problems.append(_naming(sample.mask, error))
    return _Finding(n_bands, dtype, problems, by_pixels, scale, reordered, remarks, level, resampled, constant, labels)


def _read_labels(dataset: Dataset, i: int) -> _Labels:
    """Read the label map of image `i`, a part at a time where the file allows that."""
    height, width = dataset.mask_size(i)
    read = dataset.mask_reader(i)
    n_classes = dataset.legend.n_classes
    pixels, digest = np.zeros(256, np.int64), hashlib.blake2b(digest_size=16)
    for window in strips(height, width):
        labels = read(window)
        pixels += np.bincount(labels.ravel(), minlength=256)
        digest.update(np.ascontiguousarray(labels).data)
    return _Labels((height, width), np.append(pixels[:n_classes], pixels[n_classes:].sum()), digest.digest())


def _levels(places: list[tuple[Dataset, int]], findings: list[_Finding]) -> str | None:
    """A remark on images that may be in several units; values of 8 bits have none, and those of 0 say nothing."""
    levels = {k: finding.level for k, finding in enumerate(findings) if finding.level > 0}
    if not levels:
        return None
    low, high = min(levels, key=levels.__getitem__), max(levels, key=levels.__getitem__)
    if levels[high] < OTHER_UNIT * levels[low]:
        return None
    names = [places[k][0].samples[places[k][1]].image for k in (low, high)]
    return (
        f"the values of images differ by {levels[high] / levels[low]:.2g} times (mean {levels[low]:.3g} in {names[0]}, "
        f"{levels[high]:.3g} in {names[1]}): are all in one unit?"
    )


def _n_pages(path: Path) -> int:
    with raster.open(path) as file:
        return file.n_pages


def _deviants(what: str, places: list[tuple[Dataset, int]], findings: list[_Finding]) -> list[str]:
    """Images whose number of bands or type is not that of most images."""
    found = unusual([getattr(finding, what) for finding in findings])
    if found is None:
        return []
    usual, n_usual, others = found
    unit = {"n_bands": "bands", "dtype": "values", "scale": "declared"}[what]
    return [
        f"{places[k][0].samples[places[k][1]].image}: {getattr(findings[k], what)} {unit}, {n_usual} other images have"
        f" {usual}"
        for k in others
    ]


def unusual(values: Sequence[T | None]) -> tuple[T, int, list[int]] | None:
    """The most frequent of some values, how often it occurs, and the positions of the others; None is no value.

    Returns:
        None where all are equal.
    """
    found = Counter(value for value in values if value is not None)
    if len(found) < 2:
        return None
    usual, n = found.most_common(1)[0]
    return usual, n, [k for k, value in enumerate(values) if value is not None and value != usual]


def _naming(path: object, error: InputError) -> str:
    return str(error) if str(path) in str(error) else f"{path}: {error}"
