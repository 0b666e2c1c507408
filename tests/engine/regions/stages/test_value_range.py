"""The range of a raster's valid values: against NumPy on the whole, for any tile size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from densa.engine.regions.stages.value_range import RangeStage, ValueRange, fixed_point, value_range
from densa.errors import InputError
from densa.raster import Window
from densa.raster.grid import Block, Grid, inside


class Results(dict):
    """A store without a disk."""

    def load(self, stage, number, *names):
        return self[stage, number]

    def table(self, name):
        return self[name]

    save_table = dict.__setitem__


class Tile:
    """A tile of an array whose invalid pixels hold 0."""

    def __init__(self, pixels, valid, core):
        self.pixels, self.valid, self.core = np.where(valid, pixels, pixels.dtype.type(0)), valid, core

    def read(self, halo):
        part = inside(self.core, Window(0, 0, *self.valid.shape))
        return Block(self.core, self.core, self.pixels[:, *part], self.valid[part])


def found(pixels, valid, tile_size):
    grid, store, stage = Grid(*valid.shape, tile_size), Results(), RangeStage()
    for number in range(len(grid)):
        store[stage.name, number] = stage.compute(Tile(pixels, valid, grid.tile(number)[0]), store)
    stage.gather(store, grid)
    return value_range(store)


VALUES = {
    np.bool_: st.booleans(),
    np.uint8: st.integers(0, 255),
    np.int16: st.integers(-(2**15), 2**15 - 1),
    np.uint64: st.integers(0, 2**53),
    np.float32: st.floats(-(2.0**99), 2.0**99, width=32).map(lambda v: v if v == 0 or abs(v) > 1e-20 else 1e-20),
}
images = st.tuples(
    st.tuples(st.integers(1, 3), st.integers(1, 7), st.integers(1, 7)), st.sampled_from(list(VALUES))
).flatmap(lambda s: st.tuples(arrays(s[1], s[0], elements=VALUES[s[1]]), arrays(np.bool_, s[0][1:])))


@given(images, st.integers(1, 5))
def test_it_is_numpys_for_any_tile_size(image, tile_size):
    pixels, valid = image
    n_valid, lows, highs = found(pixels, valid, tile_size)
    assert n_valid == valid.sum()
    if n_valid:
        assert_array_equal(lows, pixels[:, valid].min(1))
        assert_array_equal(highs, pixels[:, valid].max(1))
    else:
        assert_array_equal([lows, highs], np.zeros((2, len(pixels))))
    assert lows.dtype == highs.dtype == np.float64


@pytest.mark.parametrize(("kind", "value"), [(np.uint64, 2**53 + 1), (np.uint64, 2**64 - 1), (np.int64, -(2**53) - 1)])
def test_integers_that_float64_cannot_tell_apart_are_refused(kind, value):
    pixels = np.zeros((2, 3, 3), kind)
    pixels[1, 2, 2] = value
    valid = np.ones((3, 3), bool)
    with pytest.raises(InputError, match=f"band 2 goes from .*{value}"):
        found(pixels, valid, 2)
    valid[2, 2] = False
    assert_array_equal(found(pixels, valid, 2).highs, [0, 0])


def stepped(pixels):
    """What `fixed_point` makes of an image without invalid pixels."""
    found = ValueRange(pixels[0].size, pixels.min((1, 2)).astype(float), pixels.max((1, 2)).astype(float))
    fixed = fixed_point(pixels.dtype, len(pixels), found)
    return fixed, fixed(pixels)


@given(images)
def test_fixed_point_is_as_near_as_it_says(image):
    pixels = image[0]
    fixed, steps = stepped(pixels)
    back = fixed.offset[:, None, None] + fixed.step * steps.astype(np.float64)
    span = np.ptp(pixels.astype(np.float64), axis=(1, 2)).max()
    if pixels.dtype.kind == "f":
        assert np.abs(back - pixels.astype(np.float64)).max() <= span / 2**31 * (1 + 1e-6)
    else:
        assert_array_equal(back, pixels.astype(np.float64))
    assert steps.astype(np.float64).max() - steps.astype(np.float64).min() <= max(1, 2.0**fixed.bits)


def test_small_integers_are_what_they_are():
    for kind in (np.uint8, np.int16):
        pixels = np.arange(6).reshape(1, 2, 3).astype(kind)
        assert stepped(pixels)[1] is pixels
    flags = np.array([[[True, False]]])
    assert_array_equal(stepped(flags)[1], [[[1, 0]]])
    assert stepped(flags)[1].dtype == np.uint8


def test_sums_over_the_largest_rasters_keep_within_63_bits():
    """More pixels, fewer steps."""
    huge = ValueRange(2**40, np.array([0.0]), np.array([2.0**53]))
    for kind in (np.int64, np.float64):
        fixed = fixed_point(np.dtype(kind), 1, huge)
        assert 2.0**53 / fixed.step / 2 * 2**40 < 2**63
        assert fixed.bits <= 23
