"""The multi-scale set: every feature by SciPy from the same taps, polynomials by hand, lengths of published sets."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from densa.descriptors import MultiScale
from densa.errors import InputError

WIDE = {"mode": "mirror", "output": np.float64}


def taps(sigma, n, order):
    """Sampled derivative of a Gaussian, made to differentiate polynomials exactly: all 2n + 1 of them, float64."""
    i = np.arange(-n, n + 1)
    g = np.exp(-(i**2) / (2 * sigma**2))
    if order == 0:
        return g / g.sum()
    k = -i / sigma**2 * g if order == 1 else (i**2 / sigma**4 - 1 / sigma**2) * g
    k -= k.mean()
    moment = (k * (-i.astype(float)) ** order).sum() / math.factorial(order)
    return k[::-1] / moment  # correlated, not convolved


def gauss(image, sigma, n, orders=(0, 0)):
    down = ndimage.correlate1d(image, taps(sigma, n, orders[0]), axis=0, **WIDE)
    return ndimage.correlate1d(down, taps(sigma, n, orders[1]), axis=1, **WIDE)


def reach(sigma, truncate):
    return max(1, math.floor(truncate * sigma + 0.5))


def by_scipy(image, scale, presmooth, truncate):
    image = image.astype(np.float64)
    sigma = scale
    if presmooth and scale > 1:
        before = math.sqrt(scale**2 - 1)
        image, sigma = gauss(image, before, max(reach(before, 3.5), reach(1, truncate) + reach(0.5, truncate))), 1.0
    n = reach(sigma, truncate)
    smooth = gauss(image, sigma, n)
    if scale < 0.5:
        return [smooth]
    dy, dx = gauss(image, sigma, n, (1, 0)), gauss(image, sigma, n, (0, 1))
    yy, xy, xx = (gauss(image, sigma, n, o) for o in ((2, 0), (1, 1), (0, 2)))
    outer = 0.5 * sigma, reach(0.5 * sigma, truncate)
    tensor = [gauss(p, *outer) for p in (dx * dx, dx * dy, dy * dy)]
    smaller = 0.66 * sigma
    return [
        smooth,
        xx + yy,
        np.hypot(dx, dy),
        smooth - gauss(image, smaller, reach(smaller, truncate)),
        *eigenvalues(*tensor),
        *eigenvalues(xx, xy, yy),
    ]


def eigenvalues(xx, xy, yy):
    values = np.linalg.eigvalsh(np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -2))
    return values[..., 1], values[..., 0]


@pytest.mark.parametrize(("presmooth", "truncate"), [(True, 2.0), (False, 2.0), (False, 3.7)])
@pytest.mark.parametrize("shape", [(40, 53), (90, 17), (3, 5), (1, 9), (4, 1)])
def test_every_feature_is_scipys(rng, shape, presmooth, truncate):
    image = rng.random(shape).astype(np.float32)
    descriptor = MultiScale(presmooth=presmooth, truncate=truncate)
    found = descriptor.compute(image[None])
    expected = np.array([f for s in descriptor.scales for f in by_scipy(image, s, presmooth, truncate)])
    assert found.shape == expected.shape == (49, *shape)
    assert_allclose(found, expected, atol=3e-6)


def test_lengths_of_the_published_sets():
    assert MultiScale().n_features(1) == 49
    assert MultiScale().n_features(3) == 147
    basic = MultiScale(scales=(0.5, 1, 2, 4, 8, 16), features=("gaussian", "gradient", "hessian"))
    assert basic.n_features(1) == 24
    assert basic.n_features(3) == 72
    names = MultiScale().names(3)
    assert len(set(names)) == 147
    assert names[:2] == ["band 1: Gaussian, sigma 0.3", "band 1: Gaussian, sigma 0.7"]
    assert names[49] == "band 2: Gaussian, sigma 0.3"


def test_halo_by_hand():
    # scale 10: smoothed by sqrt(99) = 9.95 up to 35 pixels (3.5 sigma), then sigma 1 (2 pixels), outer sigma 0.5 (1)
    assert MultiScale().halo == 35 + 2 + 1
    # scale 1 alone: filters reach 3 pixels, and so does the filling of nodata before them
    assert MultiScale(scales=(1.0,)).halo == 6
    assert MultiScale(scales=(0.3,)).halo == 2


@pytest.mark.parametrize("value", [0, 1, 200, 0.1, -7.3e4])
def test_a_constant_has_no_derivatives(value):
    found = MultiScale().compute(np.full((2, 23, 31), value, np.float32))
    for name, plane in zip(MultiScale().names(2), found, strict=True):
        assert_array_equal(plane, np.float32(value) if ": Gaussian," in name else 0, err_msg=name)


@pytest.mark.parametrize("presmooth", [True, False])
def test_polynomials_by_hand(presmooth):
    # u = 3 + 2 row - column + row^2 - 2 column^2 + row column: gradient (2 + 2 row + column, -1 - 4 column + row),
    # Hessian [[2, 1], [1, -4]], Laplacian -2, eigenvalues -1 +- sqrt(10)
    row, column = np.mgrid[-50:51, -60:61].astype(np.float64)
    image = 3 + 2 * row - column + row**2 - 2 * column**2 + row * column
    descriptor = MultiScale(scales=(1.0, 1.6, 5.0), presmooth=presmooth)
    middle = descriptor.compute(image[None])[:, 40:61, 45:76]
    row, column = row[40:61, 45:76], column[40:61, 45:76]
    slope = np.hypot(2 + 2 * row + column, -1 - 4 * column + row)
    for name, plane in zip(descriptor.names(1), middle, strict=True):
        if "Laplacian" in name:
            assert_allclose(plane, -2, atol=2e-2, err_msg=name)
        elif "gradient" in name:
            assert_allclose(plane, slope, atol=5e-3, err_msg=name)
        elif "Hessian" in name:
            root = math.sqrt(10) * (1 if "larger" in name else -1)
            assert_allclose(plane, -1 + root, atol=2e-2, err_msg=name)


def test_gaussian_is_scikit_images(rng):
    filters = pytest.importorskip("skimage.filters")
    image = rng.random((60, 70)).astype(np.float32)
    found = MultiScale(scales=(2.0,), features=("gaussian",), presmooth=False, truncate=4.0).compute(image[None])[0]
    expected = filters.gaussian(image, 2.0, mode="mirror", truncate=4.0)
    assert_allclose(found, expected, atol=1e-6)
    twice = MultiScale(scales=(2.0,), features=("gaussian",), truncate=4.0).compute(image[None])[0]
    assert_allclose(twice, expected, atol=5e-3)  # sqrt(3) first, then 1: both sampled and truncated


def test_some_features_are_those_of_all(rng):
    image = rng.integers(0, 255, (1, 20, 30), np.uint8)
    every = dict(zip(MultiScale().names(1), MultiScale().compute(image), strict=True))
    for features in (("hessian",), ("structure", "gaussian"), ("difference",), ("laplacian", "gradient")):
        some = MultiScale(features=features, scales=(0.7, 3.5))
        for name, plane in zip(some.names(1), some.compute(image), strict=True):
            assert_array_equal(plane, every[name], err_msg=name)


@pytest.mark.parametrize(
    "fields",
    [
        {"scales": ()},
        {"scales": (0.0,)},
        {"scales": (-1.0,)},
        {"scales": (math.nan,)},
        {"scales": (1e9,)},
        {"scales": (2.0, 1.0)},
        {"scales": (1.0, 1.0)},
        {"features": ("blob",)},
        {"features": ()},
        {"truncate": 0},
        {"scales": (0.3,), "features": ("hessian",)},
    ],
)
def test_bad_parameters_are_named(fields):
    with pytest.raises(InputError):
        MultiScale(**fields)
