"""Boundaries of a part are those of the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from densa.engine.regions.products.boundaries import boundary_of
from densa.errors import InputError
from densa.raster.grid import Grid, inside
from densa.regions import boundaries

label_images = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda s: arrays(np.int32, s, elements=st.integers(0, 4))
)


@given(label_images, st.integers(1, 5), st.sampled_from(["thick", "inner", "thin"]))
def test_parts_are_parts_of_the_whole(regions, tile_size, mode):
    grid = Grid(*regions.shape, tile_size, 1)
    found = np.zeros(regions.shape, bool)
    for number in range(len(grid)):
        core, window = grid.tile(number)
        whole = type(core)(0, 0, *regions.shape)
        found[inside(core, whole)] = boundary_of(regions[inside(window, whole)], inside(core, window), mode)
    assert_array_equal(found, boundaries(regions, mode))


def test_cracks_need_the_whole():
    with pytest.raises(InputError, match="thick, inner or thin"):
        boundary_of(np.ones((2, 2), np.int32), (slice(0, 2), slice(0, 2)), "crack")
