"""The pairwise CRF: energies and marginals beside the enumeration of all labellings."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa.crf import RegionPotential, contrast_weights, grid_crf, grid_energy, unary_from_probabilities
from densa.errors import InputError


def labellings(n_classes, size):
    for labels in itertools.product(range(n_classes), repeat=size[0] * size[1]):
        yield np.array(labels).reshape(size)


def test_two_pixels_by_hand():
    unary = np.array([[0.2, 0.9], [1.0, 0.3]]).reshape(2, 1, 2)
    pairs = contrast_weights(np.zeros((1, 1, 2)))
    energies = [grid_energy(labels, unary, pairs) for labels in labellings(2, (1, 2))]
    assert_allclose(energies, [1.1, 1.5, 2.9, 1.3])


def test_weights_by_hand():
    """Mean squared difference of horizontal and vertical neighbours 25: (0 + 100 + 0 + 0) / 4."""
    weights = contrast_weights(np.array([[[5, 5], [5, 15]]]) * [[[1.0]], [[0.0]]])
    # below (1, 1) is nothing; the two pairs with the bright pixel differ by 10, mean (0 + 100 + 0 + 100) / 4 = 50
    edge = np.exp(-100 / (2 * 50))
    assert_allclose(weights[0], [[1, 0], [edge, 0]], rtol=1e-6)
    assert_allclose(weights[1], [[1, edge], [0, 0]], rtol=1e-6)
    assert_allclose(weights[2], [[edge / np.sqrt(2), 0], [0, 0]], rtol=1e-6)
    assert_allclose(weights[3], [[0, 1 / np.sqrt(2)], [0, 0]], rtol=1e-6)


def free_energy(q, unary, pairs):
    """Expected energy minus entropy under the product of marginals."""
    value = (q * unary).sum() + (q * np.log(np.maximum(q, 1e-30))).sum()
    height, width = q.shape[1:]
    for k, (down, right) in enumerate(((0, 1), (1, 0), (1, 1), (1, -1))):
        for y, x in itertools.product(range(height - down), range(width)):
            if 0 <= x + right < width:
                value += pairs[k, y, x] * (1 - (q[:, y, x] * q[:, y + down, x + right]).sum())
    return value


def test_free_energy_never_rises_and_bounds_the_partition_function(rng):
    size = (3, 3)
    p = rng.dirichlet(np.ones(2), size).transpose(2, 0, 1)
    image = rng.uniform(0, 255, (2, *size))
    unary, pairs = unary_from_probabilities(p).astype(float), contrast_weights(image) * 0.8
    values = [free_energy(grid_crf(p, image, 0.8, n_iterations=n).astype(float), unary, pairs) for n in range(1, 12)]
    assert (np.diff(values) < 1e-4).all()
    energies = [grid_energy(labels, unary, pairs) for labels in labellings(2, size)]
    assert values[-1] >= -np.log(np.exp(-np.array(energies)).sum()) - 1e-4
    assert values[0] - values[-1] > 1e-4


def test_weak_pairs_give_the_exact_marginals(rng):
    """Mean field is right to first order in the weights."""
    size, weight = (2, 4), 0.02
    p = rng.dirichlet(np.ones(2), size).transpose(2, 0, 1)
    image = rng.uniform(0, 255, (1, *size))
    unary, pairs = unary_from_probabilities(p).astype(float), contrast_weights(image) * weight
    exact, mass = np.zeros(p.shape), 0.0
    for labels in labellings(2, size):
        power = np.exp(-grid_energy(labels, unary, pairs))
        exact += power * (labels == np.arange(2)[:, None, None])
        mass += power
    found = grid_crf(p, image, weight, n_iterations=30)
    assert np.abs(found - exact / mass).max() < 0.05 * np.abs(p - exact / mass).max()


def test_the_label_map_is_near_the_best(rng):
    """Best of 2^12 labellings: mean field need not find it, but lowers the energy."""
    size = (3, 4)
    p = rng.dirichlet(np.ones(2), size).transpose(2, 0, 1)
    image = rng.uniform(0, 255, (3, *size))
    unary, pairs = unary_from_probabilities(p).astype(float), contrast_weights(image)
    best = min(grid_energy(labels, unary, pairs) for labels in labellings(2, size))
    found = grid_energy(grid_crf(p, image, 1.0).argmax(axis=0), unary, pairs)
    assert best - 1e-9 <= found <= best + 0.2 * (grid_energy(p.argmax(axis=0), unary, pairs) - best) + 1e-9


def test_no_weight_and_constant_image(rng):
    p = rng.dirichlet(np.ones(4), (5, 7)).transpose(2, 0, 1)
    assert_array_equal(grid_crf(p, np.zeros((1, 5, 7)), 0.0).argmax(axis=0), p.argmax(axis=0))
    uniform = np.full((3, 5, 7), 1 / 3)
    assert_allclose(grid_crf(uniform, np.zeros((1, 5, 7)), 2.0), uniform, atol=1e-6)


def test_follows_a_renaming_of_classes(rng):
    p = rng.dirichlet(np.ones(4), (5, 7)).transpose(2, 0, 1)
    image = rng.uniform(0, 255, (3, 5, 7))
    new = rng.permutation(4)
    assert_allclose(grid_crf(p[new], image, 1.0), grid_crf(p, image, 1.0)[new], atol=1e-5)


def test_regions_and_pixels_without_data(rng):
    p = rng.dirichlet(np.ones(3), (6, 8)).transpose(2, 0, 1)
    image = rng.uniform(0, 255, (3, 6, 8))
    regions = np.repeat([[1] * 4 + [2] * 4], 6, axis=0)
    labels = grid_crf(p, image, 0.0, regions=RegionPotential(regions, 1e4, 0.5)).argmax(axis=0)
    assert len(np.unique(labels[:, :4])) == len(np.unique(labels[:, 4:])) == 1
    valid = np.ones((6, 8), bool)
    valid[:, 4:] = False
    image[:, ~valid] = np.nan
    q = grid_crf(p, image, 1.0, valid=valid)
    assert_allclose(q[:, :, :4], grid_crf(p[:, :, :4], image[:, :, :4], 1.0), atol=1e-6)
    assert_allclose(q[:, :, 4:], p[:, :, 4:], atol=1e-6)


P, IMAGE = np.full((2, 3, 4), 0.5), np.zeros((1, 3, 4))


@pytest.mark.parametrize(
    "call",
    [
        lambda: grid_crf(P, IMAGE, -1.0),
        lambda: grid_crf(P, IMAGE, float("nan")),
        lambda: grid_crf(P, IMAGE, n_iterations=0),
        lambda: grid_crf(P, IMAGE[:, :2]),
        lambda: grid_crf(P, IMAGE * np.nan),
        lambda: grid_crf(P * 3, IMAGE),
        lambda: grid_crf(P, IMAGE, regions=RegionPotential(np.ones((4, 3), int))),
        lambda: grid_energy(np.zeros((2, 2), int), P, np.zeros((4, 3, 4))),
        lambda: contrast_weights(np.zeros((3, 4))),
    ],
)
def test_bad_input(call):
    with pytest.raises(InputError):
        call()
