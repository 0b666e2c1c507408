import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from densa.errors import InputError
from densa.metrics import BoundaryF1, boundary_f1
from densa.metrics.boundaries import _edges, _mark_near

LABELS = st.sampled_from([0, 1, 2, 255])
PAIRS = arrays(np.uint8, st.tuples(st.just(2), st.integers(1, 9), st.integers(1, 12)), elements=LABELS)
TOLERANCES = st.sampled_from([0.01, 0.1, 0.2, 0.35])


def halves(edge, shape=(360, 480)):
    """Class 0 left of column `edge`, class 1 from there on."""
    return np.broadcast_to((np.arange(shape[1]) >= edge).astype(np.uint8), shape)


def reference(target, predicted, n_classes, tolerance):
    """Independent form: masks, erosion, Euclidean distance transforms; void cut out of both maps."""
    void = target == 255
    scores = np.full(n_classes, np.nan)
    cross = ndimage.generate_binary_structure(2, 1)

    def boundary(labels, k):
        return (labels == k) & ~ndimage.binary_erosion((labels == k) | void, cross, border_value=1) & ~void

    for k in range(n_classes):
        t, p = boundary(target, k), boundary(predicted, k)
        if not (target == k).any() or not (t.any() or p.any()):
            continue
        scores[k] = 0
        if t.any() and p.any():
            near = tolerance * math.hypot(*target.shape) + 1e-9
            precision = (ndimage.distance_transform_edt(~t)[p] <= near).mean()
            recall = (ndimage.distance_transform_edt(~p)[t] <= near).mean()
            scores[k] = 2 * precision * recall / (precision + recall) if precision + recall else 0
    return scores


def test_identical_maps_score_one(rng):
    labels = ndimage.zoom(rng.integers(0, 3, (6, 8)), 10, order=0)
    assert_array_equal(boundary_f1(labels, labels, 3), [1, 1, 1])


@pytest.mark.parametrize(("shift", "expected"), [(0, 1), (1, 1), (4, 1), (-4, 1), (5, 0), (-5, 0), (30, 0)])
def test_shift_of_a_straight_edge_at_360_x_480(shift, expected):
    """0.75 % of the diagonal of 600 px is 4.5 px."""
    assert_array_equal(boundary_f1(halves(200), halves(200 + shift), 2), [expected, expected])
    upright = boundary_f1(halves(200, (480, 360)).T, halves(200 + shift, (480, 360)).T, 2)
    assert_array_equal(upright, [expected, expected])


@pytest.mark.parametrize(("shift", "expected"), [(9, 1), (10, 0)])
def test_the_tolerance_of_720_x_960_is_9_px_inclusive(shift, expected):
    big = (720, 960)
    assert_array_equal(boundary_f1(halves(300, big), halves(300 + shift, big), 2), [expected, expected])


def test_class_missing_in_the_prediction_scores_zero():
    target = np.zeros((40, 60), np.uint8)
    target[10:20, 10:30] = 1
    assert_array_equal(boundary_f1(target, np.zeros_like(target), 2), [0, 0])


def test_precision_and_recall_by_hand():
    """The true square's boundary has 12 px; the prediction has it and a far square of 1 px, the tolerance is 1.3 px."""
    target = np.zeros((80, 150), np.uint8)
    target[20:24, 20:24] = 1
    predicted = target.copy()
    predicted[60, 100] = 1
    precision, recall = 12 / 13, 1
    assert_allclose(boundary_f1(target, predicted, 2)[1], 2 * precision * recall / (precision + recall))


def test_classes_without_a_boundary_are_left_out():
    one = np.zeros((5, 7), np.uint8)
    assert np.isnan(boundary_f1(one, one, 2)).all()
    predicted = one.copy()
    predicted[2, 2] = 1
    assert_array_equal(boundary_f1(one, predicted, 2), [0, np.nan])
    assert_array_equal(boundary_f1(one, predicted, 2, presence="either"), [0, 0])


def test_a_boundary_against_void_alone_is_none():
    target = halves(30, (40, 60)).copy()
    target[:, 25:35] = 255  # covers the only edge
    assert np.isnan(boundary_f1(target, halves(30, (40, 60)), 2)).all()
    assert_array_equal(boundary_f1(target, halves(50, (40, 60)), 2), [0, 0])
    counted = boundary_f1(target, halves(30, (40, 60)), 2, void="false-positive")
    assert_array_equal(counted, [0, 0])  # the truth's edges against void lie 5 px away, the tolerance is 0.54 px


def test_what_is_predicted_on_void_does_not_matter(rng):
    target = ndimage.zoom(rng.integers(0, 3, (5, 7)), 6, order=0).astype(np.uint8)
    predicted = np.roll(target, 1, 1)
    target[8:20, 12:30] = 255
    noisy = np.where(target == 255, rng.integers(0, 3, target.shape), predicted)
    assert_array_equal(boundary_f1(target, noisy, 3), boundary_f1(target, predicted, 3))


