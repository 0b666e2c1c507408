"""Watershed as a spanning forest: Kruskal's algorithm by hand, worked examples, Meyer's flooding, bad input."""

import heapq

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import ndimage
from skimage import data
from skimage.morphology import reconstruction

from densa.errors import InputError
from densa.regions import boundaries, gradient_magnitude, label_minima, watershed, watershed_forest
from densa.regions.watershed.spanning_forest import MOST_STEPS, grow_spanning_forest, terrain, unordered_terrain

STEPS = [(-1, 0), (0, -1), (0, 1), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1)]
DTYPES = ["bool", "uint8", "int16", "uint32", "float16", "float32", "int64", "uint64", "float64"]


@st.composite
def scenes(draw, dtypes=DTYPES):
    """A relief of few or many values, markers that may touch, a mask or none."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    image = rng.integers(0, draw(st.sampled_from([1, 2, 5, 100])) + 1, shape)
    if dtype.kind == "f":
        image = image / 7 - 0.3
    elif dtype.kind == "i":
        image = image - 2
    markers = (rng.random(shape) < draw(st.sampled_from([0.02, 0.1, 0.3]))) * rng.integers(1, 9, shape)
    mask = draw(st.none() | st.just(rng.random(shape) < 0.8))
    row, column = rng.integers(shape[0]), rng.integers(shape[1])
    markers[row, column] = 3
    if mask is not None:
        mask[row, column] = True
    return image.astype(dtype), markers, mask


def neighbours_of(pixel, inside, connectivity):
    for row, column in ((pixel[0] + i, pixel[1] + j) for i, j in STEPS[: 4 * connectivity]):
        if 0 <= row < inside.shape[0] and 0 <= column < inside.shape[1] and inside[row, column]:
            yield row, column


def steps_by_hand(image, markers, connectivity, inside):
    """Steps to the way down or a marker, plateau by plateau."""
    steps = {}
    for pixel in zip(*np.nonzero(inside), strict=True):
        around = [image[q] < image[pixel] for q in neighbours_of(pixel, inside, connectivity)]
        steps[pixel] = 0 if markers[pixel] or any(around) else None
    for distance in range(1, MOST_STEPS + 1):
        reached = [
            p
            for p in steps
            if steps[p] is None
            and any(steps[q] == distance - 1 and image[q] == image[p] for q in neighbours_of(p, inside, connectivity))
        ]
        for pixel in reached:
            steps[pixel] = distance
    return {pixel: distance or 0 for pixel, distance in steps.items()}


def filled_by_hand(image, markers, connectivity, inside):
    """Levels of the pixels that a marker reaches: the way to each that stays lowest, by Dijkstra's algorithm."""
    queue = [(image[pixel], pixel) for pixel in zip(*np.nonzero(markers * inside), strict=True)]
    heapq.heapify(queue)
    levels = {}
    while queue:
        level, pixel = heapq.heappop(queue)
        if pixel not in levels:
            levels[pixel] = level
            for other in neighbours_of(pixel, inside, connectivity):
                heapq.heappush(queue, (max(level, image[other]), other))
    return levels


def forest_by_hand(image, markers, connectivity, mask, steps=None):
    """Kruskal's algorithm on the filled image."""
    inside = np.ones(image.shape, bool) if mask is None else mask
    markers = markers * inside
    levels = filled_by_hand(image, markers, connectivity, inside)
    image, inside = image.copy(), np.zeros(image.shape, bool)
    for pixel, level in levels.items():
        image[pixel], inside[pixel] = level, True
    steps = steps or steps_by_hand(image, markers, connectivity, inside)
    keys = {pixel: (image[pixel], distance, pixel) for pixel, distance in steps.items()}
    edges = [(keys[p], keys[q]) for p in keys for q in neighbours_of(p, inside, connectivity) if keys[q] < keys[p]]
    trees = {pixel: [pixel] for pixel in keys}
    label = {pixel: markers[pixel] for pixel in keys}
    for (*_, one), (*_, other) in sorted(edges):
        if trees[one] is not trees[other] and not (label[one] and label[other]):
            joined, its = trees[one] + trees[other], label[one] or label[other]
            for pixel in joined:
                trees[pixel], label[pixel] = joined, its
    labels = np.zeros(image.shape, int)
    for pixel, its in label.items():
        labels[pixel] = its
    return labels


