"""SLIC: the oracles, a plain numpy twin of the same definition, its laws, and what it refuses."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal
from scipy import ndimage

from densa import parallel
from densa.errors import InputError
from densa.regions import check, merge_by_predicate, range_at_most, region_graph
from densa.regions.slic.cells import cell_grid
from densa.regions.slic.metric import color_scale
from densa.regions.slic.superpixels import slic
from tests.regions.slic.partitions import checker


def pieces(regions):
    """Number of 4-connected pieces of equal region, found one region at a time."""
    return sum(ndimage.label(regions == k)[1] for k in np.unique(regions[regions > 0]))


# ------------------------------------------------------------------------------------------------- oracles


@pytest.mark.parametrize("compactness", [0.5, 1, 10, 100, 1e6])
@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 3), (8, 8, 5)])
@pytest.mark.parametrize("adaptive", [False, True])
def test_constant_image_falls_into_squares(compactness, shape, adaptive):
    image = np.full(shape, 7, np.uint8)
    assert_array_equal(slic(image, 4, compactness, adaptive=adaptive), checker(8, 8, 2, 2))


def test_large_compactness_gives_the_cells_of_the_grid(rng):
    image = rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    assert_array_equal(slic(image, 6, 1e6), checker(40, 60, 2, 3))


@pytest.mark.parametrize("column", [27, 33])
def test_small_compactness_keeps_to_a_colour_edge_inside_a_cell(column):
    image = np.zeros((40, 60), np.float32)
    image[:, column:] = 1
    regions = slic(image, 6, 0.01)
    assert not set(regions[:, :column].ravel()) & set(regions[:, column:].ravel())


# -------------------------------------------------------------------------------- a plain twin of the method


def plain_slic(features, n_superpixels, compactness, n_iterations, scale, stride, mask):
    """The definition of `slic` without connectivity, pixel by pixel; features (H, W, B) int64."""
    height, width, n_bands = features.shape
    grid = cell_grid(height, width, n_superpixels)
    n_rows, n_columns = grid.n_rows, grid.n_columns
    rows, columns = (np.arange(n + 1) * side // n for n, side in ((n_rows, height), (n_columns, width)))
    r = compactness * scale / grid.step

    def position(p):
        return math.floor(r * p + 0.5)

    def gradient(y, x):
        up, down, left, right = max(y - 1, 0), min(y + 1, height - 1), max(x - 1, 0), min(x + 1, width - 1)
        return ((features[y, right] - features[y, left]) ** 2 + (features[down, x] - features[up, x]) ** 2).sum()

    def mean(pixels):
        n = len(pixels)
        color = [(2 * int(sum(features[p][b] for p in pixels)) + n) // (2 * n) for b in range(n_bands)]
        return np.array([*color, position(sum(p[0] for p in pixels) / n), position(sum(p[1] for p in pixels) / n)])

    centers = {}
    for i in range(n_rows):
        for j in range(n_columns):
            (y0, y1), (x0, x1) = rows[i : i + 2], columns[j : j + 2]
            pixels = [(y, x) for y in range(y0, y1) for x in range(x0, x1) if mask[y, x]]
            if len(pixels) == (y1 - y0) * (x1 - x0):
                y, x = (y0 + y1 - 1) // 2, (x0 + x1 - 1) // 2
                around = [(0, 0)] + [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
                around = [(dy, dx) for dy, dx in around if y0 <= y + dy < y1 and x0 <= x + dx < x1]
                dy, dx = min(around, key=lambda d: gradient(y + d[0], x + d[1]))
                place = position((y0 + y1 - 1) / 2 + dy), position((x0 + x1 - 1) / 2 + dx)
                centers[i, j] = np.array([*features[y + dy, x + dx], *place])
            elif pixels:
                centers[i, j] = mean(pixels)
    row_of = np.searchsorted(rows, np.arange(height), side="right") - 1
    column_of = np.searchsorted(columns, np.arange(width), side="right") - 1

    def assign(rows):
        won = {}
        for y in rows:
            for x in range(width):
                if mask[y, x]:
                    feature = np.array([*features[y, x], position(y), position(x)])
                    near = [(row_of[y] + a, column_of[x] + b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
                    near = [k for k in near if k in centers]
                    won.setdefault(min(near, key=lambda k: ((feature - centers[k]) ** 2).sum()), []).append((y, x))
        return won

    for t in range(n_iterations - 1):
        for k, pixels in assign(range(t % stride, height, stride)).items():
            centers[k] = mean(pixels)
    labels = np.zeros((height, width), np.int32)
    for (i, j), pixels in assign(range(height)).items():
        for p in pixels:
            labels[p] = i * n_columns + j + 1
    return labels


@pytest.mark.parametrize("n_bands", [1, 2, 3, 5])
@pytest.mark.parametrize(("shape", "n"), [((17, 23), 6), ((30, 26), 4), ((9, 7), 20), ((1, 31), 4), ((26, 1), 3)])
@pytest.mark.parametrize("masked", [False, True])
def test_equals_the_plain_twin(rng, n_bands, shape, n, masked):
    image = ndimage.gaussian_filter(rng.normal(size=(*shape, n_bands)), (1.5, 1.5, 0)) * 100
    mask = ndimage.gaussian_filter(rng.normal(size=shape), 2) > -0.1 if masked else np.ones(shape, np.bool_)
    if not mask.any():
        mask[0, 0] = True
    inside = image[mask]
    low, high = inside.min(0), inside.max(0)
    grid = cell_grid(*shape, n)
    cell = math.ceil(shape[0] / grid.n_rows) / grid.step, math.ceil(shape[1] / grid.n_columns) / grid.step
    scale = color_scale(float(np.linalg.norm(high - low)), 20, cell)
    features = np.floor(np.where(mask[..., None], image - (low + high) / 2, 0) * scale + 0.5).astype(np.int64)
    stride = 3 if shape[0] // grid.n_rows >= 12 else 1
    expected = plain_slic(features, n, 20, 5, scale, stride, mask)
    given_image = np.where(mask[..., None], image, np.nan)
    found = slic(given_image, n, 20, n_iterations=5, mask=mask if masked else None, enforce_connectivity=False)
    assert_array_equal(found, expected)


def test_wide_images_use_both_ways_of_summing(rng, monkeypatch):
    """Three bands without a mask sum two values to a word; an all-true mask takes the other way."""
    image = rng.integers(0, 256, (50, 70, 3), dtype=np.uint8)
    assert_array_equal(slic(image, 12), slic(image, 12, mask=np.ones((50, 70), np.bool_)))


# --------------------------------------------------------------------------------------------------- laws


@st.composite
def images(draw):
    shape = draw(st.tuples(st.integers(1, 14), st.integers(1, 14)))
    n_bands = draw(st.sampled_from([0, 1, 3, 4]))
    dtype = draw(st.sampled_from([np.uint8, np.int16, np.uint16, np.float32, np.float64, np.bool_]))
    elements = st.booleans() if dtype is np.bool_ else st.integers(0, 200)
    image = draw(arrays(dtype, (*shape, n_bands) if n_bands else shape, elements=elements))
    mask = draw(st.none() | arrays(np.bool_, shape))
    return image, mask, draw(st.integers(1, shape[0] * shape[1]))


@settings(max_examples=150, deadline=None)
@given(images(), st.sampled_from([0.0, 1.0, 10.0, 200.0]), st.booleans())
def test_regions_are_a_partition_into_connected_regions(case, compactness, adaptive):
    image, mask, n = case
    regions = slic(image, n, compactness or float(adaptive), adaptive=adaptive, mask=mask)
    assert regions.dtype == np.int32
    assert regions.shape == image.shape[:2]
    assert_array_equal(regions > 0, np.ones(regions.shape, bool) if mask is None else mask)
    used = np.unique(regions[regions > 0])
    assert_array_equal(used, np.arange(1, len(used) + 1))
    assert pieces(regions) == len(used)
    first = np.unique(regions[regions > 0], return_index=True)[1]
    assert (np.diff(first) > 0).all()  # numbered in raster order


masked_images = st.tuples(st.integers(2, 12), st.integers(2, 12), st.sampled_from([1, 3, 4])).flatmap(
    lambda s: st.tuples(arrays(np.uint8, s, elements=st.integers(0, 255)), arrays(np.bool_, s[:2]))
)


@settings(max_examples=40, deadline=None)
@given(masked_images, st.integers(1, 4))
def test_superpixels_satisfy_the_axioms_inside_the_mask(case, n):
    image, mask = case
    found = slic(image, n, mask=mask)
    assert check(image, found, mask=mask) == ()
    merged = merge_by_predicate(region_graph(image, found), range_at_most(120))[found]
    assert check(image, merged, mask=mask) == ()
    united = check(image, merged, range_at_most(120), mask=mask)
    assert not [v for v in united if v.axiom == "e"]


def test_same_result_for_any_number_of_threads(rng, monkeypatch):
    image = np.clip(ndimage.gaussian_filter(rng.normal(size=(150, 140, 3)), (2, 2, 0)) * 400 + 128, 0, 255).astype(
        np.uint8
    )
    results = []
    for n in (1, 2, 5):
        monkeypatch.setattr(parallel, "n_threads", lambda n=n: n)
        results.append(slic(image, 100))
    for other in results[1:]:
        assert_array_equal(other, results[0])


def test_more_iterations_than_the_fixed_point_change_nothing():
    image = np.add.outer(np.arange(20), np.arange(20)).astype(np.float32)
    assert_array_equal(slic(image, 9, n_iterations=60), slic(image, 9, n_iterations=80))


def test_rgb_is_compared_in_lab_unless_told_otherwise(rng):
    image = rng.integers(0, 256, (30, 30, 3), dtype=np.uint8)
    assert_array_equal(slic(image, 9), slic(image, 9, lab=True))
    assert (slic(image, 9) != slic(image, 9, lab=False)).any()
    assert_array_equal(slic(image.astype(np.float32), 9), slic(image, 9, lab=False))


def test_scale_of_values_does_not_matter_with_the_compactness(rng):
    image = ndimage.gaussian_filter(rng.normal(size=(40, 50)), 2)
    assert_array_equal(slic(image * 1024, 12, 1024.0), slic(image, 12, 1.0))


def test_without_connectivity_labels_are_centres(rng):
    image = rng.integers(0, 256, (30, 30, 3), dtype=np.uint8)
    raw = slic(image, 9, enforce_connectivity=False)
    assert raw.min() >= 1
    assert raw.max() <= 9


# --------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_refuses_values_that_are_not_finite(value):
    image = np.zeros((5, 6, 2))
    image[2, 3, 1] = value
    with pytest.raises(InputError, match="band 1 holds NaN or infinite"):
        slic(image, 3)
    mask = np.ones((5, 6), bool)
    mask[2, 3] = False
    assert slic(image, 3, mask=mask)[2, 3] == 0


@pytest.mark.parametrize("n", [0, -1, 31])
def test_refuses_a_count_of_superpixels_outside_the_image(n):
    with pytest.raises(InputError, match="5 x 6 = 30"):
        slic(np.zeros((5, 6)), n)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"compactness": -1}, "compactness must be 0 or more"),
        ({"compactness": math.nan}, "compactness must be 0 or more"),
        ({"compactness": 0, "adaptive": True}, "above 0 with adaptive"),
        ({"n_iterations": 0}, "n_iterations must be 1 or more"),
        ({"min_size_factor": 1.5}, "from 0 to 1"),
        ({"lab": True}, "three uint8 bands"),
        ({"mask": np.ones((2, 2), bool)}, "mask must have the image's shape"),
        ({"mask": np.ones((5, 6))}, "mask must be boolean"),
    ],
)
def test_refuses_parameters(arguments, message):
    with pytest.raises(InputError, match=message):
        slic(np.zeros((5, 6)), 4, **arguments)


@pytest.mark.parametrize("shape", [(5,), (0, 4), (4, 4, 0), (2, 3, 4, 5), (2, 2, 300)])
def test_refuses_shapes(shape):
    with pytest.raises(InputError, match="image must"):
        slic(np.zeros(shape), 1)


def test_refuses_values_that_span_too_much():
    with pytest.raises(InputError, match="image values span inf, which is outside"):
        slic(np.array([[0.0, 1e300]]), 1)


def test_refuses_types():
    with pytest.raises(InputError, match="integers or real numbers"):
        slic(np.zeros((4, 4), complex), 2)


def test_refuses_what_int32_cannot_number():
    with pytest.raises(InputError, match=r"2\*\*31 pixels, got 65536 x 32768"):
        slic(np.broadcast_to(np.uint8(0), (65536, 32768)), 10)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_thin_images(shape):
    assert_array_equal(slic(np.zeros(shape, np.uint8), 1), np.ones(shape))
    n = shape[0] * shape[1]
    assert_array_equal(np.sort(slic(np.arange(n).reshape(shape), n).ravel()), np.arange(1, n + 1))


def test_an_empty_mask_gives_no_region():
    assert not slic(np.zeros((4, 5, 3), np.uint8), 3, mask=np.zeros((4, 5), bool)).any()
