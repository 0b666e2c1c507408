"""Masks of Label Studio's brush."""

import itertools

import numpy as np
import pytest

from densa import InputError
from densa.datasets.annotations.brush import Brush, decode_brush
from densa.raster import Window


def packed(mask, lengths=(3, 4, 8, 16)):
    """Bytes of a mask, written by the description of rle-pack: each row of the mask a run, or literal values."""
    values = np.repeat(np.where(mask, 255, 0).ravel(), 4)
    bits = f"{len(values):032b}{7:05b}" + "".join(f"{n - 1:04b}" for n in lengths)
    change = np.flatnonzero(np.diff(values, prepend=-1, append=-1))
    for k, (a, b) in enumerate(itertools.pairwise(change)):
        kind = 2 if b - a <= 256 else 3
        bits += f"{int(k % 2 == 0)}{kind:02b}" + format(b - a - 1, f"0{lengths[kind]}b")
        bits += f"{values[a]:08b}" if k % 2 == 0 else "".join(f"{v:08b}" for v in values[a:b])
    bits += "0" * (-len(bits) % 8)
    return np.array([int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)], np.uint8)


def test_runs_and_literal_values(rng):
    for _ in range(20):
        mask = rng.random(rng.integers(1, 30, 2)) < rng.random()
        np.testing.assert_array_equal(decode_brush(packed(mask), *mask.shape), mask)


def test_windows_are_parts_of_the_whole(rng):
    mask = rng.random((20, 30)) < 0.4
    brush = Brush(packed(mask), 20, 30)
    np.testing.assert_array_equal(brush.mask(Window(0, 0, 20, 30)), mask)
    np.testing.assert_array_equal(brush.mask(Window(3, 11, 9, 7)), mask[3:12, 11:18])
    assert Brush(packed(np.zeros((4, 5), bool)), 4, 5).box == (0, 0, 0, 0)


def test_another_number_of_pixels_is_refused():
    data = packed(np.ones((3, 4), bool))
    with pytest.raises(InputError, match="run lengths of 12 pixels, longer than its image of 2 x 4 = 8"):
        decode_brush(data, 2, 4)
    with pytest.raises(InputError, match="run lengths of 12 pixels, shorter than its image of 300000 x 4"):
        decode_brush(data, 300_000, 4)


def test_bytes_that_end_early_are_refused(rng):
    data = packed(rng.random((9, 9)) < 0.5)
    for n in (3, 8, len(data) // 2):
        with pytest.raises(InputError, match="ends early"):
            decode_brush(data[:n], 9, 9)
