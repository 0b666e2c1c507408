"""Further measures of label maps, accumulated over images: each with its name, its value and its rule."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.metrics.boundary_iou import BoundaryIou
from densa.metrics.confusion import ConfusionMatrix, VoidRule
from densa.metrics.dice import DicePerImage
from densa.metrics.hausdorff import Hausdorff
from densa.metrics.scores import ratio
from densa.metrics.size_recall import SizeRecall
from densa.metrics.trimap import Trimap
from densa.metrics.weighted_kappa import KappaWeights, weighted_kappa

__all__ = ["MEASURES", "FurtherMeasures", "Measure"]

MEASURES = ("dice", "boundary-iou", "trimap-iou", "hausdorff", "size-recall")
"""Names of the further measures, in the order in which they are shown."""


@dataclass(frozen=True)
class Measure:
    """One number of a set of images.

    Attributes:
        key: its name in JSON.
        name: its name for people.
        value: NaN where undefined.
        rule: how it is computed, in a sentence.
        unit: "" of a share or coefficient, "px" of a distance.
        per_class: a value of each class; empty where there is none.

    Examples:
        >>> from densa import metrics
        >>> metrics.Measure("dice_pooled", "Dice, pooled", 0.5, "of all pixels").text
        '0.5000'
    """

    key: str
    name: str
    value: float
    rule: str
    unit: str = ""
    per_class: tuple[float, ...] = ()

    @property
    def text(self) -> str:
        """The value with its unit."""
        if not math.isfinite(self.value):
            return "undefined"
        return f"{self.value:.2f} {self.unit}" if self.unit else f"{self.value:.4f}"


class FurtherMeasures:
    """The chosen measures of a set of images.

    Args:
        n_classes: number of classes, 1 to 254.
        names: of `MEASURES`; None: all.
        void: rule for pixels whose target has no class, see `ConfusionMatrix.summary`.
        widths: of the bands of the trimap IoU, in pixels.
        limits: between the sizes of the recall by size, in pixels.
        kappa: weights of a weighted kappa, for classes with an order; None: none.

    Raises:
        InputError: an unknown name, or values that a measure refuses.

    Examples:
        >>> import numpy as np
        >>> from densa import metrics
        >>> further = metrics.FurtherMeasures(2, ["dice"])
        >>> further.update(np.array([[0, 0, 1, 1]]), np.array([[0, 1, 1, 1]]))
        >>> [(measure.name, measure.text) for measure in further.measures()]
        [('Dice, pooled', '0.7333'), ('Dice, per image', '0.7333')]
    """

    def __init__(
        self,
        n_classes: int,
        names: Sequence[str] | None = None,
        *,
        void: VoidRule = "ignore",
        widths: Sequence[float] = (2, 5, 10),
        limits: Sequence[int] = (1024, 9216),
        kappa: KappaWeights | None = None,
    ) -> None:
        names = MEASURES if names is None else names
        if unknown := [name for name in names if name not in MEASURES]:
            raise InputError(f"measures must be of {', '.join(MEASURES)}, or all or none, got {unknown[0]!r}")
        self.n_classes, self.void, self.kappa = n_classes, void, kappa
        self.names = tuple(name for name in MEASURES if name in names)
        self.confusion = ConfusionMatrix(n_classes)
        self.dice = DicePerImage(n_classes, void=void)
        self.boundary_iou = BoundaryIou(n_classes, void=void)
        self.trimap = Trimap(n_classes, widths)
        self.hausdorff = Hausdorff(n_classes, void=void)
        self.size_recall = SizeRecall(n_classes, limits)

    def update(self, target: NDArray[Any], predicted: NDArray[Any], confusion: ConfusionMatrix | None = None) -> None:
        """Add one image.

        Args:
            target, predicted: (H, W) integers, each a class or 255 (void; no class predicted).
            confusion: of this image, where it is known.

        Raises:
            InputError: shapes or labels that do not fit.
        """
        if confusion is None:
            confusion = ConfusionMatrix(self.n_classes)
            confusion.update(target, predicted)
        self.confusion.merge(confusion)
        self.dice.add(confusion)
        for name, one in (
            ("boundary-iou", self.boundary_iou),
            ("trimap-iou", self.trimap),
            ("hausdorff", self.hausdorff),
            ("size-recall", self.size_recall),
        ):
            if name in self.names:
                one.update(target, predicted)

    def measures(self) -> list[Measure]:
        """The numbers, in the order of `MEASURES`, then the weighted kappa."""
        made: dict[str, Callable[[], Iterator[Measure]]] = {
            "dice": self._dice,
            "boundary-iou": self._boundary_iou,
            "trimap-iou": self._trimap,
            "hausdorff": self._hausdorff,
            "size-recall": self._size_recall,
        }
        return [measure for name in self.names for measure in made[name]()] + list(self._weighted_kappa())

    @property
    def sums(self) -> NDArray[np.float64]:
        """(n,) what the measures are made of, which adds up over images; see `values_of`."""
        matrices = [confusion.matrix for confusion in self.trimap.confusions]
        parts = [
            self.dice.sums,
            self.boundary_iou.counts,
            *(np.stack([np.diagonal(m), m.sum(1), m[:, :-1].sum(0)]) for m in matrices),
            self.hausdorff.sums,
            self.size_recall.counts[..., :2].sum(0),
        ]
        return np.concatenate([part.reshape(-1).astype(np.float64) for part in parts])

    def values_of(self, sums: NDArray[np.float64], f1: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """The measures, by key, of (..., n) sums of any images and (..., n_classes) F1 of them; no weighted kappa."""
        n, n_widths = self.n_classes, len(self.trimap.widths)
        ends = np.cumsum([2, 2 * n, *[3 * n] * n_widths, 2 * n])
        dice, bands, *trimaps, distances, sizes = np.split(sums, ends, axis=-1)
        bands, distances = bands.reshape(*bands.shape[:-1], n, 2), distances.reshape(*distances.shape[:-1], 2, n)
        sizes = sizes.reshape(*sizes.shape[:-1], -1, 2)
        found = {
            "dice": {"dice_pooled": _mean(f1), "dice_per_image": ratio(dice[..., 0], dice[..., 1])},
            "boundary-iou": {"boundary_iou": _mean(ratio(bands[..., 0], bands[..., 1]))},
            "trimap-iou": {},
            "hausdorff": {
                f"hausdorff_{self.hausdorff.percentile:g}": _mean(ratio(distances[..., 0, :], distances[..., 1, :]))
            },
            "size-recall": {
                f"recall_of_objects_from_{least}px": ratio(sizes[..., i, 1], sizes[..., i, 0])
                for i, least in enumerate((1, *self.size_recall.limits))
            },
        }
        for width, part in zip(self.trimap.widths, trimaps, strict=True):
            right, target, predicted = np.moveaxis(part.reshape(*part.shape[:-1], 3, n), -2, 0)
            found["trimap-iou"][f"trimap_iou_{width:g}px"] = _mean(ratio(right, target + predicted - right))
        return {key: value for name in self.names for key, value in found[name].items()}

    def lines(self, interval: Callable[[str], str] = lambda key: "") -> Iterator[str]:
        """For the console: name, value and rule of each measure; `interval` gives what stands behind a value."""
        found = self.measures()
        texts = [one.text + interval(one.key) for one in found]
        widths = [max(map(len, column), default=0) for column in ([one.name for one in found], texts)]
        for one, text in zip(found, texts, strict=True):
            yield f"{one.name:<{widths[0]}}  {text:<{widths[1]}}  {one.rule}"

    def to_json(self, class_names: Sequence[str]) -> dict[str, Any]:
        """The numbers, their rules, those of each class, and the counts by size; None where undefined."""
        found = self.measures()
        content: dict[str, Any] = {one.key: _number(one.value) for one in found}
        content["rules"] = {one.key: one.rule for one in found}
        content["classes"] = [
            {"name": name, **{one.key: _number(one.per_class[k]) for one in found if one.per_class}}
            for k, name in enumerate(class_names)
        ]
        if "hausdorff" in self.names:
            for k, row in enumerate(content["classes"]):
                row["hausdorff_images"] = int(self.hausdorff.n_images[k])
                row["hausdorff_images_with_one_alone"] = int(self.hausdorff.n_one_sided[k])
        if "size-recall" in self.names:
            content["objects_by_size"] = [_size_row(row) for row in self.size_recall.rows()]
            for k, row in enumerate(content["classes"]):
                row["objects_by_size"] = [_size_row(of_class) for of_class in self.size_recall.rows(k)]
        return content

    def _dice(self) -> Iterator[Measure]:
        f1 = self.confusion.summary(void=self.void).f1
        pooled = float(np.nanmean(f1)) if (~np.isnan(f1)).any() else math.nan
        yield Measure(
            "dice_pooled",
            "Dice, pooled",
            pooled,
            "2 n / (t + p) of each class over the pixels of all images (its F1), mean over the classes that occur",
            per_class=tuple(f1),
        )
        yield Measure(
            "dice_per_image",
            "Dice, per image",
            self.dice.value,
            "the same of each image, mean over its classes in target or prediction, then over images "
            f"({self.dice.n_images})",
            per_class=tuple(self.dice.per_class),
        )

    def _boundary_iou(self) -> Iterator[Measure]:
        one = self.boundary_iou
        yield Measure(
            "boundary_iou",
            "Boundary IoU",
            one.value,
            f"IoU of the pixels of each mask within {100 * one.distance:g} % of the diagonal of its contour or of the "
            "image's edge, over all images, mean over classes",
            per_class=tuple(one.per_class),
        )

    def _trimap(self) -> Iterator[Measure]:
        for width, iou, error in zip(self.trimap.widths, self.trimap.iou(), self.trimap.error(), strict=True):
            wrong = f"; {error:.1%} of them are wrong" if math.isfinite(error) else ""
            yield Measure(
                f"trimap_iou_{width:g}px",
                f"Trimap IoU, {width:g} px",
                float(iou),
                f"mean IoU of the labelled pixels within {width:g} px of a boundary of the target{wrong}",
            )

    def _hausdorff(self) -> Iterator[Measure]:
        one = self.hausdorff
        alone = int(one.n_one_sided.sum())
        left_out = f"; {alone} times a class is in one of both alone and has none" if alone else ""
        yield Measure(
            f"hausdorff_{one.percentile:g}",
            f"Hausdorff distance, {one.percentile:g} %",
            one.value,
            "percentile of the distances between the outlines of a class, the larger of both directions, mean over "
            f"images, then over classes{left_out}",
            "px",
            tuple(one.per_class),
        )

    def _size_recall(self) -> Iterator[Measure]:
        for row in self.size_recall.rows():
            size = f"{row.least} px or more" if row.most is None else f"{row.least} to {row.most} px"
            pixels = f"; {row.pixel_recall:.1%} of their pixels are right" if row.n_objects else ""
            yield Measure(
                f"recall_of_objects_from_{row.least}px",
                f"Recall, objects of {size}",
                row.found,
                f"share of {row.n_objects} objects (4-connected components of a class in the target) of which more "
                f"than half is predicted as their class{pixels}",
            )

    def _weighted_kappa(self) -> Iterator[Measure]:
        if self.kappa is not None:
            yield Measure(
                f"weighted_kappa_{self.kappa}",
                f"Weighted kappa, {self.kappa}",
                weighted_kappa(self.confusion.matrix[:, :-1], self.kappa),
                "agreement beyond chance of classes in the order of the legend, disagreement weighted by their "
                f"{'' if self.kappa == 'linear' else 'squared '}distance in it; pixels without a predicted class are "
                "left out",
            )


def _size_row(row: Any) -> dict[str, Any]:
    return {name: _number(value) if isinstance(value, float) else value for name, value in row._asdict().items()}


def _mean(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the classes that have a score, NaN where there are none."""
    defined = ~np.isnan(scores)
    return ratio(np.where(defined, scores, 0).sum(-1), defined.sum(-1))


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
