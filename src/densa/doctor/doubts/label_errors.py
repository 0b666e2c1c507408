"""Labels that a trained model disagrees with, the most doubtful first.

The score of a pixel is its self-confidence, the probability that the model gives to its label; the score of an image is
the softmin of the scores of its pixels (Lad and Mueller 2023, arXiv:2307.05080, section 3):

    s = sum_i p_i exp((1 - p_i) / T) / sum_i exp((1 - p_i) / T),  T = 0.1

It lies between the least and the mean self-confidence: a part that is labelled wrongly lowers it, where the mean of a
large image hardly changes. Unlabelled and invalid pixels are left out.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from densa.datasets import Dataset
from densa.engine import predict
from densa.errors import InputError
from densa.legend import IGNORE, Legend
from densa.progress import Progress
from densa.raster import Raster, Window
from densa.reports.thumbnails import shrink_image, shrink_labels, thumbnail_size
from densa.segmenter import Segmenter, fit_raster

__all__ = [
    "ConfusedPair",
    "DoubtfulImage",
    "DoubtfulRegion",
    "LabelDoubts",
    "Shown",
    "examine_labels",
    "merged",
    "softmin_score",
]

TEMPERATURE = 0.1
_MARGIN = 0.5  # by which another class must be more probable than the label
_LEAST_REGION = 16  # pixels
_REGIONS_OF_IMAGE = 20
_MOST_PIXELS = 1 << 26  # of an image whose regions are found
_SHOWN = 6
_SIDE = 360


class DoubtfulImage(NamedTuple):
    """How well the labels of one image go with a model.

    Attributes:
        name: of the image.
        image, mask: its files.
        score: softmin of the self-confidence of its pixels, from 0 to 1; NaN where it has no labelled pixel.
        mean_confidence: mean self-confidence.
        disagreement: share of the labelled pixels for which another class is more probable, by 0.5 or more.
        pixels: labelled pixels.
        seen: the model was trained on it; None where that is not known.
    """

    name: str
    image: Path
    mask: Path | None
    score: float
    mean_confidence: float
    disagreement: float
    pixels: int
    seen: bool | None = None


class DoubtfulRegion(NamedTuple):
    """Connected pixels of one label for which the model is confident of one other class.

    Attributes:
        name: of the image; `image`: its file.
        window: the part of the image.
        given, predicted: names of both classes.
        pixels: their number.
        confidence: mean probability of the predicted class.
        weight: sum over the pixels of the probability of the predicted class minus that of the label.
    """

    name: str
    image: Path
    window: Window
    given: str
    predicted: str
    pixels: int
    confidence: float
    weight: float


class ConfusedPair(NamedTuple):
    """Two classes that the labels confuse, as the model sees it.

    Attributes:
        given, predicted: names of both classes.
        pixels: labelled `given`, of which the model says `predicted`, more probable by 0.5 or more.
        share: of all pixels that are labelled `given`.
        images: in which there are any.
    """

    given: str
    predicted: str
    pixels: int
    share: float
    images: int


class Shown(NamedTuple):
    """Pictures of an image: (h, w, 3) uint8 image, (h, w) given and predicted labels, (h, w) uint8 doubt 0 to 255."""

    name: str
    image: NDArray[np.uint8]
    given: NDArray[np.uint8]
    predicted: NDArray[np.uint8]
    doubt: NDArray[np.uint8]


@dataclass(frozen=True)
class LabelDoubts:
    """What a model says of the labels of a data set.

    Args:
        images: the most doubtful first.
        regions: likewise.
        confused: pairs of classes, those of most pixels first.
        source: the model, in words.
        shown: pictures of the most doubtful images.
        counts: (n_classes, n_classes) confident disagreements, and (n_classes,) labelled pixels, for `merged`.
    """

    images: tuple[DoubtfulImage, ...]
    regions: tuple[DoubtfulRegion, ...]
    confused: tuple[ConfusedPair, ...]
    source: str = ""
    shown: tuple[Shown, ...] = field(default=(), repr=False, compare=False)
    counts: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None = field(
        default=None, repr=False, compare=False
    )

    def to_json(self) -> dict[str, Any]:
        """The ranks for JSON: all images, and the first thousand regions."""
        return {
            "source": self.source,
            "temperature": TEMPERATURE,
            "images": [
                {**one._asdict(), "image": str(one.image), "mask": None if one.mask is None else str(one.mask)}
                | {key: None if math.isnan(value) else value for key, value in (("score", one.score),)}
                for one in self.images
            ],
            "regions": [
                {**one._asdict(), "image": str(one.image), "window": list(one.window)} for one in self.regions[:1000]
            ],
            "confused": [pair._asdict() for pair in self.confused],
        }


def softmin_score(confidence: NDArray[Any], temperature: float = TEMPERATURE) -> float:
    """The softmin of self-confidences, between their least and their mean.

    Args:
        confidence: probabilities of the labels, of any shape.
        temperature: near 0 the least counts alone; large values give the mean.

    Returns:
        The score; NaN where there is no value.

    Raises:
        InputError: `temperature` is not above 0.

    Examples:
        >>> import numpy as np
        >>> from densa import doctor
        >>> round(doctor.softmin_score(np.array([1.0, 1.0, 0.0])), 4)
        0.0001
    """
    if not temperature > 0:
        raise InputError(f"temperature must be above 0, got {temperature}")
    sums = _Softmin(temperature)
    sums.add(np.asarray(confidence, np.float64))
    return sums.score


@dataclass
class _Softmin:
    """Sums of the softmin, over parts of an image; weights are relative to that of the least value so far."""

    temperature: float
    low: float = math.inf
    weights: float = 0.0
    weighted: float = 0.0
    total: float = 0.0
    n: int = 0

    def add(self, confidence: NDArray[np.float64]) -> None:
        if not confidence.size:
            return
        low = min(self.low, float(confidence.min()))
        earlier = math.exp((low - self.low) / self.temperature) if self.n else 0.0
        weights = np.exp((low - confidence) / self.temperature)
        self.weights = self.weights * earlier + float(weights.sum())
        self.weighted = self.weighted * earlier + float((weights * confidence).sum())
        self.total += float(confidence.sum())
        self.low, self.n = low, self.n + confidence.size

    @property
    def score(self) -> float:
        return self.weighted / self.weights if self.n else math.nan


def examine_labels(
    segmenter: Segmenter,
    dataset: Dataset,
    *,
    seen: Sequence[bool | None] | None = None,
    fit: Callable[[Raster], Raster] | None = None,
    progress: Progress | None = None,
) -> LabelDoubts:
    """Rank images, regions and pairs of classes by how much their labels disagree with a model.

    Args:
        segmenter: a trained model with the classes of the data set.
        dataset: images with masks.
        seen: whether the model was trained on each image.
        fit: gives the bands of an image as the segmenter takes them; None: `densa.segmenter.fit_raster`.
        progress: called with (images done, images in all).

    Raises:
        InputError: the model has other classes, or an image does not fit it.
    """
    names, expected = dataset.legend.class_names, segmenter.legend.class_names
    if names != expected:
        raise InputError(
            f"the data set must have the classes of the model, {', '.join(expected)}, got {', '.join(names)}"
        )
    n_classes = len(names)
    counts = (
        np.zeros((n_classes, n_classes), np.int64),
        np.zeros(n_classes, np.int64),
        np.zeros((n_classes,) * 2, np.int64),
    )
    images, regions, worst = [], [], list[tuple[float, int, Shown]]()
    for i, sample in enumerate(dataset.samples):
        maps = _predicted(segmenter, dataset, i, fit or (lambda image: fit_raster(segmenter.bands, image).raster))
        own = np.zeros((n_classes, n_classes), np.int64)
        rows, n_labelled = maps.add_to(own, counts[1])
        counts[0][:] += own
        counts[2][:] += own > 0
        score, mean = maps.softmin.score, maps.softmin.total / max(maps.softmin.n, 1)
        known = None if seen is None else seen[i]
        share = float(own.sum()) / max(n_labelled, 1)
        images.append(DoubtfulImage(sample.name, sample.image, sample.mask, score, mean, share, n_labelled, known))
        regions += [_region(row, sample.name, sample.image, names) for row in rows]
        if math.isfinite(score) and (len(worst) < _SHOWN or -score > worst[0][0]):
            entry = (-score, i, _shown(dataset, i, maps))
            heapq.heappush(worst, entry) if len(worst) < _SHOWN else heapq.heapreplace(worst, entry)
        if progress:
            progress(i + 1, len(dataset))
    shown = tuple(entry[2] for entry in sorted(worst, key=lambda entry: -entry[0]))
    return _ranked(images, regions, counts, dataset.legend, "", shown)


def merged(parts: Sequence[LabelDoubts], legend: Legend, source: str) -> LabelDoubts:
    """The doubts of several models, each on its own images, as one ranking."""
    known = [part.counts for part in parts if part.counts is not None]
    counts = tuple(sum((one[k] for one in known[1:]), known[0][k].copy()) for k in range(3))
    images = [image for part in parts for image in part.images]
    score_of = {image.name: image.score for image in images}
    shown = sorted((one for part in parts for one in part.shown), key=lambda one: score_of.get(one.name, 1.0))
    regions = [region for part in parts for region in part.regions]
    return _ranked(images, regions, counts, legend, source, tuple(shown[:_SHOWN]))  # type: ignore[arg-type]


def _ranked(
    images: Sequence[DoubtfulImage],
    regions: Sequence[DoubtfulRegion],
    counts: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    legend: Legend,
    source: str,
    shown: tuple[Shown, ...],
) -> LabelDoubts:
    confident, labelled, in_images = counts
    names = legend.class_names
    pairs = [
        ConfusedPair(
            names[a], names[b], int(confident[a, b]), float(confident[a, b] / labelled[a]), int(in_images[a, b])
        )
        for a, b in np.argwhere(confident > 0)
    ]
    return LabelDoubts(
        tuple(sorted(images, key=lambda one: (math.isnan(one.score), one.score, one.name))),
        tuple(sorted(regions, key=lambda one: (-one.weight, one.name, one.window))),
        tuple(sorted(pairs, key=lambda pair: (-pair.pixels, pair.given, pair.predicted))),
        source,
        shown,
        counts,
    )


@dataclass
class _Maps:
    """Labels and predictions of one image; `part` holds them whole, or not at all where the image is large."""

    softmin: _Softmin
    given: NDArray[np.uint8]
    predicted: NDArray[np.uint8]
    of_given: NDArray[np.uint8]
    of_predicted: NDArray[np.uint8]

    def add_to(self, confident: NDArray[np.int64], labelled: NDArray[np.int64]) -> tuple[list[dict[str, Any]], int]:
        """Add the counts of the image; returns its doubtful regions, and the number of labelled pixels."""
        n_classes = len(labelled)
        has = self.given != IGNORE
        labelled += np.bincount(self.given[has], minlength=n_classes)[:n_classes]
        apart = has & (self.of_predicted.astype(np.int16) - self.of_given >= round(255 * _MARGIN))
        apart &= self.predicted != self.given
        pairs = self.given[apart].astype(np.int64) * n_classes + self.predicted[apart]
        confident += np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)
        return list(self._regions(apart, n_classes)), int(has.sum())

    def _regions(self, apart: NDArray[np.bool_], n_classes: int) -> Iterator[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        kinds = np.unique(self.given[apart].astype(np.int64) * n_classes + self.predicted[apart])
        for kind in kinds:
            a, b = divmod(int(kind), n_classes)
            pieces, n = ndimage.label(apart & (self.given == a) & (self.predicted == b))
            sizes = np.bincount(pieces.ravel(), minlength=n + 1)
            boxes = ndimage.find_objects(pieces)
            for piece in np.flatnonzero(sizes >= _LEAST_REGION):
                if piece == 0:
                    continue
                box = boxes[piece - 1]
                inside = pieces[box] == piece
                of_b, of_a = (part[box][inside].astype(np.float64) / 255 for part in (self.of_predicted, self.of_given))
                rows, columns = box
                window = Window(rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start)
                weight = float((of_b - of_a).sum())
                values = {"window": window, "pixels": int(sizes[piece]), "confidence": float(of_b.mean())}
                found.append({**values, "weight": weight, "given": a, "predicted": b})
        found.sort(key=lambda row: -row["weight"])
        yield from found[:_REGIONS_OF_IMAGE]


def _region(row: dict[str, Any], name: str, image: Path, names: Sequence[str]) -> DoubtfulRegion:
    given, predicted = names[row["given"]], names[row["predicted"]]
    return DoubtfulRegion(
        name,
        image,
        row["window"],
        given,
        predicted,
        row["pixels"],
        round(row["confidence"], 4),
        round(row["weight"], 2),
    )


def _predicted(segmenter: Segmenter, dataset: Dataset, i: int, fit: Callable[[Raster], Raster]) -> _Maps:
    """Predict image `i` by tiles, and compare it with its labels."""
    softmin = _Softmin(TEMPERATURE)
    read = dataset.mask_reader(i)
    with dataset.open_image(i) as image:
        height, width = image.height, image.width
        # Of a larger image every n-th pixel is kept for regions and pictures; all count in its score.
        step = max(1, math.ceil((height * width / _MOST_PIXELS) ** 0.5))
        size = -(-height // step), -(-width // step)
        given, predicted = np.full(size, IGNORE, np.uint8), np.full(size, IGNORE, np.uint8)
        of_given, of_predicted = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
        for tile in predict(segmenter, fit(image)):
            row, column, h, w = tile.window
            labels, best = read(tile.window), tile.labels()
            labels[best == IGNORE] = IGNORE
            has = labels != IGNORE
            index = np.where(has, labels, 0)[None].astype(np.int64)
            own = np.take_along_axis(tile.probabilities, index, axis=0)[0]
            softmin.add(own[has].astype(np.float64))
            top = tile.probabilities.max(axis=0)
            at: Any = np.s_[-row % step :: step, -column % step :: step]
            place: Any = np.s_[-(-row // step) : -(-(row + h) // step), -(-column // step) : -(-(column + w) // step)]
            for kept, values in ((given, labels), (predicted, best)):
                kept[place] = values[at]
            for kept, part in ((of_given, own), (of_predicted, top)):
                kept[place] = np.round(255 * np.clip(np.nan_to_num(part[at]), 0, 1)).astype(np.uint8)
    return _Maps(softmin, given, predicted, of_given, of_predicted)


def _shown(dataset: Dataset, i: int, maps: _Maps) -> Shown:
    size = thumbnail_size(maps.given.shape, _SIDE)
    doubt = np.where(maps.given == IGNORE, 0, 255 - maps.of_given).astype(np.uint8)
    image, valid = dataset.image(i) if maps.given.size * 4 < _MOST_PIXELS else _middle(dataset, i, maps.given.shape)
    small = shrink_image(image, valid, thumbnail_size(valid.shape, _SIDE))
    return Shown(
        dataset.samples[i].name,
        small,
        shrink_labels(maps.given, size).astype(np.uint8),
        shrink_labels(maps.predicted, size).astype(np.uint8),
        shrink_labels(doubt, size).astype(np.uint8),
    )


def _middle(dataset: Dataset, i: int, shape: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Of a large image its middle."""
    with dataset.open_image(i) as image:
        side = min(image.height, image.width, 2048)
        window = Window((image.height - side) // 2, (image.width - side) // 2, side, side)
        return image.read(window)
