"""Mean shift: oracles worked by hand, the definition in plain NumPy, laws, and bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from densa.errors import InputError
from densa.regions.mean_shift.segmentation import mean_shift, mean_shift_filter, mean_shift_trajectory

EIGHT = np.ones((3, 3))
STEPS = np.array([[10, 12, 14, 16, 18, 50, 52, 54]])


def filter_by_definition(image, spatial_radius, range_radius, gaussian=False, limit=100, tolerance=0.1):
    image = image.astype(np.float64)
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    modes = np.empty_like(image)
    for pixel in np.ndindex(image.shape[:2]):
        row, column, value = *map(float, pixel), image[pixel]
        for _ in range(limit):
            near = ((rows - row) ** 2 + (columns - column) ** 2) / spatial_radius**2
            alike = ((image - value) ** 2).sum(axis=2) / range_radius**2
            weights = (near < 1) & (alike < 1)
            if gaussian:
                weights = weights * np.exp(-4.5 * (near + alike))
            before = np.array([row, column, *value])
            stack = np.dstack([rows, columns, image])
            after = (weights[..., None] * stack).sum(axis=(0, 1)) / weights.sum()
            row, column, value = after[0], after[1], after[2:]
            if np.linalg.norm(after - before) < tolerance:
                break
        modes[pixel] = value
    return modes


def test_edge_is_kept_by_hand():
    row = np.array([[10, 12, 14, 50, 52, 54]])
    assert_array_equal(mean_shift_filter(row, 3, 8), [[12, 12, 12, 52, 52, 52]])


def test_joining_and_closure_by_hand():
    assert_array_equal(mean_shift_filter(STEPS, 2, 8), [[12, 12, 14, 16, 16, 52, 52, 52]])
    # 12-14-16: squared distance (2/8)^2 = 0.0625 < 0.25, one region of mode 14; 52 is too far
    assert_array_equal(mean_shift(STEPS, 2, 8, 1, join_threshold=1.0), [[1, 1, 1, 1, 1, 2, 2, 2]])
    # closure of h_r = 3 reaches 1.5: the four joined groups stay
    assert_array_equal(mean_shift_filter(STEPS, 2, 3), [[11, 12, 14, 16, 17, 51, 52, 53]])


def test_small_region_goes_to_its_neighbour_by_hand():
    assert_array_equal(mean_shift(STEPS, 2, 8, 4), np.ones((1, 8)))
    # 3 pixels of 0, one of 4, 3 of 10: the single one is nearer to 0
    assert_array_equal(mean_shift(np.array([[0, 0, 0, 4, 10, 10, 10]]), 1, 2, 2), [[1, 1, 1, 1, 2, 2, 2]])


@pytest.mark.parametrize(
    ("row", "modes"), [([0, 0, 0, 10, 10, 10], [0, 0, 0, 10, 10, 10]), ([0, 0, 0, 3, 3, 3], [0, 0, 1, 2, 3, 3])]
)
def test_range_radius_decides_what_an_edge_is(row, modes):
    assert_array_equal(mean_shift_filter(np.array([row]), 2, 4), [modes])


def test_left_and_right_borders_are_not_neighbours():
    image = np.array([[0, 0, 50, 90], [9, 50, 90, 0]])  # EDISON joins the last 0 of row 0's end with row 1's start
    regions = mean_shift(np.repeat(image, 2, axis=0), 1, 2, 1)
    assert regions[0, 0] != regions[-1, -1]


@pytest.mark.parametrize("kernel", ["uniform", "gaussian"])
@pytest.mark.parametrize(("shape", "radii"), [((9, 14, 3), (3.5, 40)), ((12, 7, 1), (2.1, 25)), ((6, 33, 2), (11, 60))])
def test_filter_is_its_definition(rng, kernel, shape, radii):
    image = rng.uniform(0, 100, shape)  # no distance is exactly a radius, where rounding would decide
    expected = filter_by_definition(image, *radii, gaussian=kernel == "gaussian")
    assert_allclose(mean_shift_filter(image, *radii, kernel=kernel, color="as-is"), expected, rtol=2e-5, atol=1e-3)


def test_bright_colours_keep_smaller_differences_of_lightness():
    greys = np.repeat(np.array([[150, 150, 150, 160, 160, 160]], np.uint8)[..., None], 3, axis=2)  # L 83.2 and 86.4
    assert mean_shift(greys, 3, 4, 1).max() == 2
    assert mean_shift(greys, 3, 4, 1, lightness_rule=False).max() == 1


def test_small_regions_smallest_first(rng):
    image = rng.integers(0, 255, (30, 40, 3), dtype=np.uint8)
    regions = mean_shift(image, 3, 8, 9)
    assert np.bincount(regions.ravel())[1:].min() >= 9


def test_far_pixels_do_not_matter(rng):
    image = rng.random((30, 60, 2))
    whole = mean_shift_filter(image, 3, 0.5, max_iterations=4)
    part = mean_shift_filter(image[:, 10:50], 3, 0.5, max_iterations=4)  # halo 4 * 3
    assert_array_equal(part[:, 12:-12], whole[:, 22:38])


def test_masked_pixels_are_no_samples(rng):
    image = rng.random((12, 15))
    mask = np.ones((12, 15), bool)
    mask[:, 7:9] = False
    with_gap = image.copy()
    with_gap[~mask] = np.nan
    assert_array_equal(mean_shift(with_gap, 4, 0.5, 3, mask=mask) == 0, ~mask)
    left = mean_shift_filter(image[:, :7], 1.5, 0.5)
    assert_array_equal(mean_shift_filter(with_gap, 1.5, 0.5, mask=mask)[:, :7], left)
    assert_array_equal(mean_shift(image, 4, 0.5, 3, mask=np.zeros((12, 15), bool)), 0)


def test_trajectory_climbs_to_the_mean_of_the_cloud(rng):
    points = np.concatenate([rng.normal(0, 0.3, (200, 2)), rng.normal(5, 0.3, (200, 2))])
    path = mean_shift_trajectory(points, [1.5, 1.0], 3.0)
    assert_allclose(path[-1], points[:200].mean(axis=0))
    assert_array_equal(path[0], [1.5, 1.0])
    gaussian = mean_shift_trajectory(points, [1.5, 1.0], 3.0, kernel="gaussian")
    assert_allclose(gaussian[-1], points[:200].mean(axis=0), atol=0.1)
    assert len(gaussian) > len(path)


images = st.one_of(
    hnp.arrays(
        st.sampled_from([np.uint8, np.int16, np.uint16, np.bool_]),
        hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=9),
    ),
    hnp.arrays(
        st.sampled_from([np.float32, np.float64]),
        hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=9).filter(lambda s: len(s) < 3 or s[2] < 5),
        elements=st.floats(-100, 100, width=32),
    ),
).filter(lambda image: image.ndim == 2 or image.shape[2] in (1, 2, 3, 4))


@settings(max_examples=60, deadline=None)
@given(images, st.sampled_from([0.5, 2, 7, 1e9]), st.sampled_from([0.3, 20, 500]), st.sampled_from([1, 4, 1000]))
def test_regions_cover_connect_and_count_from_1(image, spatial_radius, range_radius, min_size):
    regions = mean_shift(image, spatial_radius, range_radius, min_size)
    assert regions.dtype == np.int32
    assert regions.shape == image.shape[:2]
    first_seen = dict.fromkeys(regions.ravel().tolist())
    assert list(first_seen) == list(range(1, regions.max() + 1))
    for region in first_seen:
        assert ndimage.label(regions == region, EIGHT)[1] == 1
    sizes = np.bincount(regions.ravel())[1:]
    assert len(sizes) == 1 or sizes.min() >= min_size
    assert mean_shift_filter(image, spatial_radius, range_radius).shape == image.shape


@settings(max_examples=30, deadline=None)
@given(hnp.arrays(np.int16, (5, 7, 2), elements=st.integers(0, 60)), st.integers(-100, 100))
def test_a_constant_added_changes_no_region(image, offset):
    assert_array_equal(mean_shift(image, 3, 16, 2), mean_shift(image + np.int16(offset), 3, 16, 2))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (4, 5), (4, 5, 3), (2, 2, 13)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_constant_image_is_one_region(shape, dtype):
    image = np.full(shape, 7, dtype)
    assert_array_equal(mean_shift(image, 5, 6.5, 20), np.ones(shape[:2]))
    assert_allclose(mean_shift_filter(image, 5, 6.5), image, atol=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": np.full((4, 4), np.nan)}, "finite"),
        ({"image": np.full((4, 4), np.inf)}, "finite"),
        ({"image": np.zeros((0, 4))}, "at least one pixel"),
        ({"image": np.zeros(4)}, "height, width"),
        ({"image": np.zeros((4, 4), complex)}, "integers or real numbers"),
        ({"image": np.broadcast_to(np.uint8(0), (1 << 16, 1 << 15))}, r"2\*\*31"),
        ({"spatial_radius": -1}, "spatial_radius"),
        ({"spatial_radius": 0}, "spatial_radius"),
        ({"range_radius": np.nan}, "range_radius"),
        ({"range_radius": -2}, "range_radius"),
        ({"min_size": 0}, "min_size"),
        ({"min_size": 2.5}, "min_size"),
        ({"kernel": "flat"}, "kernel"),
        ({"color": "luv"}, "8-bit RGB"),
        ({"color": "lab"}, "color"),
        ({"max_iterations": 0}, "max_iterations"),
        ({"tolerance": 0}, "tolerance"),
        ({"join_threshold": -1}, "join_threshold"),
        ({"mask": np.ones((3, 3), bool)}, "mask"),
        ({"mask": np.ones((4, 4))}, "mask"),
    ],
)
def test_what_cannot_be_used_is_said(change, message):
    arguments = {"image": np.zeros((4, 4)), "spatial_radius": 3, "range_radius": 5, "min_size": 2, **change}
    with pytest.raises(InputError, match=message):
        mean_shift(**arguments)


@pytest.mark.parametrize(
    ("points", "start", "bandwidth"),
    [
        (np.zeros((3, 2)), np.zeros(3), 1),
        (np.zeros(3), np.zeros(3), 1),
        (np.full((3, 2), np.nan), np.zeros(2), 1),
        (np.zeros((3, 2)), np.zeros(2), -1),
        (np.zeros((3, 2)), np.full(2, 9.0), 1),
    ],
)
def test_trajectory_says_what_cannot_be_used(points, start, bandwidth):
    with pytest.raises(InputError):
        mean_shift_trajectory(points, start, bandwidth)
