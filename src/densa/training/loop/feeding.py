"""From patches to micro-batches on the device: prefetched, normalised, augmented.

A step's patches are numbered over all processes and micro-batches, and each depends on the seed and its number alone:
two processes with a batch of 4 see the patches that one sees with a batch of 8, or with two micro-batches of 4.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import count
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from densa.datasets import Batch, PatchSampler
from densa.segmenter import BandContract
from densa.training.pieces.augmentation import Draw, augment, draw
from densa.training.settings import Augmentation

__all__ = ["Feeder", "MicroBatch"]


class MicroBatch(NamedTuple):
    """(N, B, H, W) float32 normalised images, (N, h, w) int64 target, (N, h, w) float32 added weights or None."""

    images: Tensor
    target: Tensor
    weights: Tensor | None


class Feeder:
    """Prepares the micro-batches of a process, step by step.

    Args:
        sampler: source of the patches.
        bands: band means and deviations to normalise with.
        augmentation: how patches are changed.
        batch_size: patches of one micro-batch of one process.
        accumulation: micro-batches of a step.
        seed: of the augmentation.
        rank: number of this process.
        n_ranks: number of processes.
        device: where the micro-batches go.
        margin: pixels on each side of a patch that the network reads but does not label (valid convolutions).
    """

    def __init__(
        self,
        sampler: PatchSampler,
        bands: BandContract,
        augmentation: Augmentation,
        *,
        batch_size: int,
        accumulation: int = 1,
        seed: int = 0,
        rank: int = 0,
        n_ranks: int = 1,
        device: torch.device | str = "cpu",
        margin: int = 0,
    ) -> None:
        self.sampler, self.augmentation, self.seed = sampler, augmentation, seed
        self.batch_size, self.accumulation, self.rank, self.n_ranks = batch_size, accumulation, rank, n_ranks
        self.device, self.margin = torch.device(device), margin
        self._mean = torch.tensor(bands.mean, dtype=torch.float32, device=self.device)[:, None, None]
        self._std = torch.tensor([std or 1.0 for std in bands.std], dtype=torch.float32, device=self.device)[
            :, None, None
        ]

    @property
    def patches_per_step(self) -> int:
        """Patches of a step, over all processes."""
        return self.batch_size * self.accumulation * self.n_ranks

    def steps(self, first: int) -> Generator[list[MicroBatch], None, None]:
        """The micro-batches of each step from `first` on, endless; closing the iterator ends the reading threads."""
        ahead = 2 * self.batch_size * self.accumulation
        numbers = (number for step in count(first) for number in self._own(step))
        patches = self.sampler.batches(numbers, 1, ahead=ahead)
        try:
            for step in count(first):
                drawn = self._draw(step)
                parts = [_join([next(patches) for _ in range(self.batch_size)]) for _ in range(self.accumulation)]
                yield [self._prepare(batch, self._part(drawn, m)) for m, batch in enumerate(parts)]
        finally:
            patches.close()  # type: ignore[attr-defined]  # the iterator is a generator: its threads end here

    def plain(self, first: int, n: int) -> Iterator[Tensor]:
        """Images of `n` micro-batches without augmentation, for the statistics of batch normalisation."""
        for m in range(first, first + n):
            yield self._normalised(self.sampler.batch(m, self.batch_size))[0]

    def _own(self, step: int) -> Iterator[int]:
        start = step * self.patches_per_step
        for m in range(self.accumulation):
            first = start + (m * self.n_ranks + self.rank) * self.batch_size
            yield from range(first, first + self.batch_size)

    def _draw(self, step: int) -> Draw:
        n_bands = self._mean.shape[0]
        return draw(self.augmentation, self.patches_per_step, n_bands, seed=self.seed, step=step)

    def _part(self, drawn: Draw, m: int) -> Draw:
        first = (m * self.n_ranks + self.rank) * self.batch_size
        return drawn.part(first, first + self.batch_size)

    def _normalised(self, batch: Batch) -> tuple[Tensor, Tensor]:
        images, valid = (torch.from_numpy(array).to(self.device, non_blocking=True) for array in batch[:3:2])
        return torch.where(valid[:, None], (images - self._mean) / self._std, 0), valid

    def _prepare(self, batch: Batch, drawn: Draw) -> MicroBatch:
        images, valid = self._normalised(batch)
        maps = torch.from_numpy(batch.labels).to(self.device, torch.float32)[:, None]
        if batch.weights is not None:
            maps = torch.cat([maps, torch.from_numpy(batch.weights).to(self.device)[:, None]], dim=1)
        images, maps, _ = augment(images, maps, drawn, self.augmentation, None if valid.all() else valid)
        maps = maps[..., self.margin : maps.shape[-2] - self.margin, self.margin : maps.shape[-1] - self.margin]
        weights = None if batch.weights is None else maps[:, 1]
        return MicroBatch(images.contiguous(memory_format=torch.channels_last), maps[:, 0].long(), weights)


def _join(patches: list[Batch]) -> Batch:
    images, labels, valid, weights = zip(*patches, strict=True)
    joined = None if weights[0] is None else np.concatenate(weights)
    return Batch(np.concatenate(images), np.concatenate(labels), np.concatenate(valid), joined)
