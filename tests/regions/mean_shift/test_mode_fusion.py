"""Fusion of the graph of joined regions, beside plain Python of the same definition."""

import numpy as np
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
