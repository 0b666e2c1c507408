"""Mean shift's modes on blocks, and the graph of joined regions: plain Python of the same definition, laws, bounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa.regions.mean_shift.mode_fusion import fuse_graph
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
from densa.regions.mean_shift.mode_search import Beyond, ModeSearch

few = settings(max_examples=60, deadline=None)


def unpack(edges):
    return [(int(edge) >> 32, int(edge) & 0xFFFFFFFF) for edge in edges]


def pack(pairs):
    return np.array([int(min(pair)) << 32 | int(max(pair)) for pair in pairs], np.int64)


def fused_by_definition(sizes, sums, pairs, range_radius, min_size, bright):
    """Sets of regions, merged in plain Python."""
    size, total = dict(enumerate(map(int, sizes))), {i: list(map(int, row)) for i, row in enumerate(sums)}
    home = {i: i for i in size}

    def distance(a, b):
        modes = [np.array([value / size[i] for value in total[i]]) for i in (a, b)]
        differences = modes[0] - modes[1]
        if max(modes[0][0], modes[1][0]) > bright:
            differences[0] *= 2
        square = 0.0
        for difference in differences:
            square += difference * difference
        return square

    def merge(a, b):
        a, b = min(a, b), max(a, b)
        size[a] += size.pop(b)
        total[a] = [x + y for x, y in zip(total[a], total.pop(b), strict=True)]
        home.update({i: a for i, at in home.items() if at == b})

    def touching():
        return {(min(home[a], home[b]), max(home[a], home[b])) for a, b in pairs if home[a] != home[b]}

    while close := [pair for pair in touching() if distance(*pair) < range_radius**2 / 4]:
        for a, b in close:
            if home[a] != home[b]:
                merge(home[a], home[b])
    stuck = set()
    while small := [(n, i) for i, n in size.items() if 0 < n < min_size and i not in stuck]:
        region = min(small)[1]
        others = [b if a == region else a for a, b in touching() if region in (a, b)]
        if others:
            merge(region, min((distance(region, other), other) for other in others)[1])
        else:
            stuck.add(region)
    numbers = {at: k for k, at in enumerate(sorted(set(home.values()) - {0}), start=1)} | {0: 0}
    return [numbers[home[i]] for i in sorted(home)]


@few
@given(
    st.integers(1, 14), st.integers(1, 3), st.sampled_from([3, 12]), st.sampled_from([1, 4, 50]), st.integers(0, 999)
)
def test_graph_is_fused_as_defined(n, n_bands, range_radius, min_size, seed):
    rng = np.random.default_rng(seed)
    sizes = np.append(0, rng.integers(1, 9, n))
    sums = np.zeros((n + 1, n_bands), np.int64)
    sums[1:] = rng.integers(60, 100, (n, n_bands)) * sizes[1:, np.newaxis]
    pairs = {(a, b) for a, b in rng.integers(1, n + 1, (2 * n, 2)).tolist() if a < b}
    for bright_rule in (False, True):
        bright = 80 if bright_rule else np.inf
        expected = fused_by_definition(sizes, sums, pairs, range_radius, min_size, bright)
        edges = distinct_edges(pack(pairs))
        found = fuse_graph(sizes.copy(), sums.copy(), edges, 1.0, range_radius, min_size, bright_rule)
        assert_array_equal(found, expected)
        assert found.dtype == np.int32


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


@few
@given(
    st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 12), st.integers(1, 12)),
    st.sampled_from([1.5, 3, 40]),
    st.sampled_from(["uniform", "gaussian"]),
    st.integers(0, 999),
)
def test_a_block_gives_the_modes_of_the_whole_or_says_that_it_cannot(window, radius, kernel, seed):
    rng = np.random.default_rng(seed)
    values, valid = (rng.random((20, 23, 2)) * 30).astype(np.float32), rng.random((20, 23)) < 0.9
    search = ModeSearch(radius, 12, kernel)
    whole, cut = search.modes(values.copy(), valid)
    assert not cut.any()
    top, left, height, width = window
    rows, columns = slice(top, top + height), slice(left, left + width)
    beyond = Beyond(top, 20 - top - height, left, 23 - left - width)
    block = np.ascontiguousarray(values[rows, columns]), np.ascontiguousarray(valid[rows, columns])
    modes, cut = search.modes(*block, beyond=beyond)
    kept = block[1] & ~cut
    assert_array_equal(modes[kept], whole[rows, columns][kept])
    assert not cut[~block[1]].any()
    if radius == 40:  # no block but the whole image holds a window
        assert cut[block[1]].all()
    else:
        inner = block[1][4:-4, 4:-4] & (radius == 1.5)  # two steps' way
        assert kept[4:-4, 4:-4][inner].mean() > 0.5 if inner.sum() > 10 else True


def test_only_wanted_modes_are_searched(rng):
    values, valid = rng.random((9, 11, 1)).astype(np.float32), np.ones((9, 11), bool)
    wanted = rng.random((9, 11)) < 0.4
    search = ModeSearch(3, 0.4)
    whole, _ = search.modes(values.copy(), valid)
    some, _ = search.modes(values.copy(), valid, wanted)
    assert_array_equal(some, np.where(wanted[..., np.newaxis], whole, values))
