"""The fully connected CRF: worked examples, brute force over all pairs, and laws."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from densa import parallel
from densa.crf import (
    DenseCrf,
    RegionPotential,
    dense_crf,
)
from densa.errors import InputError
from tests.crf.brute_force import all_energies, kernel_matrix, mean_field, mean_field_of_image

UNARY = np.array([[0.2, 0.9], [1.0, 0.3]])  # (classes, pixels): two pixels with U = (0.2, 1.0) and (0.9, 0.3)
PAIR = np.ones((2, 2))
FILTERS = DenseCrf(2, 1, 8, 40, 2, 4)


def scene(rng, n_classes, size=(18, 23), n_bands=3):
    """Smooth probabilities and a smooth image."""
    image = ndimage.gaussian_filter(rng.uniform(0, 255, (n_bands, *size)), (0, 2, 2)) * 3
    scores = ndimage.gaussian_filter(rng.normal(size=(n_classes, *size)), (0, 2, 2)) * 5
    p = np.exp(scores)
    return (p / p.sum(axis=0)).astype(np.float32), image


def two_pixels(weight, **changes):
    p = np.exp(-UNARY)
    p /= p.sum(axis=0)
    # all entries of the kernel are 1: the pixels are alike and near beside its width
    parameters = DenseCrf(1e4, weight, 1, 1, 0, **{"n_iterations": 5, **changes})
    return dense_crf(p.reshape(2, 1, 2), np.zeros((1, 1, 2)), parameters)


def test_energies_of_two_pixels_by_hand():
    assert all_energies(UNARY, PAIR, 1.0) == pytest.approx({(0, 0): 1.1, (0, 1): 1.5, (1, 0): 2.9, (1, 1): 1.3})
    energies = all_energies(UNARY, PAIR, 0.5)
    assert min(energies, key=energies.get) == (0, 1)
    assert energies[0, 1] == pytest.approx(1.0)


def test_exact_marginals_of_two_pixels_by_hand():
    energies = all_energies(UNARY, PAIR, 1.0)
    powers = {labels: np.exp(-energy) for labels, energy in energies.items()}
    mass = sum(powers.values())
    first = sum(p for labels, p in powers.items() if labels[0] == 0) / mass
    second = sum(p for labels, p in powers.items() if labels[1] == 0) / mass
    assert (first, second) == pytest.approx((0.629277, 0.439015), abs=5e-7)


@pytest.mark.parametrize(
    ("n_iterations", "expected"),
    [(0, (0.689974, 0.354344)), (1, (0.624499, 0.445208)), (5, (0.657624, 0.430845)), (500, (0.659313, 0.430117))],
)
def test_mean_field_of_two_pixels_by_hand(n_iterations, expected):
    """Without the self term, as the equations stand."""
    q = mean_field(UNARY, [(PAIR, 1.0)], n_iterations, self_term=False)
    assert_allclose(q[0], expected, atol=5.1e-7)


@pytest.mark.parametrize(("weight", "expected"), [(1.0, (0.706426, 0.372405)), (3.0, (0.878870, 0.641476))])
def test_two_pixels_in_pydensecrf_convention(weight, expected):
    """Self term, symmetric normalisation (all entries one half), five iterations."""
    assert_allclose(mean_field(UNARY, [(PAIR / 2, weight)], 5)[0], expected, atol=5.1e-7)
    assert_allclose(two_pixels(weight)[0, 0], expected, atol=2e-6)


def test_kernel_values_by_hand():
    places, colors = np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([[0.0], [20.0]])
    appearance = kernel_matrix(np.concatenate([places / 80, colors / 13], axis=1))
    assert appearance[0, 1] == pytest.approx(0.303843, abs=5e-7)
    smooth = kernel_matrix(np.array([[0.0], [1.0], [10.0]]) / 3)
    assert_allclose(smooth[0], [1, 0.945959, 0.003866], atol=5e-7)


def test_potts_matrix_and_number_agree():
    q = [mean_field(UNARY, [(PAIR, weights)], 3) for weights in (1.5, np.full(2, 1.5), 1.5 * (1 - np.eye(2)))]
    assert_allclose(q[0], q[1])
    assert_allclose(q[0], q[2])


@pytest.mark.parametrize("n_classes", [3, 40])
def test_exact_smoothness_equals_brute_force(rng, n_classes):
    p, image = scene(rng, n_classes)
    for parameters in (DenseCrf(1.7, 3, 1, 1, 0, 5), DenseCrf(1, 0.4, 1, 1, 0, 5, "none")):
        assert_allclose(dense_crf(p, image, parameters), mean_field_of_image(p, image, parameters), atol=1e-3)


@pytest.mark.parametrize("normalization", ["symmetric", "before", "after"])
def test_lattice_is_near_brute_force(rng, normalization):
    """The lattice's own error is some per cent of a message; weak messages show it undistorted by bistable pixels."""
    p, image = scene(rng, 3)
    parameters = DenseCrf(2, 0.5, 8, 40, 1, 5, normalization)
    q, exact = dense_crf(p, image, parameters), mean_field_of_image(p, image, parameters)
    assert np.abs(q - exact).max() < 0.03
    assert np.abs(q - exact).mean() < 0.004
    # the messages matter: without them the distance is many times as large
    assert np.abs(p - exact).mean() > 0.03


