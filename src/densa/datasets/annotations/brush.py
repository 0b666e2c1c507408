"""Masks of Label Studio's brush: run lengths of RGBA pixels in rows, packed into bits (thi.ng/rle-pack)."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.datasets.annotations.shapes import Box
from densa.errors import InputError
from densa.raster import Window

__all__ = ["Brush", "decode_brush"]


def decode_brush(data: NDArray[np.uint8], height: int, width: int, source: str = "a brush") -> NDArray[np.bool_]:
    """(h, w) where the brush was: the pixels whose alpha is not 0.

    The bits are: how many values there are (32), bits of a value minus 1 (5), bits of each of four kinds of lengths
    minus 1 (4 each); then runs: whether its values are one (1), the kind of its length (2), the length minus 1, and the
    value, or all values.

    Args:
        data: (n,) bytes.
        height, width: of the image.
        source: for messages.

    Raises:
        InputError: the bytes hold another number of values than the image has, or end early.
    """
    bits = np.unpackbits(data)
    at = 0

    def number(n: int) -> int:
        nonlocal at
        if at + n > len(bits):
            raise InputError(f"{source} ends early: its run lengths are cut off")
        found = int("".join(map(str, bits[at : at + n].tolist())), 2)
        at += n
        return found

    n_values = number(32)
    if n_values != 4 * height * width:
        kind = "longer" if n_values > 4 * height * width else "shorter"
        raise InputError(
            f"{source} has run lengths of {n_values / 4:g} pixels, {kind} than its image of {height} x {width} = "
            f"{height * width}"
        )
    size = number(5) + 1
    lengths = [number(4) + 1 for _ in range(4)]
    values = np.zeros(n_values, np.uint8)
    done = 0
    while done < n_values:
        is_run = number(1)
        n = number(lengths[number(2)]) + 1
        if done + n > n_values:
            raise InputError(f"{source} has run lengths of more pixels than its image of {height} x {width}")
        if is_run:
            values[done : done + n] = min(number(size), 255)
        else:
            if at + n * size > len(bits):
                raise InputError(f"{source} ends early: its run lengths are cut off")
            values[done : done + n] = bits[at : at + n * size].reshape(n, size).any(axis=1)
            at += n * size
        done += n
    return values.reshape(height, width, 4)[:, :, 3] > 0


class Brush:
    """The pixels of a brush, decoded when they are first needed and then held as runs of rows.

    Args:
        data: bytes, see `decode_brush`.
        height, width: of the image.
        source: for messages.
    """

    def __init__(self, data: NDArray[np.uint8], height: int, width: int, source: str = "a brush") -> None:
        self._data, self._size, self._source = data, (height, width), source

    @cached_property
    def _runs(self) -> tuple[NDArray[Any], NDArray[Any]]:
        flat = decode_brush(self._data, *self._size, self._source).ravel().astype(np.int8)
        change = np.diff(flat, prepend=0, append=0)
        return np.flatnonzero(change == 1), np.flatnonzero(change == -1)

    @property
    def box(self) -> Box:
        """The rectangle that it lies in: some whole rows."""
        starts, ends = self._runs
        width = self._size[1]
        return (int(starts[0] // width), 0, int((ends[-1] - 1) // width) + 1, width) if len(starts) else (0, 0, 0, 0)

    def mask(self, window: Window) -> NDArray[np.bool_]:
        """(h, w) where it covers the pixels of a window."""
        (starts, ends), width = self._runs, self._size[1]
        first, last = window.row * width, (window.row + window.height) * width
        here = (ends > first) & (starts < last)
        changes = np.zeros(last - first + 1, np.int32)
        np.add.at(changes, np.maximum(starts[here], first) - first, 1)
        np.add.at(changes, np.minimum(ends[here], last) - first, -1)
        rows = np.cumsum(changes[:-1]).reshape(window.height, width) > 0
        return rows[:, window.column : window.column + window.width]
