"""Merging: the worked examples, the constructive proof of the axioms, and parity with scikit-image."""

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from densa.errors import InputError
from densa.regions.partition import merging
from densa.regions.partition.axioms import check, connected_components
from densa.regions.partition.graph import region_graph
from densa.regions.partition.merging import (
    absorb_small_regions,
    felzenszwalb_cut,
    merge_by_predicate,
    merge_tree,
    threshold_cut,
)
from densa.regions.partition.statistics import deviation_at_most, range_at_most, spread_at_most

ROW = np.array([[10, 10, 12, 12, 20, 21, 21, 21]])
FOUR = np.array([[1, 1, 2, 2, 3, 4, 4, 4]])
images = st.tuples(st.integers(1, 8), st.integers(1, 8), st.integers(1, 3)).flatmap(
    lambda s: arrays(np.uint8, s, elements=st.sampled_from([0, 3, 10, 11, 40, 200]))
)


def pixels(values):
    """Graph of a row of single pixels."""
    return region_graph(np.array([values]), np.arange(1, len(values) + 1)[None])


def test_ward_by_hand():
    tree = merge_tree(region_graph(ROW, FOUR), "ward")
    assert_array_equal(tree.merges, [(3, 4), (1, 2), (1, 3)])
    assert_allclose(tree.costs, [0.75, 4, 190.125])
    assert_array_equal(tree.cut(cost=5), [0, 1, 1, 2, 2])
    assert_array_equal(tree.cut(n_regions=3), [0, 1, 2, 3, 3])
    assert_array_equal(tree.cut(n_regions=1), [0, 1, 1, 1, 1])
    assert_array_equal(tree.cut(n_regions=9), [0, 1, 2, 3, 4])


@pytest.mark.parametrize(("threshold", "expected"), [(2, [0, 1, 2, 3, 3]), (2.5, [0, 1, 1, 2, 2])])
def test_threshold_cut_by_hand(threshold, expected):
    assert_array_equal(threshold_cut(region_graph(ROW, FOUR), threshold), expected)


def test_a_threshold_cut_chains_and_a_hierarchy_does_not():
    graph = pixels([0, 1, 2, 3, 4])
    assert_array_equal(threshold_cut(graph, 1.5), [0, 1, 1, 1, 1, 1])
    tree = merge_tree(graph, "mean", max_cost=1.5)
    assert_array_equal(tree.merges, [(1, 2), (3, 4)])
    assert_array_equal(tree.cut(cost=1.5), [0, 1, 1, 2, 2, 3])


def test_predicate_merging_by_hand():
    table = merge_by_predicate(pixels([0, 5, 9, 14, 20, 30]), range_at_most(10))
    assert_array_equal(table, [0, 1, 1, 1, 2, 2, 3])


@settings(max_examples=120, deadline=None)
@given(
    images,
    st.sampled_from([range_at_most(10), deviation_at_most(4), spread_at_most(6), range_at_most(0)]),
    st.sampled_from(["mean", "ward", "border"]),
)
def test_predicate_merging_ends_with_all_five_axioms(image, predicate, cost):
    regions = np.arange(1, image.shape[0] * image.shape[1] + 1).reshape(image.shape[:2])
    merged = merge_by_predicate(region_graph(image, regions), predicate, cost)[regions]
    assert check(image, merged, predicate) == ()


@settings(max_examples=60, deadline=None)
@given(images, st.sampled_from(["mean", "ward"]))
def test_each_merge_costs_what_a_fresh_graph_says(image, cost):
    regions = np.arange(1, image.shape[0] * image.shape[1] + 1).reshape(image.shape[:2])
    tree = merge_tree(region_graph(image, regions), cost)
    assert len(tree.merges) == regions.size - 1
    now = regions.copy()
    for (kept, gone), expected in zip(tree.merges[:12], tree.costs[:12], strict=True):
        graph = region_graph(image, now)
        costs = graph.color_distances() if cost == "mean" else graph.ward_costs()
        assert_allclose(expected, costs.min(), atol=1e-9)
        at = np.flatnonzero((graph.edges == (kept, gone)).all(1))
        assert_allclose(costs[at], expected, atol=1e-9)
        now[now == gone] = kept


