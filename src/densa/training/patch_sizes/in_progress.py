"""The patch sizes of a run in progress: drawn, rounded to what the network takes, scored, written to context.csv."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from densa.datasets import Dataset
from densa.errors import InputError
from densa.legend import IGNORE
from densa.operators.modules import network_rules
from densa.training.patch_sizes.policy import PatchSizePolicy, PatchSizeScores

__all__ = ["CONTEXT_FILE", "DrawnPatchSizes", "check_context", "rounded_size", "rounded_sizes"]

CONTEXT_FILE = "context.csv"
_COLUMNS = ("step", "size", "score")


class DrawnPatchSizes:
    """Draws the patch size of each step and keeps its score.

    Scores stay on the device until `flush`, so that a step does not wait for the GPU.

    Args:
        policy: distribution of the sizes.
        network: sizes are rounded up to sizes that it accepts.
        scores: the scores to update.
        n_classes: of the targets.
        seed: of the sizes.
    """

    def __init__(
        self, policy: PatchSizePolicy, network: nn.Module, scores: PatchSizeScores, *, n_classes: int, seed: int
    ) -> None:
        self.policy, self.scores, self.n_classes, self.seed = policy, scores, n_classes, seed
        self._rounded = {size: rounded_size(network, size) for size in policy.probabilities}
        self._counts: Tensor | None = None
        self._pending: list[tuple[int, Tensor]] = []

    def size(self, step: int) -> int:
        """Side of the output of the patches of a step; depends on the seed and the step alone."""
        return self._rounded[self.policy.size(self.seed, step)]

    def observe(self, logits: Tensor, target: Tensor) -> None:
        """Count the correct and all labelled pixels of each class of a micro-batch."""
        n = self.n_classes
        labels = torch.where(target == IGNORE, n, target).flatten()
        right = torch.where(logits.detach().argmax(dim=1).flatten() == labels, labels, n)
        counts = torch.zeros(2, n + 1, dtype=torch.int64, device=target.device)
        for row, index in zip(counts, (right, labels), strict=True):
            row.scatter_add_(0, index, torch.ones_like(index))
        self._counts = counts[:, :n] if self._counts is None else self._counts + counts[:, :n]

    def step_done(self, step: int, loss: Tensor, accelerator: Accelerator) -> None:
        """Score the step, number `step` from 0, over all processes."""
        counts, self._counts = self._counts, None
        if counts is None:
            return
        if accelerator.num_processes > 1:
            counts, loss = accelerator.reduce(counts, "sum"), accelerator.reduce(loss, "mean")
        right, total = counts.double()
        present = total > 0
        if self.scores.score == "loss":
            value = torch.where(present.any(), loss.double(), math.nan)
        else:
            recall = right / total.clamp(min=1)
            n_counted = present.sum() if self.scores.score == "accuracy" else torch.where(present.any(), len(total), 0)
            value = recall.sum() / n_counted
        self._pending.append((step, value))

    def flush(self, path: Path | None) -> None:
        """Add the scores since the last call; append them to a context.csv, where a path is given."""
        rows = [(step, self.size(step), float(value)) for step, value in self._pending]
        self._pending = []
        for _, size, value in rows:
            self.scores.add(size, value)
        if path is not None:
            _append(path, rows)

    def load(self, state: dict[str, Any], path: Path | None, step: int) -> None:
        """Load the statistics of a checkpoint; rows of later steps are removed from context.csv."""
        self._pending, self._counts = [], None
        self.scores.load(state)
        if path is not None:
            _keep_rows(path, step)

    def record(self) -> dict[str, Any]:
        """The record of the sizes in model.json."""
        return {"policy": str(self.policy), **self.scores.record()}


def rounded_size(network: nn.Module, size: int) -> int:
    """The smallest side of an output of the network that is at least `size`."""
    rules = network_rules(network)
    return rules.input_side(size) - 2 * rules.margin


def rounded_sizes(policy: PatchSizePolicy, network: nn.Module) -> list[int]:
    """The sizes that patches of a policy have with a network, ascending."""
    return sorted({rounded_size(network, size) for size in policy.probabilities})


def check_context(policy: PatchSizePolicy, network: nn.Module, dataset: Dataset) -> None:
    """Refuse patch sizes too small for the network or too large for the scenes.

    Raises:
        InputError: the smallest size is less than the network's smallest output, or the largest more than a scene.
    """
    least = rounded_size(network, 1)
    if policy.values[0] < least:
        raise InputError(
            f"context {policy}: patches of {policy.values[0]} pixels are smaller than the network can take; begin at "
            f"{least}"
        )
    largest = rounded_sizes(policy, network)[-1]
    for i in range(len(dataset)):
        if min(dataset.size(i)) < largest:
            height, width = dataset.size(i)
            rounded = "" if largest == policy.values[-1] else f" (rounded up from {policy.values[-1]} for the network)"
            raise InputError(
                f"context {policy}: patches of {largest} pixels{rounded} are larger than the scene "
                f"{dataset.samples[i].image}, {height}x{width}; use smaller sizes"
            )


def _append(path: Path, rows: Sequence[tuple[int, int, float]]) -> None:
    is_new = not path.exists()
    try:
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(_COLUMNS)
            writer.writerows((step, size, f"{value:.6g}" if math.isfinite(value) else "") for step, size, value in rows)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error}") from error


def _keep_rows(path: Path, step: int) -> None:
    """Drop rows from `step` on, which a killed run may have left."""
    if not path.is_file():
        return
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in list(csv.reader(file))[1:] if len(row) == len(_COLUMNS) and int(row[0]) < step]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([list(_COLUMNS), *rows])
