"""Normalized cuts: oracles worked by hand, SciPy's eigensolver, laws, and bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from scipy import linalg

from densa.errors import InputError
from densa.regions.normalized_cuts.discretisation import discretise
from densa.regions.normalized_cuts.graph import graph_eigenvectors, two_way_cut
from densa.regions.normalized_cuts.pixel_multigrid import levels_of
from densa.regions.normalized_cuts.pixel_refinement import refine
from densa.regions.normalized_cuts.pixel_spectral import smallest_eigenvectors
from densa.regions.normalized_cuts.pixel_stencil import coarser
from densa.regions.normalized_cuts.pixels import (
    ncut_eigenvectors,
    ncut_value,
    normalized_cuts,
    normalized_cuts_of_graph,
    normalized_cuts_of_regions,
    pixel_affinities,
    recursive_cuts_of_graph,
    recursive_normalized_cuts,
    region_affinities,
    weighted_graph,
)

PATH = (4, [[0, 1], [1, 2], [2, 3]], [1.0, 0.1, 1.0])


def pairs_graph():
    """Six nodes in three pairs: 1 inside a pair (edges to itself included), 0.02 elsewhere."""
    edges = [(i, j) for i in range(6) for j in range(i, 6)]
    return 6, edges, [1.0 if i // 2 == j // 2 else 0.02 for i, j in edges]


def dense(graph):
    """The pixel graph's matrix W by its definition."""
    height, width = graph.degrees.shape
    matrix = np.zeros((height, width, height, width))
    for (down, across), plane in zip(graph.offsets, graph.weights, strict=True):
        for row, column in np.ndindex(height, width):
            if row + down < height and 0 <= column + across < width:
                matrix[row, column, row + down, column + across] = plane[row, column]
            else:
                assert plane[row, column] == 0
    matrix = matrix.reshape(height * width, -1)
    return matrix + matrix.T


