"""Watershed: worked examples, the definition, scikit-image's labels, properties, bad input."""

import heapq

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from scipy import ndimage
from skimage import data, segmentation

from densa.errors import InputError
from densa.regions.watershed import flooding
from densa.regions.watershed.flooding import watershed

DTYPES = [np.bool_, np.uint8, np.int8, np.uint16, np.int16, np.int64, np.uint64, np.float16, np.float32, np.float64]
shapes = hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)


@st.composite
def scenes(draw):
    """A relief of few or many values, markers that may touch, a mask or none."""
    shape = draw(shapes)
    dtype = draw(st.sampled_from(DTYPES))
    image = draw(hnp.arrays(np.int64, shape, elements=st.integers(0, draw(st.sampled_from([1, 5, 100])))))
    if np.dtype(dtype).kind == "f":
        image = image / 7 - 3
    elif np.dtype(dtype).kind == "i":
        image = image - 50
    markers = draw(hnp.arrays(np.int32, shape, elements=st.sampled_from([0, 0, 0, 0, 1, 2, 7])))
    row, column = draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))
    markers[row, column] = 3
    mask = draw(st.none() | hnp.arrays(bool, shape))
    if mask is not None:
        mask[row, column] = True
    return image.astype(dtype), markers, mask


def flooded_by_queue(image, markers, connectivity, mask, compactness=0.0, line=False):
    """The definition: a queue ordered by level and age, which marker pixels enter first, in raster order."""
    steps = [(-1, 0), (0, -1), (0, 1), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1)][: 4 * connectivity]
    inside = np.ones(image.shape, bool) if mask is None else mask.copy()
    labels = markers * inside
    queue = [(float(image[p]), age, p, p) for age, p in enumerate(zip(*np.nonzero(labels), strict=True))]
    heapq.heapify(queue)
    age = len(queue)
    late = line or compactness > 0  # a pixel is labelled when it is served
    while queue:
        level, _, pixel, source = heapq.heappop(queue)
        if late and labels[pixel] and pixel != source:
            continue
        beside = [(pixel[0] + i, pixel[1] + j) for i, j in steps]
        beside = [p for p in beside if 0 <= p[0] < image.shape[0] and 0 <= p[1] < image.shape[1] and inside[p]]
        if not line or compactness > 0:
            labels[pixel] = labels[source]
        elif inside[pixel] and any(labels[p] not in (0, labels[source]) for p in beside):
            inside[pixel] = False
        elif inside[pixel]:
            labels[pixel] = labels[source]
        for p in beside:
            if labels[p] == 0:
                distance = np.sqrt(float((p[0] - source[0]) ** 2 + (p[1] - source[1]) ** 2))
                age += 1
                heapq.heappush(queue, (max(float(image[p]) + compactness * distance, level), age, p, source))
                if not late:
                    labels[p] = labels[source]
    return labels


def flooded_with_lines(image, markers, connectivity, mask):
    """Meyer's algorithm as lectures print it: marked areas queue their neighbours, step 3 until the queue is empty."""
    steps = [(-1, 0), (0, -1), (0, 1), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1)][: 4 * connectivity]
    inside = np.ones(image.shape, bool) if mask is None else mask
    labels = markers * inside

    def beside(p):
        around = ((p[0] + i, p[1] + j) for i, j in steps)
        return [q for q in around if 0 <= q[0] < image.shape[0] and 0 <= q[1] < image.shape[1] and inside[q]]

    queue, seen = [], set(zip(*np.nonzero(labels), strict=True))

    def push_beside(p, level):
        for q in beside(p):
            if q not in seen:
                heapq.heappush(queue, (max(float(image[q]), level), len(seen), q))
                seen.add(q)

    marked = set(seen)
    raised = {}  # a flood does not descend from its marker
    for p in marked:
        for q in beside(p):
            raised[q] = min(raised.get(q, np.inf), float(image[p]))
    for p in zip(*np.nonzero(labels), strict=True):
        for q in beside(p):
            if q not in seen:
                heapq.heappush(queue, (max(float(image[q]), raised[q]), len(seen), q))
                seen.add(q)
    while queue:
        level, _, p = heapq.heappop(queue)
        around = {labels[q] for q in beside(p)} - {0}
        if len(around) == 1:
            labels[p] = around.pop()
            push_beside(p, level)
    return labels