def merged_by_search(graph, cost, most_range):
    """The rule itself: of all pairs that may be merged, the cheapest, searched for each time."""
    s = graph.statistics
    near = [set() for _ in range(graph.n_regions + 1)]
    for i, j in graph.edges.tolist():
        near[i].add(j)
        near[j].add(i)
    sizes, mean, low, high = s.n_pixels.tolist(), s.mean.tolist(), s.low.copy(), s.high.copy()

    def cost_of(i, j):
        squared = 0.0
        for a, b in zip(mean[i], mean[j], strict=True):
            squared += (a - b) ** 2
        return math.sqrt(squared) if cost == "mean" else sizes[i] * sizes[j] / (sizes[i] + sizes[j]) * squared

    merges = []
    while True:
        pairs = [
            (cost_of(i, j), i, j)
            for i in range(len(near))
            for j in near[i]
            if i < j and (np.maximum(high[i], high[j]) - np.minimum(low[i], low[j]) <= most_range).all()
        ]
        if not pairs:
            return merges
        price, i, j = min(pairs)
        merges.append((i, j, price))
        n = sizes[i] + sizes[j]
        mean[i] = [(sizes[i] * a + sizes[j] * b) / n for a, b in zip(mean[i], mean[j], strict=True)]
        low[i], high[i], sizes[i] = np.minimum(low[i], low[j]), np.maximum(high[i], high[j]), n
        near[i] = (near[i] | near[j]) - {i, j}
        for k in near[j] - {i}:
            near[k] = near[k] - {j} | {i}
        near[j] = set()


@settings(max_examples=40, deadline=None)
@given(images, st.sampled_from(["mean", "ward"]), st.sampled_from([10, 60, math.inf]))
def test_merging_is_that_of_a_search_through_all_pairs(image, cost, most_range):
    graph = region_graph(image, np.arange(1, image.shape[0] * image.shape[1] + 1).reshape(image.shape[:2]))
    expected = merged_by_search(graph, cost, most_range)
    if most_range == math.inf:
        tree = merge_tree(graph, cost)
        assert_array_equal(np.column_stack((tree.merges, tree.costs)), np.reshape(expected, (-1, 3)))
    parent = list(range(graph.n_regions + 1))
    for i, j, _ in expected:
        parent = [i if p == j else p for p in parent]
    assert_array_equal(
        merge_by_predicate(graph, range_at_most(most_range), cost), np.unique(parent, return_inverse=True)[1]
    )


@settings(max_examples=60, deadline=None)
@given(images)
def test_border_strengths_are_those_of_the_merged_border(image):
    regions = np.arange(1, image.shape[0] * image.shape[1] + 1).reshape(image.shape[:2])
    tree = merge_tree(region_graph(image, regions), "border")
    now = regions.copy()
    for (kept, gone), expected in zip(tree.merges[:12], tree.costs[:12], strict=True):
        graph = region_graph(image, now)
        assert_allclose(expected, graph.strengths.min(), atol=1e-9)
        assert_allclose(graph.strengths[(graph.edges == (kept, gone)).all(1)], expected, atol=1e-9)
        now[now == gone] = kept


def test_ward_costs_add_up_to_the_total_squared_error(rng):
    image = rng.random((12, 13, 3))
    regions = np.arange(1, 157).reshape(12, 13)
    costs = merge_tree(region_graph(image, regions), "ward").costs
    assert_allclose(costs.sum(), ((image - image.mean((0, 1))) ** 2).sum())


