"""The kernel of a scale: compiled, it does what its Python source does; any rows and planes by themselves."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa.descriptors.pixels._multi_scale_kernel import N_SLOTS, describe_scale
from densa.descriptors.pixels._taps import first_taps, gaussian_taps, second_taps

TAPS = (gaussian_taps(1, 2), first_taps(1, 2), second_taps(1, 2), gaussian_taps(0.66, 1), gaussian_taps(0.5, 1))
ALL = np.arange(N_SLOTS)


def described(image, mask, slots, top, end, *, keep=False, kernel=describe_scale):
    out = np.full((N_SLOTS, *image.shape), np.nan, np.float32)
    kernel(image, mask, gaussian_taps(1.2, 4), keep, TAPS, np.asarray(slots, np.int64), out, top, end)
    return out


def case(rng, holes):
    image = rng.random((23, 17)).astype(np.float32)
    if not holes:
        return image, np.empty((0, 0), np.float32)
    mask = (rng.random(image.shape) < 0.8).astype(np.float32)
    return image * mask, mask


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("holes", [False, True])
def test_the_compiled_kernel_is_its_python_source(rng, holes, keep):
    image, mask = case(rng, holes)
    compiled = described(image, mask, ALL, 3, 11, keep=keep)
    source = described(image, mask, ALL, 3, 11, keep=keep, kernel=describe_scale.py_func)
    assert_allclose(compiled, source, atol=1e-6)
    assert np.isnan(compiled[:, :3]).all()
    assert np.isnan(compiled[:, 11:]).all()
    assert np.isfinite(compiled[:, 3:11]).all()


@pytest.mark.parametrize("holes", [False, True])
def test_rows_do_not_depend_on_the_chunk(rng, holes):
    image, mask = case(rng, holes)
    whole = described(image, mask, ALL, 0, 23)
    for top, end in ((0, 1), (5, 6), (7, 20), (22, 23)):
        assert_array_equal(described(image, mask, ALL, top, end)[:, top:end], whole[:, top:end])


def test_only_the_requested_planes_are_written(rng):
    image, mask = case(rng, False)
    whole = described(image, mask, ALL, 0, 23)
    slots = [-1, 0, -1, -1, 1, 2, -1, -1]  # the Laplacian, and both eigenvalues of the structure tensor
    some = described(image, mask, slots, 0, 23)
    assert_array_equal(some[:3], whole[[1, 4, 5]])
    assert np.isnan(some[3:]).all()