# -- worked examples -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "plain", "with_line"),
    [
        ([0, 5, 5, 5, 0], [1, 1, 1, 2, 2], [1, 1, 0, 2, 2]),
        ([0, 5, 5, 5, 5, 0], [1, 1, 1, 2, 2, 2], [1, 1, 1, 0, 2, 2]),
        ([0, 1, 2, 9, 3, 0], [1, 1, 1, 1, 2, 2], [1, 1, 1, 0, 2, 2]),
    ],
)
def test_profiles_with_markers_at_both_ends(profile, plain, with_line):
    image = np.array([profile])
    markers = np.zeros_like(image)
    markers[0, 0], markers[0, -1] = 1, 2
    for turned in (np.array, np.transpose):
        assert_array_equal(watershed(turned(image), turned(markers)), turned([plain]))
        for line in (True, "scikit-image"):
            assert_array_equal(watershed(turned(image), turned(markers), watershed_line=line), turned([with_line]))


def test_three_basins():
    image = np.array([[0, 2, 4, 2, 0], [1, 3, 5, 3, 1], [2, 4, 3, 4, 2], [1, 3, 6, 3, 1], [0, 2, 4, 2, 0]])
    markers = np.zeros_like(image)
    markers[0, 0], markers[0, 4], markers[4, 2] = 1, 2, 3
    expected = np.array([[1, 1, 1, 2, 2]] * 4 + [[1, 1, 3, 2, 2]])
    assert_array_equal(watershed(image, markers), expected)
    expected = np.array([[1, 1, 0, 2, 2]] * 4 + [[1, 0, 3, 0, 2]])
    for line in (True, "scikit-image"):
        assert_array_equal(watershed(image, markers, watershed_line=line), expected)


@pytest.mark.parametrize("connectivity", [1, 2])
def test_two_basins_with_either_connectivity(connectivity):
    image = np.array([[1, 1, 2, 3, 3], [1, 0, 2, 4, 3], [2, 2, 5, 4, 2], [3, 4, 4, 1, 1], [3, 3, 2, 1, 0]])
    markers = np.zeros_like(image)
    markers[1, 1], markers[4, 4] = 1, 2
    plain = [[1, 1, 1, 1, 1], [1, 1, 1, 1, 2], [1, 1, 1, 2, 2], [1, 1, 2, 2, 2], [1, 2, 2, 2, 2]]
    lines = {
        1: [[1, 1, 1, 1, 0], [1, 1, 1, 0, 2], [1, 1, 0, 2, 2], [1, 0, 2, 2, 2], [0, 2, 2, 2, 2]],
        2: [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 1, 0, 0, 2], [1, 0, 0, 2, 2], [1, 0, 2, 2, 2]],
    }
    assert_array_equal(watershed(image, markers, connectivity), plain)
    for line in (True, "scikit-image"):
        assert_array_equal(watershed(image, markers, connectivity, watershed_line=line), lines[connectivity])


def test_a_line_pixel_floods_nothing_but_in_scikit_image():
    image = np.array([[0, 9, 0], [50, 9, 50], [50, 9, 60]])
    markers = np.array([[1, 0, 2], [0, 0, 0], [0, 0, 0]])
    assert_array_equal(watershed(image, markers), [[1, 1, 2], [1, 1, 2], [1, 1, 1]])
    assert_array_equal(watershed(image, markers, watershed_line=True), [[1, 0, 2], [1, 0, 2], [1, 1, 0]])
    of_scikit_image = watershed(image, markers, watershed_line="scikit-image")
    assert_array_equal(of_scikit_image, [[1, 0, 2], [1, 1, 0], [1, 1, 1]])


