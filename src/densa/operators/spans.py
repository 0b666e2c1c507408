"""Spans: the input positions on which each row and column of a tensor depends, and how operations propagate them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError

__all__ = [
    "Axis",
    "Positions",
    "Span",
    "Window",
    "both",
    "everything",
    "gather",
    "input_span",
    "join",
    "moved",
    "slide",
    "slide_back",
]

_FAR = 2**40  # `low` of a position that depends on nothing; `high` is the negative
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Axis:
    """One axis of a tensor: row t depends on the input rows low[t] to high[t] (hull), on none if low > high.

    Attributes:
        low, high: (n,) first and last input row of each row.
        step, start: row t has its centre at the input coordinate start + step * t.
        period: least common multiple of the steps so far: input pixels after which the pattern repeats.
        whole: whether the axis also depends on the whole image.
    """

    low: Positions
    high: Positions
    step: Fraction = Fraction(1)
    start: Fraction = Fraction(0)
    period: int = 1
    whole: bool = False

    def is_empty(self) -> bool:
        """Whether no position depends on particular input rows (it may depend on the whole image)."""
        return bool((self.low > self.high).all())


@dataclass(frozen=True)
class Span:
    """Rows and columns of a tensor; for the indices of a max pooling, also its windows and the axes that it pooled."""

    axes: tuple[Axis, Axis]
    windows: tuple[Window, Window] | None = None
    pooled: tuple[Axis, Axis] | None = None


@dataclass(frozen=True)
class Window:
    """Taps of a convolution or pooling along one axis: output t reads t * stride - padding + j * dilation, j < size."""

    size: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    @property
    def centre(self) -> Fraction:
        """Input position in the middle of output 0's taps."""
        return Fraction((self.size - 1) * self.dilation, 2) - self.padding


def input_span(side: int) -> Span:
    """Span of the image itself: every row depends on itself."""
    positions = np.arange(side, dtype=np.int64)
    axis = Axis(positions, positions)
    return Span((axis, axis))


def gather(axis: Axis, taps: Iterable[tuple[Positions, NDArray[np.bool_]]], n_out: int) -> tuple[Positions, Positions]:
    """Hull, for each output position, of the intervals at its taps: pairs of (input position, whether it is read)."""
    low, high = np.full(n_out, _FAR, np.int64), np.full(n_out, -_FAR, np.int64)
    n_in = len(axis.low)
    for place, read in taps:
        inside = read & (place >= 0) & (place < n_in)
        np.minimum(low, axis.low[np.clip(place, 0, n_in - 1)], out=low, where=inside)
        np.maximum(high, axis.high[np.clip(place, 0, n_in - 1)], out=high, where=inside)
    return low, high


def slide(axis: Axis, window: Window, n_out: int) -> Axis:
    """Propagate through a convolution or pooling."""
    t = np.arange(n_out)
    everywhere = np.ones(n_out, np.bool_)
    taps = ((t * window.stride - window.padding + j * window.dilation, everywhere) for j in range(window.size))
    low, high = gather(axis, taps, n_out)
    start = axis.start + axis.step * window.centre
    return moved(axis, low, high, axis.step * window.stride, start)


def slide_back(axis: Axis, window: Window, n_out: int) -> Axis:
    """Propagate through a transposed convolution: output x reads input t: x = t * stride - padding + j * dilation."""
    x = np.arange(n_out)
    sources = ((x + window.padding - j * window.dilation) for j in range(window.size))
    low, high = gather(axis, ((s // window.stride, s % window.stride == 0) for s in sources), n_out)
    step = axis.step / window.stride
    return moved(axis, low, high, step, axis.start - step * window.centre)


def moved(axis: Axis, low: Positions, high: Positions, step: Fraction, start: Fraction) -> Axis:
    """The axis of an operation's output, whose positions depend on `low` to `high`."""
    moved = Axis(low, high, step, start, axis.period, axis.whole)
    # On a coarser grid the pattern repeats with the grid's step; an axis without particular rows has no pattern.
    return moved if moved.is_empty() else replace(moved, period=math.lcm(axis.period, step.numerator))


def join(spans: Sequence[Span], shape: Sequence[int]) -> Span:
    """Hull of tensors that are combined elementwise; those of one row (or column) are broadcast."""
    axes = []
    for which in (0, 1):
        parts = [span.axes[which] for span in spans]
        n = shape[which]
        if any(len(part.low) not in (1, n) for part in parts):
            raise InputError("densa cannot follow an operation that changes which axes are rows and columns")
        ones = np.ones(n, np.int64)
        low = np.minimum.reduce([part.low * ones for part in parts])
        high = np.maximum.reduce([part.high * ones for part in parts])
        placed = [part for part in parts if len(part.low) == n and not part.is_empty()]
        finest = min(placed, key=lambda part: part.step, default=parts[0])
        period = math.lcm(*(part.period for part in parts))
        axes.append(Axis(low, high, finest.step, finest.start, period, any(part.whole for part in parts)))
    return Span((axes[0], axes[1]))


def everything(axis: Axis, n_out: int) -> Axis:
    """An axis that depends on the whole image and on no particular rows."""
    low, high = np.full(n_out, _FAR, np.int64), np.full(n_out, -_FAR, np.int64)
    return Axis(low, high, axis.step, axis.start, axis.period, True)


def both(value: Any, default: int) -> tuple[int, int]:
    """(row, column) of a setting given as one number, two, or three for a volume, whose first is not spatial."""
    if value is None or (isinstance(value, list | tuple) and not value):
        return default, default
    if isinstance(value, int):
        return value, value
    return (int(value[-2]), int(value[-1])) if len(value) > 1 else (int(value[0]), int(value[0]))


# --- rules: (arguments by name, spans of the arguments, shapes of the outputs) -> spans of the outputs ---------------
