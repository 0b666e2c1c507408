"""Partitions: axioms, components, numbering, boundaries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal
from scipy import ndimage

from densa.errors import InputError
from densa.regions.partition.axioms import boundaries, check, connected_components, relabel
from densa.regions.partition.statistics import (
    range_at_most,
)

shapes = st.tuples(st.integers(1, 9), st.integers(1, 9))
label_images = shapes.flatmap(lambda s: arrays(np.int32, s, elements=st.integers(0, 3)))


def axioms(violations):
    return [(v.axiom, v.regions, v.place) for v in violations]


# --------------------------------------------------------------------------------------------------- axioms


def test_a_checkerboard_is_connected_by_corners_only():
    image, regions = np.zeros((2, 2)), np.array([[1, 2], [2, 1]])
    assert axioms(check(image, regions)) == [("b", (1,), (1, 1)), ("b", (2,), (1, 0))]
    assert check(image, regions, connectivity=2) == ()


def test_a_pixel_without_region_breaks_the_union():
    image, regions = np.zeros((2, 2)), np.array([[1, 0], [1, 1]])
    assert axioms(check(image, regions)) == [("a", (), (0, 1))]
    assert check(image, regions, mask=regions > 0) == ()
    assert axioms(check(image, regions, mask=np.array([[False, False], [True, True]]))) == [("a", (), (0, 0))]


def test_masks_that_overlap_are_not_disjoint():
    stack = np.zeros((2, 2, 3), bool)
    stack[0, :, :2] = True
    stack[1, :, 1:] = True
    found = check(np.zeros((2, 3)), stack)
    assert axioms(found) == [("c", (1, 2), (0, 1))]
    assert "share 2 pixels" in found[0].message
    stack[0, :, 1] = False
    assert check(np.zeros((2, 3)), stack) == ()


def test_predicate_of_a_region_and_of_a_union():
    image = np.array([[0, 5, 20, 20, 3]])
    assert axioms(check(image, [[1, 1, 1, 2, 3]], range_at_most(10))) == [
        ("d", (1,), (0, 0)),
    ]
    assert axioms(check(image, [[1, 2, 3, 3, 4]], range_at_most(10))) == [("e", (1, 2), (0, 0))]
    # 1 and 4 would fit together as well, but are not adjacent
    assert check(image, [[1, 1, 2, 2, 3]], range_at_most(10)) == ()


def test_place_of_a_violation_lies_on_the_common_border():
    regions = np.ones((6, 7), int)
    regions[3:5, 4:6] = 2
    found = check(np.zeros((6, 7)), regions, range_at_most(0))
    assert axioms(found) == [("e", (1, 2), (2, 4))]
    assert "meet at (2, 4)" in found[0].message


def test_the_checker_takes_a_predicate_of_its_own():
    image = np.array([[1.0, 2.0, 9.0]])
    at_least_two_pixels = lambda s: s.n_pixels >= 2  # noqa: E731
    assert axioms(check(image, [[1, 1, 2]], at_least_two_pixels)) == [("d", (2,), (0, 2)), ("e", (1, 2), (0, 1))]


@settings(max_examples=100, deadline=None)
@given(label_images, st.sampled_from([1, 2]))
def test_connected_components_satisfy_a_to_c_and_one_value_each(labels, connectivity):
    regions, n = connected_components(labels, connectivity, background=False)
    assert regions.max() == n
    assert check(labels, regions, range_at_most(0), connectivity=connectivity) == ()


# ----------------------------------------------------------------------------------------------- components


@settings(max_examples=150, deadline=None)
@given(label_images, st.sampled_from([1, 2]))
def test_components_match_scipy_label_by_label(labels, connectivity):
    regions, n = connected_components(labels, connectivity)
    assert regions.dtype == np.int32
    assert_array_equal(regions > 0, labels > 0)
    structure = ndimage.generate_binary_structure(2, connectivity)
    expected = 0
    for value in range(1, 4):
        pieces, count = ndimage.label(labels == value, structure)
        expected += count
        for k in range(1, count + 1):
            assert len(np.unique(regions[pieces == k])) == 1
    assert n == expected
    first = np.unique(regions[regions > 0], return_index=True)[1]
    assert (np.diff(first) > 0).all()


def test_components_of_a_tall_image_cross_the_strips(rng):
    """More rows than one task joins, with a snake through all of them."""
    labels = np.zeros((300, 7), np.uint8)
    labels[::2] = 1
    labels[1::4, 6] = labels[3::4, 0] = 1
    assert connected_components(labels)[1] == 1
    noise = rng.random((300, 200)) < 0.55
    for connectivity in (1, 2):
        expected, n = ndimage.label(noise, ndimage.generate_binary_structure(2, connectivity))
        assert_array_equal(connected_components(noise, connectivity)[0], expected)
        assert connected_components(noise, connectivity)[1] == n


@settings(max_examples=80, deadline=None)
@given(shapes.flatmap(lambda s: arrays(np.int64, s, elements=st.sampled_from([-(2**40), -1, 0, 3, 2**50]))))
def test_relabel_is_consecutive_and_reversible(labels):
    regions, values = relabel(labels)
    assert_array_equal(values[regions], labels)
    assert_array_equal(np.unique(regions[regions > 0]), np.arange(1, len(values)))
    first = np.unique(regions[regions > 0], return_index=True)[1]
    assert (np.diff(first) > 0).all()


# ----------------------------------------------------------------------------------------------- boundaries


def test_boundaries_by_hand():
    regions = np.array([[1, 1, 2], [1, 1, 2], [0, 0, 2]])
    assert_array_equal(boundaries(regions), [[0, 1, 1], [1, 1, 1], [1, 1, 1]])
    assert_array_equal(boundaries(regions, "inner"), [[0, 1, 1], [1, 1, 1], [0, 0, 1]])
    assert_array_equal(boundaries(regions, "thin"), [[0, 1, 0], [1, 1, 0], [0, 1, 0]])
    expected = [[0, 0, 0, 1, 0], [0, 0, 0, 1, 0], [0, 0, 0, 1, 0], [1, 1, 1, 1, 0], [0, 0, 0, 1, 0]]
    assert_array_equal(boundaries(regions, "crack"), expected)


@settings(max_examples=60, deadline=None)
@given(label_images)
def test_thick_boundaries_match_scikit_image(labels):
    segmentation = pytest.importorskip("skimage.segmentation")
    assert_array_equal(boundaries(labels), segmentation.find_boundaries(labels, connectivity=1, mode="thick"))


# ------------------------------------------------------------------------------------------------ bad input


def test_bad_input():
    with pytest.raises(InputError, match="-1 to 1; use relabel"):
        check(np.zeros((1, 2)), [[-1, 1]])
    with pytest.raises(InputError, match="connectivity must be 1"):
        connected_components(np.ones((2, 2), int), 4)
    with pytest.raises(InputError, match="labels must be integers"):
        connected_components(np.ones((2, 2)))
    with pytest.raises(InputError, match=r"labels must be \(height, width\)"):
        relabel(np.ones((0, 2), int))
    with pytest.raises(InputError, match="thick, inner, thin or crack"):
        boundaries(np.ones((2, 2), int), "outer")
    with pytest.raises(InputError, match="boolean masks"):
        check(np.zeros((2, 2)), np.ones((1, 2, 2), int))
    with pytest.raises(InputError, match=r"2\*\*31"):
        connected_components(np.broadcast_to(np.uint8(1), (65536, 32768)))
