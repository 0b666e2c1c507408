"""The permutohedral lattice: its published constants, its simplices, and its filter beside exact sums."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import ndimage

from densa.crf import permutohedral_filter
from densa.crf.permutohedral import axis_scales, build_lattice, slice_factor
from densa.errors import InputError
from tests.crf.brute_force import kernel_matrix


def test_axis_scales_by_hand():
    assert_allclose(axis_scales(2), [1.732051, 1.0], atol=5e-7)
    assert_allclose(axis_scales(5), [3.464102, 2.0, 1.414214, 1.095445, 0.894427], atol=5e-7)


@pytest.mark.parametrize("d", [1, 2, 5, 16])
def test_weights_are_barycentric(rng, d):
    points = rng.normal(size=(300, d)).astype(np.float32) * 3
    lattice = build_lattice(points, np.ones(300, bool))
    assert_allclose(lattice.weights.sum(axis=1), 1, atol=1e-5)
    assert lattice.weights.min() > -1e-6
    vertices = lattice.vertex_of_slot[lattice.slots]
    assert all(len(set(row)) == d + 1 for row in vertices.tolist())
    # blur neighbours are mutual
    neighbours = lattice.neighbours
    for axis in range(d + 1):
        for v in range(1, neighbours.shape[1]):
            after = neighbours[axis, v, 0]
            assert after == 0 or neighbours[axis, after, 1] == v


def test_strips_share_their_vertices(rng):
    """The same filter, however the points are cut into strips."""
    points = rng.normal(size=(500, 3)).astype(np.float32)
    whole = build_lattice(points, np.ones(500, bool))
    cut = build_lattice(points, np.ones(500, bool), np.array([0, 7, 7, 250, 500]))
    assert cut.neighbours.shape == whole.neighbours.shape
    assert (cut.neighbours > 0).sum() == (whole.neighbours > 0).sum()
    numbers = {}
    for a, b in zip(
        whole.vertex_of_slot[whole.slots].ravel(),
        np.concatenate(
            [
                cut.vertex_of_slot[cut.slot_starts[s] + cut.slots[cut.starts[s] : cut.starts[s + 1]]].ravel()
                for s in range(4)
            ]
        ),
        strict=True,
    ):
        assert numbers.setdefault(a, b) == b


def test_slice_factors_by_hand():
    """sqrt(d + 1) / 2 (pi / 3)^(d/2), e.g. for d = 2: 1.732051 / 2 * 1.047198."""
    assert_allclose([slice_factor(d) for d in (1, 2, 3, 5)], [0.723601, 0.906900, 1.071625, 1.374413], atol=5e-7)


@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_a_point_sends_the_mass_of_a_gaussian(d):
    """Integral of what one point sends, (2 pi)^(d/2), over so many other points that no vertex is missing."""
    rng = np.random.default_rng(3)
    side, n = 9.0, {1: 2000, 2: 20_000, 3: 50_000, 5: 200_000}[d]
    points = rng.uniform(-side / 2, side / 2, (n, d))
    senders = np.abs(points).max(axis=1) < 1
    found = permutohedral_filter(senders[:, None], points)[:, 0]
    assert found.mean() * side**d / senders.sum() == pytest.approx((2 * np.pi) ** (d / 2), rel=0.05)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_sums_over_dense_points_are_exact_sums(rng, d):
    points = rng.uniform(0, 4, (1500, d))
    ones = np.ones((1500, 1))
    found, exact = permutohedral_filter(ones, points), kernel_matrix(points) @ ones
    assert found.sum() == pytest.approx(exact.sum(), rel=0.05)


@pytest.mark.parametrize(("d", "most"), [(1, 0.02), (2, 0.03), (3, 0.05)])
def test_filter_is_near_exact_sums(rng, d, most):
    """Means of smooth values over many points; a few per cent is the lattice's own error."""
    points = rng.uniform(0, 6, (1500, d))
    values = np.stack([np.ones(1500), np.sin(points[:, 0]), points[:, 0] > 3], axis=1)
    found, exact = permutohedral_filter(values, points), kernel_matrix(points) @ values
    difference = found[:, 1:] / found[:, :1] - exact[:, 1:] / exact[:, :1]
    assert np.abs(difference).mean() < most


def test_filter_of_a_photograph_is_near_exact_sums(rng):
    """Dense points, as an image has them."""
    image = ndimage.gaussian_filter(rng.uniform(0, 255, (24, 32, 3)), (2, 2, 0)) * 2
    rows, columns = np.mgrid[:24, :32]
    points = np.concatenate([np.stack([columns, rows], axis=-1) / 10, image / 40], axis=-1).reshape(-1, 5)
    values = np.stack([np.ones(len(points)), points[:, 0], points[:, 2]], axis=1)
    found, exact = permutohedral_filter(values, points), kernel_matrix(points) @ values
    assert np.corrcoef(found[:, 0], exact[:, 0])[0, 1] > 0.98
    difference = found[:, 1:] / found[:, :1] - exact[:, 1:] / exact[:, :1]
    assert np.abs(difference).mean() < 0.05 * np.ptp(values[:, 1:], axis=0).min()


@pytest.mark.parametrize(
    ("values", "features"),
    [
        (np.zeros((3, 1)), np.zeros((2, 2))),
        (np.zeros(3), np.zeros((3, 2))),
        (np.zeros((3, 1)), np.full((3, 2), np.nan)),
        (np.full((3, 1), np.inf), np.zeros((3, 2))),
    ],
)
def test_bad_input(values, features):
    with pytest.raises(InputError):
        permutohedral_filter(values, features)