def test_no_class_predicted_makes_a_boundary():
    target = halves(30, (40, 60))
    predicted = target.copy()
    predicted[:, :10] = 255  # class 0 now has a second boundary that is not in the truth
    assert_allclose(boundary_f1(target, predicted, 2), [2 * 0.5 / 1.5, 1])


@given(PAIRS, TOLERANCES)
@settings(deadline=None)
def test_equals_distance_transforms(pair, tolerance):
    target, predicted = pair
    predicted = np.where(predicted == 255, 0, predicted)
    expected = reference(target, predicted, 3, tolerance)
    assert_allclose(boundary_f1(target, predicted, 3, tolerance=tolerance), expected)


def test_equals_distance_transforms_on_smooth_shapes(rng):
    smooth = ndimage.gaussian_filter(rng.normal(size=(2, 4, 120, 170)), (0, 0, 9, 9))
    target, predicted = smooth[0].argmax(0), (smooth[0] + 0.3 * smooth[1]).argmax(0)
    expected = reference(target, predicted, 4, 0.0075)
    assert 0.1 < expected.mean() < 0.9
    assert_allclose(boundary_f1(target, predicted, 4), expected)


@given(PAIRS, TOLERANCES, st.sampled_from(["ignore", "false-positive"]))
def test_laws(pair, tolerance, void):
    target, predicted = pair
    options = {"tolerance": tolerance, "void": void}
    scores = boundary_f1(target, predicted, 3, **options)
    assert not ((scores < 0) | (scores > 1)).any()
    assert_allclose(boundary_f1(target[::-1], predicted[::-1], 3, **options), scores)
    assert_allclose(boundary_f1(target.T, predicted.T, 3, **options), scores)
    wider = boundary_f1(target, predicted, 3, tolerance=2 * tolerance, void=void)
    assert not (wider < scores - 1e-12).any()
    own = boundary_f1(target, target, 3, **options)
    assert set(own[~np.isnan(own)]) <= {1.0}


def test_kernels_are_their_python_twins(rng):
    labels, others = rng.choice(np.array([0, 1, 254, 255], np.uint8), (2, 9, 11))
    compiled, plain = np.full((2, 9, 11), 255, np.uint8)
    _edges(labels, compiled)
    _edges.py_func(labels, plain)
    assert_array_equal(compiled, plain)
    near, plain_near = np.zeros((2, 9, 11), np.bool_)
    _mark_near(labels, others, 5, 2, np.empty((2, 15), np.int64), near)
    _mark_near.py_func(labels, others, 5, 2, np.empty((2, 15), np.int64), plain_near)
    assert_array_equal(near, plain_near)


def test_the_mean_over_a_set_is_the_mean_of_the_images():
    one = np.zeros((360, 480), np.uint8)
    blob = halves(200).copy()
    blob[100:140, 40:90] = 2
    images = [(halves(200), halves(203)), (halves(200), halves(220)), (one, one), (blob, halves(200))]
    whole, first, second = BoundaryF1(3), BoundaryF1(3), BoundaryF1(3)
    values = [whole.update(*image) for image in images]
    assert_array_equal(values[:3], [1, 0, np.nan])
    assert 0 < values[3] < 1
    assert whole.n_images == 3
    assert_allclose(whole.value, (1 + 0 + values[3]) / 3)
    assert_allclose(whole.per_class[1:], [(1 + 0 + 1) / 3, 0])
    for image in images[:2]:
        first.update(*image)
    for image in images[2:]:
        second.update(*image)
    first.merge(second)
    assert_allclose(first.value, whole.value)
    assert_allclose(first.per_class, whole.per_class)


def test_nothing_scored_is_nan():
    empty = BoundaryF1(2)
    assert math.isnan(empty.update(np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.uint8)))
    assert math.isnan(empty.value)
    assert np.isnan(empty.per_class).all()


@pytest.mark.parametrize(
    ("target", "predicted", "options", "message"),
    [
        (np.zeros((3, 4), int), np.zeros((4, 3), int), {}, r"\(3, 4\) and \(4, 3\)"),
        (np.zeros(4, int), np.zeros(4, int), {}, r"must be \(H, W\)"),
        (np.full((3, 4), 2), np.zeros((3, 4), int), {}, "target has the value 2"),
        (np.zeros((3, 4), int), np.zeros((3, 4), int), {"tolerance": 4.5}, "fraction of the image's diagonal"),
        (np.zeros((3, 4), int), np.zeros((3, 4), int), {"void": "skip"}, "void must be"),
        (np.zeros((3, 4), int), np.zeros((3, 4), int), {"presence": "both"}, "presence must be"),
    ],
)
def test_wrong_input_is_refused(target, predicted, options, message):
    with pytest.raises(InputError, match=message):
        boundary_f1(target, predicted, 2, **options)


def test_merging_under_other_rules_is_refused():
    with pytest.raises(InputError, match="different rules"):
        BoundaryF1(2).merge(BoundaryF1(2, void="false-positive"))


def test_wrong_number_of_classes_is_refused():
    with pytest.raises(InputError, match="from 1 to 254, got 255"):
        boundary_f1(np.zeros((3, 4), int), np.zeros((3, 4), int), 255)
