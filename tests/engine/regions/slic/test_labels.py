"""Strips of a tile, and what they leave put together."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import ndimage

from densa.engine.regions.slic.labels import fitting_strips, join_strips
from densa.engine.regions.stages.stitching import label_fragments
from densa.raster import Window


@given(st.integers(0, 50), st.integers(1, 200), st.integers(1, 60), st.floats(0, 300))
@settings(max_examples=200, deadline=None)
def test_strips_partition_the_core(row, height, least, allowed):
    core = Window(row, 3, height, 7)
    strips = fitting_strips(core, least, lambda strip: strip.height + 10, allowed)
    rows = [y for strip in strips for y in range(strip.row, strip.row + strip.height)]
    assert rows == list(range(row, row + height))
    assert all((strip.column, strip.width) == (3, 7) for strip in strips)
    assert len(strips) == 1 or min(strip.height for strip in strips) >= least
    if max(strip.height for strip in strips) + 10 > allowed:
        assert len(strips) == max(1, height // least)


def test_a_core_that_fits_is_one_strip():
    core = Window(5, 6, 70, 80)
    assert fitting_strips(core, 1, lambda strip: strip.height, 70) == [core]
    assert len(fitting_strips(core, 1, lambda strip: strip.height, 69)) == 2


@pytest.mark.parametrize("seed", range(40))
def test_joined_strips_are_the_tile(seed):
    rng = np.random.default_rng(seed)
    height, width = (int(n) for n in rng.integers(3, 50, 2))
    smooth = ndimage.gaussian_filter(rng.normal(size=(height, width)), rng.uniform(0, 2))
    labels = np.digitize(smooth, np.quantile(smooth, [0.2, 0.5, 0.8])).astype(np.int32)  # 0: no region
    row, column = int(rng.integers(0, 2)), int(rng.integers(0, 2))
    core = Window(row, column, int(rng.integers(1, height - row)), int(rng.integers(1, width - column)))
    window = Window(0, 0, height, width)
    expected = label_fragments(labels, core, window, 1000, 1)
    n = int(rng.integers(1, core.height + 1))
    edges = [0, *np.sort(rng.choice(np.arange(1, core.height), n - 1, replace=False)), core.height]
    strips = [Window(core.row + int(a), column, int(b - a), core.width) for a, b in pairwise(edges)]
    found = join_strips([label_fragments(labels, strip, window, 1000, 1) for strip in strips])
    assert found.keys() == expected.keys()
    for name in expected:
        assert found[name].dtype == expected[name].dtype, name
        assert_array_equal(found[name], expected[name], err_msg=name)
