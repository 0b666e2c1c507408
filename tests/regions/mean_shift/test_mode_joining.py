"""Joined pixels: their regions, edges and sums of modes, of the whole or of parts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa.regions.mean_shift.mode_joining import (
    across_edges,
    are_alike,
    distinct_edges,
    join_alike,
    list_edges,
    moved_edges,
    steps,
    sum_modes,
)
from tests.regions.mean_shift.edges import pack, unpack

few = settings(max_examples=60, deadline=None)


@few
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 4), st.integers(0, 999))
def test_edges_are_those_between_pixels(height, width, n, seed):
    regions = np.random.default_rng(seed).integers(0, n + 1, (height, width), dtype=np.int32)
    sides = [(regions[:, :-1], regions[:, 1:]), (regions[:-1], regions[1:])]
    pairs = {
        (min(a, b), max(a, b)) for x, y in sides for a, b in zip(x.flat, y.flat, strict=True) if a and b and a != b
    }
    assert unpack(distinct_edges(list_edges(regions))) == sorted(pairs)
    cut = height // 2
    parts = [list_edges(regions[:cut]), list_edges(regions[cut:])]
    if cut:
        parts.append(across_edges(regions[cut - 1], regions[cut]))
    assert_array_equal(distinct_edges(np.concatenate(parts)), pack(sorted(pairs)))


def test_edges_follow_new_numbers():
    edges = moved_edges(pack([(1, 2), (2, 4), (3, 4)]), np.array([0, 7, 7, 9, 5], np.int32))
    assert unpack(edges) == [(5, 7), (5, 9)]


@few
@given(st.integers(1, 9), st.integers(2, 9), st.integers(0, 999))
def test_alike_is_what_joins(height, width, seed):
    rng = np.random.default_rng(seed)
    modes, mask = rng.integers(0, 4, (height, width, 2)).astype(np.float32), rng.random((height, width)) < 0.9
    regions, n = join_alike(modes, mask, 1.5)
    assert_array_equal(regions == 0, ~mask)
    assert n == regions.max()
    rows, columns = np.mgrid[:height, : width - 1].reshape(2, -1)
    alike = are_alike(modes, mask, 1.5, (rows, columns), (rows, columns + 1))
    near = (np.abs(modes[:, 1:] - modes[:, :-1]) < 1.5).all(axis=2) & mask[:, 1:] & mask[:, :-1]
    assert_array_equal(alike, near.ravel())
    assert (regions[:, :-1][near] == regions[:, 1:][near]).all()


@pytest.mark.parametrize("largest", [0.0, 1e-300, 1e-3, 1.0, 255.0, 1e15])
@pytest.mark.parametrize("n_pixels", [1, 1000, 2**31 - 1, 10**12])
def test_no_sum_leaves_64_bits(largest, n_pixels):
    per_unit = steps(largest, n_pixels)
    assert np.log2(per_unit) % 1 == 0
    assert n_pixels * (int(float(np.float32(largest)) * per_unit) + 1) < 2**63
    if largest >= 1e-3 and n_pixels < 2**31:
        assert largest * per_unit >= 2**29  # finer than float32


def test_sums_do_not_depend_on_the_parts(rng):
    modes = (rng.random((40, 50, 3)) * 300 - 100).astype(np.float32)
    regions = rng.integers(0, 5, (40, 50), dtype=np.int32)
    per_unit = steps(255, regions.size)
    sizes, sums = sum_modes(modes, regions, 4, per_unit)
    parts = [sum_modes(modes[part], regions[part], 4, per_unit) for part in (slice(23, 40), slice(0, 23))]
    assert_array_equal(sizes, parts[0][0] + parts[1][0])
    assert_array_equal(sums, parts[0][1] + parts[1][1])
    assert_array_equal(sizes[1:], np.bincount(regions.ravel())[1:])
    means = [modes[regions == region].astype(np.float64).mean(axis=0) for region in range(1, 5)]
    np.testing.assert_allclose(sums[1:] / sizes[1:, np.newaxis] / per_unit, means, rtol=1e-9)