def blocks(rng, side=24):
    """Four flat quarters with noise."""
    image = np.kron([[0.1, 0.5], [0.9, 0.3]], np.ones((side // 2, side // 2)))
    return image + rng.normal(0, 0.02, image.shape)


def test_path_of_four_by_hand():
    graph = weighted_graph(*PATH)
    values, vectors = graph_eigenvectors(graph, 4)
    assert_allclose(values, [0, 0.090909, 1.909091, 2], atol=1e-6)
    assert_allclose(vectors[1] / vectors[1][0], [1, 0.909091, -0.909091, -1], atol=1e-6)
    assert_allclose(ncut_value(graph, [1, 1, 2, 2]), 0.095238, atol=1e-6)
    assert_allclose(ncut_value(graph, [1, 2, 2, 2]), 1.3125)
    assert_allclose(two_way_cut(graph, np.array([False, False, False, True])), 1.3125)
    assert_array_equal(normalized_cuts_of_graph(*PATH, 2), [1, 1, 2, 2])
    assert_array_equal(recursive_cuts_of_graph(*PATH, 0.1), [1, 1, 2, 2])
    assert_array_equal(recursive_cuts_of_graph(*PATH, 0.09), [1, 1, 1, 1])


def test_three_pairs_by_hand():
    graph = weighted_graph(*pairs_graph())
    values, vectors = graph_eigenvectors(graph, 6)
    assert_allclose(values, [0, 0.057692, 0.057692, 1, 1, 1], atol=1e-6)
    assert_array_equal(normalized_cuts_of_graph(*pairs_graph(), 3), [1, 1, 2, 2, 3, 3])
    assert_allclose(ncut_value(graph, [1, 1, 2, 2, 3, 3]), 0.115385, atol=1e-6)
    assert_allclose(values[:3].sum(), 0.115385, atol=1e-6)
    assert len(np.unique(discretise(vectors[:3].astype(np.float32)))) == 3


def test_weights_by_hand():
    row = np.array([[0, 0.05, 1, 1.05]])
    graph = pixel_affinities(row, floor=0)
    matrix = dense(graph)
    assert_allclose([matrix[0, 1], matrix[2, 3]], 0.731616, rtol=1e-5)
    assert matrix[:2, 2:].max() < 1e-20  # in two pieces but for the floor
    floored = dense(pixel_affinities(row))
    assert_allclose(floored[1, 2], 0.01)
    assert_allclose(pixel_affinities(row).degrees.ravel(), floored.sum(axis=1), rtol=1e-6)
    assert_array_equal(normalized_cuts(row, 2), [[1, 1, 2, 2]])
    assert_array_equal(normalized_cuts(row, 2, floor=0), [[1, 1, 2, 2]])


@pytest.mark.parametrize("affinity", ["color", "intensity", "contour"])
def test_weights_are_their_definition(rng, affinity):
    image = rng.integers(0, 256, (7, 6, 3), dtype=np.uint8)
    matrix = dense(pixel_affinities(image, radius=3.2, affinity=affinity, value_scale=0.5, space_scale=3, floor=0))
    values = image / 255
    if affinity == "intensity":
        values = values @ [[0.2125], [0.7154], [0.0721]]
    rows, columns = np.mgrid[:7, :6].reshape(2, -1)
    apart = (rows[:, None] - rows) ** 2 + (columns[:, None] - columns) ** 2
    if affinity == "contour":
        padded = np.pad(values, ((1, 1), (1, 1), (0, 0)), mode="edge")
        edges = ((padded[2:, 1:-1] - padded[:-2, 1:-1]) ** 2 + (padded[1:-1, 2:] - padded[1:-1, :-2]) ** 2).max(axis=2)
        squared = np.maximum(edges.reshape(-1, 1), edges.reshape(1, -1))
        near = apart <= 2  # no pixel lies between: the ends decide
    else:
        flat = values.reshape(42, -1)
        squared = ((flat[:, None] - flat) ** 2).sum(axis=2)
        near = apart < 3.2**2
    expected = np.exp(-squared / 0.25 - apart / 9) * (apart > 0)
    assert_allclose(matrix[near], expected[near], rtol=1e-4, atol=1e-9)
    assert (matrix[apart >= 3.2**2] == 0).all()


def test_an_edge_between_lowers_a_contour_weight():
    image = np.zeros((1, 9))
    image[0, 4] = 1.0  # a thin line between two equal sides
    across = dense(pixel_affinities(image, affinity="contour", floor=0))[2, 6]
    assert across < 1e-6 < dense(pixel_affinities(image, floor=0))[2, 6]


def test_coarse_graph_keeps_cuts(rng):
    graph = pixel_affinities(rng.random((13, 18)))
    coarse = coarser(graph)
    cells = rng.integers(1, 4, coarse.degrees.shape)
    pixels = cells.repeat(2, axis=0).repeat(2, axis=1)[:13, :18]
    assert_allclose(ncut_value(coarse, cells), ncut_value(graph, pixels), rtol=1e-5)


def test_eigenvectors_match_scipy(rng):
    image = blocks(rng, 30)
    graph = pixel_affinities(image)
    matrix = dense(graph)
    degrees = matrix.sum(axis=1)
    exact, columns = linalg.eigh(np.diag(degrees) - matrix, np.diag(degrees), subset_by_index=[0, 5])
    values, vectors = smallest_eigenvectors(graph, 4, steps=20, tolerance=0)
    assert len(levels_of(graph, 8)) > 2  # the coarse levels took part
    assert_allclose(values, exact[:4], rtol=0.01, atol=1e-6)
    # cosines between the spans in the degrees' norm
    cosines = np.linalg.svd(columns[:, :4].T @ (degrees[:, None] * vectors.reshape(4, -1).T))[1]
    assert cosines.min() > 0.995
    first = vectors[0]
    assert_allclose(first, first.mean(), rtol=1e-3)


def test_quarters_are_found(rng):
    image = blocks(rng)
    truth = np.kron([[1, 2], [3, 4]], np.ones((12, 12)))
    assert_array_equal(normalized_cuts(image, 4), truth)
    assert_array_equal(recursive_normalized_cuts(image, 0.1), truth)
    assert_array_equal(normalized_cuts(np.dstack([image] * 3), 4, affinity="contour", value_scale=0.3).max(), 4)


def test_refinement_never_raises_the_cut(rng):
    graph = pixel_affinities(rng.random((20, 31)), value_scale=0.5)
    labels = rng.integers(0, 4, (20, 31)).astype(np.int32)
    refined = refine(graph, labels, 4)
    assert ncut_value(graph, refined + 1) < ncut_value(graph, labels + 1)
    assert len(np.unique(refined)) == 4
    labels[3:9, 4:8] = -1
    assert_array_equal(refine(graph, labels, 4) < 0, labels < 0)


def test_scaled_weights_and_renumbered_nodes(rng):
    n_nodes = 30
    edges = np.argwhere(np.triu(rng.random((n_nodes, n_nodes)) < 0.8, 1))
    weights = np.where(edges[:, 0] // 10 == edges[:, 1] // 10, 1.0, 0.05) * rng.uniform(0.8, 1, len(edges))
    parts = normalized_cuts_of_graph(n_nodes, edges, weights, 3)
    assert_array_equal(parts, np.arange(n_nodes) // 10 + 1)
    assert_array_equal(normalized_cuts_of_graph(n_nodes, edges, 64 * weights, 3), parts)
    new = rng.permutation(n_nodes)
    renamed = normalized_cuts_of_graph(n_nodes, new[edges], weights, 3)[new]
    assert_array_equal(renamed[:, None] == renamed, parts[:, None] == parts)


def test_regions_are_cut_as_their_means(rng):
    image = blocks(rng)
    regions = np.arange(36).reshape(6, 6).repeat(4, axis=0).repeat(4, axis=1) + 1
    graph, numbers = region_affinities(image, regions)
    assert graph.n_nodes == 36
    assert len(graph.edges) == 60
    assert_array_equal(numbers + 1, regions)
    segments = normalized_cuts_of_regions(image, regions, 4)
    assert_array_equal(segments, np.kron([[1, 2], [3, 4]], np.ones((12, 12))))
    assert_array_equal(normalized_cuts_of_regions(image, regions.astype(np.int64) * 10**9, 4), segments)
    holes = np.where(image > 0.8, 0, regions)
    assert_array_equal(normalized_cuts_of_regions(image, holes, 3) == 0, image > 0.8)


def test_masked_pixels_have_no_segment(rng):
    image = blocks(rng)
    mask = np.ones(image.shape, bool)
    mask[:5, :7] = False
    image[~mask] = np.nan
    assert_array_equal(normalized_cuts(image, 4, mask=mask) == 0, ~mask)
    assert_array_equal(recursive_normalized_cuts(image, 0.1, mask=mask) == 0, ~mask)
    _, vectors = ncut_eigenvectors(image, 3, mask=mask)
    assert (vectors[:, ~mask] == 0).all()


images = st.one_of(
    hnp.arrays(st.sampled_from([np.uint8, np.int16, np.bool_]), hnp.array_shapes(min_dims=2, max_dims=3, max_side=8)),
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.floats(0, 1, width=32)),
)


def test_weights_that_vanish_beside_others_divide_nothing_by_zero():
    image = np.array([[0.75, 0, 0], [0, 0, 0]], np.float32)
    segments = normalized_cuts(image, 2, affinity="contour", floor=0)
    assert set(np.unique(segments)) <= {1, 2}


@settings(max_examples=50, deadline=None)
@given(images, st.integers(1, 9), st.sampled_from(["color", "intensity", "contour"]), st.data())
def test_segments_cover_and_count_from_1(image, n_segments, affinity, data):
    n_segments = min(n_segments, image.shape[0] * image.shape[1])
    floor = data.draw(st.sampled_from([0, 0.01]))
    segments = normalized_cuts(image, n_segments, affinity=affinity, floor=floor)
    assert segments.dtype == np.int32
    assert segments.shape == image.shape[:2]
    first_seen = list(dict.fromkeys(segments.ravel().tolist()))
    assert first_seen == list(range(1, len(first_seen) + 1))
    assert len(first_seen) <= n_segments
    assert_array_equal(segments, normalized_cuts(image, n_segments, affinity=affinity, floor=floor))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (4, 5), (30, 40), (4, 5, 3)])
def test_constant_image_works(shape):
    n_pixels = shape[0] * shape[1]
    assert normalized_cuts(np.zeros(shape), min(3, n_pixels)).max() == min(3, n_pixels)
    assert normalized_cuts(np.zeros(shape), 1).max() == 1
    assert recursive_normalized_cuts(np.zeros(shape), 1e-6).max() == 1
    assert len(np.unique(normalized_cuts(np.zeros(shape), n_pixels) if n_pixels < 50 else [])) in (0, n_pixels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": np.full((4, 4), np.nan)}, "finite"),
        ({"image": np.full((4, 4), np.inf)}, "finite"),
        ({"image": np.zeros((4, 0))}, "at least one pixel"),
        ({"image": np.broadcast_to(np.uint8(0), (1 << 16, 1 << 15))}, r"2\*\*31"),
        ({"n_segments": 0}, "n_segments"),
        ({"n_segments": 17}, "number of pixels 16"),
        ({"n_segments": 2.0}, "n_segments"),
        ({"radius": -5}, "radius"),
        ({"radius": np.nan}, "radius"),
        ({"affinity": "texture"}, "affinity"),
        ({"value_scale": 0}, "value_scale"),
        ({"space_scale": -1}, "space_scale"),
        ({"floor": -1}, "floor"),
        ({"mask": np.ones((3, 3), bool)}, "mask"),
        ({"mask": np.zeros((4, 4), bool)}, "number of pixels 0"),
    ],
)
def test_what_cannot_be_used_is_said(change, message):
    with pytest.raises(InputError, match=message):
        normalized_cuts(**{"image": np.zeros((4, 4)), "n_segments": 2, **change})


def test_graphs_that_cannot_be_used_are_said():
    for arguments in [
        (0, [], [], 1),
        (3, [[0, 3]], [1.0], 2),
        (3, [[-1, 2]], [1.0], 2),
        (3, [[0, 1]], [-1.0], 2),
        (3, [[0, 1]], [np.nan], 2),
        (3, [[0, 1]], [1.0, 2.0], 2),
        (3, [[0.0, 1.0]], [1.0], 2),
        (3, [[0, 1]], [1.0], 4),
    ]:
        with pytest.raises(InputError):
            normalized_cuts_of_graph(*arguments)
    image = np.zeros((3, 3))
    for regions in [np.zeros((3, 3), int), np.ones((2, 3), int), np.ones((3, 3)), -np.ones((3, 3), int)]:
        with pytest.raises(InputError):
            normalized_cuts_of_regions(image, regions, 1)
    with pytest.raises(InputError, match="regions"):
        ncut_value(pixel_affinities(image), np.zeros((2, 2), int))
    with pytest.raises(InputError, match="region 0"):
        ncut_value(weighted_graph(*PATH), [0, 1, 1, 2])
    with pytest.raises(InputError, match="n_vectors"):
        ncut_eigenvectors(image, 10)


def test_graph_without_edges():
    assert_array_equal(normalized_cuts_of_graph(3, [], [], 3), [1, 2, 3])
    assert normalized_cuts_of_graph(3, [], [], 2).min() == 1
    assert_array_equal(recursive_cuts_of_graph(3, [], [], 0.5), [1, 1, 1])