def test_what_lines_enclose_stays_unlabelled():
    # served: the 5 next to 1, the 5 next to 2; the 7 between them is line, and what is behind it is never queued
    row = np.array([[0, 5, 7, 5, 0], [9, 9, 1, 9, 9], [9, 9, 1, 9, 9]])
    mask = np.array([[1, 1, 1, 1, 1], [0, 0, 1, 0, 0], [0, 0, 1, 0, 0]], bool)
    markers = np.array([[1, 0, 0, 0, 2], [0] * 5, [0] * 5])
    expected = [[1, 1, 0, 2, 2], [0] * 5, [0] * 5]
    assert_array_equal(watershed(row, markers, mask=mask, watershed_line=True), expected)
    behind = watershed(row, markers, mask=mask, watershed_line="scikit-image")
    assert_array_equal(behind, [[1, 1, 0, 2, 2], [0, 0, 1, 0, 0], [0, 0, 1, 0, 0]])


def test_lines_of_markers_that_touch():
    image = np.array([[0, 0, 0, 0], [1, 1, 1, 1]])
    markers = np.array([[1, 1, 2, 2], [0, 0, 0, 0]])  # the lower pixels have one labelled neighbour when served, or two
    assert_array_equal(watershed(image, markers, watershed_line=True), [[1, 1, 2, 2], [1, 1, 0, 2]])
    assert_array_equal(watershed(image, markers, 2, watershed_line=True), [[1, 1, 2, 2], [1, 0, 0, 2]])


def test_a_flood_does_not_descend_from_its_marker():
    image = np.array([[0, 1, 2, 1, 9]])
    markers = np.array([[1, 0, 0, 0, 2]])
    assert_array_equal(watershed(image, markers), [[1, 1, 1, 1, 2]])
    assert_array_equal(watershed(image, markers, watershed_line=True), [[1, 1, 1, 0, 2]])


def test_compactness_moves_the_border_off_the_edge():
    image = np.repeat([[0.0, 0, 0, 1, 1, 1]], 5, axis=0)
    markers = np.zeros(image.shape, int)
    markers[2, 0], markers[2, 3] = 1, 2
    plain = np.ones(image.shape, int)
    plain[2, 3:] = 2
    assert_array_equal(watershed(image, markers), plain)
    assert_array_equal(watershed(image, markers, compactness=0.01), [[1, 1, 1, 2, 2, 2]] * 5)


def test_of_equal_markers_the_first_in_raster_order_floods_first():
    image, markers = np.array([[0, 5, 0, 5, 0]]), np.array([[1, 0, 2, 0, 3]])
    for turned in (np.array, np.transpose):
        assert_array_equal(watershed(turned(image), turned(markers)), turned([[1, 1, 2, 2, 3]]))
        # three equal items come out of scikit-image's binary heap in the order first, last, middle
        of_heap = watershed(turned(image), turned(markers), ties="scikit-image")
        assert_array_equal(of_heap, turned([[1, 1, 2, 3, 3]]))


# -- against the definition and scikit-image -------------------------------------------------------------------------


@settings(deadline=None, max_examples=100)
@given(scenes(), st.sampled_from([1, 2]))
def test_labels_are_those_of_the_definition(scene, connectivity):
    image, markers, mask = scene
    expected = flooded_by_queue(image, markers, connectivity, mask)
    assert_array_equal(watershed(image, markers, connectivity, mask=mask, ties="raster"), expected)
    assert_array_equal(watershed(image, markers, connectivity, mask=mask), expected)  # which is the default


@settings(deadline=None, max_examples=200)
@given(scenes(), st.sampled_from([1, 2]))
def test_lines_are_those_of_the_printed_algorithm(scene, connectivity):
    image, markers, mask = scene
    found = watershed(image, markers, connectivity, mask=mask, watershed_line=True)
    assert_array_equal(found, flooded_with_lines(image, markers, connectivity, mask))


