"""Normalized cuts of the regions of rasters in tiles are those of the whole image."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from densa.engine.regions.components import Components
from densa.engine.regions.cuts_of_regions import NormalizedCuts
from densa.engine.regions.run import segment_array
from densa.engine.regions.slic.method import Slic
from densa.engine.work.settings import Work
from densa.errors import InputError
from densa.regions import connected_components, ncut_value, normalized_cuts_of_regions, region_affinities

on_files = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
sides = st.one_of(st.tuples(st.integers(1, 24), st.integers(1, 24)), st.tuples(st.just(1), st.integers(1, 60)))


def blotches(shape, n_bands, dtype, seed):
    """Values of few levels, so that equal ones meet, below 256, and which pixels are valid."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 6, (1, *shape)) * 50 + 3 * np.arange(n_bands)[:, np.newaxis, np.newaxis]
    return values.astype(dtype), rng.random(shape) < 0.95


def in_memory(values, valid, **arguments):
    """Cuts of the connected components of equal values."""
    regions, count = connected_components(np.where(valid, values[0].astype(np.int64) + 1, 0))
    if count == 0:
        return regions
    if "n_segments" in arguments:
        arguments["n_segments"] = min(arguments["n_segments"], count)
    return normalized_cuts_of_regions(np.moveaxis(values, 0, -1), regions, **arguments)


@on_files
@given(
    sides,
    st.integers(1, 4),
    st.sampled_from(["uint8", "uint16"]),
    st.integers(1, 25),
    st.sampled_from([{"n_segments": 1}, {"n_segments": 4}, {"n_segments": 9}, {"max_cut": 0.4}]),
    st.sampled_from([{"value_scale": 0.1}, {"value_scale": 0.5, "floor": 1e-6}]),
    st.integers(0, 999),
)
def test_segments_of_any_tiling_are_those_of_the_whole(
    make_raster, shape, n_bands, dtype, tile_size, asked, weights, seed
):
    values, valid = blotches(shape, n_bands, dtype, seed)
    method = NormalizedCuts(Components(), **asked, **weights)
    found = segment_array(method, make_raster(values, valid), Work(tile_size=max(tile_size, max(shape) // 4)))
    assert_array_equal(found, in_memory(values, valid, **asked, **weights))


@pytest.mark.parametrize("asked", [{"n_segments": 6}, {"max_cut": 0.05, "max_segments": 12}])
def test_many_regions(make_raster, asked):
    values, valid = blotches((60, 45), 3, "uint8", 1)
    values[:, 30:] = values[:, 30:] // 2 + 90
    values[1:] = values[0]
    raster = make_raster(values, valid)
    method = NormalizedCuts(Components(), **asked, value_scale=0.5)
    whole = in_memory(values, valid, **asked, value_scale=0.5)
    assert segment_array(Components(), raster).max() > 1000  # the solver of large graphs is at work
    assert whole.max() > 1
    for tile_size in (13, 44, 60):
        assert_array_equal(segment_array(method, raster, Work(tile_size=tile_size)), whole)


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_other_types_are_cut_alike_by_any_tiling(make_raster, dtype):
    rng = np.random.default_rng(2)
    values = np.kron(rng.random((2, 6, 4)), np.ones((5, 5))) + rng.normal(0, 0.02, (2, 30, 20))
    scale = 1.0 if dtype == "float32" else np.iinfo(dtype).max / 4
    values = (values * scale).astype(dtype)
    raster = make_raster(values, rng.random((30, 20)) < 0.95)
    base, value_scale = Slic(40, 0.1 if dtype == "float32" else 1e7), 0.2
    found = [
        segment_array(NormalizedCuts(base, 5, value_scale=0.2), raster, Work(tile_size=size)) for size in (7, 20, 30)
    ]
    assert_array_equal(found[0], found[2])
    assert_array_equal(found[1], found[2])
    regions, image = segment_array(base, raster), np.moveaxis(values, 0, -1)
    graph, numbers = region_affinities(image, regions, value_scale=value_scale)
    first = np.unique(numbers, return_index=True)[1][-graph.n_nodes :]
    own = normalized_cuts_of_regions(image, regions, 5, value_scale=value_scale)
    cuts = [ncut_value(graph, segments.ravel()[first]) for segments in (found[0], own)]
    assert_allclose(*cuts, rtol=0.01)


def test_nothing_valid_has_no_segment(make_raster):
    values = np.zeros((1, 5, 6), np.uint8)
    raster = make_raster(values, np.zeros((5, 6), bool))
    assert_array_equal(segment_array(NormalizedCuts(Components(), 3), raster, Work(tile_size=4)), np.zeros((5, 6)))


def test_parameters_are_those_of_both():
    method = NormalizedCuts(Components(connectivity=2), n_segments=4)
    stored = json.loads(json.dumps(method.parameters()))
    assert stored["base"] == {"name": "components", "connectivity": 2, "background": None}
    assert stored["n_segments"] == 4
    assert pickle.loads(pickle.dumps(method)) == method


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either n_segments"),
        ({"n_segments": 3, "max_cut": 0.1}, "either n_segments"),
        ({"n_segments": 0}, "n_segments"),
        ({"n_segments": 2.0}, "n_segments"),
        ({"max_cut": 0}, "max_cut"),
        ({"max_cut": np.nan}, "max_cut"),
        ({"n_segments": 2, "value_scale": 0}, "value_scale"),
        ({"n_segments": 2, "floor": 0}, "floor"),
        ({"max_cut": 0.1, "max_segments": 0}, "max_segments"),
    ],
)
def test_what_cannot_be_used_is_said(arguments, message):
    with pytest.raises(InputError, match=message):
        NormalizedCuts(**{"base": Components(), **arguments})


def test_segments_are_not_cut_again(make_raster):
    twice = NormalizedCuts(NormalizedCuts(Components(), 3), 2)
    with pytest.raises(InputError, match="another base"):
        twice.stages(make_raster(np.zeros((1, 4, 4), np.uint8)))
