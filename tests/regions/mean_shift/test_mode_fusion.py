"""Fusion of the graph of joined regions: EDISON's rules by hand, and beside plain Python of the same definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa.regions.mean_shift.mode_fusion import fuse_graph
from densa.regions.mean_shift.mode_joining import distinct_edges
from tests.regions.mean_shift.edges import pack


def fused_by_definition(sizes, sums, pairs, range_radius, min_size, bright):
    """Sets of regions, merged in plain Python."""
    size, total = dict(enumerate(map(int, sizes))), {i: list(map(int, row)) for i, row in enumerate(sums)}
    home = {i: i for i in size}

    def distance(a, b, above=np.inf):
        modes = [np.array([value / size[i] for value in total[i]]) for i in (a, b)]
        differences = modes[0] - modes[1]
        if modes[0][0] > above:  # EDISON looks at the first mode alone ...
            differences[0] *= 2
        square = 0.0
        for difference in differences:
            square += difference * difference
        return square

    def alike(a, b):  # ... and at each pair from both sides
        return any(distance(*pair, bright) < range_radius**2 / 4 for pair in ((a, b), (b, a)))

    def merge(a, b):
        a, b = min(a, b), max(a, b)
        size[a] += size.pop(b)
        total[a] = [x + y for x, y in zip(total[a], total.pop(b), strict=True)]
        home.update({i: a for i, at in home.items() if at == b})

    def touching():
        return {(min(home[a], home[b]), max(home[a], home[b])) for a, b in pairs if home[a] != home[b]}

    while close := [pair for pair in touching() if alike(*pair)]:
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


def fused(modes, pairs, range_radius, min_size=1, sizes=None):
    """Regions of modes of one band, L, given from region 1 on."""
    sizes = np.array([0, *(sizes or [1] * len(modes))])
    sums = np.array([[0], *([mode] for mode in modes)]) * sizes[:, np.newaxis]
    return fuse_graph(sizes, sums, distinct_edges(pack(pairs)), 1.0, range_radius, min_size, True)[1:]


@pytest.mark.parametrize(
    ("modes", "n_regions"),
    [
        ((79, 82), 1),  # half the range radius is 3.25. From 79, the difference of 3 counts once: they are joined
        ((82, 79), 1),
        ((80, 83), 1),  # 80 is not above 80
        ((81, 84), 2),  # bright from both sides: 6
        ((81, 82), 1),
        ((76, 82), 2),  # 6, from 76 too
    ],
)
def test_a_pair_of_modes_is_tested_from_both_sides(modes, n_regions):
    assert fused(modes, {(1, 2)}, 6.5).max() == n_regions


def test_a_small_region_goes_to_the_nearest_mode_however_bright():
    # 79 is 5 from 84, which would be 10 if one bright end were enough to double, and 6 from 73
    assert_array_equal(fused((84, 79, 73), {(1, 2), (2, 3)}, 2, 5, [9, 2, 9]), [1, 1, 2])
    # 86 is 5 from 91, which would be 10 with the rule of closure, and 7 from 79
    assert_array_equal(fused((91, 86, 79), {(1, 2), (2, 3)}, 2, 5, [9, 2, 9]), [1, 1, 2])


@settings(max_examples=60, deadline=None)
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