@pytest.mark.parametrize(("n_bands", "most"), [(1, 0.15), (3, 0.35)])
def test_messages_without_normalisation_are_near_brute_force(rng, n_bands, most):
    """The slice factor of the authors' code would shorten all messages, to 0.83 with one band and 0.71 with three.

    What is still missing are vertices that no pixel touches: the more bands, the more of them.
    """
    p, image = scene(rng, 3, (40, 44), n_bands)
    parameters = DenseCrf(1, 0, 4, 80, 0.03, 1, "none")
    found, exact = dense_crf(p, image, parameters), mean_field_of_image(p, image, parameters)
    message, expected = (np.log(q[0] / q[1]) - np.log(p[0] / p[1]) for q in (found, exact))
    assert (message * expected).sum() / (expected**2).sum() == pytest.approx(1, abs=most)


@pytest.mark.parametrize("form", ["vector", "matrix"])
def test_compatibilities_equal_brute_force(rng, form):
    p, image = scene(rng, 3)
    weights = (1.0, 2.0, 0.5) if form == "vector" else ((0.0, 1.0, 3.0), (1.0, 0.0, 0.5), (2.0, 0.5, -0.2))
    smooth = DenseCrf(1.5, weights, 1, 1, 0, 4)
    assert_allclose(dense_crf(p, image, smooth), mean_field_of_image(p, image, smooth), atol=1e-3)
    both = DenseCrf(1.5, 0, 8, 60, weights, 4)
    assert_allclose(dense_crf(p, image, both), mean_field_of_image(p, image, both), atol=0.06)


def test_matrix_of_potts_equals_its_number(rng):
    p, image = scene(rng, 4, n_bands=1)
    matrix = tuple(map(tuple, 2.0 * (1 - np.eye(4))))
    number = dense_crf(p, image, DenseCrf(2, 2.0, 8, 40, 2.0, 3))
    assert_allclose(dense_crf(p, image, DenseCrf(2, matrix, 8, 40, matrix, 3)), number, atol=2e-5)


def test_no_weight_leaves_the_probabilities(rng):
    p, image = scene(rng, 3)
    q = dense_crf(p, image, DenseCrf(3, 0, 8, 13, 0, 5))
    assert_allclose(q, np.maximum(p, 1e-5) / np.maximum(p, 1e-5).sum(axis=0), atol=1e-6)
    assert_array_equal(q.argmax(axis=0), p.argmax(axis=0))


def test_constant_image_and_probabilities_stay_uniform():
    p = np.full((4, 9, 11), 0.25, np.float32)
    assert_allclose(dense_crf(p, np.full((3, 9, 11), 7.0), FILTERS), 0.25, atol=1e-6)


def test_follows_a_renaming_of_classes(rng):
    p, image = scene(rng, 40)
    new = rng.permutation(40)
    assert_allclose(dense_crf(p[new], image, FILTERS), dense_crf(p, image, FILTERS)[new], atol=2e-5)


def test_edges_of_the_image_stop_labels(rng):
    """Noisy probabilities of two halves become the halves."""
    image = np.zeros((1, 24, 30))
    image[:, :, 13:] = 200
    truth = (image[0] > 100).astype(int)
    right = rng.random(truth.shape) > 0.3
    labels = np.where(right, truth, 1 - truth)
    p = np.where(np.arange(2)[:, None, None] == labels, 0.7, 0.3)
    q = dense_crf(p, image, DenseCrf(1, 1, 20, 10, 5, 10))
    assert_array_equal(q.argmax(axis=0), truth)


def test_does_not_depend_on_the_number_of_threads(rng, monkeypatch):
    p, image = scene(rng, 4, (50, 31))
    results = []
    for n in (1, 3):
        monkeypatch.setattr(parallel, "n_threads", lambda n=n: n)
        results.append(dense_crf(p, image, FILTERS))
    assert_array_equal(results[0], results[-1])