def test_threshold_cut_matches_scikit_image(rng):
    graph_module = pytest.importorskip("skimage.graph")
    image = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    image = (image // 64 * 64).astype(np.uint8)
    regions, n = connected_components(rng.integers(1, 4, (40, 50)), 1)
    expected = graph_module.cut_threshold(regions, graph_module.rag_mean_color(image, regions), 70, in_place=False)
    found = threshold_cut(region_graph(image, regions, connectivity=2), 70)[regions]
    pairs = np.unique(np.column_stack((expected.ravel(), found.ravel())), axis=0)
    assert len(pairs) == len(np.unique(expected)) == found.max() < n


def test_felzenszwalb_on_pixels_by_hand():
    """Scale 4, weights 1, 9, 1, 2: the tau of single pixels is 4, of a pair 1 + 2."""
    graph = pixels([0, 1, 10, 11, 13])
    assert_array_equal(felzenszwalb_cut(graph, 4), [0, 1, 1, 2, 2, 2])
    assert_array_equal(felzenszwalb_cut(graph, 0), [0, 1, 2, 3, 4, 5])
    assert_array_equal(felzenszwalb_cut(graph, 0, min_size=2), [0, 1, 1, 2, 2, 2])
    assert_array_equal(felzenszwalb_cut(graph, 1e9), [0, 1, 1, 1, 1, 1])


def test_felzenszwalb_on_equal_weights_uses_the_size():
    graph = region_graph(np.array([[0, 0, 0, 0, 5]]), [[1, 1, 1, 1, 2]])
    assert felzenszwalb_cut(graph, 19)[2] == 2  # 19 / 4 < 5
    assert felzenszwalb_cut(graph, 20)[2] == 1  # 20 / 4 = 5


def test_small_regions_go_to_the_nearest_mean():
    image = np.array([[0, 0, 0, 4, 9, 9, 9, 30]])
    graph = region_graph(image, [[1, 1, 1, 2, 3, 3, 3, 4]])
    assert_array_equal(absorb_small_regions(graph, 2), [0, 1, 1, 2, 2])
    assert_array_equal(absorb_small_regions(graph, 4), [0, 1, 1, 2, 2])
    assert_array_equal(absorb_small_regions(graph, 5), [0, 1, 1, 1, 1])
    assert_array_equal(absorb_small_regions(graph, 1), [0, 1, 2, 3, 4])


def absorbed_in_sets(graph, min_size):
    """The rule itself, with sets of neighbours."""
    s = graph.statistics
    near = [set() for _ in range(graph.n_regions + 1)]
    for i, j in graph.edges.tolist():
        near[i].add(j)
        near[j].add(i)
    sizes, mean, parent = s.n_pixels.copy(), s.mean.copy(), list(range(graph.n_regions + 1))
    while small := [k for k in range(len(near)) if near[k] and sizes[k] < min_size]:
        k = min(small, key=lambda i: (sizes[i], i))
        best = min(near[k], key=lambda i: (sum((mean[i] - mean[k]) ** 2), i))
        kept, gone = min(k, best), max(k, best)
        mean[kept] = (sizes[k] * mean[k] + sizes[best] * mean[best]) / (sizes[k] + sizes[best])
        sizes[kept] += sizes[gone]
        for i in near[gone]:
            near[i].discard(gone)
            if i != kept:
                near[i].add(kept)
                near[kept].add(i)
        near[gone] = set()
        parent = [kept if p == gone else p for p in parent]
    left = sorted({p for k, p in enumerate(parent) if s.n_pixels[k]})
    return [left.index(p) + 1 if s.n_pixels[k] else 0 for k, p in enumerate(parent)]


@given(
    images.flatmap(
        lambda image: st.tuples(st.just(image), arrays(np.int32, image.shape[:2], elements=st.integers(0, 20)))
    ),
    st.integers(0, 30),
    st.sampled_from([1, 2]),
)
def test_small_regions_are_absorbed_as_with_sets_of_neighbours(scene, min_size, connectivity):
    graph = region_graph(*scene, connectivity=connectivity)
    assert_array_equal(absorb_small_regions(graph, min_size), absorbed_in_sets(graph, min_size))


def test_specks_in_one_large_region():
    """Its list of neighbours grows long, and is not walked for each of them."""
    regions = np.ones((400, 400), np.int32)
    regions[1::4, 1::4] = np.arange(2, 10002).reshape(100, 100)
    graph = region_graph(regions % 7, regions)
    assert_array_equal(absorb_small_regions(graph, 2), [0, *[1] * 10001])


def test_regions_without_pixels_or_neighbours_stay():
    graph = region_graph(np.array([[1, 0, 5]]), [[2, 0, 7]])
    expected = [0, 0, 1, 0, 0, 0, 0, 2]
    assert_array_equal(merge_tree(graph).cut(n_regions=1), expected)
    assert_array_equal(threshold_cut(graph, 100), expected)
    assert_array_equal(felzenszwalb_cut(graph, 100), expected)
    assert_array_equal(absorb_small_regions(graph, 100), expected)


def test_too_many_edges(monkeypatch):
    monkeypatch.setattr(merging, "MOST_EDGES", 1)
    for merge in (merge_tree, partial(absorb_small_regions, min_size=2)):
        with pytest.raises(InputError, match="at most 1 edges"):
            merge(pixels([1, 2, 3]))


def test_bad_input():
    graph = pixels([1, 2, 3])
    with pytest.raises(InputError, match="mean, ward, border"):
        merge_tree(graph, "color")
    with pytest.raises(InputError, match="n_regions must be 1"):
        merge_tree(graph, n_regions=0)
    with pytest.raises(InputError, match="n_regions must be 1"):
        merge_tree(graph).cut(n_regions=0)
    with pytest.raises(InputError, match="either cost or n_regions"):
        merge_tree(graph).cut()
    with pytest.raises(InputError, match="max_cost"):
        merge_tree(graph, max_cost=math.nan)
    with pytest.raises(InputError, match="one per edge"):
        threshold_cut(graph, 1, np.zeros(5))
    with pytest.raises(InputError, match="got NaN"):
        threshold_cut(graph, math.nan)
    with pytest.raises(InputError, match="scale must be 0 or more"):
        felzenszwalb_cut(graph, -1)