@settings(deadline=None, max_examples=100)
@given(scenes(), st.sampled_from([1, 2]))
def test_lines_part_all_regions(scene, connectivity):
    image, markers, mask = scene
    labels = np.pad(watershed(image, markers, connectivity, mask=mask, watershed_line=True), 1)
    inside = np.pad(np.ones(image.shape, bool) if mask is None else mask, 1)
    marked = np.pad(markers, 1) != 0
    steps = [(-1, 0), (0, -1), (0, 1), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1)][: 4 * connectivity]
    for p in zip(*np.nonzero(inside), strict=True):
        beside = [q for q in ((p[0] + i, p[1] + j) for i, j in steps) if labels[q]]
        if labels[p] == 0:  # line between two regions, or not reached
            assert len({int(labels[q]) for q in beside}) != 1
        for q in beside:
            assert labels[p] in (0, labels[q]) or (marked[p] and marked[q])


@settings(deadline=None, max_examples=100)
@given(scenes(), st.sampled_from([1, 2]), st.sampled_from([0, 0.3, 20]), st.booleans())
def test_lines_and_compact_regions_follow_raster_order(scene, connectivity, compactness, line):
    image, markers, mask = scene
    expected = flooded_by_queue(image, markers, connectivity, mask, compactness, line)
    lines = "scikit-image" if line else False
    found = watershed(image, markers, connectivity, mask=mask, compactness=compactness, watershed_line=lines)
    assert_array_equal(found, expected)


@settings(deadline=None, max_examples=150)
@given(scenes(), st.sampled_from([1, 2]), st.sampled_from([0, 0, 0.3, 20]), st.booleans())
def test_labels_are_those_of_scikit_image(scene, connectivity, compactness, line):
    image, markers, mask = scene
    options = {"mask": mask, "compactness": compactness}
    expected = segmentation.watershed(image, markers, connectivity, watershed_line=line, **options)
    options["watershed_line"] = "scikit-image" if line else False
    assert_array_equal(watershed(image, markers, connectivity, ties="scikit-image", **options), expected)


@settings(deadline=None, max_examples=50)
@given(scenes(), st.sampled_from([1, 2]))
def test_labels_from_minima_are_those_of_scikit_image(scene, connectivity):
    image, _, mask = scene
    wide = image.astype(np.float32) if image.dtype == np.float16 else image  # it takes no float16
    expected = segmentation.watershed(wide, None, connectivity, mask=mask)
    if image.min() == image.max() and mask is None:
        expected[:] = 1  # a constant image is one minimum here, none there
    elif image.min() == image.max():
        expected = ndimage.label(mask, ndimage.generate_binary_structure(2, connectivity))[0]
    assert_array_equal(watershed(image, None, connectivity, mask=mask, ties="scikit-image"), expected)


@pytest.mark.parametrize("count", [1, 2, 25, 100])
@pytest.mark.parametrize("masked", [False, True])
def test_labels_from_a_count_are_those_of_scikit_image(rng, count, masked):
    image = rng.integers(0, 50, (23, 31))
    mask = ndimage.gaussian_filter(rng.random(image.shape), 2) > 0.48 if masked else None
    expected = segmentation.watershed(image, count, mask=mask)
    assert_array_equal(watershed(image, count, mask=mask, ties="scikit-image"), expected)


@pytest.mark.parametrize("connectivity", [1, 2])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("markers", [None, 300])
def test_labels_on_a_photograph_are_those_of_scikit_image(connectivity, dtype, markers):
    image = data.camera()[100:260, 200:330].astype(dtype)
    if dtype is np.float32:
        image = ndimage.gaussian_gradient_magnitude(image, 1)
    expected = segmentation.watershed(image, markers, connectivity)
    assert_array_equal(watershed(image, markers, connectivity, ties="scikit-image"), expected)


