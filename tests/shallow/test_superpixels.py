"""Anchored superpixels against a plain implementation, and in tiles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa.shallow import anchored_superpixels
from densa.shallow.superpixels import COLOUR_STEPS, reach_in_cells


def plain(colours, valid, step, compactness, n_rounds):
    """The same in NumPy: each centre against the whole image, in float32."""
    n_bands, height, width = colours.shape
    n_rows, n_columns = -(-height // step), -(-width // step)
    rows, columns = np.mgrid[:height, :width]
    labels = np.where(valid, rows // step * n_columns + columns // step + 1, 0)
    weight = np.float32((compactness * COLOUR_STEPS / step) ** 2)
    centres, alive = np.zeros((n_rows * n_columns, 2 + n_bands), np.float32), np.zeros(n_rows * n_columns, bool)
    for _ in range(n_rounds + 1):
        for k in range(n_rows * n_columns):
            own = labels == k + 1
            if own.any():
                i, j = divmod(k, n_columns)
                sums = [(rows[own] - i * step).sum(), (columns[own] - j * step).sum(), *colours[:, own].sum(axis=1)]
                centres[k], alive[k] = np.array(sums) / own.sum(), True
        best, winner = np.full((height, width), np.inf, np.float32), np.zeros((height, width), int)
        for k in np.flatnonzero(alive):
            i, j = divmod(int(k), n_columns)
            near = (abs(rows // step - i) <= 1) & (abs(columns // step - j) <= 1)
            down = (rows - i * step).astype(np.float32) - centres[k, 0]
            across = ((columns // step - j) * step).astype(np.float32) - centres[k, 1]
            right = (columns % step).astype(np.float32) + across
            score = weight * (down * down + right * right)
            for b in range(n_bands):
                difference = colours[b].astype(np.float32) - centres[k, 2 + b]
                score += difference * difference
            better = near & (score < best)
            best[better], winner[better] = score[better], k + 1
        labels = np.where(valid, winner, 0)
    return labels


@settings(max_examples=25)
@given(
    st.integers(0, 2**32), st.integers(1, 3), st.tuples(st.integers(1, 30), st.integers(1, 30)), st.integers(4, 9),
    st.floats(0.5, 40), st.integers(1, 4), st.floats(0.2, 1),
)  # fmt: skip
def test_superpixels_of_a_plain_implementation(seed, n_bands, shape, step, compactness, n_rounds, share):
    rng = np.random.default_rng(seed)
    colours = rng.integers(-500, 500, (n_bands, *shape)).astype(np.int16)
    valid = rng.random(shape) <= share
    found = anchored_superpixels(colours, valid, step, compactness, n_rounds)
    assert found.dtype == np.int32
    assert_array_equal(found, plain(colours, valid, step, compactness, n_rounds))


def test_a_pixel_stays_in_the_cells_around_its_own(rng):
    colours = rng.integers(-2000, 2000, (3, 60, 70)).astype(np.int16)
    found = anchored_superpixels(colours, np.ones((60, 70), bool), 8, 1.0, 5)
    rows, columns = np.mgrid[:60, :70] // 8
    i, j = np.divmod(found - 1, 9)
    assert (abs(i - rows) <= 1).all()
    assert (abs(j - columns) <= 1).all()


@pytest.mark.parametrize("n_rounds", [1, 3])
def test_the_reach_is_enough_and_met(rng, n_rounds):
    """A window of whole cells, with the reach around a cell, gives that cell's superpixels."""
    step, reach = 4, reach_in_cells(n_rounds)
    n = 2 * reach + 9
    colours = rng.integers(-300, 300, (1, n * step, n * step)).astype(np.int16)
    valid = np.ones(colours.shape[1:], bool)
    whole = anchored_superpixels(colours, valid, step, 2.0, n_rounds)
    middle = n // 2
    first, last = (middle - reach) * step, (middle + reach + 1) * step
    part = anchored_superpixels(colours[:, first:last, first:last], valid[first:last, first:last], step, 2.0, n_rounds)
    cell = np.s_[middle * step : (middle + 1) * step, middle * step : (middle + 1) * step]
    inside = np.s_[reach * step : (reach + 1) * step, reach * step : (reach + 1) * step]
    i, j = np.divmod(part[inside] - 1, 2 * reach + 1)
    assert_array_equal((i + middle - reach) * n + j + middle - reach + 1, whole[cell])


def test_edges_attract_the_borders():
    """A bright square on a dark ground: no superpixel holds pixels of both."""
    colours = np.zeros((1, 48, 48), np.int16)
    colours[0, 11:37, 13:35] = 100 * COLOUR_STEPS
    found = anchored_superpixels(colours, np.ones((48, 48), bool), 8, 10.0, 5)
    bright = colours[0] > 0
    assert not set(found[bright]) & set(found[~bright])