# -- oracles ---------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=120)
@given(scenes(), st.sampled_from([1, 2]))
def test_labels_are_those_of_kruskals_algorithm(scene, connectivity):
    image, markers, mask = scene
    expected = forest_by_hand(image, markers, connectivity, mask)
    assert_array_equal(watershed_forest(image, markers, connectivity, mask=mask), expected)


@settings(deadline=None, max_examples=80)
@given(scenes(), st.sampled_from([1, 2]))
def test_minima_are_markers_numbered_by_their_first_pixels(scene, connectivity):
    image, _, mask = scene
    inside = np.ones(image.shape, bool) if mask is None else mask
    lifted = np.where(inside, image.astype(np.float64), 1e9)  # what is outside is no way down
    minima = label_minima(lifted, connectivity) * inside
    minima = np.searchsorted(np.unique(np.append(minima, 0)), minima)
    steps = steps_by_hand(lifted, np.zeros(image.shape, int), connectivity, inside)
    expected = forest_by_hand(lifted, minima, connectivity, mask, steps)
    assert_array_equal(watershed_forest(image, None, connectivity, mask=mask), expected)


def test_wide_plateaus_count_steps_up_to_the_most(rng):
    image = np.zeros((3, 90), np.uint8)
    image[:, 1:-1] = 5
    land = terrain(image, None, None, 1)
    land.fill_steps()
    expected = np.minimum(np.arange(90), 89 - np.arange(90)) - 1
    expected[expected > MOST_STEPS] = 0
    expected[[0, -1]] = 0  # minima
    assert_array_equal(land.steps[2, 1:-1], expected)
    markers = np.zeros_like(image)
    markers[0, 0], markers[1, 87] = 4, 9
    assert_array_equal(watershed_forest(image, markers), forest_by_hand(image, markers, 1, None))


@pytest.mark.parametrize(
    ("profile", "labels"),
    [
        ([0, 5, 5, 5, 0], [1, 1, 1, 2, 2]),
        ([0, 5, 5, 5, 5, 0], [1, 1, 1, 2, 2, 2]),
        ([0, 1, 2, 9, 3, 0], [1, 1, 1, 1, 2, 2]),  # a pixel flows to its lowest neighbour: 2 is lower than 3
        ([0, 4, 1, 3, 0], [1, 1, 2, 2, 2]),  # the basin in the middle runs over at 3 before it does at 4
    ],
)
def test_profiles_with_markers_at_both_ends(profile, labels):
    image = np.array([profile])
    markers = np.zeros_like(image)
    markers[0, 0], markers[0, -1] = 1, 2
    for turned in (np.array, np.transpose):
        assert_array_equal(watershed_forest(turned(image), turned(markers)), turned([labels]))


# -- beside Meyer's flooding -----------------------------------------------------------------------------------------


def test_a_photograph_is_parted_as_meyer_does():
    relief = gradient_magnitude(data.camera()[100:300, 150:350], 1)
    for markers, share in ((None, 0.0005), (100, 0.0005)):
        forest, flood = watershed_forest(relief, markers), watershed(relief, markers)
        assert np.mean(forest != flood) <= share
        near = ndimage.binary_dilation(boundaries(flood), np.ones((3, 3)))
        assert np.mean(near[boundaries(forest)]) > 0.98


@pytest.mark.parametrize(("count", "share"), [(20, 0.01), (400, 0.05)])
def test_few_grey_values_from_few_markers_are_shared_out_as_meyer_does(count, share):
    """Most basins have no marker, and many passes into them are equally high."""
    image = data.coins()[:150, :200]
    markers = np.zeros(image.shape, int)
    markers.flat[np.linspace(0, image.size - 1, count).astype(int)] = np.arange(1, count + 1)
    assert np.mean(watershed_forest(image, markers) != watershed(image, markers)) <= share