@pytest.mark.parametrize("alike", [2, 3, 6])
@pytest.mark.parametrize("connectivity", [1, 2])
def test_few_ties_give_the_labels_of_scikit_image(rng, alike, connectivity):
    n_heaps = []  # an entry each time that the order of tied markers mattered
    for _ in range(40):
        image = (rng.permutation(12 * 14) // alike).reshape(12, 14)
        markers = (rng.random(image.shape) < rng.choice([0.02, 0.1, 0.3])) * rng.integers(1, 9, image.shape)
        markers[0, 0] = 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(flooding, "_item_fields", lambda *sizes: n_heaps.append(1))
            labels = watershed(image, markers, connectivity, ties="scikit-image")
        assert_array_equal(labels, segmentation.watershed(image, markers, connectivity))
        assert_array_equal(watershed(image, markers, connectivity, ties="scikit-image"), labels)
    assert 0 < len(n_heaps) < 40


@settings(deadline=None, max_examples=50)
@given(scenes())
def test_general_heap_gives_the_same_labels(scene):
    image, markers, mask = scene
    expected = watershed(image, markers, mask=mask, ties="scikit-image")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flooding, "_item_fields", lambda *sizes: None)
        assert_array_equal(watershed(image, markers, mask=mask, ties="scikit-image"), expected)


def test_full_range_of_signed_and_unsigned_integers():
    for dtype in (np.int8, np.int32, np.int64, np.uint64):
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        image = np.array([[low, high, low, 0, high, high, low]], dtype)
        assert_array_equal(watershed(image), [[1, 1, 2, 2, 2, 3, 3]])


def test_both_zeros_are_one_level():
    image = np.array([[-1.0, -0.0, 0.0, 0.0, -0.0, -1.0]], np.float32)
    assert_array_equal(watershed(image), [[1, 1, 1, 2, 2, 2]])


# -- properties ------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=50)
@given(scenes(), st.sampled_from([1, 2]), st.sampled_from(["raster", "scikit-image"]))
def test_regions_hold_their_markers_and_are_connected(scene, connectivity, ties):
    image, _, mask = scene
    structure = ndimage.generate_binary_structure(2, connectivity)
    labels = watershed(image, None, connectivity, mask=mask, ties=ties)
    for label in range(1, labels.max() + 1):
        assert ndimage.label(labels == label, structure)[1] == 1
    inside = np.ones(image.shape, bool) if mask is None else mask
    assert not labels[~inside].any()
    reachable = np.isin(pieces := ndimage.label(inside, structure)[0], np.unique(pieces[labels > 0])) & inside
    assert labels[reachable].all()


@settings(deadline=None, max_examples=50)
@given(scenes(), st.sampled_from(["raster", "scikit-image"]))
def test_only_the_order_of_values_counts(scene, ties):
    image, markers, mask = scene
    stretched = np.exp(image.astype(np.float64) / 10)  # another code path, too
    assert_array_equal(
        watershed(image, markers, mask=mask, ties=ties), watershed(stretched, markers, mask=mask, ties=ties)
    )


@given(scenes(), st.permutations([1, 2, 3, 7]))
@settings(deadline=None, max_examples=50)
def test_result_follows_a_renaming_of_markers(scene, names):
    image, markers, mask = scene
    new = np.zeros(8, np.int64)
    new[[1, 2, 3, 7]] = -(10**12) * np.array(names)
    renamed = watershed(image, new[markers], mask=mask)
    assert_array_equal(renamed, new[watershed(image, markers, mask=mask)])


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int32, np.uint64, np.int64])
def test_labels_have_the_dtype_of_the_markers_which_stay(dtype, rng):
    image = rng.random((7, 9))
    markers = np.zeros((7, 9), dtype)
    markers[2, 2], markers[5, 7] = 1, 2
    before = markers.copy()
    labels = watershed(image, markers)
    assert labels.dtype == dtype
    assert_array_equal(markers, before)


def test_strides_and_byte_order_do_not_matter(rng):
    image = rng.integers(0, 9, (20, 31))
    expected = watershed(image)
    assert_array_equal(watershed(np.asfortranarray(image)), expected)
    assert_array_equal(watershed(np.repeat(image, 2, axis=1)[:, ::2]), expected)
    assert_array_equal(watershed(image.astype(">f4")), expected)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (5, 6)])
def test_constant_images(shape):
    assert_array_equal(watershed(np.full(shape, 3)), np.ones(shape))
    assert_array_equal(watershed(np.full(shape, 3.5), 1), np.ones(shape))


