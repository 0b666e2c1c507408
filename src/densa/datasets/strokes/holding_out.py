"""Strokes held out for validation: whole ones, so that no stroke both trains and validates."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from densa.datasets.dataset import Dataset
from densa.datasets.label_source import InPieces, LabelSource
from densa.datasets.splits.windows import WindowDataset
from densa.datasets.strokes.drawing import StrokeLabels
from densa.legend import IGNORE
from densa.raster import Window

__all__ = ["HeldOut", "held_out_strokes", "hold_out"]

_CELL = 512  # pixels: side of the windows that are validated
_MOST_HELD = 1 << 27  # pixels of a painted image whose strokes are told apart


@dataclass(frozen=True)
class HeldOut:
    """The labels of one image, divided.

    Attributes:
        train: labels to train on.
        val: labels to validate on; no pixel has both.
        windows: disjoint windows that hold all labels of `val`.
        counts: strokes that are held out, and all strokes, of each class that has any.
    """

    train: LabelSource
    val: LabelSource
    windows: tuple[Window, ...]
    counts: dict[int, tuple[int, int]]


class Restricted:
    """Labels where a map of pixels is true: a `LabelSource`."""

    def __init__(self, source: LabelSource, chosen: NDArray[np.bool_]) -> None:
        self.source, self.chosen, self.height, self.width = source, chosen, source.height, source.width

    def read(self, window: Window) -> NDArray[np.uint8]:
        """(h, w) uint8 class of each pixel of a window; 255 where it has no label."""
        labels = self.source.read(window)
        chosen = self.chosen[window.row : window.row + window.height, window.column : window.column + window.width]
        labels[~chosen] = IGNORE
        return labels


def hold_out(labels: LabelSource, fraction: float, seed: int, name: str) -> HeldOut | None:
    """Hold out a share of the strokes of each class: of n strokes about `fraction * n`, at least one where n > 1.

    In a painted image, connected pixels of one class are a stroke. Which ones are held out follows from the seed, the
    class and the number of the stroke.

    Args:
        labels: of one image.
        fraction: share of the strokes, above 0 and below 1.
        seed: of the choice.
        name: of the image, which takes part in the choice.

    Returns:
        None where no class has two strokes, or where a painted image is too large to tell strokes apart.
    """
    if isinstance(labels, InPieces):
        return _by_pieces(labels, fraction, seed, name)
    return _by_components(labels, fraction, seed, name)


def _by_pieces(labels: InPieces, fraction: float, seed: int, name: str) -> HeldOut | None:
    classes = labels.classes_of_pieces()
    held, counts = _choose(classes, fraction, seed, name)
    if not held:
        return None
    # What lies on top decides, as in the whole drawing: the pieces of the other part erase.
    train = labels.without_pieces(held)
    val = labels.without_pieces(set(range(len(classes))) - held)
    return HeldOut(train, val, _windows(val), counts)


def _by_components(labels: LabelSource, fraction: float, seed: int, name: str) -> HeldOut | None:
    if labels.height * labels.width > _MOST_HELD:
        return None
    whole = labels.read(Window(0, 0, labels.height, labels.width))
    numbers, classes = np.zeros(whole.shape, np.int32), [IGNORE]
    for label in np.unique(whole[whole != IGNORE]):
        found, n = ndimage.label(whole == label, np.ones((3, 3)))
        numbers[found > 0] = found[found > 0] + (len(classes) - 1)
        classes += [int(label)] * n
    held, counts = _choose(np.array(classes), fraction, seed, name)
    if not held:
        return None
    chosen = np.isin(numbers, sorted(held))
    val = Restricted(labels, chosen)
    return HeldOut(Restricted(labels, ~chosen), val, _windows(val), counts)


def _choose(
    classes: NDArray[np.int64], fraction: float, seed: int, name: str
) -> tuple[set[int], dict[int, tuple[int, int]]]:
    """Numbers of the strokes that are held out; and held out and all of each class."""
    held: set[int] = set()
    counts = {}
    for label in np.unique(classes[classes != IGNORE]):
        own = np.flatnonzero(classes == label)
        n = min(max(1, round(fraction * len(own))), len(own) - 1)
        order = sorted(own, key=lambda k: hashlib.sha256(f"{seed}:{name}:{label}:{k}".encode()).digest())
        held |= {int(k) for k in order[:n]}
        counts[int(label)] = (n, len(own))
    return held, counts


def _windows(labels: LabelSource) -> tuple[Window, ...]:
    """The cells of a regular grid that hold a label."""
    found: list[Window] = []
    for row in range(0, labels.height, _CELL):
        for column in range(0, labels.width, _CELL):
            window = Window(row, column, min(_CELL, labels.height - row), min(_CELL, labels.width - column))
            if isinstance(labels, StrokeLabels) and not labels.near(window):
                continue
            if (labels.read(window) != IGNORE).any():
                found.append(window)
    return tuple(found)


def held_out_strokes(whole: Dataset, fraction: float, seed: int) -> tuple[dict[str, Dataset], str]:
    """Training and validation of images whose labels are drawn: strokes of each image are held out, see `hold_out`.

    Args:
        whole: images with drawn labels.
        fraction: share of the strokes, above 0 and below 1.
        seed: of the choice.

    Returns:
        "train" and, where something is held out, "val", windows of the images; and a line that says what is held out.
    """
    divided = [None if s.drawn is None else hold_out(s.drawn, fraction, seed, s.name) for s in whole.samples]
    if not any(divided):
        large = any(
            s.drawn is not None and not isinstance(s.drawn, InPieces) and s.drawn.height * s.drawn.width > _MOST_HELD
            for s in whole.samples
        )
        why = "the image is too large to tell strokes apart" if large else "no class has two strokes on one image"
        return {"train": whole}, f"validation: none, for {why}"
    pairs = list(zip(whole.samples, divided, strict=True))
    train = whole.with_samples(s if d is None else replace(s, drawn=d.train) for s, d in pairs)
    val = whole.with_samples(s if d is None else replace(s, drawn=d.val) for s, d in pairs)
    windows = [(i, window) for i, d in enumerate(divided) if d for window in d.windows]
    counts = _text_of([d.counts for d in divided if d], whole.legend.class_names)
    line = f"validation: {counts} are held out; val_fraction=0 holds out none"
    return {"train": train, "val": WindowDataset.of(val, windows)}, line


def _text_of(counts: Sequence[dict[int, tuple[int, int]]], names: Sequence[str]) -> str:
    """ "3 of 15 strokes (road 1 of 5, field 2 of 10)"."""
    total = {label: tuple(np.sum([c[label] for c in counts if label in c], axis=0)) for c in counts for label in c}
    each = ", ".join(f"{names[label]} {n} of {of}" for label, (n, of) in sorted(total.items()))
    return f"{sum(n for n, _ in total.values())} of {sum(of for _, of in total.values())} strokes ({each})"
