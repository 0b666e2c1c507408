"""Components and labels of rasters in tiles are those of the whole."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from densa.engine.regions.components import Components, Relabel
from densa.engine.regions.run import run_stages, segment_array
from densa.engine.regions.stages import stitching
from densa.engine.work.journal import WorkFolder
from densa.engine.work.settings import Work
from densa.errors import InputError
from densa.raster import Window
from densa.raster.grid import Grid
from densa.regions import connected_components, relabel

on_files = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
sides = st.one_of(st.tuples(st.integers(1, 12), st.integers(1, 12)), st.tuples(st.just(1), st.integers(1, 30)))
tile_sizes = st.sampled_from([3, 4, 5, 11, 40])
dtypes = st.sampled_from(["uint8", "uint16", "int16", "uint32", "int32"])


def whole_components(values, kept, connectivity):
    """Of equal vectors, through numpy's own numbering of them."""
    vectors = values.reshape(len(values), -1).T
    labels = np.unique(vectors, axis=0, return_inverse=True)[1].reshape(values.shape[1:]) + 1
    return connected_components(np.where(kept, labels, 0), connectivity)[0]


def scattered(shape, n_bands, dtype, seed):
    """Few values, at both ends of what the type holds, and pixels that are not valid."""
    rng = np.random.default_rng(seed)
    limits = np.iinfo(dtype)
    few = np.array([limits.min, 0, 1, limits.max]) if dtype != "uint8" else np.array([0, 1, 254])
    return few[rng.integers(0, len(few), (n_bands, *shape))].astype(dtype), rng.random(shape) < 0.8


@on_files
@given(sides, st.integers(1, 3), dtypes, tile_sizes, st.sampled_from([1, 2]), st.booleans(), st.integers(0, 99))
def test_components_of_any_tiling_are_those_of_the_whole(
    make_raster, shape, n_bands, dtype, tile_size, connectivity, background, seed
):
    values, valid = scattered(shape, n_bands, dtype, seed)
    kept = valid & ~(values == 0).all(axis=0) if background else valid
    method = Components(connectivity, 0 if background else None)
    found = segment_array(method, make_raster(values, valid), Work(tile_size=tile_size))
    assert_array_equal(found, whole_components(values, kept, connectivity))
    assert found.dtype == np.int32


@on_files
@given(sides, dtypes, tile_sizes, st.integers(0, 99))
def test_labels_of_any_tiling_are_those_of_the_whole(make_raster, tmp_path, shape, dtype, tile_size, seed):
    values, valid = scattered(shape, 1, dtype, seed)
    raster = make_raster(values, valid)
    expected, labels = relabel(np.where(valid, values[0], 0))
    folder = WorkFolder(tmp_path / f"{seed}-{tile_size}.tif", "segmentation")
    folder.remove()
    folder.make()
    store = run_stages(Relabel().stages(raster), raster, folder, Grid(*shape, tile_size))
    assert_array_equal(store.regions(Window(0, 0, *shape)), expected)
    assert_array_equal(store.table("labels")["labels"], labels)
    assert store.count() == len(labels) - 1


def test_a_raster_without_a_valid_pixel_has_no_regions(make_raster):
    raster = make_raster(np.zeros((1, 5, 4), np.uint8), np.zeros((5, 4), bool))
    for method in (Components(), Relabel()):
        assert not segment_array(method, raster, Work(tile_size=2)).any()


def test_what_stands_under_nodata_joins_nothing(make_raster):
    values = np.ones((1, 3, 5), np.uint8)
    valid = np.ones((3, 5), bool)
    valid[:, 2] = False
    expected = [[1, 1, 0, 2, 2]] * 3
    assert_array_equal(segment_array(Components(), make_raster(values, valid), Work(tile_size=2)), expected)
    assert_array_equal(segment_array(Relabel(), make_raster(values, valid), Work(tile_size=2)), np.where(valid, 1, 0))


def test_values_of_64_bits_and_of_many_bands(make_raster, rng):
    wide = np.array([-(2**63), 0, 2**63 - 1])[rng.integers(0, 3, (1, 9, 11))]
    raster = make_raster(wide)
    assert_array_equal(segment_array(Components(), raster, Work(tile_size=4)), whole_components(wide, True, 1))
    assert_array_equal(segment_array(Relabel(), raster, Work(tile_size=4)), relabel(wide[0])[0])
    many = rng.integers(0, 2, (9, 20, 20)).astype(np.uint8)
    many[1:] = many[1]
    raster = make_raster(many)
    assert_array_equal(segment_array(Components(2), raster, Work(tile_size=7)), whole_components(many, True, 2))


def test_what_components_and_labels_cannot_be_found_in(make_raster):
    raster = make_raster(np.zeros((1, 3, 3), np.float32))
    with pytest.raises(InputError, match=r"holds float32, .* must be integers; convert it"):
        Components().stages(raster)
    with pytest.raises(InputError, match=r"holds float32, .* must be integers; convert it"):
        Relabel().stages(raster)
    with pytest.raises(InputError, match="has 2 bands, labels must be in one"):
        Relabel().stages(make_raster(np.zeros((2, 3, 3), np.uint8)))
    with pytest.raises(InputError, match="connectivity must be 1"):
        Components(connectivity=8)
    for background in (1.0, True, "0"):
        with pytest.raises(InputError, match="background must be an integer"):
            Components(background=background)


def test_more_regions_than_can_be_numbered_are_refused(make_raster, monkeypatch):
    raster = make_raster(np.arange(1, 13, dtype=np.uint8).reshape(1, 3, 4))
    monkeypatch.setattr(stitching, "MAX_REGIONS", 12)
    assert segment_array(Components(), raster, Work(tile_size=2)).max() == 12
    assert segment_array(Relabel(), raster, Work(tile_size=2)).max() == 12
    monkeypatch.setattr(stitching, "MAX_REGIONS", 11)
    for method in (Components(), Relabel()):
        with pytest.raises(InputError, match="there are 12 regions, at most 11 can be numbered"):
            segment_array(method, raster, Work(tile_size=2))
