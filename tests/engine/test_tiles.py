"""Relations of windows."""

from hypothesis import given
from hypothesis import strategies as st

from densa.engine.tiles import common, inside, overlap, widened
from densa.raster import Window

windows = st.builds(Window, st.integers(0, 12), st.integers(0, 12), st.integers(1, 9), st.integers(1, 9))


def pixels(window):
    return {
        (row, column)
        for row in range(window.row, window.row + window.height)
        for column in range(window.column, window.column + window.width)
    }


def test_place_of_a_core_in_its_block():
    assert inside(Window(8, 16, 4, 5), Window(4, 8, 20, 20)) == (slice(4, 8), slice(8, 13))


@given(windows, windows)
def test_common_pixels_of_two_windows(one, other):
    shared = pixels(one) & pixels(other)
    assert overlap(one, other) == bool(shared)
    assert pixels(common(one, other)) == shared


@given(windows, st.integers(0, 5))
def test_a_widened_window_stays_in_the_raster(window, margin):
    height, width = window.row + window.height + 2, window.column + window.width + 2
    expected = {
        (row, column)
        for row in range(height)
        for column in range(width)
        if window.row - margin <= row < window.row + window.height + margin
        and window.column - margin <= column < window.column + window.width + margin
    }
    assert pixels(widened(window, margin, height, width)) == expected