def test_pixels_without_data_send_and_receive_nothing(rng):
    p, image = scene(rng, 3)
    valid = np.ones(image.shape[1:], bool)
    valid[5:9, 3:20] = False
    expected = dense_crf(p, image, FILTERS, valid=valid)
    image[:, ~valid] = np.nan
    p[:, ~valid] = np.nan
    q = dense_crf(p, image, FILTERS, valid=valid)
    assert_array_equal(q[:, valid], expected[:, valid])
    assert np.isnan(q[:, ~valid]).all()
    # as if the pixels were not there: a strip beyond the gap, cut out, gives what it gives beside the gap
    valid[:9] = False
    alone = dense_crf(p[:, 9:], image[:, 9:], FILTERS)
    beside = dense_crf(p, image, FILTERS, valid=valid)[:, 9:]
    assert np.abs(alone - beside).max() < 0.2  # the lattice lies elsewhere
    smooth = DenseCrf(2, 2, 1, 1, 0, 5)
    assert_allclose(
        dense_crf(p, image, smooth, valid=valid)[:, 9:], dense_crf(p[:, 9:], image[:, 9:], smooth), atol=1e-5
    )


def test_a_tile_that_knows_its_origin_agrees_with_the_whole(rng):
    """The lattice lies alike, wherever the tile begins; far from its edges only far pixels are missing."""
    p, image = scene(rng, 3, (90, 30))
    parameters = DenseCrf(1, 1, 4, 60, 2, 2)
    whole = dense_crf(p, image, parameters)[:, 60:]
    known = dense_crf(p[:, 31:], image[:, 31:], parameters, origin=(31, 0))[:, 29:]
    unknown = dense_crf(p[:, 31:], image[:, 31:], parameters)[:, 29:]
    assert np.abs(known - whole).max() < 1e-4 < 1e-3 < np.abs(unknown - whole).max()
    # a whole period of the lattice away: 3 widths down; across it is no whole number of pixels
    moved = dense_crf(p, image, parameters, origin=(12 * 10**6, 0))
    assert_allclose(moved, dense_crf(p, image, parameters), atol=1e-4)


def test_regions_pull_their_pixels_together(rng):
    p, image = scene(rng, 3)
    regions = np.ones(image.shape[1:], np.int32)
    regions[:, 10:] = 2
    off = DenseCrf(1, 0, 1, 1, 0, 5)
    q = dense_crf(p, image, off, regions=RegionPotential(regions, 1e4, 0.5))
    for region in (1, 2):
        assert len(np.unique(q.argmax(axis=0)[regions == region])) == 1
    without = dense_crf(p, image, off, regions=RegionPotential(regions, 0.0))
    assert_allclose(without, dense_crf(p, image, off), atol=1e-6)


def test_one_row_one_class_many_bands(rng):
    assert_allclose(dense_crf(np.ones((1, 4, 5)), rng.random((3, 4, 5)), FILTERS), 1)
    p, image = scene(rng, 2, (1, 37), n_bands=16)  # codes of 18 coordinates do not fit in 62 bits
    q = dense_crf(p, image, DenseCrf(2, 1, 8, 400, 1, 5))
    exact = mean_field_of_image(p, image, DenseCrf(2, 1, 8, 400, 1, 5))
    assert np.abs(q - exact).max() < 0.2


P, IMAGE = np.full((2, 3, 4), 0.5), np.zeros((1, 3, 4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dense_crf(P * 2, IMAGE), "sum to 1"),
        (lambda: dense_crf(np.where(P > 0, np.nan, 0), IMAGE), "sum to 1"),
        (lambda: dense_crf(np.stack([P[0] + 1, P[0] - 1]), IMAGE), "from 0 to 1"),
        (lambda: dense_crf(P[0], IMAGE), "classes, height, width"),
        (lambda: dense_crf(P.astype(int), IMAGE), "floating"),
        (lambda: dense_crf(np.full((255, 1, 1), 1 / 255), np.zeros((1, 1, 1))), "254 classes"),
        (lambda: dense_crf(P, np.zeros((1, 4, 3))), "of the probabilities"),
        (lambda: dense_crf(P, np.full((1, 3, 4), np.nan)), "NaN"),
        (lambda: dense_crf(P, IMAGE, valid=np.ones((4, 3), bool)), "valid must have the size"),
        (lambda: dense_crf(P, IMAGE, regions=RegionPotential(np.ones((4, 3), int))), "regions must have the size"),
        (lambda: dense_crf(P, IMAGE, DenseCrf(smooth_weight=(1.0, 2.0, 3.0))), "2 classes"),
        (lambda: dense_crf(P, IMAGE, clip=0), "clip"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
