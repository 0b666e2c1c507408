"""A network applied to an image in strips of rows, each of which passes all layers before the next is begun.

A layer needs the rows of the layer before that its kernel reaches, and no others. So maps are never held whole: where
a strip reads rows of the strip before, those were kept (between deep layers, whose rows are dear), or are computed once
more (between the first layers, whose rows are many and cheap). Of a U-Net's first level some 200 rows wait for its
last. Strips follow from the size of the image alone, so that its scores do too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from densa.segmenter.tape import Step, recorded

__all__ = ["Streamed"]

STRIP_PIXELS = 2**18  # of a strip of the image
LEAST_ROWS = 32
_COPY = 36.0  # multiplications that take as long as copying a number


class Streamed:
    """A network for images of one size, applied in strips.

    Args:
        steps: of the network, for that size.
        height: of the image.
        strip: rows of the scores that are computed at a time.
    """

    def __init__(self, steps: list[Step], height: int, strip: int) -> None:
        self.steps = _with_relu(steps)
        self._heights = [height, *(step.size[0] for step in self.steps)]
        self._readers: list[list[int]] = [[] for _ in self._heights]
        for number, step in enumerate(self.steps, 1):
            for read in step.inputs:
                self._readers[read].append(number)
        self._again = self._computed_again(strip)
        self._strips = list(self._planned(strip))

    @classmethod
    def of(cls, network: nn.Module, n_bands: int, height: int, width: int) -> Streamed | None:
        """The network for images of that size; None where rows cannot be followed through all that it does."""
        steps = recorded(network, n_bands, height, width)
        if not steps:
            return None
        return cls(steps, height, max(LEAST_ROWS, STRIP_PIXELS // width // LEAST_ROWS * LEAST_ROWS))

    def __call__(self, image: Tensor) -> Iterator[Tensor]:
        """Scores of an image (1, bands, height, width), channels last, in strips of rows from top to bottom."""
        maps = [_Rows() for _ in self._heights]
        maps[0].add(0, image)
        for strip in self._strips:
            for number, step in enumerate(self.steps, 1):
                first, last = strip.begins[number], strip.ends[number]
                if last <= first:
                    continue
                maps[number].add(first, _computed(step, first, last, maps, self._heights))
                for read in set(step.inputs):
                    if read and max(self._readers[read]) == number:
                        maps[read].drop(strip.kept[read])
            begin, end = strip.begins[-1], strip.ends[-1]
            yield maps[-1].read(begin, end)
            maps[-1].drop(end)

    def peak_bytes(self) -> int:
        """Most memory that maps in float32 take at once, without the image and the scores."""
        held, most = [0] * len(self._heights), 0  # rows
        of_row = [0, *(4 * step.size[1] * step.channels for step in self.steps)]
        for strip in self._strips:
            for number, step in enumerate(self.steps, 1):
                n = strip.ends[number] - strip.begins[number]
                if n <= 0:
                    continue
                held[number] += n
                # Where rows are put together or padded, they are there twice.
                twice = sum(n * step.stride[0] * of_row[read] for read in step.inputs) if step.weight is not None else 0
                most = max(most, twice + sum(rows * size for rows, size in zip(held, of_row, strict=True)))
                for read in set(step.inputs):
                    if max(self._readers[read]) == number:
                        left = max(strip.ends[read] - strip.kept[read], 0)
                        held[read] = left if 4 * left <= held[read] else held[read]
            held[-1] = 0
        return most

    def _computed_again(self, strip: int) -> list[bool]:
        """Of every map, whether rows that two strips read are computed twice; otherwise they are kept."""
        n = len(self._heights)
        again, shared = [False] * n, [0] * n  # rows of each map that two strips read
        for number in range(n - 2, 0, -1):
            if len(self._readers[number]) != 1:
                continue
            [reader] = self._readers[number]
            shared[number] = self.steps[reader - 1].shared_rows(shared[reader] if again[reader] else 0)
            new = strip * self._heights[number] / self._heights[-1]
            again[number] = shared[number] / new * self.steps[number - 1].multiplications < _COPY
        return again

    def _planned(self, strip: int) -> Iterator[_Strip]:
        n = len(self._heights)
        done = [0] * n
        for row in range(0, self._heights[-1], strip):
            begins, ends = list(done), list(done)
            ends[-1] = min(row + strip, self._heights[-1])
            for number in range(n - 1, 0, -1):
                if ends[number] <= begins[number]:
                    continue
                above, below = self.steps[number - 1].rows(begins[number], ends[number])
                for read in self.steps[number - 1].inputs:
                    # At least one row, also where a wide padding needs none: it tells the width and the channels.
                    ends[read] = max(ends[read], min(max(below, 1), self._heights[read]))
                    if self._again[read]:
                        begins[read] = min(max(above, 0), self._heights[read] - 1)
            yield _Strip(begins, ends, self._kept(ends))
            done = ends

    def _kept(self, ends: list[int]) -> list[int]:
        """First row of every map that a later strip reads."""
        n = len(ends)
        following = list(ends)  # first row that the next strip computes
        kept = list(self._heights)
        for number in range(n - 1, 0, -1):
            if self._again[number]:
                following[number] = kept[number]
            if following[number] < self._heights[number]:
                above = self.steps[number - 1].rows(following[number], following[number] + 1)[0]
                for read in self.steps[number - 1].inputs:
                    kept[read] = min(kept[read], min(max(above, 0), self._heights[read] - 1))
        return [self._heights[i] if self._again[i] else first for i, first in enumerate(kept)]


class _Strip(NamedTuple):
    """First row and end of the rows of every map that a strip computes, and the first row that is read again."""

    begins: list[int]
    ends: list[int]
    kept: list[int]


class _Rows:
    """Rows of a map, in the pieces in which they were computed."""

    def __init__(self) -> None:
        self._pieces: list[tuple[int, Tensor]] = []

    def add(self, first: int, rows: Tensor) -> None:
        """Further rows, from `first` on."""
        self._pieces.append((first, rows))

    def pieces(self, first: int, last: int) -> list[Tensor]:
        """Rows `first` to `last` - 1, in pieces."""
        found = []
        for begin, rows in self._pieces:
            part = rows[:, :, max(first - begin, 0) : max(last - begin, 0)]
            if part.shape[2]:
                found.append(part)
        assert sum(part.shape[2] for part in found) == last - first
        return found

    def read(self, first: int, last: int) -> Tensor:
        """Rows `first` to `last` - 1."""
        if last <= first:
            return self._pieces[0][1][:, :, :0]
        found = self.pieces(first, last)
        return found[0] if len(found) == 1 else torch.cat(found, dim=2)

    def drop(self, first: int) -> None:
        """Forget the rows before `first`; a piece of which little is left is copied, so that the rest is freed."""
        left = []
        for begin, rows in self._pieces:
            n = begin + rows.shape[2] - max(first, begin)
            if n > 0:
                small = 4 * n <= rows.shape[2]
                left.append((begin + rows.shape[2] - n, rows[:, :, -n:].clone()) if small else (begin, rows))
        self._pieces = left


def _with_relu(steps: list[Step]) -> list[Step]:
    """The steps without the ReLU that is the only reader of a convolution, which then applies it itself."""
    readers: dict[int, list[int]] = {}
    for number, step in enumerate(steps, 1):
        for read in step.inputs:
            readers.setdefault(read, []).append(number)
    made, becomes = list(steps), list(range(len(steps) + 1))
    for number, step in enumerate(steps, 1):
        before = step.inputs[0]
        convolves = before > 0 and steps[before - 1].kind in ("convolution", "transposed")
        if step.kind == "relu" and convolves and readers[before] == [number]:
            made[before - 1] = replace(steps[before - 1], relu=True)
            becomes[number] = before
    left = [number for number in range(1, len(steps) + 1) if becomes[number] == number]
    place = {0: 0} | {number: i for i, number in enumerate(left, 1)}
    return [
        replace(made[number - 1], inputs=tuple(place[becomes[read]] for read in steps[number - 1].inputs))
        for number in left
    ]


def _computed(step: Step, first: int, last: int, maps: list[_Rows], heights: list[int]) -> Tensor:
    """Rows `first` to `last` - 1 of a step's result."""
    above, below = step.rows(first, last)
    begin, end = (min(max(row, 0), heights[step.inputs[0]]) for row in (above, below))
    if step.kind == "join":
        return _joined([maps[read].pieces(begin, end) for read in step.inputs])
    x = maps[step.inputs[0]].read(begin, end)
    if step.kind == "transposed":
        return _transposed(step, x, begin, first, last)
    top = min(max(-above, 0), below - above)
    beyond = top, below - above - top - (end - begin)
    if step.kind == "convolution":
        return _convolved(step, F.pad(x, (0, 0, *beyond)) if any(beyond) else x)
    if step.kind == "pooling":
        x = F.pad(x, (0, 0, *beyond), value=-torch.inf) if any(beyond) else x
        return F.max_pool2d(x, step.kernel, step.stride, (0, step.padding[1]), step.dilation, ceil_mode=True)
    if step.kind == "convert":
        return x.to(step.dtype)
    if step.kind == "scale":
        return x * step.factor
    if step.kind == "relu":
        return F.relu(x)
    if step.kind == "add":
        return x + maps[step.inputs[1]].read(begin, end)
    if step.kind == "padding":
        left = -step.start[1]
        return F.pad(x, (left, step.size[1] - left - x.shape[3], *beyond))
    return x[..., step.start[1] : step.start[1] + step.size[1]]


