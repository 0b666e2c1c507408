"""Modes of blocks beside those of the whole image."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa.regions.mean_shift.mode_search import Beyond, ModeSearch


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 11), st.integers(1, 12)),  # of 20 x 23 pixels
    st.sampled_from([1.5, 3, 40]),
    st.sampled_from(["uniform", "gaussian"]),
    st.integers(0, 999),
)
def test_a_block_gives_the_modes_of_the_whole_or_says_that_it_cannot(window, radius, kernel, seed):
    rng = np.random.default_rng(seed)
    values, valid = (rng.random((20, 23, 2)) * 30).astype(np.float32), rng.random((20, 23)) < 0.9
    search = ModeSearch(radius, 12, kernel)
    whole, cut = search.modes(values.copy(), valid)
    assert not cut.any()
    top, left, height, width = window
    rows, columns = slice(top, top + height), slice(left, left + width)
    beyond = Beyond(top, 20 - top - height, left, 23 - left - width)
    block = np.ascontiguousarray(values[rows, columns]), np.ascontiguousarray(valid[rows, columns])
    modes, cut = search.modes(*block, beyond=beyond)
    kept = block[1] & ~cut
    assert_array_equal(modes[kept], whole[rows, columns][kept])
    assert not cut[~block[1]].any()
    if radius == 40:  # no block but the whole image holds a window
        assert cut[block[1]].all()
    else:
        inner = block[1][4:-4, 4:-4] & (radius == 1.5)  # two steps' way
        assert kept[4:-4, 4:-4][inner].mean() > 0.5 if inner.sum() > 10 else True


def test_only_wanted_modes_are_searched(rng):
    values, valid = rng.random((9, 11, 1)).astype(np.float32), np.ones((9, 11), bool)
    wanted = rng.random((9, 11)) < 0.4
    search = ModeSearch(3, 0.4)
    whole, _ = search.modes(values.copy(), valid)
    some, _ = search.modes(values.copy(), valid, wanted)
    assert_array_equal(some, np.where(wanted[..., np.newaxis], whole, values))
