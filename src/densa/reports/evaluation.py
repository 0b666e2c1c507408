"""Evaluation of predictions against a reference, image by image, as in `densa evaluate`."""

from __future__ import annotations

import heapq
import html
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.legend import Legend
from densa.metrics import (
    AbsentRule,
    BoundaryF1,
    CalibrationCounts,
    CalibrationSummary,
    ConfusionMatrix,
    FurtherMeasures,
    Summary,
    VoidRule,
)
from densa.metrics.breakdown import GroupScores, group_json
from densa.metrics.error_blocks import ErrorBlocks
from densa.metrics.intervals import (
    BY_DEFAULT,
    Interval,
    IntervalRule,
    ScoreIntervals,
    UnitSums,
    calibration_intervals,
    score_intervals,
)
from densa.progress import Progress
from densa.reports.measured_on import MeasuredOn
from densa.reports.thumbnails import shrink_image, shrink_labels, shrink_probabilities, thumbnail_size

__all__ = ["Evaluation", "ImageScore", "Pair", "View", "evaluate_pairs"]


@dataclass(frozen=True)
class Pair:
    """Reference and prediction of one image.

    Args:
        name: name of the image on the page.
        target: (H, W) integers, class of each pixel or 255 (void).
        predicted: (H, W) integers, class of each pixel or 255 (no class predicted).
        image: returns (bands, h, w) values and (h, w) validity, as `Raster.read`; may be smaller than the label maps.
            Called only if the image is among the worst so far. None: the page shows no image.
        probabilities: returns (n_classes, h, w) of 0..1, or uint8 of 0..255, of any size. Called only if the image is
            among the worst so far.
        calibration: counts of the probabilities of the whole image; None: there are none.
        source: file on whose grid the maps lie, the image or its mask; None: not known.

    Examples:
        >>> import numpy as np
        >>> from densa import reports
        >>> pair = reports.Pair("photo", target=np.array([[0, 255]]), predicted=np.array([[0, 1]]))
        >>> pair.target.shape
        (1, 2)
    """

    name: str
    target: NDArray[Any]
    predicted: NDArray[Any]
    image: Callable[[], tuple[NDArray[Any], NDArray[np.bool_]]] | None = None
    probabilities: Callable[[], NDArray[Any]] | None = None
    calibration: CalibrationCounts | None = None
    scene: str = ""
    part: tuple[str, int, int] | None = None
    source: Path | None = None


@dataclass(frozen=True)
class ImageScore:
    """Scores of one image, under the same rules as those of the set; NaN where undefined.

    `without_label` and `without_class` are shares as `Evaluation.without_label` and `without_class`.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, reports
        >>> target = np.array([[0, 0, 1, 1]])
        >>> pair = reports.Pair("photo", target, predicted=np.array([[0, 1, 1, 1]]))
        >>> found = reports.evaluate_pairs([pair], Legend(("ground", "roof")))
        >>> score = found.images[0]
        >>> score.name, score.global_accuracy
        ('photo', 0.75)
    """

    name: str
    mean_iou: float
    global_accuracy: float
    boundary_f1: float
    without_label: float = 0.0
    without_class: float = 0.0


