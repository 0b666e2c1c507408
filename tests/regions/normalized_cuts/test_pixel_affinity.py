"""Graphs of pixels: weights by hand and by their definition, bad input."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa.errors import InputError
from densa.regions.normalized_cuts.pixel_affinity import pixel_affinities
from densa.regions.normalized_cuts.pixels import normalized_cuts
from tests.regions.normalized_cuts.graphs import dense


def test_weights_by_hand():
    row = np.array([[0, 0.05, 1, 1.05]])
    graph = pixel_affinities(row, floor=0)
    matrix = dense(graph)
    assert_allclose([matrix[0, 1], matrix[2, 3]], 0.731616, rtol=1e-5)
    assert matrix[:2, 2:].max() < 1e-20  # in two pieces but for the floor
    floored = dense(pixel_affinities(row))
    assert_allclose(floored[1, 2], 0.01)
    assert_allclose(pixel_affinities(row).degrees.ravel(), floored.sum(axis=1), rtol=1e-6)
    assert_array_equal(normalized_cuts(pixel_affinities(row), 2), [[1, 1, 2, 2]])
    assert_array_equal(normalized_cuts(graph, 2), [[1, 1, 2, 2]])


def test_an_edge_of_a_pixel_to_itself_is_in_its_degree_alone(rng):
    image = rng.random((5, 7))
    mask = rng.random((5, 7)) < 0.8
    without, with_loops = pixel_affinities(image, mask=mask), pixel_affinities(image, mask=mask, self_affinity=1)
    assert_array_equal(with_loops.weights, without.weights)
    assert_allclose(with_loops.degrees, without.degrees + mask, rtol=1e-6)


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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": np.full((4, 4), np.nan)}, "finite"),
        ({"image": np.full((4, 4), np.inf)}, "finite"),
        ({"image": np.zeros((4, 0))}, "at least one pixel"),
        ({"image": np.broadcast_to(np.uint8(0), (1 << 16, 1 << 15))}, r"2\*\*31"),
        ({"radius": -5}, "radius"),
        ({"radius": np.nan}, "radius"),
        ({"affinity": "texture"}, "affinity"),
        ({"value_scale": 0}, "value_scale"),
        ({"space_scale": -1}, "space_scale"),
        ({"floor": -1}, "floor"),
        ({"self_affinity": -1}, "self_affinity"),
        ({"self_affinity": np.inf}, "self_affinity"),
        ({"mask": np.ones((3, 3), bool)}, "mask"),
    ],
)
def test_what_cannot_be_used_is_said(change, message):
    with pytest.raises(InputError, match=message):
        pixel_affinities(**{"image": np.zeros((4, 4)), **change})