def test_values_outside_the_mask_do_not_matter():
    image = np.array([[0.0, 1.0, np.nan, 1.0, 0.0], [0.0, 1.0, np.inf, 1.0, 0.0]])
    assert_array_equal(watershed(image, mask=np.isfinite(image)), [[1, 1, 0, 2, 2]] * 2)


# -- bad input -------------------------------------------------------------------------------------------------------

PLANE = np.zeros((4, 5))
FIRST = np.eye(4, 5, dtype=int)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((np.zeros((4, 5, 3)),), {}, "gradient_magnitude"),
        ((np.zeros((0, 5)),), {}, "at least one pixel"),
        ((np.full((4, 5), np.nan),), {}, "NaN"),
        ((np.full((4, 5), -np.inf),), {}, "infinite"),
        ((np.broadcast_to(np.uint8(0), (2**16, 2**15)),), {}, "2\\^31"),
        ((np.zeros((4, 5), complex),), {}, "real"),
        ((np.array([["a"]]),), {}, "real"),
        ((PLANE, np.ones((5, 4), int)), {}, "markers must have the image's shape"),
        ((PLANE, np.ones((4, 5))), {}, "markers must be integers"),
        ((PLANE, FIRST), {"mask": FIRST == 0}, "outside the mask"),
        ((PLANE, 0), {}, "number of markers"),
        ((PLANE, -3), {}, "number of markers"),
        ((PLANE, 21), {}, "from 1 to the 20 pixels"),
        ((PLANE, 5), {"mask": FIRST}, "from 1 to the 4 pixels"),
        ((PLANE, np.nan), {}, "number of markers"),
        ((PLANE, "all"), {}, "number of markers"),
        ((PLANE, FIRST, 3), {}, "connectivity"),
        ((PLANE, FIRST), {"mask": np.ones((5, 4))}, "mask must have the image's shape"),
        ((PLANE, FIRST), {"compactness": -1.0}, "compactness"),
        ((PLANE, FIRST), {"compactness": np.nan}, "compactness"),
        ((PLANE, FIRST), {"ties": "heap"}, 'ties must be "raster" or "scikit-image"'),
        ((PLANE, FIRST), {"watershed_line": "meyer"}, 'watershed_line must be True, False or "scikit-image"'),
        ((PLANE, FIRST), {"watershed_line": True, "compactness": 1.5}, "not compact, got compactness=1.5"),
        ((PLANE, FIRST), {"watershed_line": True, "ties": "scikit-image"}, 'watershed_line="scikit-image"'),
    ],
)
def test_bad_input(arguments, options, message):
    with pytest.raises(InputError, match=message):
        watershed(*arguments, **options)


def test_the_structuring_element_of_a_connectivity_is_that_connectivity(rng):
    image = rng.integers(0, 9, (20, 30))
    for reach in (1, 2):
        element = ndimage.generate_binary_structure(2, reach)
        assert_array_equal(watershed(image, None, element), watershed(image, None, reach))
    with pytest.raises(InputError, match="structuring element"):
        watershed(image, None, np.eye(3))


def test_a_row_is_an_image_of_one_row():
    image = np.array([0, 2, 1, 1, 1, 1, 1, 1, 2, 0])
    markers = np.array([1, 0, 0, 0, 0, 0, 0, 0, 0, 2])
    assert_array_equal(watershed(image, markers), [1, 1, 1, 1, 1, 2, 2, 2, 2, 2])
    assert_array_equal(watershed(image, markers, mask=np.arange(10) != 4), [1, 1, 1, 1, 0, 2, 2, 2, 2, 2])
    assert watershed(image).max() == 3


def test_without_a_marker_nothing_is_flooded():
    markers = np.zeros((4, 5), np.uint16)
    flooded = watershed(np.ones((4, 5)), markers)
    assert flooded.dtype == np.uint16
    assert not flooded.any()
    markers[0, 0] = 7
    with pytest.raises(InputError, match="outside the mask"):
        watershed(np.ones((4, 5)), markers, mask=markers == 0)