@dataclass(frozen=True)
class View:
    """An image as shown on the page, scaled down.

    Attributes:
        score: scores of the image.
        target: (h, w) uint8.
        predicted: (h, w) uint8.
        image: (h, w, 3) uint8, None if there is no image.
        classes: classes that occur in target or prediction at full size.
        probabilities: (h, w) uint8 of 0..255 for each of `classes`; empty if there are none.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, reports
        >>> target = np.array([[0, 0, 1, 1]])
        >>> pair = reports.Pair("photo", target, predicted=np.array([[0, 1, 1, 1]]))
        >>> found = reports.evaluate_pairs([pair], Legend(("ground", "roof")))
        >>> view = found.worst[0]
        >>> view.score.name, view.classes, view.image is None
        ('photo', (0, 1), True)
    """

    score: ImageScore
    target: NDArray[np.uint8]
    predicted: NDArray[np.uint8]
    image: NDArray[np.uint8] | None
    classes: tuple[int, ...]
    probabilities: dict[int, NDArray[np.uint8]] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """Result of an evaluation.

    Attributes:
        legend: the classes.
        confusion: counts over all images.
        boundary: boundary F1 over all images.
        summary: scores of `confusion`, and their rules.
        images: scores of each image, worst first (by mean IoU; images without one last).
        worst: views of the first of them.
        measured_on: the images as `densa evaluate` chose them; None where pairs were given.
        calibration: of the probabilities, over all images; None where an image has none.
        intervals: 95 % intervals of the scores; None where they were not asked for.
        by: attribute of the images by which `groups` are formed; empty: none.
        groups: scores of the images with each of its values.
        units: sums of the independent units, for comparison with other predictions of the same images.
        further: further measures; None where they were not asked for.
        calibration_intervals: 95 % intervals of `ece`, `brier` and `nll` over images or scenes; empty: there are none.
        error_blocks: wrong pixels in blocks of the images; None where they were not asked for.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, reports
        >>> target = np.array([[0, 0, 1, 1]])
        >>> pair = reports.Pair("photo", target, predicted=np.array([[0, 1, 1, 1]]))
        >>> found = reports.evaluate_pairs([pair], Legend(("ground", "roof")))
        >>> found.summary.global_accuracy, found.summary.iou.round(3)
        (0.75, array([0.5  , 0.667]))
        >>> found.to_json()["confusion_matrix"]
        [[1, 1], [0, 2]]
    """

    legend: Legend
    confusion: ConfusionMatrix
    boundary: BoundaryF1
    summary: Summary
    images: tuple[ImageScore, ...]
    worst: tuple[View, ...]
    measured_on: MeasuredOn | None = None
    calibration: CalibrationSummary | None = None
    intervals: ScoreIntervals | None = None
    by: str = ""
    groups: tuple[GroupScores, ...] = ()
    units: UnitSums | None = field(default=None, repr=False, compare=False)
    further: FurtherMeasures | None = field(default=None, compare=False)
    error_blocks: ErrorBlocks | None = field(default=None, compare=False)
    calibration_intervals: Mapping[str, Interval | None] = field(default_factory=dict)

    @property
    def without_label(self) -> float:
        """Share of all pixels that have no label in the mask."""
        return _shares(self.confusion)[0]

    @property
    def without_class(self) -> float:
        """Share of the labelled pixels for which no class was predicted."""
        return _shares(self.confusion)[1]

    def interval_text(self, score: str) -> str:
        """The interval of a score of all classes together, in brackets; empty where there is none."""
        found = None if self.intervals is None else self.intervals.of(score)
        return "" if found is None else f" ({found})"

    def _repr_html_(self) -> str:
        """The page of `write_report` in a frame, for notebooks."""
        from densa import reports

        frame = "width:100%;height:640px;border:1px solid #ccc"
        page = html.escape(reports.page.render(self))
        return f'<iframe title="Evaluation" sandbox="allow-scripts" style="{frame}" srcdoc="{page}"></iframe>'

    def to_json(self) -> dict[str, Any]:
        """The content of `metrics.json`: scores from 0 to 1, None where undefined."""
        s = self.summary
        unpredicted = self.confusion.matrix[:, -1]
        measured_on = {} if self.measured_on is None else {"measured_on": self.measured_on.to_json()}
        calibration = {} if self.calibration is None else {"calibration": self.calibration.to_json()}
        if calibration and self.calibration_intervals:
            found = {name: None if one is None else one.to_json() for name, one in self.calibration_intervals.items()}
            calibration["calibration"]["intervals"] = found
        names = self.legend.class_names
        further = {} if self.further is None else {"measures": self.further.to_json(names)}
        intervals = {} if self.intervals is None else {"intervals": self.intervals.to_json(names)}
        return {
            **measured_on,
            "global_accuracy": _number(s.global_accuracy),
            "class_average": _number(s.class_average),
            "mean_iou": _number(s.mean_iou),
            "boundary_f1": _number(self.boundary.value),
            "frequency_weighted_iou": _number(s.frequency_weighted_iou),
            "kappa": _number(s.kappa),
            "quantity_disagreement": _number(s.quantity_disagreement),
            "allocation_disagreement": _number(s.allocation_disagreement),
            "share_without_label": _number(self.without_label),
            "share_without_class": _number(self.without_class),
            "rules": {
                "void": s.void,
                "absent": s.absent,
                "boundary_tolerance": self.boundary.tolerance,
                "boundary_classes": self.boundary.presence,
                "no_class_predicted": "wrong pixel of its class, false positive of none; not in confusion_matrix",
                "no_class_predicted_pixels": unpredicted.tolist(),
                "predicted_on_void_pixels": self.confusion.counts[-1, :-1].tolist(),
                "pixels": s.n_pixels,
                "images": len(self.images),
            },
            "confusion_matrix": self.confusion.matrix[:, :-1].tolist(),
            "classes": [
                {"name": name, "iou": _number(s.iou[k]), "accuracy": _number(s.accuracy[k]), "f1": _number(s.f1[k])}
                for k, name in enumerate(names)
            ],
            **({} if self.error_blocks is None else {"error_blocks": self.error_blocks.to_json()}),
            **({"by": self.by, "groups": [group_json(one, names) for one in self.groups]} if self.by else {}),
            **calibration,
            **further,
            **intervals,
        }


