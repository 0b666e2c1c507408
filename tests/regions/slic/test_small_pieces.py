"""Small pieces and the neighbours they join, in the whole image and in windows of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal
from scipy import ndimage

from densa.regions.shared.runs import connected_runs, paint
from densa.regions.slic.small_pieces import Sides, absorb_in_window, absorb_pieces, absorb_small_pieces, cut_pieces
from tests.regions.slic.partitions import assert_same_partition, checker


def test_small_pieces_are_absorbed():
    """The worked example of the reference code: threshold 2 of 36 pixels in 4 superpixels."""
    raw = 1 + np.array(
        [
            [0, 0, 0, 1, 1, 1],
            [0, 1, 0, 1, 1, 1],
            [0, 0, 0, 1, 1, 1],
            [2, 2, 2, 3, 3, 3],
            [2, 2, 2, 3, 0, 3],
            [2, 2, 2, 3, 3, 3],
        ],
        np.int32,
    )
    out = np.empty_like(raw)
    assert absorb_small_pieces(raw, 36 / 4 / 4, out) == 4
    assert_array_equal(out, checker(6, 6, 2, 2))


@settings(max_examples=100, deadline=None)
@given(
    arrays(np.int32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 3)), st.integers(1, 9)
)
def test_absorbing_leaves_only_large_regions_or_islands(labels, min_size):
    out = np.empty_like(labels)
    n = absorb_small_pieces(labels, min_size, out)
    assert_array_equal(out > 0, labels > 0)
    islands, _ = ndimage.label(labels > 0)
    for k in range(1, n + 1):
        inside = out == k
        assert ndimage.label(inside)[1] == 1
        if inside.sum() < min_size:
            assert inside.sum() == (islands == islands[inside][0]).sum()


def patches(rng):
    """Label images, from noise to patches; with 0: pixels in no region."""
    height, width = rng.integers(5, 60, 2)
    sigma = rng.uniform(0, 1.5)
    field = rng.random((height, width)) if sigma < 0.3 else ndimage.gaussian_filter(rng.random((height, width)), sigma)
    cuts = np.quantile(field, np.linspace(0, 1, rng.integers(3, 8))[1:-1])
    return (np.digitize(field, cuts) + rng.integers(2)).astype(np.int32)


def window_of(rng, shape):
    """A window that often reaches to the border."""
    spans = []
    for side in shape:
        start, stop = np.sort(rng.choice(side + 1, 2, replace=False))
        spans.append(slice(int(start), int(stop) if rng.random() < 0.5 else int(side)))
    return tuple(spans)


def absorb(labels, window, min_size):
    """The window's regions, and where they are in doubt."""
    rows, columns = window
    part = np.ascontiguousarray(labels[rows, columns])
    runs = connected_runs(part, 1)
    height, width = labels.shape
    sides = Sides(rows.start > 0, rows.stop < height, columns.start > 0, columns.stop < width)
    doubtful = cut_pieces(runs, sides)
    found, doubt = np.empty_like(part), np.empty_like(part)
    absorb_pieces(runs, part.shape[1], min_size, doubtful, found)
    paint(runs, doubtful.astype(np.int32), doubt)
    return part, sides, found, doubt > 0


@pytest.mark.parametrize("seed", range(60))
def test_small_pieces_without_doubt_go_where_the_whole_image_puts_them(seed):
    rng = np.random.default_rng(seed)
    labels, min_size = patches(rng), int(rng.integers(1, 60))
    whole = np.empty_like(labels)
    absorb_small_pieces(labels, min_size, whole)
    for _ in range(10):
        window = window_of(rng, labels.shape)
        part, sides, found, doubt = absorb(labels, window, min_size)
        assert_same_partition(np.where(doubt, 0, found), np.where(doubt, 0, whole[window]))
        wanted = window_of(rng, part.shape)
        sure = absorb_in_window(part, min_size, sides, wanted, np.empty_like(part))
        assert sure == (not doubt[wanted].any())


def test_doubt_stays_at_the_border_of_a_window(rng):
    """Even where small pieces touch each other throughout the image."""
    labels = rng.integers(1, 5, (300, 300)).astype(np.int32)
    _, _, _, doubt = absorb(labels, (slice(20, 280), slice(20, 280)), 25)
    assert doubt[0].all()
    assert not doubt[60:-60, 60:-60].any()


def test_a_whole_image_is_without_doubt(rng):
    labels = rng.integers(0, 4, (40, 50)).astype(np.int32)
    _, _, found, doubt = absorb(labels, (slice(0, 40), slice(0, 50)), 30)
    assert not doubt.any()
    whole = np.empty_like(labels)
    absorb_small_pieces(labels, 30, whole)
    assert_array_equal(found, whole)