def _joined(maps: list[list[Tensor]]) -> Tensor:
    """Maps in pieces of rows, stacked by channels; each number is copied once."""
    size = sum(pieces[0].shape[1] for pieces in maps), sum(piece.shape[2] for piece in maps[0]), maps[0][0].shape[3]
    made = torch.empty((1, *size), dtype=maps[0][0].dtype, memory_format=torch.channels_last)
    channel = 0
    for pieces in maps:
        row = 0
        for piece in pieces:
            made[:, channel : channel + piece.shape[1], row : row + piece.shape[2]] = piece
            row += piece.shape[2]
        channel += pieces[0].shape[1]
    return made


def _convolved(step: Step, x: Tensor) -> Tensor:
    """A convolution by oneDNN, whatever the number of threads, with the ReLU that follows; the rows are padded."""
    assert step.weight is not None
    x = x.contiguous(memory_format=torch.channels_last)
    if torch.backends.mkldnn.is_available():
        after = "relu" if step.relu else "none"
        padding = [0, step.padding[1]]
        made: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, step.weight, step.bias, padding, step.stride, step.dilation, step.groups, after, [], ""
        )
        return made
    made = F.conv2d(x, step.weight, step.bias, step.stride, (0, step.padding[1]), step.dilation, step.groups)
    return F.relu_(made) if step.relu else made


def _transposed(step: Step, x: Tensor, begin: int, first: int, last: int) -> Tensor:
    assert step.weight is not None
    made = F.conv_transpose2d(
        x.contiguous(memory_format=torch.channels_last),
        step.weight,
        step.bias,
        step.stride,
        (0, step.padding[1]),
        groups=step.groups,
        dilation=step.dilation,
    )
    start = first - (begin * step.stride[0] - step.padding[0])
    made = made[:, :, start : start + last - first]
    return F.relu_(made) if step.relu else made