def evaluate_pairs(
    pairs: Iterable[Pair],
    legend: Legend,
    *,
    void: VoidRule = "ignore",
    absent: AbsentRule = "skip",
    tolerance: float = 0.0075,
    n_worst: int = 12,
    side: int = 480,
    intervals: IntervalRule | None = BY_DEFAULT,
    further: FurtherMeasures | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Accumulate the scores of a set of images and keep small pictures of the worst ones.

    Args:
        pairs: the images, read one at a time; only thumbnails of the worst stay in memory.
        legend: names and colours of the classes.
        void: rule for pixels whose target has no class, see `ConfusionMatrix.summary` and `boundary_f1`.
        absent: rule for classes that do not occur, see `ConfusionMatrix.summary`.
        tolerance: tolerance of the boundary F1, as a fraction of the image's diagonal.
        n_worst: number of images whose pictures are kept: those with the lowest mean IoU.
        side: longest side of a picture in pixels.
        intervals: how 95 % intervals are computed; None for none.
        further: further measures, to which the images are added; None for none.
        progress: called with (resamples done, resamples in all) while they are computed.

    Returns:
        Numbers and pictures, for `reports.write_report`.

    Raises:
        InputError: no pair, no pixel with a class in any target, or a prediction that does not fit its target; the
            message names the image.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, reports
        >>> target = np.array([[0, 0, 1, 1]])
        >>> pair = reports.Pair("photo", target, predicted=np.array([[0, 1, 1, 1]]))
        >>> found = reports.evaluate_pairs([pair], Legend(("ground", "roof")))
        >>> found.summary.iou.round(3), found.summary.void, found.summary.absent
        (array([0.5  , 0.667]), 'ignore', 'skip')
    """
    confusion = ConfusionMatrix(legend.n_classes)
    boundary = BoundaryF1(legend.n_classes, tolerance=tolerance, void=void)
    confusion.summary(void=void, absent=absent)  # refuses an unknown rule before the first image is read
    calibration = _AllCalibrated(legend.n_classes)
    units = None if intervals is None else UnitSums(legend.n_classes, void=void, rule=intervals.units)
    scores: list[ImageScore] = []
    worst: list[tuple[float, int, View]] = []  # a heap: the best of them comes first
    for place, pair in enumerate(pairs):
        own = ConfusionMatrix(legend.n_classes)
        try:
            own.update(pair.target, pair.predicted)
            border = BoundaryF1(legend.n_classes, tolerance=tolerance, void=void)
            boundary_value = border.update(pair.target, pair.predicted)
        except InputError as error:
            raise InputError(f"{pair.name}: {error}") from error
        boundary.merge(border)
        confusion.merge(own)
        calibration.add(pair)
        added = None if further is None else _added(further, pair, own)
        if units is not None:
            _add_unit(units, pair, border, added)
        summary = own.summary(void=void, absent=absent)
        score = ImageScore(pair.name, summary.mean_iou, summary.global_accuracy, boundary_value, *_shares(own))
        scores.append(score)
        key = (-_rank(score), -place)
        if len(worst) < n_worst:
            heapq.heappush(worst, (*key, _view(pair, score, own, side)))
        elif n_worst and key > worst[0][:2]:
            heapq.heapreplace(worst, (*key, _view(pair, score, own, side)))
    if not scores:
        raise InputError("pairs must hold at least one prediction with its mask, got none")
    summary = confusion.summary(void=void, absent=absent)
    if not confusion.matrix.any():
        raise InputError(
            f"nothing can be measured: no pixel of {_masks(scores)} has a class; check the legend, or take other masks"
        )
    found = None
    if units is not None and intervals is not None:
        found = score_intervals(units, absent=absent, rule=intervals, further=further, progress=progress)
    return Evaluation(
        legend=legend,
        confusion=confusion,
        boundary=boundary,
        summary=summary,
        images=tuple(sorted(scores, key=_rank)),
        worst=tuple(view for *_, view in sorted(worst, key=lambda entry: entry[:2], reverse=True)),
        calibration=calibration.summary(),
        intervals=found,
        units=units,
        further=further,
        calibration_intervals=calibration.intervals(found),
    )


def _added(further: FurtherMeasures, pair: Pair, own: ConfusionMatrix) -> NDArray[np.float64]:
    """Add an image to further measures; what their sums grew by."""
    before = further.sums
    further.update(pair.target, pair.predicted, own)
    return further.sums - before


def _add_unit(units: UnitSums, pair: Pair, border: BoundaryF1, further: NDArray[np.float64] | None) -> None:
    image, *corner = pair.part or (pair.name, 0, 0)
    row, column = corner
    units.add(
        pair.target,
        pair.predicted,
        image=image,
        scene=pair.scene or image,
        corner=(row, column),
        boundary=border.sums,
        further=further,
    )


class _AllCalibrated:
    """Counts of the probabilities of all images; none where one of the images has none."""

    def __init__(self, n_classes: int) -> None:
        self._counts: CalibrationCounts | None = CalibrationCounts(n_classes)
        self._units: list[tuple[str, str]] = []  # image and scene
        self._sums: list[NDArray[np.float64]] = []

    def add(self, pair: Pair) -> None:
        """Those of the next image."""
        if pair.calibration is None:
            self._counts = None
        elif self._counts is not None:
            self._counts.merge(pair.calibration)
            image = pair.part[0] if pair.part else pair.name
            self._units.append((image, pair.scene or image))
            self._sums.append(pair.calibration.sums())

    def intervals(self, found: ScoreIntervals | None) -> dict[str, Interval | None]:
        """Intervals over the units of the scores; none over blocks, which the probabilities are not counted in."""
        if found is None or self._counts is None or found.table.kind == "block":
            return {}
        names = [unit[found.table.kind == "scene"] for unit in self._units]
        return calibration_intervals(names, self._sums, found.rule)

    def summary(self) -> CalibrationSummary | None:
        """Of all images; None without probabilities or pixels that are counted."""
        return self._counts.summary() if self._counts is not None and self._counts.n_pixels else None


def _masks(scores: list[ImageScore]) -> str:
    return f"the mask of {scores[0].name}" if len(scores) == 1 else f"the {len(scores)} masks"


def check_numbering(evaluation: Evaluation) -> None:
    """Refuse label maps that number the classes otherwise than the masks do, shifted by one.

    Raises:
        InputError: of the pixels that have a class in both, four fifths agree shifted by one, and under a fifth as they
            are.
    """
    counts = evaluation.confusion.matrix[:, :-1]
    total, as_they_are = counts.sum(), np.trace(counts)
    for shift in (1, -1):
        shifted = np.trace(counts, shift)
        if evaluation.legend.n_classes > 2 and 5 * shifted > 4 * total and 5 * as_they_are < total:
            raise InputError(
                "the classes of the label maps seem to be numbered otherwise than those of the masks: shifted by "
                f"{shift}, {shifted / total:.0%} of the pixels agree, as they are {as_they_are / total:.0%}; number "
                "both alike"
            )


def _rank(score: ImageScore) -> float:
    """Smaller is worse; images without a score come last."""
    return math.inf if math.isnan(score.mean_iou) else score.mean_iou


def _view(pair: Pair, score: ImageScore, own: ConfusionMatrix, side: int) -> View:
    size = thumbnail_size(pair.target.shape, side)
    occurs = (own.counts[:-1].sum(1) > 0) | (own.counts[:, :-1].sum(0) > 0)
    classes = [int(k) for k in np.flatnonzero(occurs)]
    image, probabilities = None, {}
    if pair.image is not None:
        values, valid = pair.image()
        image = shrink_image(values, valid, thumbnail_size(valid.shape, side))
    if pair.probabilities is not None:
        given = pair.probabilities()
        if given.ndim != 3 or len(given) != own.n_classes:
            raise InputError(
                f"{pair.name}: probabilities must be ({own.n_classes}, H, W) for {own.n_classes} classes, "
                f"got {given.shape}"
            )
        probabilities = shrink_probabilities(given, size, classes)
    return View(
        score=score,
        target=shrink_labels(pair.target, size).astype(np.uint8),
        predicted=shrink_labels(pair.predicted, size).astype(np.uint8),
        image=image,
        classes=tuple(classes),
        probabilities=probabilities,
    )


def _shares(confusion: ConfusionMatrix) -> tuple[float, float]:
    """Share of all pixels without a label, and of the labelled ones without a predicted class."""
    counts, labelled = confusion.counts, confusion.matrix
    return _share(counts[-1].sum(), counts.sum()), _share(labelled[:, -1].sum(), labelled.sum())


def _share(part: Any, whole: Any) -> float:
    """Part of a whole, NaN where there is none."""
    return float(part / whole) if whole else math.nan


def _number(value: Any) -> float | None:
    value = float(value)
    return value if math.isfinite(value) else None
