"""Filters of rows and columns against SciPy and NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from densa import parallel
from densa.descriptors.pixels._rows import filter_row, mirror, mirror_pad, rows_around, separable
from densa.descriptors.pixels._taps import FIRST, SECOND, SMOOTH


@given(st.integers(-60, 60), st.integers(1, 20))
def test_mirroring_is_numpys(i, n):
    assert mirror(i, n) == np.pad(np.arange(n), 60, mode="reflect")[60 + i]


@given(st.integers(1, 20), st.integers(0, 30))
def test_padded_rows_are_numpys(n, r):
    row = np.random.default_rng(n).random(n).astype(np.float32)
    padded = np.empty(n + 2 * r, np.float32)
    mirror_pad(row, padded)
    assert_array_equal(padded, np.pad(row, r, mode="reflect"))


@given(st.integers(0, 19), st.integers(0, 25), st.integers(1, 20))
def test_rows_around_are_numpys(y, r, height):
    rows = np.empty(2 * r + 1, np.int64)
    rows_around(y % height, r, height, rows)
    assert_array_equal(rows, np.pad(np.arange(height), r, mode="reflect")[y % height : y % height + 2 * r + 1])


def dense(taps, kind):
    """All taps of the filter whose right half `taps` is, as `_taps` defines the sums."""
    half = taps.astype(np.float64)
    if kind == FIRST:
        return np.concatenate([-half[:0:-1], [0], half[1:]])
    middle = (1 if kind == SMOOTH else 0) - 2 * half[1:].sum()
    return np.concatenate([half[:0:-1], [middle], half[1:]])


@settings(max_examples=60)
@given(
    st.integers(0, 2**32),
    st.tuples(st.integers(1, 25), st.integers(1, 25)),
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.tuples(st.sampled_from([SMOOTH, FIRST, SECOND]), st.sampled_from([SMOOTH, FIRST, SECOND])),
)
def test_separable_filters_are_scipys(seed, shape, radii, kinds):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=shape).astype(np.float32)
    down, across = (rng.normal(size=r + 1).astype(np.float32) for r in radii)
    expected = image.astype(np.float64)
    for axis, (taps, kind) in enumerate(((down, kinds[0]), (across, kinds[1]))):
        expected = ndimage.correlate1d(expected, dense(taps, kind), axis=axis, mode="mirror")
    found = separable(image, (down, kinds[0]), (across, kinds[1]))
    scale = np.abs(dense(down, kinds[0])).sum() * np.abs(dense(across, kinds[1])).sum() * np.abs(image).max()
    assert_allclose(found, expected, atol=2e-6 * max(scale, 1))


def test_a_constant_passes_without_rounding(rng):
    taps = rng.random(8).astype(np.float32)
    image = np.full((9, 11), np.float32(0.1))
    assert_array_equal(separable(image, (taps, SMOOTH), (taps, SMOOTH)), image)
    assert_array_equal(separable(image, (taps, SECOND), (taps, SMOOTH)), 0)


def test_threads_change_nothing(rng, monkeypatch):
    image, filters = rng.random((300, 7)).astype(np.float32), (rng.random(4).astype(np.float32), SMOOTH)
    monkeypatch.setattr(parallel, "n_threads", lambda: 1)
    one = separable(image, filters, filters)
    monkeypatch.setattr(parallel, "n_threads", lambda: 3)
    assert_array_equal(separable(image, filters, filters), one)


@pytest.mark.parametrize("kinds", [(SMOOTH, FIRST), (SECOND, SMOOTH)])
def test_the_compiled_kernel_is_its_python_source(rng, kinds):
    image, taps = rng.random((7, 9)).astype(np.float32), rng.random(4).astype(np.float32)
    rows = np.empty(7, np.int64)
    rows_around(2, 3, 7, rows)
    found = []
    for kernel in (filter_row, filter_row.py_func):
        out, line, padded = (np.empty(n, np.float32) for n in (9, 9, 15))
        kernel(image, rows, taps, kinds[0], taps, kinds[1], line, padded, out)
        found.append(out)
    assert_allclose(*found, atol=1e-6)
