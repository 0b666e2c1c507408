"""What of a tile's probabilities is kept: planes of bytes, label map first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densa.engine.prediction.compute import TilePrediction

__all__ = ["Products", "entropy"]


@dataclass(frozen=True)
class Products:
    """The planes (uint8) that are kept of every tile, in this order.

    Args:
        n_classes: of the segmenter.
        confidence: probability of the label, times 255.
        uncertainty: entropy of the probabilities, 255 where all classes are equally probable.
        probabilities: of every class, times 255.
    """

    n_classes: int
    confidence: bool = False
    uncertainty: bool = False
    probabilities: bool = False

    @property
    def n_planes(self) -> int:
        """Planes of a tile; the labels are plane 0."""
        return 1 + self.confidence + self.uncertainty + self.n_classes * self.probabilities

    def place(self, name: str) -> slice:
        """Planes of one product: "confidence", "uncertainty" or "probabilities"."""
        counts = {
            "labels": 1,
            "confidence": int(self.confidence),
            "uncertainty": int(self.uncertainty),
            "probabilities": self.n_classes * self.probabilities,
        }
        names = list(counts)
        start = sum(counts[n] for n in names[: names.index(name)])
        return slice(start, start + counts[name])

    def planes(self, tile: TilePrediction) -> NDArray[np.uint8]:
        """(planes, h, w) uint8 of a tile; where the raster is invalid the label is 255 and all else 0."""
        planes = np.zeros((self.n_planes, *tile.valid.shape), np.uint8)
        planes[0] = tile.labels()
        if self.confidence:
            planes[self.place("confidence")] = _bytes(tile.probabilities.max(axis=0))
        if self.uncertainty:
            planes[self.place("uncertainty")] = _bytes(entropy(tile.probabilities))
        if self.probabilities:
            for plane, probability in zip(planes[self.place("probabilities")], tile.probabilities, strict=True):
                plane[...] = _bytes(probability)
        if not tile.valid.all():
            planes[1:, ~tile.valid] = 0
        return planes


def entropy(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) entropy of (classes, h, w) probabilities, as a share of the largest possible, 0..1."""
    total = np.zeros(probabilities.shape[1:], np.float32)
    for p in probabilities:  # one class after the other: no second array of all
        total -= p * np.log(np.maximum(p, np.float32(1e-12)))
    return total / np.float32(np.log(max(len(probabilities), 2)))


def _bytes(share: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(np.clip(share, 0, 1) * np.float32(255)).astype(np.uint8)
