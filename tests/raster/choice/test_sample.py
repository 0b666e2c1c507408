"""Statistics of a bounded sample of an image."""

import numpy as np
from numpy.testing import assert_allclose

from densa import raster
from densa.raster.choice.sample import is_constant, sample_bands


def test_a_small_image_is_read_whole(rng):
    values = rng.normal(5, 2, (40, 50, 2)).astype(np.float32)
    valid = rng.random((40, 50)) > 0.3
    found = sample_bands(raster.from_array(values, valid=valid))
    assert found.whole
    assert found.n == valid.sum()
    inside = values[valid].astype(np.float64)
    for name in ("mean", "std"):
        assert_allclose(getattr(found, name), getattr(inside, name)(axis=0), rtol=1e-6)
    assert_allclose([found.low, found.high], [inside.min(axis=0), inside.max(axis=0)])


def test_a_large_image_is_sampled(rng):
    values = np.zeros((1500, 1600), np.uint8)
    valid = np.zeros(values.shape, bool)
    valid[180:200, 190:210] = True  # between the windows of the coarse grid and those of the fine one
    assert sample_bands(raster.from_array(values)).n == 16 * 256**2
    assert not sample_bands(raster.from_array(values)).whole
    assert sample_bands(raster.from_array(values, valid=valid * False)).n == 0
    assert sample_bands(raster.from_array(values, valid=valid)).n > 0


def test_a_value_outside_the_sample_is_found():
    values = np.zeros((1500, 1600), np.uint8)
    assert is_constant(raster.from_array(values), 1, 0)
    values[-1, -1] = 1
    assert not is_constant(raster.from_array(values), 1, 0)
