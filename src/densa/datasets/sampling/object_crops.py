"""Crops around objects for the two stages of training DeconvNet (Noh, Hong, Han 2015, arXiv:1505.04366, section 5.1).

The first stage shows single objects, centred, everything else being background; the second one all objects in boxes
that overlap an object.

Departures, and what the paper leaves open: it enlarges an object's box before cropping, by 1.2 as most read it (not
confirmed); here the crop has the shape of the patch, so that nothing is stretched, where the paper resizes to a square.
Boxes of the second stage are the object's own, shifted and scaled at random as far as an overlap (intersection over
union) of at least 0.5 allows (not confirmed), in place of Edge Boxes' proposals.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage import measure
from torch.nn import functional as F

from densa.datasets.sampling.patches import Batch, PatchSampler
from densa.datasets.threads import in_threads
from densa.errors import InputError
from densa.legend import IGNORE

__all__ = ["ObjectSampler", "check_background"]

ENLARGEMENT = 1.2  # of an object's box
ROOM = 250 / 224  # a crop is resized to 250 pixels, of which 224 at a random place are the patch
SMALLEST_OVERLAP = 0.5
SMALLEST_OBJECT = 16  # pixels: less is a speck in the mask
LARGEST_SIDE = 8  # in sides of the patch: anything larger is a surface, whose crop would not be bounded
_N_TRIES = 16


class _Object(NamedTuple):
    """An object: its image, box and class, and its first column in the box's first row (or its instance number)."""

    image: int
    row: int
    column: int
    height: int
    width: int
    label: int
    key: int


