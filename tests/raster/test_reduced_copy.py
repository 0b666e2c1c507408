from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from densa.errors import InputError
from densa.raster import overview, reduced_copy
from densa.raster.raster import Raster


class Held(Raster):
    """A raster whose pixels are in memory; counts the largest read."""

    def __init__(self, values, valid=None):
        super().__init__("held", *values.shape[1:], values.dtype, tuple(map(str, range(len(values)))))
        self.values, self.largest = values, 0
        self.valid = np.ones(values.shape[1:], bool) if valid is None else valid

    def _load(self, window, bands):
        self.largest = max(self.largest, window.height * window.width)
        place = np.s_[window.row : window.row + window.height, window.column : window.column + window.width]
        return self.values[list(bands), *place].copy(), self.valid[place].copy()

    def close(self):
        pass


def brute(values, valid, h, w):
    """Mean by exact fractions of the areas."""
    height, width = values.shape

    def share(pixel, cell, size, n):
        low, high = max(Fraction(pixel), Fraction(cell * size, n)), min(pixel + 1, Fraction((cell + 1) * size, n))
        return max(high - low, Fraction(0))

    found = np.zeros((h, w))
    for i in range(h):
        for j in range(w):
            area = total = Fraction(0)
            for r in range(height):
                for c in range(width):
                    a = share(r, i, height, h) * share(c, j, width, w) * int(valid[r, c])
                    area, total = area + a, total + a * int(values[r, c])
            found[i, j] = total / area if area else 0
    return found


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 10), st.integers(0, 99))
def test_means_by_exact_fractions(height, width, max_side, seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 255, (2, height, width)).astype(np.uint8)
    valid = rng.random((height, width)) > 0.3
    found, its_valid = overview(Held(values, valid), max_side)
    assert max(found.shape[1:]) == min(max_side, max(height, width))
    for band in (0, 1):
        np.testing.assert_allclose(found[band], brute(values[band], valid, *found.shape[1:]), rtol=1e-6)
    np.testing.assert_array_equal(its_valid, brute(valid, valid, *found.shape[1:]) > 0)


def test_the_shape_is_kept():
    for size, expected in [((100, 50), (10, 5)), ((3, 1000), (1, 10)), ((7, 9), (7, 9)), ((1000, 999), (10, 10))]:
        assert overview(Held(np.ones((1, *size), np.uint8)), 10)[0].shape == (1, *expected)


def test_a_small_raster_is_copied(rng):
    values = rng.integers(0, 60_000, (3, 20, 30)).astype(np.uint16)
    found, valid = overview(Held(values))
    np.testing.assert_array_equal(found, values)
    assert found.dtype == np.float32
    assert valid.all()


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_the_same_however_it_is_read(monkeypatch, rng, dtype):
    """Blocks of any size give the same; none is larger than said."""
    values = (rng.random((2, 211, 173)) * 60_000).astype(dtype)
    valid = rng.random((211, 173)) > 0.5
    valid[50:100, 20:90] = False
    if dtype == np.float32:
        values[:, ~valid] = np.nan
    expected, its_valid = overview(Held(values, valid), 37)
    assert not its_valid.all()
    assert np.isfinite(expected).all()
    for rows, columns in ((16, 16), (211, 1), (5, 40)):
        monkeypatch.setattr(reduced_copy, "_BLOCK_ROWS", rows)
        monkeypatch.setattr(reduced_copy, "_BLOCK_COLUMNS", columns)
        held = Held(values, valid)
        found, _ = overview(held, 37)
        np.testing.assert_allclose(found, expected, rtol=0 if dtype == np.uint16 else 1e-7)
        assert held.largest <= rows * columns


def test_progress_and_bad_sides():
    told = []
    overview(Held(np.ones((1, 600, 10), np.uint8)), 8, progress=lambda done, total: told.append((done, total)))
    assert told == [(5120, 6000), (6000, 6000)]
    with pytest.raises(InputError, match="max_side must be at least 1, got 0"):
        overview(Held(np.ones((1, 6, 10), np.uint8)), 0)
