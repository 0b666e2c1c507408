"""Tuning of a CRF's parameters on labelled images by successive halving (Jamieson & Talwalkar, AISTATS 2016).

All candidates are tried on a few images, the best third on three times as many, and so on up to all of them. The winner
is compared with the labels without CRF on all images, since a CRF removes small classes and does not always help.

Method: Tuning of the CRF.
Source: Jamieson, Talwalkar, AISTATS 2016, arXiv:1502.07943; DeepLab's search, arXiv:1412.7062, section 4.3.
As printed: successive halving.
Departs: a wider range of distances than DeepLab's; no CRF is among the candidates.
Held by: tests/crf/test_tuning.py.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.crf.dense import dense_crf
from densa.crf.parameters import PUBLISHED, DenseCrf
from densa.errors import InputError
from densa.progress import Progress

__all__ = ["CANDIDATES", "Sample", "TunedCrf", "tune_dense_crf"]

CANDIDATES: tuple[DenseCrf, ...] = tuple(PUBLISHED.values()) + tuple(
    DenseCrf(3.0, 3.0, pixels, values, weight, 5)
    for pixels, values, weight in itertools.product((20.0, 40.0, 80.0), (3.0, 5.0, 10.0), (3.0, 6.0, 10.0))
)
"""The published parameters, and DeepLab's search (arXiv:1412.7062, section 4.3) over a wider range of distances."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A labelled image with the probabilities of a segmenter.

    Args:
        probabilities: (C, h, w), as for `dense_crf`.
        image: (bands, h, w).
        target: (h, w) class indices, or the ignored label.
        valid: (h, w), False for pixels without data.
    """

    probabilities: NDArray[Any]
    image: NDArray[Any]
    target: NDArray[Any]
    valid: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class TunedCrf:
    """Result of tuning.

    Attributes:
        parameters: the best candidate, or None if no CRF helps.
        mean_iou: mean IoU of the best candidate on all samples.
        mean_iou_without: mean IoU of the labels without CRF on all samples.
        rounds: per round, the number of samples and the (candidate, mean IoU) pairs, best first.

    Examples:
        >>> from densa import crf
        >>> crf.TunedCrf(None, mean_iou=0.71, mean_iou_without=0.72, rounds=()).helps
        False
    """

    parameters: DenseCrf | None
    mean_iou: float
    mean_iou_without: float
    rounds: tuple[tuple[int, tuple[tuple[DenseCrf, float], ...]], ...]

    @property
    def helps(self) -> bool:
        """Whether the best candidate is better than no CRF."""
        return self.parameters is not None

    def __str__(self) -> str:
        if self.parameters is None:
            return (
                f"CRF off: mean IoU {self.mean_iou_without:.4f} without, {self.mean_iou:.4f} with the best parameters"
            )
        return f"CRF on: mean IoU {self.mean_iou_without:.4f} without, {self.mean_iou:.4f} with {self.parameters}"


def tune_dense_crf(
    samples: Callable[[], Iterable[Sample]],
    candidates: Sequence[DenseCrf] | None = None,
    *,
    seed: int = 0,
    eta: int = 3,
    ignore: int = 255,
    least_gain: float = 0.0,
    progress: Progress | None = None,
) -> TunedCrf:
    """Best parameters of `dense_crf` by mean IoU; None if no candidate gains more than `least_gain`.

    Samples are streamed, one in memory at a time. The same seed, samples and candidates give the same result.

    Args:
        samples: called once for the labels without CRF and once per round; yields the same samples in the same order
            each time. A round refines some of them and skips the others.
        candidates: None for `CANDIDATES`. Of equally good ones the earlier wins.
        seed: chooses the samples of the early rounds.
        eta: 2 or more: each round keeps 1 / eta of the candidates and uses eta times as many samples.
        ignore: label in the targets that does not count.
        least_gain: gain in mean IoU over no CRF that the best candidate must exceed.
        progress: called with (refinements done, refinements in all).

    Raises:
        InputError: no sample, no candidate, a target that does not fit its probabilities or has other classes.

    Examples:
        >>> import numpy as np
        >>> from densa import crf
        >>> image = np.array([[[0, 0, 0, 200, 200, 200]]])
        >>> probabilities = np.array([[[0.9, 0.4, 0.9, 0.1, 0.1, 0.1]], [[0.1, 0.6, 0.1, 0.9, 0.9, 0.9]]])
        >>> sample = crf.Sample(probabilities, image, np.array([[0, 0, 0, 1, 1, 1]]))
        >>> nothing = crf.DenseCrf(smooth_weight=0, appearance_weight=0)
        >>> tuned = crf.tune_dense_crf(lambda: [sample], [crf.PYDENSECRF, nothing])
        >>> tuned.parameters == crf.PYDENSECRF, tuned.mean_iou
        (True, 1.0)
    """
    pool = list(dict.fromkeys(CANDIDATES if candidates is None else candidates))
    if not pool or eta < 2:
        raise InputError(
            f"candidates must not be empty and eta must be at least 2, got {len(pool)} candidates and eta={eta}"
        )
    without, n_samples = _without(samples, ignore)
    order = np.random.default_rng(seed).permutation(n_samples)
    plan = _plan(len(pool), n_samples, eta)
    n_all, n_done = sum(a * b for a, b in plan), 0
    rounds = []
    for n_candidates, n_used in plan:
        pool = pool[:n_candidates]
        tables = [np.zeros_like(without) for _ in pool]
        for sample in _chosen(samples, set(order[:n_used].tolist())):
            for table, candidate in zip(tables, pool, strict=True):
                refined = dense_crf(sample.probabilities, sample.image, candidate, valid=sample.valid)
                table += _confusion(sample.target, refined, ignore)
                n_done += 1
                if progress is not None:
                    progress(n_done, n_all)
        scores = [mean_iou(table) for table in tables]
        ranking = sorted(range(len(pool)), key=lambda i: -scores[i])  # stable: earlier candidates first
        rounds.append((n_used, tuple((pool[i], scores[i]) for i in ranking)))
        pool = [pool[i] for i in ranking]
    before, after = mean_iou(without), rounds[-1][1][0][1]
    best = replace(pool[0]) if after > before + least_gain else None
    return TunedCrf(best, after, before, tuple(rounds))


def _plan(n_candidates: int, n_samples: int, eta: int) -> list[tuple[int, int]]:
    """Candidates and samples of each round; the last round uses all samples."""
    n_rounds = 1 + max(0, math.ceil(math.log(n_candidates) / math.log(eta) - 1e-9))
    plan = []
    for i in range(n_rounds):
        n_left = max(1, math.ceil(n_candidates / eta**i))
        n_used = max(1, math.ceil(n_samples / eta ** (n_rounds - 1 - i)))
        plan.append((n_left, n_used))
    return plan


def _chosen(samples: Callable[[], Iterable[Sample]], places: set[int]) -> Iterable[Sample]:
    return (sample for i, sample in enumerate(samples()) if i in places)


def _without(samples: Callable[[], Iterable[Sample]], ignore: int) -> tuple[NDArray[np.int64], int]:
    """Confusion matrix of the labels without CRF, and the number of samples."""
    table, n = None, 0
    for sample in samples():
        found = _confusion(sample.target, np.asarray(sample.probabilities), ignore)
        if table is not None and table.shape != found.shape:
            raise InputError(f"samples must have the same number of classes, got {len(table)} and {len(found)}")
        table = found if table is None else table + found
        n += 1
    if table is None:
        raise InputError("samples must yield at least one sample, got none")
    if not table.any():
        raise InputError("samples must have labelled pixels, but no pixel has a label")
    return table, n


def _confusion(target: NDArray[Any], probabilities: NDArray[Any], ignore: int) -> NDArray[np.int64]:
    """(C, C) counts of pixels by [target, predicted]."""
    target, n_classes = np.asarray(target), len(probabilities)
    if target.shape != probabilities.shape[1:] or target.dtype.kind not in "iu":
        raise InputError(
            f"target must hold integers of the size {probabilities.shape[1:]} of its probabilities, "
            f"got {target.dtype} of shape {target.shape}"
        )
    counted = target != ignore
    labels = target[counted].astype(np.int64)
    if ((labels < 0) | (labels >= n_classes)).any():
        raise InputError(f"target must hold classes 0..{n_classes - 1} or {ignore}, got {labels.max()}")
    predicted = probabilities.argmax(axis=0)[counted]
    return np.bincount(labels * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)


def mean_iou(table: NDArray[np.int64]) -> float:
    """Mean intersection over union of the classes that occur in targets or predictions."""
    common, union = np.diag(table), table.sum(axis=0) + table.sum(axis=1) - np.diag(table)
    return float((common[union > 0] / union[union > 0]).mean())