class ObjectSampler(PatchSampler):
    """A `PatchSampler` whose patches are crops around objects, resized; each pass shows every object once.

    An object is a 4-connected component of a class other than the background, or one that the data set numbers, of at
    least 16 pixels and at most 8 patches long. Images are resized bilinearly, labels by the nearest pixel.

    Args:
        dataset, size, arguments: see `PatchSampler`.
        single: the first stage: one object per patch, centred, labelled pixels of other objects being background;
            otherwise the second: boxes that overlap an object, with all labels.
        background: class of the pixels between the objects.

    Raises:
        InputError: see `PatchSampler`; `background` is not a class, or there is no object.

    Examples:
        >>> from densa import datasets
        >>> train = datasets.open(datasets.coins("coins"))["train"]
        >>> sampler = datasets.ObjectSampler(train, 32, seed=0, single=True)
        >>> sampler.batch(0, 4).images.shape
        (4, 1, 32, 32)
    """

    _holds_labels = True

    def __init__(self, *arguments: Any, single: bool, background: int = 0, **named: Any) -> None:
        super().__init__(*arguments, **named)
        check_background(background, self.dataset.legend.n_classes)
        self.single, self.background = single, background
        found = in_threads(self._find, range(len(self.dataset)))
        self._objects = [its for objects in found for its in objects]
        if not self._objects:
            name = self.dataset.legend.class_names[background]
            raise InputError(
                f"the masks hold no object to crop: no region of {SMALLEST_OBJECT} pixels or more whose class is not "
                f"the background {name!r}; choose the class between the objects, or another sampling"
            )
        self._entries = np.arange(len(self._objects))
        self._instances: Callable[[int], NDArray[np.int32]] = lru_cache(maxsize=4)(self.dataset.instances)

    def _patch(self, number: int, draws: NDArray[np.float64], patch: Batch) -> None:
        its = self._objects[self._entry_of(number)]
        box = np.array(its[1:5], float)  # row, column, height, width
        if not self.single:
            box = _overlapping(box, np.random.default_rng([self.seed, number, 2]))
        row, column, height, width = _window(box, self.size, draws)
        crop = _empty(patch, height, width)
        loaded = self._load(its.image)
        assert loaded.labels is not None
        self._crop(its.image, loaded, row, column, crop)
        if self.single:
            own = np.zeros((height, width), np.bool_)
            _paste(self._pixels(its, loaded.labels), own, its.row - row, its.column - column)
            crop.labels[~own & (crop.labels != IGNORE)] = self.background
        _resize(crop, patch)

    def _find(self, i: int) -> list[_Object]:
        """The objects of image `i`."""
        labels = self.dataset.mask_labels(i)
        names: NDArray[Any] = np.empty(0, np.int64)
        if self.dataset.numbers_objects(i):
            stored = self.dataset.instances(i)
            names = np.union1d(stored, [0])  # numbers of a file may have wide gaps
            numbers: NDArray[Any] = np.searchsorted(names, stored)
        else:
            numbers = measure.label(labels, background=self.background, connectivity=1)
        counts = np.bincount(numbers.ravel())
        objects = []
        for n, box in enumerate(ndimage.find_objects(numbers), 1):
            if box is None or counts[n] < SMALLEST_OBJECT:
                continue
            (top, left), sides = (part.start for part in box), [part.stop - part.start for part in box]
            if any(side > LARGEST_SIDE * patch for side, patch in zip(sides, self.size, strict=True)):
                continue
            first = int(np.argmax(numbers[box][0] == n))  # column where the first row of the box meets the object
            label = int(labels[top, left + first])
            if label not in (self.background, IGNORE):
                key = int(names[n]) if self.dataset.numbers_objects(i) else first
                objects.append(_Object(i, top, left, sides[0], sides[1], label, key))
        return objects

    def _pixels(self, its: _Object, labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """(height, width) of the object's box, true at its pixels."""
        box = np.s_[its.row : its.row + its.height, its.column : its.column + its.width]
        if self.dataset.numbers_objects(its.image):
            return self._instances(its.image)[box] == its.key
        components = ndimage.label(labels[box] == its.label)[0]
        return np.asarray(components == components[0, its.key])


def _overlapping(box: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """A box that overlaps another by at least `SMALLEST_OVERLAP`; the box itself if none is found at random."""
    for _ in range(_N_TRIES):
        sides = box[2:] * np.exp(rng.uniform(-0.4, 0.4, 2))
        start = box[:2] + (box[2:] - sides) / 2 + rng.uniform(-0.4, 0.4, 2) * box[2:]
        common = np.minimum(start + sides, box[:2] + box[2:]) - np.maximum(start, box[:2])
        inter = np.prod(np.maximum(common, 0))
        if inter >= SMALLEST_OVERLAP * (np.prod(sides) + np.prod(box[2:]) - inter):
            return np.concatenate([start, sides])
    return box


def _window(box: NDArray[np.float64], size: tuple[int, int], draws: NDArray[np.float64]) -> tuple[int, int, int, int]:
    """(row, column, height, width) of the part of an enlarged box, in the shape of the patch, that a patch shows."""
    patch = np.array(size, float)
    enlarged = patch * (box[2:] / patch).max() * ENLARGEMENT
    shown = np.maximum(np.rint(enlarged / ROOM), 1)
    start = box[:2] + (box[2:] - enlarged) / 2 + draws * (enlarged - shown)
    row, column = np.rint(start).astype(int)
    return int(row), int(column), int(shown[0]), int(shown[1])


def _empty(like: Batch, height: int, width: int) -> Batch:
    """Arrays for one crop."""
    weights = None if like.weights is None else np.empty((height, width), np.float32)
    bands = np.empty((len(like.images), height, width), np.float32)
    return Batch(bands, np.empty((height, width), np.int64), np.empty((height, width), np.bool_), weights)


def _paste(source: NDArray[np.bool_], target: NDArray[np.bool_], row: int, column: int) -> None:
    """Put `source` at (row, column) of `target`, as far as it lies inside."""
    top, left = max(0, -row), max(0, -column)
    source = source[top : target.shape[0] - row, left : target.shape[1] - column]
    row, column = row + top, column + left
    target[row : row + source.shape[0], column : column + source.shape[1]] = source


def _resize(crop: Batch, patch: Batch) -> None:
    """Fill a patch with a crop of another size."""
    images, labels, valid, weights = crop
    if not valid.all():  # invalid pixels must not mix into their neighbours
        known = images[:, valid]
        images[:, ~valid] = known.mean(axis=1, keepdims=True) if known.size else 0
    size = patch.labels.shape
    resized = F.interpolate(torch.from_numpy(images)[None], size=size, mode="bilinear", antialias=True)
    patch.images[:] = resized[0].numpy()
    centres = [(np.arange(n) + 0.5) * side / n for n, side in zip(size, labels.shape, strict=True)]
    at = np.ix_(*(c.astype(np.intp) for c in centres))
    patch.labels[:], patch.valid[:] = labels[at], valid[at]
    if patch.weights is not None and weights is not None:
        patch.weights[:] = weights[at]


def check_background(background: int, n_classes: int) -> None:
    """Refuse a background between the objects that is no class.

    Raises:
        InputError: says which classes there are.
    """
    if not 0 <= background < n_classes:
        raise InputError(f"the background must be a class, from 0 to {n_classes - 1}, got {background}")
