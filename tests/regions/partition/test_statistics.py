"""Statistics of regions, of their unions, and predicates on them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from densa.errors import InputError
from densa.regions.partition.graph import adjacent_pairs
from densa.regions.partition.statistics import (
    Predicate,
    deviation_at_most,
    range_at_most,
    region_statistics,
    spread_at_most,
)

shapes = st.tuples(st.integers(1, 9), st.integers(1, 9))
label_images = shapes.flatmap(lambda s: arrays(np.int32, s, elements=st.integers(0, 3)))


@settings(max_examples=80, deadline=None)
@given(label_images, st.integers(1, 4), st.sampled_from([np.uint8, np.int16, np.float32, np.float64]))
def test_statistics_match_numpy(labels, n_bands, dtype):
    image = np.random.default_rng(labels.size).integers(0, 200, (*labels.shape, n_bands)).astype(dtype)
    s = region_statistics(image, labels)
    assert_array_equal(s.present, np.unique(labels[labels > 0]))
    for k in s.present:
        pixels = image[labels == k].astype(float)
        assert s.n_pixels[k] == len(pixels)
        assert_allclose(s.mean[k], pixels.mean(0))
        assert_allclose(s.variance[k], pixels.var(0), atol=1e-9)
        assert_array_equal(s.low[k], pixels.min(0))
        assert_array_equal(s.high[k], pixels.max(0))
        rows, columns = np.nonzero(labels == k)
        assert_array_equal(s.box[k], [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1])
        wide = np.pad(labels == k, 1)
        sides = sum((wide & ~np.roll(wide, d, a)).sum() for a in (0, 1) for d in (-1, 1))
        assert s.perimeter[k] == sides


@settings(max_examples=80, deadline=None)
@given(shapes.flatmap(lambda s: arrays(np.int32, s, elements=st.integers(1, 3))), st.integers(1, 3))
def test_united_statistics_are_those_of_the_union(labels, n_bands):
    image = np.random.default_rng(0).normal(size=(*labels.shape, n_bands))
    edges, lengths = adjacent_pairs(labels)
    if len(edges):
        united = region_statistics(image, labels).united(edges, lengths)
        for e, (i, j) in enumerate(edges):
            alone = region_statistics(image, np.where(labels == j, i, labels))
            for name in ("n_pixels", "mean", "squares", "low", "high", "box", "perimeter"):
                assert_allclose(getattr(united, name)[e], getattr(alone, name)[i], atol=1e-9, err_msg=name)


def test_predicates_by_hand():
    s = region_statistics(np.array([[0.0, 4.0, 8.0]]), np.array([[1, 1, 1]]))
    assert range_at_most(8)(s)[1]
    assert not range_at_most(7.9)(s)[1]
    assert spread_at_most(4)(s)[1]
    assert not spread_at_most(3.9)(s)[1]
    deviation = np.sqrt(32 / 3)
    assert deviation_at_most(deviation + 1e-9)(s)[1]
    assert not deviation_at_most(deviation - 1e-9)(s)[1]


def test_values_outside_the_regions_do_not_matter():
    s = region_statistics(np.array([[np.nan, 1.0]]), np.array([[0, 1]]))
    assert s.mean[1, 0] == 1


def test_bad_input():
    with pytest.raises(InputError, match="image's shape"):
        region_statistics(np.zeros((2, 2)), np.ones((2, 3), int))
    with pytest.raises(InputError, match="integers"):
        region_statistics(np.zeros((2, 2)), np.ones((2, 2)))
    with pytest.raises(InputError, match="NaN or infinite"):
        region_statistics(np.array([[np.nan, 1]]), np.array([[1, 1]]))
    with pytest.raises(InputError, match="range, deviation, spread"):
        Predicate("color", 1)
    with pytest.raises(InputError, match="0 or more"):
        range_at_most(-1)