@settings(deadline=None, max_examples=60)
@given(scenes(["uint8", "int16", "float32", "float64"]), st.sampled_from([1, 2]))
def test_levels_are_a_reconstruction_by_erosion(scene, connectivity):
    image, markers, _ = scene
    seed = np.where(markers > 0, image, image.max())
    expected = reconstruction(seed, image, "erosion", footprint=ndimage.generate_binary_structure(2, connectivity))
    land = unordered_terrain(image, None, connectivity)
    forest = grow_spanning_forest(land, np.pad(markers, 1).astype(np.int32).ravel(), fill=True)
    order = unordered_terrain(expected.astype(image.dtype), None, connectivity).values[1:-1, 1:-1]
    assert_array_equal(forest.raised(land.values), order)


# -- properties ------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(scenes(), st.sampled_from([1, 2]))
def test_regions_are_connected_and_leave_nothing_out(scene, connectivity):
    image, _, mask = scene
    structure = ndimage.generate_binary_structure(2, connectivity)
    labels = watershed_forest(image, None, connectivity, mask=mask)
    assert labels.dtype == np.int32
    for label in range(1, labels.max() + 1):
        assert ndimage.label(labels == label, structure)[1] == 1
    inside = np.ones(image.shape, bool) if mask is None else mask
    assert_array_equal(labels > 0, inside)


@settings(deadline=None, max_examples=40)
@given(scenes(["int64"]))
def test_only_the_order_of_values_counts(scene):
    image, markers, mask = scene
    expected = watershed_forest(image, markers, mask=mask)
    stretched = [np.exp(image / 10), (-1 / (image + 3)).astype(np.float32), (image * 2.0**40).astype(np.int64)]
    for other in [*stretched, (image + 2).astype(np.uint64) + np.uint64(2**63 - 2)]:
        assert_array_equal(watershed_forest(other, markers, mask=mask), expected)


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64"])
def test_full_range_of_integers(dtype):
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    image = np.array([[low, high, low, 0, high, high, low]], dtype)
    assert_array_equal(watershed_forest(image), [[1, 1, 2, 2, 2, 3, 3]])


def test_both_zeros_are_one_value():
    for dtype in (np.float32, np.float64):
        image = np.array([[-1.0, -0.0, 0.0, 0.0, -0.0, -1.0]], dtype)
        assert_array_equal(watershed_forest(image), [[1, 1, 1, 2, 2, 2]])


def test_labels_are_those_of_the_markers(rng):
    image = rng.integers(0, 9, (7, 9))
    for dtype in ("uint8", "int64"):
        markers = np.zeros((7, 9), dtype)
        markers[2, 2], markers[5, 7] = 1, 99
        labels = watershed_forest(image, markers)
        assert labels.dtype == dtype
        assert set(np.unique(labels)) == {1, 99}
    assert not watershed_forest(image, np.zeros((7, 9), int)).any()
    assert not watershed_forest(image, mask=np.zeros((7, 9), bool)).any()
    assert watershed_forest(image, 1).all()


def test_what_is_outside_the_mask_decides_nothing(rng):
    image, mask = rng.integers(0, 4, (20, 30)).astype(np.float32), rng.random((20, 30)) < 0.8
    expected = watershed_forest(image, mask=mask)
    for hidden in (np.nan, -1e9, 1e9):
        assert_array_equal(watershed_forest(np.where(mask, image, hidden), mask=mask), expected)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((np.zeros((4, 5, 3)),), {}, "gradient_magnitude"),
        ((np.zeros((0, 5)),), {}, "at least one pixel"),
        ((np.full((4, 5), np.nan),), {}, "NaN"),
        ((np.zeros((4, 5)), np.ones((5, 4), int)), {}, "shape"),
        ((np.zeros((4, 5)), np.ones((4, 5))), {}, "integers"),
        ((np.zeros((4, 5)), 21), {}, "from 1 to the 20"),
        ((np.zeros((4, 5)), np.eye(4, 5, dtype=int)), {"mask": np.eye(4, 5) == 0}, "outside the mask"),
        ((np.zeros((4, 5)), None, 3), {}, "connectivity"),
        ((np.zeros((4, 5)),), {"mask": np.ones((5, 4))}, "mask"),
    ],
)
def test_bad_input(arguments, options, message):
    with pytest.raises(InputError, match=message):
        watershed_forest(*arguments, **options)
