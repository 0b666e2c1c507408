"""Windows beyond the image: mirrored as `np.pad` does, or zero; and what a read refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa.errors import InputError
from densa.raster import Window
from densa.raster.raster import Raster


class Array(Raster):
    """A raster in memory."""

    def __init__(self, values, valid):
        super().__init__("array", *valid.shape, values.dtype, tuple(f"b{i}" for i in range(len(values))))
        self.pixels = values, valid

    def _load(self, window, bands):
        row, column, height, width = window
        assert 0 <= row <= row + height <= self.height
        assert 0 <= column <= column + width <= self.width
        values, valid = self.pixels
        place = slice(row, row + height), slice(column, column + width)
        return values[(list(bands), *place)].copy(), valid[place].copy()

    def close(self):
        pass


def image(height, width, n_bands=2):
    rng = np.random.default_rng(height * 100 + width)
    values = rng.integers(0, 256, (n_bands, height, width), np.uint8)
    return Array(values, rng.integers(0, 4, (height, width)) > 0)


sides = st.integers(1, 7)


@settings(deadline=None)
@given(sides, sides, *[st.integers(0, 20)] * 4)
def test_mirror_is_that_of_numpy(height, width, top, bottom, left, right):
    raster = image(height, width)
    window = Window(-top, -left, height + top + bottom, width + left + right)
    values, valid = raster.read(window, border="mirror")
    pad = (top, bottom), (left, right)
    assert_array_equal(values, np.pad(raster.pixels[0], ((0, 0), *pad), mode="reflect"))
    assert_array_equal(valid, np.pad(raster.pixels[1], pad, mode="reflect"))


@settings(deadline=None)
@given(sides, sides, st.integers(-30, 30), st.integers(-30, 30), sides, sides)
def test_any_window_is_part_of_the_mirrored_plane(height, width, row, column, h, w):
    raster = image(height, width)
    values, _ = raster.read(Window(row, column, h, w), border="mirror")
    plane = np.pad(raster.pixels[0], ((0, 0), (40, 40), (40, 40)), mode="reflect")
    assert_array_equal(values, plane[:, 40 + row : 40 + row + h, 40 + column : 40 + column + w])


@settings(deadline=None)
@given(sides, sides, st.integers(-30, 30), st.integers(-30, 30), sides, sides)
def test_zero_border_is_invalid(height, width, row, column, h, w):
    raster = image(height, width)
    values, valid = raster.read(Window(row, column, h, w), border="zero")
    place = slice(40 + row, 40 + row + h), slice(40 + column, 40 + column + w)
    assert_array_equal(values, np.pad(raster.pixels[0], ((0, 0), (40, 40), (40, 40)))[(slice(None), *place)])
    assert_array_equal(valid, np.pad(raster.pixels[1], 40)[place])


def test_bands_are_counted_from_1_in_the_order_asked():
    raster = image(4, 5, n_bands=3)
    values, _ = raster.read(bands=[3, 1])
    assert_array_equal(values, raster.pixels[0][[2, 0]])


@pytest.mark.parametrize("bands", [[0], [4], [-1], []])
def test_bands_that_do_not_exist(bands):
    with pytest.raises(InputError, match=r"1\.\.3"):
        image(4, 5, n_bands=3).read(bands=bands)


@pytest.mark.parametrize("window", [(-1, 0, 2, 2), (0, -1, 2, 2), (3, 0, 2, 2), (0, 4, 2, 2), (0, 0, 5, 5)])
def test_window_outside_without_a_border(window):
    with pytest.raises(InputError, match="must lie inside"):
        image(4, 5).read(Window(*window))


@pytest.mark.parametrize("border", ["none", "mirror", "zero"])
@pytest.mark.parametrize("size", [(0, 1), (1, 0), (-1, 2)])
def test_empty_window(border, size):
    with pytest.raises(InputError, match="at least 1 x 1"):
        image(4, 5).read(Window(0, 0, *size), border=border)


def test_unknown_border():
    with pytest.raises(InputError, match='"none", "mirror" or "zero", got \'wrap\''):
        image(4, 5).read(border="wrap")


def test_more_than_the_memory_is_refused_before_it_is_allocated():
    with pytest.raises(InputError, match="read it in tiles"):
        image(4, 5).read(Window(0, 0, 2**25, 2**25), border="mirror")
