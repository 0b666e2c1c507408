"""Patch sizes drawn for each batch, and a score of each (Nogueira et al., TGRS 2019, arXiv:1804.04020).

Distributions and scores are those of the authors' code (keillernogueira/dynamic-rs-segmentation).

How much context a pixel needs depends on the data. Training draws the side of the patches anew in every step; a size is
scored by the batches that had it, and the authors predict with the best one.

Departures: a size that never occurred is never the best (the authors' code gives it a mean of 0, which wins where the
score is a loss). "accuracy" is the mean over the classes in the batch; the authors' divides by all classes, which
favours large patches since they hold more of them ("paper-accuracy"). "loss" is the loss alone; the authors' script for
ISPRS multiplies it by a tenth of the epoch's number, so that a size drawn late looks worse. An exponential average
forgets scores of the untrained network, on request.

Method: Dynamic multi-context.
Source: Nogueira et al., TGRS 57(10), 2019, arXiv:1804.04020; keillernogueira/dynamic-rs-segmentation.
As printed: a patch size is drawn for each batch and scored by its batches; distributions and scores are those of the
    authors' code.
Departs: a size that never occurred is never the best; "accuracy" divides by the classes in the batch, "paper-accuracy"
    is the authors'; the loss score lacks the released code's factor of the epoch; an exponential average on request.
Held by: tests/training/patch_sizes/test_policy.py, tests/training/patch_sizes/test_in_progress.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError

__all__ = ["CONTEXT_KINDS", "CONTEXT_SCORES", "PatchSizePolicy", "PatchSizeScores", "recorded_sizes"]

CONTEXT_KINDS = ("fixed", "multi-fixed", "uniform", "multinomial")
"""Distributions of patch sizes."""

CONTEXT_SCORES = ("accuracy", "paper-accuracy", "loss")
"""Scores of a size."""

LARGEST = 4096
"""Largest patch side in pixels."""

_FORMS = "fixed:65, multi-fixed:45,55,65, uniform:25-85 or multinomial:25,50"


@dataclass(frozen=True)
class PatchSizePolicy:
    """Distribution of the patch size.

    Args:
        kind: "fixed", always the one value; "multi-fixed", the listed values alike ("Uniform Fixed" in the paper);
            "uniform", all integers from the smallest to the largest value alike; "multinomial", the same integers, each
            listed value with probability 2 / (largest - smallest + 1) and the others alike.
        values: sides in pixels, ascending.

    Raises:
        InputError: an unknown kind, values that are not ascending or out of range, too many for "multinomial".

    Examples:
        >>> from densa.training import PatchSizePolicy
        >>> policy = PatchSizePolicy.parse("multi-fixed:45,65")
        >>> policy.probabilities
        {45: 0.5, 65: 0.5}
    """

    kind: str
    values: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.kind not in CONTEXT_KINDS:
            raise InputError(f"context must be one of {', '.join(CONTEXT_KINDS)}, got {self.kind!r}; write {_FORMS}")
        least = 1 if self.kind == "fixed" else 2
        most = {"fixed": 1, "uniform": 2}.get(self.kind, LARGEST)
        if not least <= len(self.values) <= most:
            wanted = str(least) if least == most else f"{least} or more"
            raise InputError(f"context {self.kind} takes {wanted} patch sizes, got {len(self.values)}; write {_FORMS}")
        if any(b <= a for a, b in zip(self.values, self.values[1:], strict=False)):
            raise InputError(f"patch sizes of a context must grow, got {', '.join(map(str, self.values))}")
        if not 1 <= self.values[0] <= self.values[-1] <= LARGEST:
            raise InputError(f"patch sizes must be from 1 to {LARGEST}, got {self.values[0]} to {self.values[-1]}")
        interval = self.values[-1] - self.values[0] + 1
        if self.kind == "multinomial" and 2 * len(self.values) >= interval:
            raise InputError(
                f"context multinomial: {len(self.values)} listed sizes are too many for the {interval} sizes from "
                f"{self.values[0]} to {self.values[-1]}, twice their number must be less; list at most "
                f"{(interval - 1) // 2}, or use multi-fixed"
            )

    @classmethod
    def parse(cls, text: str) -> PatchSizePolicy:
        """The policy of "uniform:25-85", "fixed:65", "multi-fixed:45,55,65" or "multinomial:25,50".

        Raises:
            InputError: another form, or values that the class refuses.
        """
        kind, _, values = text.strip().partition(":")
        parts = re.split(r"[,-]", values)
        if not all(re.fullmatch(r"\s*[0-9]{1,9}\s*", part) for part in parts):
            raise InputError(f"context must be a distribution and its patch sizes, got {text!r}; write {_FORMS}")
        return cls(kind.strip(), tuple(int(part) for part in parts))

    def __str__(self) -> str:
        """The text that `parse` reads."""
        return f"{self.kind}:{('-' if self.kind == 'uniform' else ',').join(map(str, self.values))}"

    @cached_property
    def probabilities(self) -> dict[int, float]:
        """Probability of each size that can be drawn."""
        first, last = self.values[0], self.values[-1]
        if self.kind in ("fixed", "multi-fixed"):
            return dict.fromkeys(self.values, 1 / len(self.values))
        n = last - first + 1
        if self.kind == "uniform":
            return dict.fromkeys(range(first, last + 1), 1 / n)
        listed = 2 / n
        other = (1 - len(self.values) * listed) / (n - len(self.values))
        return {size: listed if size in self.values else other for size in range(first, last + 1)}

    def size(self, seed: int, step: int) -> int:
        """Size of a step; depends on the seed and the step alone."""
        sizes, cumulative = self._table
        draw = np.random.default_rng([seed, step, 6]).random()
        return int(sizes[min(int(np.searchsorted(cumulative, draw, side="right")), len(sizes) - 1)])

    @cached_property
    def _table(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        return np.array(list(self.probabilities)), np.cumsum(list(self.probabilities.values()))


@dataclass
class PatchSizeScores:
    """Score and occurrences of each patch size.

    Args:
        score: of `CONTEXT_SCORES`; the smallest loss is the best, the highest accuracy.
        decay: 0 for the mean over all batches of a size; else the share of the past in an exponential average over
            them.
        sizes: size -> (batches, sum or average of their scores).

    Raises:
        InputError: an unknown score, a decay out of range.

    Examples:
        >>> from densa.training import PatchSizeScores
        >>> scores = PatchSizeScores("accuracy")
        >>> for size, score in ((45, 0.6), (55, 0.8), (45, 0.5)):
        ...     scores.add(size, score)
        ...
        >>> scores.mean(45), scores.ranked()
        (0.55, [55, 45])
    """

    score: str = "accuracy"
    decay: float = 0.0
    sizes: dict[int, tuple[int, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.score not in CONTEXT_SCORES:
            raise InputError(f"context_score must be one of {', '.join(CONTEXT_SCORES)}, got {self.score!r}")
        if not 0 <= self.decay < 1:
            raise InputError(f"context_decay must be from 0 to below 1, got {self.decay}")

    def add(self, size: int, value: float) -> None:
        """Count a batch; one without a score (no labelled pixel) does not count."""
        if not math.isfinite(value):
            return
        n, score = self.sizes.get(size, (0, 0.0))
        if self.decay and n:
            value = self.decay * score + (1 - self.decay) * value
        self.sizes[size] = (n + 1, value if self.decay else score + value)

    def mean(self, size: int) -> float:
        """Score of a size; NaN where it never occurred."""
        n, score = self.sizes.get(size, (0, 0.0))
        return math.nan if not n else score if self.decay else score / n

    def ranked(self) -> list[int]:
        """The sizes that occurred, the best first; of equal ones the smaller."""
        sign = 1 if self.score == "loss" else -1
        return sorted(self.sizes, key=lambda size: (sign * self.mean(size), size))

    @property
    def best(self) -> int | None:
        """The best size; None before any occurred."""
        ranked = self.ranked()
        return ranked[0] if ranked else None

    def state(self) -> dict[str, list[float]]:
        """The state for a checkpoint; `load` restores it exactly."""
        return {str(size): [n, score] for size, (n, score) in sorted(self.sizes.items())}

    def load(self, state: Mapping[str, Any]) -> None:
        """Load a stored state.

        Raises:
            InputError: the state is damaged.
        """
        try:
            self.sizes = {int(size): (int(n), float(score)) for size, (n, score) in state.items()}
        except (TypeError, ValueError) as error:
            raise InputError(f"the patch sizes of the checkpoint are damaged: {error}") from error
        if any(size < 1 or n < 1 or not math.isfinite(score) for size, (n, score) in self.sizes.items()):
            raise InputError("the patch sizes of the checkpoint are damaged: numbers out of range")

    def record(self) -> dict[str, Any]:
        """The record in model.json: the kind of score, the best size, batches and score of each size."""
        sizes = {str(size): {"batches": n, "score": self.mean(size)} for size, (n, _) in sorted(self.sizes.items())}
        return {"score": self.score, "decay": self.decay, "best": self.best, "sizes": sizes}


def recorded_sizes(training: Mapping[str, Any], k: int = 1) -> list[int]:
    """The k best patch sizes by the training record of a model, the best first.

    Args:
        training: of model.json. A run without a context policy has one size, that of its patches.
        k: how many.

    Raises:
        InputError: the record names no size, or fewer than k.

    Examples:
        >>> from densa import training
        >>> training.recorded_sizes({"settings": {"patch_size": 256}})
        [256]
    """
    if k < 1:
        raise InputError(f"at least one patch size is needed, got {k}")
    try:
        if "context" in training:
            content = training["context"]
            scores = PatchSizeScores(content["score"])
            for size, entry in content["sizes"].items():
                scores.sizes[int(size)] = (1, float(entry["score"]))
            sizes = scores.ranked()
        else:
            side = training["settings"]["patch_size"]
            sizes = [side] if isinstance(side, int) else [min(int(part) for part in side)]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError("the model's training record names no patch size; give the sizes") from error
    if not sizes or min(sizes) < 1 or max(sizes) > 2**16:
        raise InputError("the model's training record names no patch size; give the sizes")
    if k > len(sizes):
        raise InputError(f"the model's training scored {len(sizes)} patch sizes, {k} were asked for; take fewer")
    return sizes[:k]
