"""Responses with missing pixels: the quotient of smoothed values and smoothed weights, differentiated numerically."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from densa.descriptors.pixels._normalised import Responses

SIGMA, N = 3.0, 12


def case(rng):
    """A smooth plane of which some blobs are missing, 0 there; and the valid pixels."""
    plane, field = (ndimage.gaussian_filter(rng.normal(size=(60, 70)), sigma) for sigma in (4, 2))
    valid = field < np.quantile(field, 0.7)
    return np.where(valid, 10 * plane + 3, 0).astype(np.float32), valid


def quotient(plane, valid, sigmas):
    """S = N / D in float64, by SciPy."""
    near = {"mode": "mirror", "truncate": N / SIGMA}
    smoothed, weight = (ndimage.gaussian_filter(a.astype(np.float64), sigmas, **near) for a in (plane, valid))
    return smoothed / np.where(weight > 0, weight, 1)


def test_smoothing_is_the_quotient(rng):
    plane, valid = case(rng)
    found = Responses(valid).gaussian(plane, SIGMA, N)
    assert_allclose(found[valid], quotient(plane, valid, SIGMA)[valid], atol=1e-4)


def test_derivatives_are_those_of_the_quotient(rng):
    """Central differences of S: the filters are sampled Gaussian derivatives, so both agree up to the pixel's size."""
    plane, valid = case(rng)
    smoothed = quotient(plane, valid, SIGMA)
    inside = ndimage.binary_erosion(ndimage.distance_transform_edt(valid) > 1) & (
        ndimage.gaussian_filter(valid.astype(float), SIGMA) > 0.3
    )
    inside[:2] = inside[-2:] = inside[:, :2] = inside[:, -2:] = False
    across = Responses(valid).first(plane, SIGMA, SIGMA, (N, N))
    expected = (np.roll(smoothed, -1, 1) - np.roll(smoothed, 1, 1)) / 2
    assert_allclose(across[inside], expected[inside], atol=0.08 * np.abs(expected[inside]).max())
    laplacian = Responses(valid).laplacian(plane, SIGMA, N)
    twice = sum(np.roll(smoothed, s, a) for s in (-1, 1) for a in (0, 1)) - 4 * smoothed
    assert np.corrcoef(laplacian[inside], twice[inside])[0, 1] > 0.97


@pytest.mark.parametrize("hole", [(30, 35), (0, 0), (59, 40)])
def test_far_from_missing_pixels_nothing_changes(rng, hole):
    plane = rng.random((60, 70)).astype(np.float32)
    valid = np.ones(plane.shape, bool)
    valid[hole] = False
    far = ndimage.distance_transform_cdt(valid, "chessboard") > 2 * N
    some, every = Responses(valid), Responses(None)
    holed = np.where(valid, plane, np.float32(0))
    for call in (
        lambda r, p: r.gaussian(p, SIGMA, N),
        lambda r, p: r.first(p, SIGMA, 2 * SIGMA, (N, 2 * N)),
        lambda r, p: r.laplacian(p, SIGMA, N),
    ):
        assert_array_equal(call(some, holed)[far], call(every, plane)[far])


def test_a_transposed_plane_gives_the_other_derivative(rng):
    plane, valid = case(rng)
    down = Responses(valid).first(plane.T, SIGMA, 2 * SIGMA, (N, 2 * N)).T
    turned = Responses(np.ascontiguousarray(valid.T)).first(np.ascontiguousarray(plane.T), SIGMA, 2 * SIGMA, (N, 2 * N))
    assert_array_equal(down, turned.T)


def test_without_a_valid_pixel_all_is_0():
    empty, responses = np.zeros((9, 9), np.float32), Responses(np.zeros((9, 9), bool))
    assert_array_equal(responses.gaussian(empty, SIGMA, N), 0)
    assert_array_equal(responses.first(empty, SIGMA, SIGMA, (N, N)), 0)
    assert_array_equal(responses.laplacian(empty, SIGMA, N), 0)
