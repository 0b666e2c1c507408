"""Regional minima, h-minima and area closing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from scipy import ndimage
from skimage import morphology

from densa.errors import InputError
from densa.regions.watershed.minima import area_closing, fill_minima, h_minima, label_minima, regional_minima

DTYPES = [np.uint8, np.int8, np.uint16, np.int32, np.float32, np.float64]
shapes = hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)
reliefs = st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, shapes, elements=st.integers(0, 5)))
connectivities = st.sampled_from([1, 2])


def footprint(connectivity):
    return ndimage.generate_binary_structure(2, connectivity)


def test_minima_by_hand():
    image = np.array([[3, 3, 3, 1], [3, 2, 2, 3], [3, 2, 3, 3], [0, 3, 3, 2]])
    expected = np.array([[0, 0, 0, 1], [0, 2, 2, 0], [0, 2, 0, 0], [3, 0, 0, 4]])
    assert_array_equal(label_minima(image), expected)
    # diagonally, the plateau of 2 touches the 1 and the 0
    assert_array_equal(label_minima(image, 2), [[0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0], [2, 0, 0, 3]])


@settings(deadline=None)
@given(reliefs, connectivities)
def test_minima_are_those_of_scikit_image(image, connectivity):
    expected = morphology.local_minima(image, connectivity=connectivity)
    if image.min() == image.max():
        expected[:] = True  # one minimum here, none there
    assert_array_equal(regional_minima(image, connectivity), expected)
    assert_array_equal(label_minima(image, connectivity), ndimage.label(expected, footprint(connectivity))[0])


@settings(deadline=None)
@given(reliefs, st.integers(1, 5), connectivities)
def test_fill_minima_is_the_reconstruction_by_erosion(image, depth, connectivity):
    wide = image.astype(np.int64)
    expected = morphology.reconstruction(wide + depth, wide, method="erosion", footprint=footprint(connectivity))
    if image.dtype.kind != "f":
        expected = np.minimum(expected, image.max())
    filled = fill_minima(image, depth, connectivity)
    assert filled.dtype == image.dtype
    assert_array_equal(filled, expected)


@settings(deadline=None)
@given(reliefs, st.integers(1, 5), connectivities)
def test_h_minima_are_those_of_scikit_image(image, depth, connectivity):
    wide = image.astype(np.int64)  # its uint8 arithmetic is cut at 255
    expected = morphology.h_minima(wide, depth, footprint=footprint(connectivity))
    assert_array_equal(h_minima(image, depth, connectivity), expected.astype(bool))


def test_h_minima_of_a_fractional_depth():
    image = np.array([[5.0, 0.0, 5.0, 4.6, 5.0, 4.4, 5.0]])
    assert_array_equal(np.flatnonzero(h_minima(image, 0.5)), [1, 5])
    assert_array_equal(np.flatnonzero(h_minima(image, 1.0)), [1])
    assert_array_equal(np.flatnonzero(h_minima(image.astype(int), 0.5)), [1, 3, 5])  # 4 is 1 below 5


@settings(deadline=None)
@given(reliefs, st.integers(1, 12), connectivities)
def test_area_closing_is_that_of_scikit_image(image, area, connectivity):
    image = np.pad(image, 1, mode="edge")  # it fails on single rows
    expected = morphology.area_closing(image, area, connectivity=connectivity)
    if area > image.size:
        expected = np.full_like(image, image.max())
    assert_array_equal(area_closing(image, area, connectivity), expected)


def test_area_closing_leaves_no_minimum_below_the_area(rng):
    closed = area_closing(rng.integers(0, 40, (60, 80)).astype(np.uint8), 25)
    assert np.bincount(label_minima(closed).ravel())[1:].min() >= 25


@pytest.mark.parametrize("function", [regional_minima, label_minima])
@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((3, 3, 3)), "gradient_magnitude"),
        (np.zeros((0, 3)), "at least one pixel"),
        (np.full((3, 3), np.nan), "NaN"),
        (np.full((3, 3), np.inf), "infinite"),
        (np.zeros((3, 3), complex), "real"),
        (np.broadcast_to(np.uint8(0), (2**16, 2**15)), "2\\^31"),
    ],
)
def test_bad_images(function, image, message):
    with pytest.raises(InputError, match=message):
        function(image)


def test_bad_parameters():
    image = np.zeros((3, 3), np.uint8)
    for call in (
        lambda: regional_minima(image, 3),
        lambda: area_closing(image, 0),
        lambda: area_closing(image, 1, 4),
        lambda: h_minima(image, 0),
        lambda: h_minima(image, np.nan),
        lambda: fill_minima(image, -1),
        lambda: fill_minima(image, 0.5),
    ):
        with pytest.raises(InputError):
            call()
